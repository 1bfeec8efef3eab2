/* One rank's file of a generation. */
#ifndef BIT_STORE_SHARD_H
#define BIT_STORE_SHARD_H

#include "store/manifest.h"

struct shard_values {
    size_t rank, ranks;
    uint64_t step, first, count;
    const float *weights;    /* [count] */
    const float *momentum;   /* [count], or NULL */
    const float *statistics; /* [statistics_count], or NULL */
    uint64_t statistics_count;
};

/* Creates `path`/shard-..., writes, checks and syncs it, and fills *entry. One thread at a time. Local. */
int shard_write(const char *path, const struct shard_values *values, struct shard_entry *entry,
                struct bit_error *error);
/* Size and checksum of a finished file, then fsync. */
int file_seal(int file, const char *path, struct file_entry *entry, struct bit_error *error);

/* Writes `path`/model.h5, the view of all shards as one, checks and syncs it, and fills *entry. Only values known before the
 * commit are in it. */
int master_write(const char *path, const struct manifest *m, struct file_entry *entry, struct bit_error *error);

#endif
