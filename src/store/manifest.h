/* manifest.json: what a generation is, and the checksum of every other file. FORMAT.md describes it. */
#ifndef BIT_STORE_MANIFEST_H
#define BIT_STORE_MANIFEST_H

#include "bit/store.h"
#include "bit/text.h"

enum { MANIFEST_VERSION = 1, CHECKSUM_BLOCK = 1 << 20, STORE_FILE_NAME = 48, STORE_SHARDS = 1 << 16 };
enum { MANIFEST_LIMIT = 256 << 20 };
#define MANIFEST_NAME "manifest.json"
#define MASTER_NAME "model.h5"
#define MANIFEST_TRAILER ",\"checksum\":\""

struct file_entry { char name[STORE_FILE_NAME]; uint64_t bytes; struct bit_hash checksum; };

/* A range of the block in one file; places of the arrays in bytes, 0: not there. */
struct shard_entry { struct file_entry file; uint64_t first, count, weights_at, momentum_at, statistics_at; };

struct manifest {
    char producer[32], stamp[32];
    struct bit_checkpoint checkpoint; /* owned */
    bool has_momentum;
    struct bit_table *table;          /* owned */
    struct bit_table *statistics;     /* owned; NULL: none */
    struct file_entry master;
    size_t shards;
    struct shard_entry *shard;        /* owned */
};

void manifest_free(struct manifest *m);
/* Appends the whole file. Only *m's values are read; the tables may be borrowed. */
int manifest_write(const struct manifest *m, struct bit_text *text, struct bit_error *error);
/* Class data: damaged; usage: a newer format. `name` is used in messages. m is empty after a failure. */
int manifest_parse(const char *text, size_t size, const char *name, struct manifest *m, struct bit_error *error);

const char *manifest_kind(int kind); /* "kernel", "gamma", ...; NULL: no such */

/* Range of shard i of n over a block of `elements`. */
void shard_range(uint64_t elements, size_t i, size_t n, uint64_t *first, uint64_t *count);
void shard_name(size_t i, size_t n, char name[STORE_FILE_NAME]);
struct bit_hash table_digest(const struct bit_table *table, const struct bit_table *statistics);

#endif
