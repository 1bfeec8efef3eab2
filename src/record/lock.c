/* The lock of a folder: one run at a time, on any host, also on file systems without locks. */
#include "bit/record.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bit/clock.h"
#include "bit/log.h"
#include "bit/memory.h"

/* Tenths of a second: for a holder that is dying just now; for a file server to give up the locks of a host that is gone, which
 * takes 90 s by NFS. */
enum { PATIENCE = 50, LEASE = 1000 };

struct bit_lock {
    int file;
    bool kept; /* by the kernel */
    char path[PATH_MAX];
};

struct holder {
    char host[256];
    long process;
};

static void host_name(char *host, size_t size)
{
    if (gethostname(host, size))
        snprintf(host, size, "?");
    host[size - 1] = 0;
}

/* False when the file says nothing that can be read. */
static bool read_holder(int file, struct holder *holder)
{
    char text[512];
    ssize_t size = pread(file, text, sizeof text - 1, 0);
    if (size <= 0)
        return false;
    text[size] = 0;
    return sscanf(text, "%255s %ld", holder->host, &holder->process) == 2;
}

static int refuse(const char *path, const struct holder *holder, bool known, struct bit_error *error)
{
    if (!known)
        return bit_fail(error, BIT_EENVIRONMENT, "another run holds %s: one run a folder; wait for it or choose another "
                        "--out", path);
    return bit_fail(error, BIT_EENVIRONMENT, "process %ld on %s is using this folder (%s): one run a folder; wait for it, "
                    "stop it, or choose another --out", holder->process, holder->host, path);
}

/* Without locks in the file system: is the one named in the file still there? */
static bool holder_lives(const struct holder *holder)
{
    char host[256];
    host_name(host, sizeof host);
    return strcmp(host, holder->host) || kill((pid_t)holder->process, 0) == 0 || errno == EPERM;
}

static int write_holder(int file, const char *path, struct bit_error *error)
{
    char text[512], host[256], stamp[32];
    host_name(host, sizeof host);
    bit_clock_stamp(stamp, sizeof stamp);
    int size = snprintf(text, sizeof text, "%s %ld %s\n", host, (long)getpid(), stamp);
    if (ftruncate(file, 0) || pwrite(file, text, (size_t)size, 0) != size)
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot write %s", path);
    return 0;
}

/* The time of the heartbeat that the holder writes while it lives, beside the lock; 0: there is none. */
static double heard(const char *path)
{
    char heart[PATH_MAX];
    struct stat status;
    const char *slash = strrchr(path, '/');
    int used = snprintf(heart, sizeof heart, "%.*s/" BIT_RECORD_HEARTBEAT "/0", slash ? (int)(slash - path) : 1, slash ? path : ".");
    if (used < 0 || (size_t)used >= sizeof heart || stat(heart, &status))
        return 0;
    return (double)status.st_mtim.tv_sec + 1e-9 * (double)status.st_mtim.tv_nsec;
}

/* Whether the holder is on another host, has a heart, and that has not beaten since `before`. */
static bool holder_is_silent(int file, const char *path, double before)
{
    struct holder holder;
    char host[256];
    host_name(host, sizeof host);
    return before > 0 && read_holder(file, &holder) && strcmp(host, holder.host) != 0 && heard(path) == before;
}

/* 0 when the lock is ours, otherwise as flock. */
static int wait_for(int file, const char *path)
{
    double before = heard(path);
    int busy = flock(file, LOCK_EX | LOCK_NB);
    for (int i = 0; busy && errno == EWOULDBLOCK && i < LEASE; i++) {
        if (i >= PATIENCE && !holder_is_silent(file, path, before)) {
            errno = EWOULDBLOCK;
            break;
        }
        if (i == PATIENCE)
            bit_log(BIT_LOG_WARNING, "%s is held from another host, whose heart does not beat: waiting up to %d s for the file server to "
                    "give up its lock", path, (LEASE - PATIENCE) / 10);
        nanosleep(&(struct timespec){.tv_nsec = 100 * 1000 * 1000}, NULL);
        busy = flock(file, LOCK_EX | LOCK_NB);
    }
    return busy;
}

/* 1: the file is ours; 0: it was removed while we waited for it, try again; -1: failed. */
static int take_file(int file, const char *path, bool *kept, struct bit_error *error)
{
    struct holder holder;
    struct stat mine, now;
    bool known;
    int busy = wait_for(file, path);
    *kept = !busy;
    if (busy) {
        int reason = errno;
        known = read_holder(file, &holder);
        if (reason == EWOULDBLOCK)
            return refuse(path, &holder, known, error);
        if (known && holder_lives(&holder))
            return refuse(path, &holder, known, error);
    }
    if (fstat(file, &mine) || stat(path, &now) || mine.st_ino != now.st_ino || mine.st_dev != now.st_dev)
        return 0;
    return write_holder(file, path, error) ? -1 : 1;
}

struct bit_lock *bit_lock_take(const char *path, struct bit_error *error)
{
    struct bit_lock *lock = bit_allocate(1, sizeof *lock, "a lock", error);
    int taken = 0;
    if (!lock)
        return NULL;
    snprintf(lock->path, sizeof lock->path, "%s", path);
    for (int attempt = 0; attempt < 100 && taken == 0; attempt++) {
        lock->file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (lock->file < 0) {
            bit_fail_errno(error, BIT_EENVIRONMENT, "cannot open %s", path);
            break;
        }
        taken = take_file(lock->file, path, &lock->kept, error);
        if (taken != 1)
            close(lock->file);
    }
    if (taken == 1)
        return lock;
    bit_fail(error, BIT_EENVIRONMENT, "cannot take %s: other processes take and remove it again and again; is another run being started "
             "here in a loop?", path);
    bit_free(lock);
    return NULL;
}

bool bit_lock_is_kept(const struct bit_lock *lock)
{
    return lock->kept;
}

void bit_lock_leave(struct bit_lock *lock)
{
    if (!lock)
        return;
    close(lock->file);
    bit_free(lock);
}

void bit_lock_release(struct bit_lock *lock)
{
    if (lock)
        unlink(lock->path);
    bit_lock_leave(lock);
}

bool bit_lock_is_held(const char *path, double patience)
{
    int file = open(path, O_RDWR | O_CLOEXEC);
    bool held = file >= 0;
    for (double end = bit_clock_seconds() + patience; held;) {
        held = flock(file, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK;
        if (!held || bit_clock_seconds() >= end)
            break;
        nanosleep(&(struct timespec){.tv_nsec = 100 * 1000 * 1000}, NULL);
    }
    if (file >= 0)
        close(file);
    return held;
}
