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
#include <unistd.h>

#include "bit/clock.h"
#include "bit/host.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "bit/wait.h"

/* Seconds: for a holder that is dying just now; for a file server to give up the locks of a host that is gone, which
 * takes 90 s by NFS. */
enum { PATIENCE = 5, LEASE = 95 };

struct bit_lock {
    int file;
    bool kept; /* by the kernel */
    char path[PATH_MAX];
};

struct holder {
    char host[256];
    long process;
};

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
    bit_host_name(host, sizeof host);
    return strcmp(host, holder->host) || kill((pid_t)holder->process, 0) == 0 || errno == EPERM;
}

static int write_holder(int file, const char *path, struct bit_error *error)
{
    char text[512], host[256], stamp[32];
    bit_host_name(host, sizeof host);
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
    bit_host_name(host, sizeof host);
    return before > 0 && read_holder(file, &holder) && strcmp(host, holder.host) != 0 && heard(path) == before;
}

enum lock_state { LOCK_OURS, LOCK_HELD, LOCK_UNKNOWN /* no locks in this file system */ };

static enum lock_state try_lock(int file)
{
    if (!flock(file, LOCK_EX | LOCK_NB))
        return LOCK_OURS;
    return errno == EWOULDBLOCK ? LOCK_HELD : LOCK_UNKNOWN;
}

static enum lock_state wait_for(int file, const char *path)
{
    double before = heard(path);
    struct bit_wait dying = bit_wait_for(PATIENCE, 0.1), silent;
    enum lock_state state;
    while ((state = try_lock(file)) == LOCK_HELD && bit_wait_more(&dying))
        ;
    if (state != LOCK_HELD || !holder_is_silent(file, path, before))
        return state;
    bit_log(BIT_LOG_WARNING, "%s is held from another host, whose heart does not beat: waiting up to %d s for the file server to "
            "give up its lock", path, LEASE);
    silent = bit_wait_for(LEASE, 0.1);
    while ((state = try_lock(file)) == LOCK_HELD && holder_is_silent(file, path, before) && bit_wait_more(&silent))
        ;
    return state;
}

/* 1: the file is ours; 0: it was removed while we waited for it, try again; -1: failed. */
static int take_file(int file, const char *path, bool *kept, struct bit_error *error)
{
    struct holder holder;
    struct stat mine, now;
    enum lock_state state = wait_for(file, path);
    *kept = state == LOCK_OURS;
    if (state != LOCK_OURS) {
        bool known = read_holder(file, &holder);
        if (state == LOCK_HELD || (known && holder_lives(&holder)))
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
    struct bit_wait wait = bit_wait_for(patience, 0.1);
    enum lock_state state;
    if (file < 0)
        return false;
    while ((state = try_lock(file)) == LOCK_HELD && bit_wait_more(&wait))
        ;
    close(file);
    return state == LOCK_HELD;
}
