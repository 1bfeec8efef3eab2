/* Preloaded into ranks by the fault campaign (tests/faults/rank does it): fails chosen calls on chosen paths, and notes which
 * files are read. All from the environment:
 *   FAULT_PATHS=PREFIX          only files whose path starts so count, and what was opened there
 *   FAULT_CALL=NAME[:RANK]      which call fails: write (and pwrite, pwritev, ftruncate), fsync (and fdatasync), rename, open
 *                               (for writing), mkdir, unlink (and rmdir)
 *   FAULT_FROM=N, FAULT_COUNT=M calls N to N + M - 1 fail (counted from 1, on that rank; M 0: all from N on)
 *   FAULT_ERRNO=NUMBER          with this errno (default EIO)
 *   FAULT_NOTE=FILE             appended to when a call fails: "RANK CALL PATH"
 *   FAULT_READS=FOLDER          the path of every file opened for reading below FAULT_IMAGES goes to FOLDER/RANK-PID, in
 *                               the order of opening
 *   FAULT_IMAGES=PREFIX */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long calls;

static const char *setting(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static long number(const char *name, long missing)
{
    const char *value = setting(name);
    return value ? atol(value) : missing;
}

static int rank(void)
{
    const char *value = setting("OMPI_COMM_WORLD_RANK");
    value = value ? value : setting("PMI_RANK");
    return value ? atoi(value) : 0;
}

/* Past the interposed calls: one line in one write. */
static void note(const char *file, const char *line)
{
    int to = (int)syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (to < 0)
        return;
    syscall(SYS_write, to, line, strlen(line));
    syscall(SYS_close, to);
}

static int is_below(const char *path, const char *prefix)
{
    return prefix && !strncmp(path, prefix, strlen(prefix));
}

/* 1: this call is to fail, errno says how. */
static int fails(const char *call, const char *path)
{
    const char *wanted = setting("FAULT_CALL");
    size_t length = strlen(call);
    if (!wanted || strncmp(wanted, call, length) || !is_below(path, setting("FAULT_PATHS")))
        return 0;
    if (wanted[length] && (wanted[length] != ':' || atoi(wanted + length + 1) != rank()))
        return 0;
    long n = atomic_fetch_add(&calls, 1) + 1, from = number("FAULT_FROM", 1), count = number("FAULT_COUNT", 1);
    if (n < from || (count && n >= from + count))
        return 0;
    if (setting("FAULT_NOTE")) {
        char line[PATH_MAX + 64];
        snprintf(line, sizeof line, "%d %s %s\n", rank(), call, path);
        note(setting("FAULT_NOTE"), line);
    }
    errno = (int)number("FAULT_ERRNO", EIO);
    return 1;
}

static int fails_on(const char *call, int file)
{
    char link[64], path[PATH_MAX];
    if (!setting("FAULT_CALL"))
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0)
        return 0;
    path[size] = 0;
    return fails(call, path);
}

#define REAL(type, name, ...) ((type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name))

ssize_t write(int file, const void *data, size_t size)
{
    return fails_on("write", file) ? -1 : REAL(ssize_t, write, int, const void *, size_t)(file, data, size);
}
ssize_t pwrite(int file, const void *data, size_t size, off_t at)
{
    return fails_on("write", file) ? -1 : REAL(ssize_t, pwrite, int, const void *, size_t, off_t)(file, data, size, at);
}
ssize_t pwrite64(int file, const void *data, size_t size, off64_t at)
{
    return fails_on("write", file) ? -1 : REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t)(file, data, size, at);
}
ssize_t pwritev(int file, const struct iovec *list, int count, off_t at)
{
    return fails_on("write", file) ? -1 : REAL(ssize_t, pwritev, int, const struct iovec *, int, off_t)(file, list, count, at);
}
int ftruncate(int file, off_t size)
{
    return fails_on("write", file) ? -1 : REAL(int, ftruncate, int, off_t)(file, size);
}
int ftruncate64(int file, off64_t size)
{
    return fails_on("write", file) ? -1 : REAL(int, ftruncate64, int, off64_t)(file, size);
}
int fsync(int file)
{
    return fails_on("fsync", file) ? -1 : REAL(int, fsync, int)(file);
}
int fdatasync(int file)
{
    return fails_on("fsync", file) ? -1 : REAL(int, fdatasync, int)(file);
}
int rename(const char *from, const char *to)
{
    return fails("rename", from) ? -1 : REAL(int, rename, const char *, const char *)(from, to);
}
int mkdir(const char *path, mode_t mode)
{
    return fails("mkdir", path) ? -1 : REAL(int, mkdir, const char *, mode_t)(path, mode);
}
int unlink(const char *path)
{
    return fails("unlink", path) ? -1 : REAL(int, unlink, const char *)(path);
}
int unlinkat(int folder, const char *path, int flags)
{
    return (*path == '/' ? fails("unlink", path) : fails_on("unlink", folder))
        ? -1 : REAL(int, unlinkat, int, const char *, int)(folder, path, flags);
}
int rmdir(const char *path)
{
    return fails("unlink", path) ? -1 : REAL(int, rmdir, const char *)(path);
}

static int open_any(const char *name, const char *path, int flags, mode_t mode)
{
    if ((flags & O_ACCMODE) != O_RDONLY && fails("open", path))
        return -1;
    if ((flags & O_ACCMODE) == O_RDONLY && !(flags & O_DIRECTORY) && setting("FAULT_READS") &&
        is_below(path, setting("FAULT_IMAGES"))) {
        char file[PATH_MAX], line[PATH_MAX + 2];
        snprintf(file, sizeof file, "%s/%d-%ld", setting("FAULT_READS"), rank(), (long)getpid());
        snprintf(line, sizeof line, "%s\n", path);
        note(file, line);
    }
    return ((int (*)(const char *, int, ...))dlsym(RTLD_NEXT, name))(path, flags, mode);
}

#define MODE(flags, mode) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { \
        va_list rest; \
        va_start(rest, flags); \
        mode = va_arg(rest, mode_t); \
        va_end(rest); \
    }
int open(const char *path, int flags, ...)
{
    MODE(flags, mode)
    return open_any("open", path, flags, mode);
}
int open64(const char *path, int flags, ...)
{
    MODE(flags, mode)
    return open_any("open64", path, flags, mode);
}
