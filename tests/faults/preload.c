/* Preloaded into ranks by the fault campaign (tests/faults/rank does it): fails chosen calls on chosen paths, and notes which
 * files are read. All from the environment:
 *   FAULT_PATHS=PREFIX          only files whose path starts so count, and what was opened there
 *   FAULT_CALL=NAME[:RANK]      which call fails: read (and pread), write (and pwrite, pwritev, ftruncate), fsync (and fdatasync),
 *                               rename, open (for writing), mkdir, unlink (and rmdir)
 *   FAULT_FROM=N, FAULT_COUNT=M calls N to N + M - 1 fail (counted from 1, on that rank; M 0: all from N on)
 *   FAULT_ERRNO=NUMBER          with this errno (default EIO)
 *   FAULT_LATE=MILLISECONDS     they are done so much later instead
 *   FAULT_NOTE=FILE             appended to when a call fails: "RANK CALL PATH"
 *   FAULT_READS=FOLDER          the path of every file opened for reading below FAULT_IMAGES goes to FOLDER/RANK-PID, in
 *                               the order of opening
 *   FAULT_IMAGES=PREFIX
 * What a network file system may show to one host for a while:
 *   FAULT_VIEW=RANK:SECONDS:RULE,RULE...  for SECONDS from its first look, RANK sees below FAULT_PATHS by these rules: "A>" there is
 *                               no name A; "A>B" what goes by the name A is B's (A is listed where B is hidden). A rename asks the
 *                               server: it goes by the true names. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
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
    long late = number("FAULT_LATE", 0);
    if (late) {
        nanosleep(&(struct timespec){late / 1000, late % 1000 * 1000000}, NULL);
        return 0;
    }
    errno = (int)number("FAULT_ERRNO", EIO);
    return 1;
}

static int fails_on(const char *call, int file)
{
    char link[64], path[PATH_MAX];
    const char *wanted = setting("FAULT_CALL");
    if (!wanted || strncmp(wanted, call, strlen(call)))
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0)
        return 0;
    path[size] = 0;
    return fails(call, path);
}

/* ---- an old view ---- */

/* The rules that hold now, or NULL. */
static const char *view(void)
{
    static struct timespec first;
    struct timespec now;
    const char *what = setting("FAULT_VIEW");
    char *end;
    if (!what || strtol(what, &end, 10) != rank() || *end != ':')
        return NULL;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (!first.tv_sec)
        first = now;
    if (now.tv_sec - first.tv_sec >= strtol(end + 1, &end, 10))
        return NULL;
    return *end == ':' ? end + 1 : NULL;
}

/* What a name stands for: NULL for itself, "" for nothing. With `back` the other way: by which name it is seen. */
static const char *other_name(const char *rules, const char *name, size_t size, int back)
{
    static _Thread_local char found[256];
    for (const char *at = rules, *next; at && *at; at = next) {
        size_t length = strcspn(at, ",");
        const char *arrow = memchr(at, '>', length);
        next = at[length] ? at + length + 1 : NULL;
        if (!arrow)
            continue;
        const char *from = back ? arrow + 1 : at, *to = back ? at : arrow + 1;
        size_t from_size = (size_t)(back ? at + length - from : arrow - from), to_size = (size_t)(back ? arrow - to : at + length - to);
        if (from_size == size && size && !memcmp(from, name, size)) {
            snprintf(found, sizeof found, "%.*s", (int)to_size, to);
            return found;
        }
    }
    return NULL;
}

/* The path as it really is; NULL with errno: there is none to this host. */
static const char *seen(const char *path, char buffer[PATH_MAX])
{
    const char *prefix = setting("FAULT_PATHS"), *rules = view();
    if (!rules || !is_below(path, prefix))
        return path;
    size_t used = (size_t)snprintf(buffer, PATH_MAX, "%s", prefix);
    for (const char *at = path + strlen(prefix); *at;) {
        size_t size = strcspn(at, "/"), slashes = strspn(at + size, "/");
        const char *other = other_name(rules, at, size, 0);
        if (other && !*other) {
            errno = ENOENT;
            return NULL;
        }
        used += (size_t)snprintf(buffer + used, PATH_MAX - used, "%.*s%.*s", other ? (int)strlen(other) : (int)size, other ? other : at,
                                 (int)slashes, at + size);
        at += size + slashes;
    }
    return buffer;
}

/* Looked up once: MPI's threads read while others unload libraries, when looking up is not safe. */
#define REAL(type, name, ...) \
    (*({ \
        static type (*real)(__VA_ARGS__); \
        real ? real : (real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)); \
    }))

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
ssize_t read(int file, void *data, size_t size)
{
    return fails_on("read", file) ? -1 : REAL(ssize_t, read, int, void *, size_t)(file, data, size);
}
ssize_t pread(int file, void *data, size_t size, off_t at)
{
    return fails_on("read", file) ? -1 : REAL(ssize_t, pread, int, void *, size_t, off_t)(file, data, size, at);
}
ssize_t pread64(int file, void *data, size_t size, off64_t at)
{
    return fails_on("read", file) ? -1 : REAL(ssize_t, pread64, int, void *, size_t, off64_t)(file, data, size, at);
}
__attribute__((constructor)) static void look_up(void)
{
    char byte;
    if (read(-1, &byte, 1) == 0 || pread(-1, &byte, 1, 0) == 0 || pread64(-1, &byte, 1, 0) == 0)
        abort();
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
    char buffer[PATH_MAX];
    if (!(path = seen(path, buffer)))
        return -1;
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

#define SEEN(type, name, failure, declare, pass) \
    type name declare \
    { \
        char buffer[PATH_MAX]; \
        const char *real = seen(path, buffer); \
        return real ? ((type (*) declare)dlsym(RTLD_NEXT, #name)) pass : failure; \
    }
SEEN(int, stat, -1, (const char *path, struct stat *status), (real, status))
SEEN(int, stat64, -1, (const char *path, struct stat64 *status), (real, status))
SEEN(int, lstat, -1, (const char *path, struct stat *status), (real, status))
SEEN(int, lstat64, -1, (const char *path, struct stat64 *status), (real, status))
SEEN(DIR *, opendir, NULL, (const char *path), (real))
SEEN(int, nftw, -1, (const char *path, __nftw_func_t visit, int most, int flags), (real, visit, most, flags))
SEEN(int, nftw64, -1, (const char *path, __nftw64_func_t visit, int most, int flags), (real, visit, most, flags))

/* A name that is hidden, or is seen as another one; in any folder. */
#define READDIR(name, type) \
    struct type *name(DIR *folder) \
    { \
        struct type *entry; \
        while ((entry = REAL(struct type *, name, DIR *)(folder))) { \
            const char *rules = view(), *other = rules ? other_name(rules, entry->d_name, strlen(entry->d_name), 0) : NULL; \
            if (!other || *other) \
                return entry; \
            if ((other = other_name(rules, entry->d_name, strlen(entry->d_name), 1))) { \
                snprintf(entry->d_name, sizeof entry->d_name, "%s", other); \
                return entry; \
            } \
        } \
        return NULL; \
    }
READDIR(readdir, dirent)
READDIR(readdir64, dirent64)
