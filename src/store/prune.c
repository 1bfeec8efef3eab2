/* Taking away old generations, never the newest good one. */
#include "bit/store_prune.h"

#include <limits.h>
#include <string.h>

#include "bit/file.h"
#include "bit/memory.h"
#include "bit/record.h"
#include "bit/store.h"
#include "store/generations.h"

/* list: oldest first. */
static int prune_list(const char *folder, const struct bit_generation *list, size_t count, int keep, struct bit_store_pruned *pruned,
                      struct bit_error *error)
{
    for (size_t i = count; i-- > 0;) {
        if (!list[i].whole)
            continue;
        if (pruned->kept < keep) {
            pruned->kept++;
            continue;
        }
        if (retire(folder, list[i].name, error))
            return -1;
        pruned->removed++;
        pruned->bytes += list[i].bytes;
    }
    return 0;
}

int bit_store_prune(const char *folder, int keep, struct bit_store_pruned *pruned, struct bit_error *error)
{
    char checkpoints[PATH_MAX], path[PATH_MAX];
    struct bit_generation *list;
    size_t count;
    *pruned = (struct bit_store_pruned){0};
    if (bit_path_join(checkpoints, sizeof checkpoints, folder, BIT_RECORD_CHECKPOINTS, error) ||
        bit_path_join(path, sizeof path, folder, BIT_RECORD_LOCK, error))
        return -1;
    if (!bit_file_exists(checkpoints))
        return bit_fail(error, BIT_ENOINPUT, "%s holds no checkpoints", folder);
    struct bit_lock *lock = bit_lock_take(path, error);
    if (!lock)
        return -1;
    int result = bit_store_list(checkpoints, true, &list, &count, error);
    if (result == 0) {
        result = prune_list(checkpoints, list, count, keep, pruned, error);
        bit_free(list);
    }
    bit_lock_release(lock);
    return result;
}
