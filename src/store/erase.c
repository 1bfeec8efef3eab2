/* Taking away what a run wrote, and nothing else: people put notes and other programs' models beside and into generations. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bit/file.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "bit/record.h"
#include "bit/store.h"
#include "store/generations.h"
#include "store/newest.h"

/* manifest.json, model.h5, shard-0000-of-0004.h5, and what bit_file_write calls them while it writes. */
static bool is_own(const char *name)
{
    char shard[STORE_FILE_NAME];
    const char *temporary = strstr(name, ".tmp.");
    size_t length = temporary ? (size_t)(temporary - name) : strlen(name), i, n;
    if (temporary && (!temporary[5] || temporary[5 + strspn(temporary + 5, "0123456789")]))
        return false;
    if (length == strlen(MANIFEST_NAME) && !strncmp(name, MANIFEST_NAME, length))
        return true;
    if (length == strlen(MASTER_NAME) && !strncmp(name, MASTER_NAME, length))
        return true;
    if (sscanf(name, "shard-%zu-of-%zu.h5", &i, &n) != 2)
        return false;
    shard_name(i, n, shard);
    return length == strlen(shard) && !strncmp(name, shard, length);
}

/* Removes our files of a folder; *others: how many entries are somebody else's. */
static int erase_files(const char *path, uint64_t *others, struct bit_error *error)
{
    struct dirent *d;
    int result = 0;
    *others = 0;
    DIR *stream = opendir(path);
    if (!stream)
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot open the folder %s", path);
    while (!result && (errno = 0, d = readdir(stream))) {
        struct stat status;
        if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
            continue;
        if (!is_own(d->d_name) || fstatat(dirfd(stream), d->d_name, &status, AT_SYMLINK_NOFOLLOW) || !S_ISREG(status.st_mode))
            ++*others;
        else if (unlinkat(dirfd(stream), d->d_name, 0) && errno != ENOENT)
            result = bit_fail_errno(error, BIT_EENVIRONMENT, "cannot remove %s/%s", path, d->d_name);
    }
    if (!result && errno)
        result = bit_fail_errno(error, BIT_EENVIRONMENT, "cannot read the folder %s", path);
    closedir(stream);
    return result;
}

/* A name that no run reads or removes: step-000000000007.kept. */
static int keep(const char *folder, const char *name, uint64_t step, struct bit_error *error)
{
    char from[PATH_MAX], to[PATH_MAX], as[ENTRY_NAME + 32], base[64];
    struct stat status;
    generation_name(step, base, sizeof base);
    if (bit_path_join(from, sizeof from, folder, name, error))
        return -1;
    for (int i = 1; i < 10000; i++) {
        snprintf(as, sizeof as, i == 1 ? "%s.kept" : "%s.kept-%d", base, i);
        if (bit_path_join(to, sizeof to, folder, as, error))
            return -1;
        if (!lstat(to, &status))
            continue;
        if (rename(from, to))
            return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot rename %s to %s", from, to);
        bit_log(BIT_LOG_WARNING, "%s is not a run's, or holds what no run wrote: it stays, as %s", from, to);
        return 0;
    }
    return bit_fail(error, BIT_EENVIRONMENT, "%s: no name left to keep it by", from);
}

int generation_erase(const char *folder, const char *name, uint64_t step, struct bit_error *error)
{
    char path[PATH_MAX];
    struct stat status;
    uint64_t others;
    if (bit_path_join(path, sizeof path, folder, name, error))
        return -1;
    if (lstat(path, &status))
        return errno == ENOENT ? 0 : bit_fail_errno(error, BIT_EENVIRONMENT, "cannot stat %s", path);
    if (S_ISREG(status.st_mode) && *name == '.') /* newest_refresh's */
        return unlink(path) && errno != ENOENT ? bit_fail_errno(error, BIT_EENVIRONMENT, "cannot remove %s", path) : 0;
    if (!S_ISDIR(status.st_mode))
        return keep(folder, name, step, error);
    if (erase_files(path, &others, error))
        return -1;
    if (others)
        return keep(folder, name, step, error);
    return rmdir(path) && errno != ENOENT ? bit_fail_errno(error, BIT_EENVIRONMENT, "cannot remove %s", path) : 0;
}

static int erase_all(const char *folder, struct bit_error *error)
{
    struct entry *list;
    size_t count;
    int result = 0;
    if (generations_scan(folder, &list, &count, error))
        return -1;
    for (size_t i = 0; i < count && !result; i++)
        result = generation_erase(folder, list[i].name, list[i].step, error);
    bit_free(list);
    return result;
}

/* The folder too, when nothing is left in it; a link to a folder elsewhere stays. */
static int erase_rest(const char *folder, struct bit_lock *lock, struct bit_error *error)
{
    char path[PATH_MAX];
    uint64_t step;
    if (newest_read(folder, &step) && !bit_path_join(path, sizeof path, folder, STORE_NEWEST_NAME, NULL))
        unlink(path);
    bit_lock_release(lock);
    if (rmdir(folder) && errno != ENOTEMPTY && errno != EEXIST && errno != ENOTDIR && errno != ENOENT && errno != EBUSY)
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot remove %s", folder);
    return 0;
}

int bit_store_clear(const char *folder, struct bit_error *error)
{
    char path[PATH_MAX];
    struct stat status;
    if (lstat(folder, &status))
        return errno == ENOENT ? 0 : bit_fail_errno(error, BIT_EENVIRONMENT, "cannot stat %s", folder);
    if (stat(folder, &status) || !S_ISDIR(status.st_mode))
        return bit_fail(error, BIT_EENVIRONMENT, "%s is no folder, so no run made it: move it away", folder);
    if (bit_path_join(path, sizeof path, folder, ".lock", error))
        return -1;
    struct bit_lock *lock = bit_lock_take(path, error);
    if (!lock)
        return -1;
    if (erase_all(folder, error)) {
        bit_lock_leave(lock);
        return -1;
    }
    return erase_rest(folder, lock, error);
}
