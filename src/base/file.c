#include "bit/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "bit/memory.h"
#include "bit/text.h"

int bit_path_join(char *buffer, size_t size, const char *folder, const char *name, struct bit_error *error)
{
    size_t length = strlen(folder);
    const char *slash = length && folder[length - 1] != '/' ? "/" : "";
    int used = snprintf(buffer, size, "%s%s%s", folder, slash, name);
    if (used < 0 || (size_t)used >= size)
        return bit_fail(error, BIT_EUSAGE, "path too long: %s/%s", folder, name);
    return 0;
}

static int read_all(int file, const char *path, char *data, size_t size, size_t *got, struct bit_error *error)
{
    *got = 0;
    while (*got < size) {
        ssize_t n = read(file, data + *got, size - *got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot read %s", path);
        if (n == 0)
            break;
        *got += (size_t)n;
    }
    return 0;
}

int bit_file_read(const char *path, size_t limit, char **data, size_t *size, struct bit_error *error)
{
    int result = -1, file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    char text[32];

    *data = NULL;
    if (file < 0)
        return bit_fail_errno(error, BIT_ENOINPUT, "cannot open %s", path);
    if (fstat(file, &status)) {
        bit_fail_errno(error, BIT_EENVIRONMENT, "cannot stat %s", path);
    } else if (!S_ISREG(status.st_mode)) {
        bit_fail(error, BIT_ENOINPUT, "%s is not a regular file", path);
    } else if ((uint64_t)status.st_size > limit) {
        bit_text_bytes((double)limit, text, sizeof text);
        bit_fail(error, BIT_EDATA, "%s is too large: %lld bytes, at most %s are read", path, (long long)status.st_size,
                 text);
    } else if ((*data = bit_allocate((size_t)status.st_size + 1, 1, path, error))) {
        result = read_all(file, path, *data, (size_t)status.st_size, size, error);
    }
    close(file);
    if (result) {
        bit_free(*data);
        *data = NULL;
    } else {
        (*data)[*size] = 0;
    }
    return result;
}

int bit_file_write_all(int file, const void *data, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = write(file, (const char *)data + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        done += (size_t)n;
    }
    return 0;
}

static int sync_parent(const char *path, struct bit_error *error)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + (slash == path) : 1, slash ? path : ".");
    return bit_file_sync(folder, error);
}

static int write_file(const char *path, const void *data, size_t size, bool durable, struct bit_error *error)
{
    char temporary[PATH_MAX];
    int used = snprintf(temporary, sizeof temporary, "%s.tmp.%ld", path, (long)getpid());
    if (used < 0 || (size_t)used >= sizeof temporary)
        return bit_fail(error, BIT_EUSAGE, "path too long: %s", path);
    int file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0)
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot create %s", temporary);
    int bad = bit_file_write_all(file, data, size) || (durable && fsync(file));
    if (bad)
        bit_fail_errno(error, BIT_EENVIRONMENT, "cannot write %s", temporary);
    if (close(file) && !bad)
        bad = bit_fail_errno(error, BIT_EENVIRONMENT, "cannot close %s", temporary);
    if (!bad && rename(temporary, path))
        bad = bit_fail_errno(error, BIT_EENVIRONMENT, "cannot rename %s to %s", temporary, path);
    if (bad) {
        unlink(temporary);
        return -1;
    }
    return durable ? sync_parent(path, error) : 0;
}

int bit_file_write(const char *path, const void *data, size_t size, struct bit_error *error)
{
    return write_file(path, data, size, true, error);
}

int bit_file_write_cache(const char *path, const void *data, size_t size, struct bit_error *error)
{
    return write_file(path, data, size, false, error);
}

/* "NAME.tmp.PROCESS", as write_file calls it. */
static bool is_temporary(const char *entry, const char *name)
{
    const char *at = strrchr(entry, '.');
    if (!at || !at[1] || at[1 + strspn(at + 1, "0123456789")] || at - entry < 5 || memcmp(at - 4, ".tmp", 4))
        return false;
    return !name || (!strncmp(entry, name, strlen(name)) && entry + strlen(name) == at - 4);
}

void bit_file_sweep(const char *folder, const char *name, double age)
{
    DIR *stream = opendir(folder);
    struct dirent *entry;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    while (stream && (entry = readdir(stream))) {
        struct stat status;
        if (is_temporary(entry->d_name, name) && !fstatat(dirfd(stream), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) &&
            S_ISREG(status.st_mode) && difftime(now.tv_sec, status.st_mtim.tv_sec) >= age)
            unlinkat(dirfd(stream), entry->d_name, 0);
    }
    if (stream)
        closedir(stream);
}

int bit_file_sync(const char *path, struct bit_error *error)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot open %s", path);
    /* Some file systems refuse fsync on folders with EINVAL: nothing more can be done there. */
    int bad = fsync(file) && errno != EINVAL;
    if (bad)
        bit_fail_errno(error, BIT_EENVIRONMENT, "cannot fsync %s", path);
    close(file);
    return bad ? -1 : 0;
}

int bit_folder_create(const char *path, struct bit_error *error)
{
    char part[PATH_MAX];
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof part)
        return bit_fail(error, BIT_EUSAGE, "bad folder name '%s'", path);
    memcpy(part, path, length + 1);
    for (size_t i = 1; i <= length; i++) {
        if (part[i] != '/' && part[i] != 0)
            continue;
        char kept = part[i];
        part[i] = 0;
        if (mkdir(part, 0777) && errno != EEXIST)
            return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot create the folder %s", part);
        part[i] = kept;
    }
    struct stat status;
    if (stat(path, &status) || !S_ISDIR(status.st_mode))
        return bit_fail(error, BIT_EENVIRONMENT, "%s exists and is not a folder", path);
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

int bit_folder_remove(const char *path, struct bit_error *error)
{
    struct stat status;
    if (lstat(path, &status) && errno == ENOENT)
        return 0;
    if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS))
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot remove %s", path);
    return 0;
}

bool bit_file_exists(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0;
}

int bit_file_size(const char *path, uint64_t *size, struct bit_error *error)
{
    struct stat status;
    if (stat(path, &status))
        return bit_fail_errno(error, BIT_ENOINPUT, "cannot stat %s", path);
    *size = (uint64_t)status.st_size;
    return 0;
}

int bit_disk_free(const char *path, uint64_t *bytes, struct bit_error *error)
{
    char part[PATH_MAX];
    struct statvfs status;
    snprintf(part, sizeof part, "%s", path);
    while (statvfs(part, &status)) {
        char *slash = strrchr(part, '/');
        if (errno != ENOENT || !strcmp(part, "/") || !strcmp(part, "."))
            return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot ask for the free space of %s", path);
        if (!slash)
            strcpy(part, ".");
        else
            slash[slash == part] = 0;
    }
    *bytes = (uint64_t)status.f_bavail * status.f_frsize;
    return 0;
}

void bit_file_streams(void)
{
    for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; stream++)
        if (fcntl(stream, F_GETFD) < 0 && open("/dev/null", O_RDWR) != stream) /* the lowest number that is free: this one */
            _exit(BIT_EENVIRONMENT);
}
