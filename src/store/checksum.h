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
/* A file's checksum in the making: blocks whose bytes were at hand when they were written, and the rest, which are read. */
struct checksum { uint64_t bytes; size_t count; struct checksum_block *blocks; unsigned char *known; };
int checksum_start(struct checksum *sum, uint64_t bytes, struct bit_error *error);
/* `size` bytes at `at` of the file are `data`: all blocks that lie wholly within are known from now on. */
void checksum_add(struct checksum *sum, const void *data, size_t size, uint64_t at);
/* Reads the other blocks. */
int checksum_finish(struct checksum *sum, int file, const char *path, struct bit_hash *hash, struct bit_error *error);
void checksum_free(struct checksum *sum);

#endif
