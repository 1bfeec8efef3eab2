/* 128-bit content hash (XXH3), for checksums and equality; not against malice. */
#ifndef BIT_HASH_H
#define BIT_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "bit/error.h"

struct bit_hash { uint64_t high, low; };
enum { BIT_HASH_TEXT = 33 };

struct bit_hash bit_hash_bytes(const void *data, size_t size);
void bit_hash_text(struct bit_hash hash, char text[BIT_HASH_TEXT]);          /* 32 lower-case hex digits */
int bit_hash_parse(const char *text, struct bit_hash *hash);                 /* 0, or -1 when not 32 hex digits */
int bit_hash_equal(struct bit_hash a, struct bit_hash b);

/* Streaming, for data that does not lie in one piece. */
struct bit_hasher;
struct bit_hasher *bit_hasher_create(struct bit_error *error);
void bit_hasher_add(struct bit_hasher *h, const void *data, size_t size);
struct bit_hash bit_hasher_result(const struct bit_hasher *h);
void bit_hasher_destroy(struct bit_hasher *h);

/* Hash of a whole file, read in blocks. */
int bit_hash_file(const char *path, struct bit_hash *hash, struct bit_error *error);

#endif
