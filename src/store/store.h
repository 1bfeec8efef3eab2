/* What open, save and load share. */
#ifndef BIT_STORE_STORE_H
#define BIT_STORE_STORE_H

#include <limits.h>

#include "bit/store.h"

struct bit_store {
    char folder[PATH_MAX];
    struct bit_group *group;
    bool writer;
    int keep;
    struct bit_lock *lock; /* rank 0 of a writer */
};

/* Momentum in block order. `mine`: this rank's share, pieces one after another. Fills range[0 .. count) with elements
 * [first, first + count) of the whole block, and *hash with bit_table_hash of it. Collective. */
int momentum_collect(struct bit_group *group, const struct bit_table *table, const struct bit_share *share,
                     const float *mine, uint64_t first, uint64_t count, float *range, struct bit_hash *hash,
                     struct bit_error *error);

/* Whether the share (or no share at all) is the block, in order. */
bool share_is_whole(const struct bit_arrays *arrays);

struct manifest;
/* Reads all files of a generation once, each rank a part; verifies their checksums; delivers values to `arrays`, and verifies their hashes (any of
 * weights, momentum, statistics may be NULL; share NULL with momentum: the whole block). Class data: damaged. Every rank
 * returns the same error. Collective. */
int generation_fetch(const char *path, const struct manifest *m, const struct bit_arrays *arrays,
                     struct bit_group *group, struct bit_error *error);

/* 0 when the two JSON objects are equal; otherwise -1 with a list of the differing keys and both values. */
int model_compare(const char *checkpoint, const char *job, struct bit_error *error);

#endif
