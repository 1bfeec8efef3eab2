/* A group of ranks, as everything above comm/ sees it: MPI stays behind this table, so that store, data and model need
 * no MPI, and a single process is simply bit_group_self(). All functions here are collective: every rank calls them in
 * the same order, never under a branch that depends on the rank. */
#ifndef BIT_GROUP_H
#define BIT_GROUP_H

#include <stddef.h>

#include "bit/error.h"

struct bit_group {
    int rank, size;
    int node_rank, node_size; /* among the ranks that share this machine's memory */
    const struct bit_group_operations *operations;
    void *context;
};

struct bit_group_operations {
    int (*broadcast)(struct bit_group *g, void *data, size_t bytes, int root, struct bit_error *error);
    int (*gather)(struct bit_group *g, const void *mine, size_t bytes, void *all, struct bit_error *error);
};

/* The group of this process alone. */
struct bit_group *bit_group_self(void);

/* From `root` to all. */
int bit_group_broadcast(struct bit_group *g, void *data, size_t bytes, int root, struct bit_error *error);
/* `bytes` of every rank, in rank order, to every rank: `all` has size * bytes. */
int bit_group_gather(struct bit_group *g, const void *mine, size_t bytes, void *all, struct bit_error *error);
int bit_group_barrier(struct bit_group *g, struct bit_error *error);

/* All ranks learn whether any failed. Call with this rank's error (code 0 when fine). Afterwards every rank holds the
 * same error: the lowest failing rank's, its text prefixed with "rank N: " when size > 1. Returns 0 when none failed,
 * else -1. This is how "rank 0 decides, all ranks agree" is done. */
int bit_group_agree(struct bit_group *g, struct bit_error *error);

/* values[i] = sum over ranks, in a fixed binary tree over the rank number (neighbours first): the same bits on every
 * rank. Uses bit_group_gather: for small vectors. Call with this rank's error, as bit_group_agree: when a rank has failed
 * before, it fails everywhere in the same way, so that nobody waits in the next sum. */
int bit_group_sum(struct bit_group *g, double *values, size_t count, struct bit_error *error);

#endif
