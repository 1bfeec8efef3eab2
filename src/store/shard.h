/* One rank's file of a generation. */
#ifndef BIT_STORE_SHARD_H
#define BIT_STORE_SHARD_H

#include <limits.h>

#include "store/checksum.h"
#include "store/manifest.h"

struct shard_values {
    size_t rank, ranks;
    uint64_t step, first, count;
    const float *weights;    /* [count] */
    const float *momentum;   /* [count], or NULL */
    const float *statistics; /* [statistics_count], or NULL */
    uint64_t statistics_count;
};

/* A shard between fill and seal, when its values are on the way to the disk. */
struct shard_file { char path[PATH_MAX]; int file; struct checksum sum; };

/* Creates folder/shard-... with all its values and starts *entry. One thread at a time. Local. */
int shard_fill(struct shard_file *f, const char *folder, const struct shard_values *values, struct shard_entry *entry,
               struct bit_error *error);
/* Completes the checksum and syncs, unless `result` is a failure already; closes always. Returns the outcome. */
int shard_seal(struct shard_file *f, struct shard_entry *entry, int result, struct bit_error *error);

/* Size and checksum of a finished file, then fsync. */
int file_seal(const char *path, struct file_entry *entry, struct bit_error *error);

/* Writes `path`/model.h5, the view of all shards as one, checks and syncs it, and fills *entry. Only values known before the
 * commit are in it. */
int master_write(const char *path, const struct manifest *m, struct file_entry *entry, struct bit_error *error);

#endif
