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
    struct bit_hash momentum_hash; /* likewise, over the whole block; zero when there is no momentum */
    struct bit_hash statistics_hash; /* likewise */
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

/* Opens the folder. `create`: as its one writer: it is created, locked (a second writer is refused, after some patience for
 * a dying one), and what a killed writer left is removed. Otherwise read only: nothing in it is changed, ever. keep: how many
 * generations save leaves; 0: all. Collective. */
struct bit_store *bit_store_open(const char *folder, bool create, int keep, struct bit_group *group,
                                 struct bit_error *error);
void bit_store_close(struct bit_store *store);

/* Takes all generations out of a folder, set-aside ones too, and the folder if nothing else is left in it. Only files that a run wrote
 * are removed: a generation that holds others, or is a link, becomes step-N.kept; a folder that is a link elsewhere stays. Missing is
 * fine. Class environment: another run uses it. Local, one process. */
int bit_store_clear(const char *folder, struct bit_error *error);

/* Writes and commits a generation; on failure the older ones stand and `error` is agreed on by all ranks; saving again
 * later is fine. Applies retention (keeps the newest `keep`, and removes an older one only while that many newer ones are whole). The
 * folder then has the name step-%012 of checkpoint->step. weights must be equal on all ranks (checked; internal). Collective. */
int bit_store_save(struct bit_store *store, struct bit_checkpoint *checkpoint, const struct bit_arrays *arrays,
                   struct bit_error *error);

/* bit_store_save in its three parts, so that the second can run beside training steps. One save at a time. */
struct bit_save;
/* Hashes, brings momentum into block order, makes the temporary folder. `copy`: the arrays may change as soon as this returns; otherwise
 * they must stay as they are until commit. Fills the hashes of `checkpoint`, whose texts are copied. NULL on failure.
 * Collective. */
struct bit_save *bit_store_prepare(struct bit_store *store, struct bit_checkpoint *checkpoint,
                                   const struct bit_arrays *arrays, bool copy, struct bit_error *error);
/* Writes and syncs this rank's files. Local; from any thread, as long as one thread at a time uses HDF5. A failure is kept for
 * commit; returns 0 or -1. */
int bit_store_write(struct bit_save *save);
/* Agrees, commits or withdraws, applies retention. Call on every rank after write, whatever it returned. Frees `save`. Collective. */
int bit_store_commit(struct bit_store *store, struct bit_save *save, struct bit_error *error);

/* Frees a save that cannot be committed, because the group is gone; what it wrote stays until a writer opens the store. NULL
 * is fine. Local. */
void bit_store_forget(struct bit_save *save);

/* Loads the newest whole generation (step <= limit when limit != UINT64_MAX; a writer thereby rolls back: newer ones are set aside
 * as .superseded): sizes and checksums are verified on the way; damaged and unreadable generations are logged, the next older
 * one is tried, and once one is loaded a writer sets them aside (renamed with .bad). Every rank ends with the same generation. 1: loaded; 0:
 * there is none and never was; -1: failed, also when all are bad (no-generation) or the storage is (environment): nothing is renamed then. `model` (canonical JSON object) must equal the checkpoint's and arrays->table its
 * table, or the call fails (usage) naming the differing keys. After a failure the arrays' contents are undefined.
 * Collective; any number of ranks. */
int bit_store_load(struct bit_store *store, const char *model, uint64_t limit, struct bit_checkpoint *checkpoint,
                   struct bit_arrays *arrays, struct bit_error *error);

/* ---- for bit ckpt and importers: one process, read only ---- */

struct bit_generation {
    uint64_t step;
    double epoch;
    int shards;
    uint64_t bytes;      /* of all files */
    char stamp[32], name[64];
    bool whole;
    char reason[256];    /* when not whole: why */
};

/* `folder`: a run's folder, its checkpoints folder, or one generation. Generations oldest first; *list freed with
 * bit_free. Those set aside (.bad, .superseded) are listed too, not whole. `deep`: verify checksums and hashes, not only
 * manifest and sizes. A missing folder is class no-input; an empty one is a list of 0. */
int bit_store_list(const char *folder, bool deep, struct bit_generation **list, size_t *count, struct bit_error *error);
/* Path of generation `name` below `folder` (which may be that generation itself). */
int bit_store_path(const char *folder, const char *name, char *path, size_t size, struct bit_error *error);

/* One generation opened for reading: manifest and sizes are checked here. NULL: class data when damaged. Local. */
struct bit_reader;
struct bit_reader *bit_reader_open(const char *path, struct bit_error *error);
void bit_reader_close(struct bit_reader *reader);
const struct bit_checkpoint *bit_reader_checkpoint(const struct bit_reader *reader);
const struct bit_table *bit_reader_table(const struct bit_reader *reader);
const struct bit_table *bit_reader_statistics_table(const struct bit_reader *reader); /* NULL: none */
bool bit_reader_has_momentum(const struct bit_reader *reader);
void bit_reader_describe(const struct bit_reader *reader, struct bit_generation *generation);
/* Reads every file once, verifies all checksums and the hashes of what is asked for. Whole blocks; each may be NULL. */
int bit_reader_load(struct bit_reader *reader, float *weights, float *momentum, float *statistics,
                    struct bit_error *error);

#endif
