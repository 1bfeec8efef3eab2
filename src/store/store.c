#include "store/store.h"

#include <string.h>

#include "bit/file.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "bit/record.h"
#include "store/generations.h"
#include "store/newest.h"

/* Rank 0's part. */
static int open_writer(struct bit_store *store, struct bit_error *error)
{
    char path[PATH_MAX];
    if (bit_folder_create(store->folder, error) || bit_path_join(path, sizeof path, store->folder, ".lock", error) ||
        !(store->lock = bit_lock_take(path, error)))
        return -1;
    bool locked = bit_lock_is_kept(store->lock);
    if (!locked)
        bit_log(BIT_LOG_WARNING, "%s: this file system knows no locks; do not start two runs in one folder", store->folder);
    newest_refresh(store->folder);
    return generations_clean(store->folder, locked, error);
}

struct bit_store *bit_store_open(const char *folder, bool create, int keep, struct bit_group *group,
                                 struct bit_error *error)
{
    struct bit_store *store = bit_allocate(1, sizeof *store, "the checkpoint store", error);
    if (store) {
        store->group = group;
        store->writer = create;
        store->keep = keep;
        if (strlen(folder) >= sizeof store->folder)
            bit_fail(error, BIT_EUSAGE, "path too long: %s", folder);
        else
            strcpy(store->folder, folder);
        if (group->rank == 0 && create && !error->code)
            open_writer(store, error);
    }
    if (bit_group_agree(group, error)) {
        bit_store_close(store);
        return NULL;
    }
    return store;
}

void bit_store_close(struct bit_store *store)
{
    if (!store)
        return;
    bit_lock_leave(store->lock);
    bit_free(store);
}
