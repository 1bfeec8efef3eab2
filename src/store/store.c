#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "bit/clock.h"
#include "bit/file.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "store/folder.h"
#include "store/newest.h"

/* A run that was just killed may still have ranks that die; then its lock goes within seconds. */
static int wait_for_lock(int file, bool *locked)
{
    double end = bit_clock_seconds() + 5;
    *locked = false;
    while (flock(file, LOCK_EX | LOCK_NB)) {
        if (errno == EINTR)
            continue;
        if (errno != EWOULDBLOCK)
            return 0; /* no locks on this file system */
        if (bit_clock_seconds() > end)
            return -1;
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    }
    *locked = true;
    return 0;
}

static int take_lock(struct bit_store *store, bool *locked, struct bit_error *error)
{
    char path[PATH_MAX], text[160] = "";
    if (bit_path_join(path, sizeof path, store->folder, ".lock", error))
        return -1;
    store->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (store->lock < 0)
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot open %s", path);
    if (wait_for_lock(store->lock, locked)) {
        ssize_t n = pread(store->lock, text, sizeof text - 1, 0);
        text[n > 0 ? n : 0] = 0;
        return bit_fail(error, BIT_EENVIRONMENT, "%s is in use by another run (%s): stop that one, or choose another --out",
                        store->folder, *text ? text : "unknown");
    }
    char host[64] = "";
    gethostname(host, sizeof host - 1);
    int size = snprintf(text, sizeof text, "host %s, process %ld", host, (long)getpid());
    /* Only for the message above: losing it does no harm. */
    if (ftruncate(store->lock, 0) || pwrite(store->lock, text, (size_t)size, 0) != size)
        bit_log(BIT_LOG_DEBUG, "cannot write to %s: %s", path, strerror(errno));
    return 0;
}

/* Rank 0's part. */
static int open_writer(struct bit_store *store, struct bit_error *error)
{
    bool locked;
    if (bit_folder_create(store->folder, error) || take_lock(store, &locked, error))
        return -1;
    if (!locked)
        bit_log(BIT_LOG_WARNING, "%s: this file system knows no locks; do not start two runs in one folder", store->folder);
    newest_refresh(store->folder);
    return folder_clean(store->folder, locked, error);
}

struct bit_store *bit_store_open(const char *folder, bool create, int keep, struct bit_group *group,
                                 struct bit_error *error)
{
    struct bit_store *store = bit_allocate(1, sizeof *store, "the checkpoint store", error);
    if (store) {
        store->group = group;
        store->writer = create;
        store->keep = keep;
        store->lock = -1;
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
    if (store->lock >= 0)
        close(store->lock);
    bit_free(store);
}
