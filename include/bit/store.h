/* Checkpoints: generations of sharded HDF5. On-disk format: src/store/FORMAT.md. */
#ifndef BIT_STORE_H
#define BIT_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bit/error.h"
#include "bit/group.h"
#include "bit/table.h"

/* What a generation says besides arrays. Texts are owned by whoever filled the struct; after bit_store_load they are
 * owned by it: bit_checkpoint_free. */
struct bit_checkpoint {
    uint64_t step;               /* optimiser steps done */
    uint64_t samples;            /* stream position: images consumed = step * batch */
    double epoch;                /* samples / images */
    char *job;                   /* the frozen job, canonical JSON */
    char *model;                 /* the part of it that must match on resume, canonical JSON object */
    char *classes;               /* class names in order, one a line */
    char *data_fingerprint;      /* bit_index_fingerprint of the training data */
    char *extra;                 /* canonical JSON object of whatever else the run keeps (best top-1, ...) or NULL */
    struct bit_hash weights_hash;  /* bit_table_hash; filled by save and load */
    struct bit_hash momentum_hash; /* likewise; by load when momentum was loaded */
};
void bit_checkpoint_free(struct bit_checkpoint *checkpoint);

/* The arrays of a generation, as one rank holds them. */
struct bit_arrays {
    const struct bit_table *table;
    float *weights;                 /* whole block */
    float *momentum;                /* this rank's share, pieces one after another; NULL: not kept / not wanted */
    const struct bit_share *share;  /* this rank's; NULL with momentum NULL */
    const struct bit_table *statistics_table; /* batch norm's, or NULL */
    float *statistics;
};

struct bit_store; /* the folder DIR/checkpoints of a run */

/* Opens (creates when `create`) the folder; removes temporary folders that a killed run left. Collective. */
struct bit_store *bit_store_open(const char *folder, bool create, int keep, struct bit_group *group,
                                 struct bit_error *error);
void bit_store_close(struct bit_store *store);

/* Writes and commits a generation; on failure the older ones stand and `error` is agreed on by all ranks.
 * Applies retention (keeps the newest `keep`, and never removes the last verified one). Collective. */
int bit_store_save(struct bit_store *store, struct bit_checkpoint *checkpoint, const struct bit_arrays *arrays,
                   struct bit_error *error);

/* Loads the newest whole generation (step <= limit when limit != UINT64_MAX): sizes and checksums are verified before
 * HDF5 opens a file; damaged generations are set aside (renamed with .bad), logged, and the next older one is tried.
 * Every rank ends with the same generation. 1: loaded; 0: there is none at all; -1: failed, also when all are bad.
 * `model` (canonical JSON object) must equal the checkpoint's, or the call fails (usage) naming the differing keys.
 * Collective; any number of ranks. */
int bit_store_load(struct bit_store *store, const char *model, uint64_t limit, struct bit_checkpoint *checkpoint,
                   struct bit_arrays *arrays, struct bit_error *error);

/* ---- for bit ckpt: no group, read only ---- */
struct bit_generation { uint64_t step; double epoch; int shards; uint64_t bytes; char stamp[32]; char name[64]; bool whole; };
/* Generations below `folder`, oldest first; *list freed with bit_free. `deep`: verify checksums too, `whole` says so. */
int bit_store_list(const char *folder, bool deep, struct bit_generation **list, size_t *count, struct bit_error *error);

#endif
