/* Checksums of files, by blocks of CHECKSUM_BLOCK bytes, so that several readers can share a file. */
#ifndef BIT_STORE_CHECKSUM_H
#define BIT_STORE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#include "bit/error.h"
#include "bit/hash.h"

struct checksum_block { unsigned char bytes[16]; }; /* canonical: high word first, big-endian */

struct checksum_block checksum_of(const void *data, size_t size);
struct bit_hash checksum_fold(const struct checksum_block *blocks, size_t count);
/* Blocks of a file of `bytes` bytes. */
size_t checksum_count(uint64_t bytes);

/* Reads `size` bytes at `at`. 0, or -1 with errno; errno 0: the file ends before. */
int file_read_at(int file, void *data, size_t size, uint64_t at);
int file_write_at(int file, const void *data, size_t size, uint64_t at);
/* Checksum of an open file of `bytes` bytes, read in blocks. */
int checksum_file(int file, const char *path, uint64_t bytes, struct bit_hash *sum, struct bit_error *error);

#endif
