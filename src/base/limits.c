#include "bit/limits.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/cgroup.h"
#include "bit/memory.h"
#include "bit/text.h"

static const struct kind { int resource; const char *name, *option, *used; } kinds[] = {
    {RLIMIT_AS, "address space", "ulimit -v", "VmSize:"},
    {RLIMIT_DATA, "data", "ulimit -d", "VmData:"},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static uint64_t limit_of(int resource)
{
    struct rlimit limit;
    return getrlimit((__rlimit_resource_t)resource, &limit) || limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
}

int bit_limits_set(void)
{
    return limit_of(RLIMIT_AS) != UINT64_MAX || limit_of(RLIMIT_DATA) != UINT64_MAX;
}

int bit_limits_room(uint64_t more, const char *what, struct bit_error *error)
{
    for (int i = 0; i < KINDS; i++) {
        const struct kind *k = &kinds[i];
        uint64_t limit = limit_of(k->resource), used, need;
        char a[32], b[32];
        if (limit == UINT64_MAX)
            continue;
        used = bit_cgroup_number("/proc/self", "status", k->used, 0) * 1024;
        need = used + more;
        if (need <= limit)
            continue;
        bit_text_bytes((double)need, a, sizeof a);
        bit_text_bytes((double)limit, b, sizeof b);
        return bit_fail(error, BIT_EENVIRONMENT, "the limit of %s (%s) is %s, and with %s this process takes about %s, libraries included: raise it to %llu "
                        "(KB) or more, or ask the batch system for more memory", k->name, k->option, b, what, a,
                        (unsigned long long)(need / 1024 + 1));
    }
    return 0;
}

uint64_t bit_limits_stacks(int threads)
{
    pthread_attr_t attributes;
    size_t size = 8 << 20;
    if (pthread_attr_init(&attributes) == 0) {
        pthread_attr_getstacksize(&attributes, &size);
        pthread_attr_destroy(&attributes);
    }
    return (uint64_t)threads * (size + (64 << 10));
}

/* ---- threads ---- */

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t opened;
    bool open;
};

static void *wait_at(void *context)
{
    struct gate *gate = context;
    pthread_mutex_lock(&gate->lock);
    while (!gate->open)
        pthread_cond_wait(&gate->opened, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
    return NULL;
}

static void look_at_processes(const char *folder, bool unified, void *context)
{
    uint64_t *least = context, most = bit_cgroup_number(folder, "pids.max", "", UINT64_MAX);
    (void)unified;
    *least = most < *least ? most : *least;
}

static void name_limits(char *text, size_t size)
{
    struct bit_text t = {0};
    uint64_t users = limit_of(RLIMIT_NPROC), group = UINT64_MAX, space = limit_of(RLIMIT_AS);
    bit_cgroup_walk("", "pids", look_at_processes, &group);
    if (users != UINT64_MAX)
        bit_text_add(&t, "; ulimit -u allows %llu processes and threads of this user", (unsigned long long)users);
    if (group != UINT64_MAX)
        bit_text_add(&t, "; the control group allows %llu (pids.max)", (unsigned long long)group);
    if (space != UINT64_MAX)
        bit_text_add(&t, "; ulimit -v allows %llu KB of address space, a stack takes %llu", (unsigned long long)space / 1024,
                     (unsigned long long)bit_limits_stacks(1) / 1024);
    snprintf(text, size, "%s", t.data && !t.failed ? t.data : "");
    bit_text_free(&t);
}

int bit_limits_threads(int count, struct bit_error *error)
{
    struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};
    pthread_t *threads = bit_allocate((size_t)(count > 0 ? count : 1), sizeof *threads, "threads", error);
    int started = 0, failed = 0;
    char limits[512];
    if (!threads)
        return -1;
    while (started < count && !failed)
        if (!(failed = pthread_create(&threads[started], NULL, wait_at, &gate)))
            started++;
    pthread_mutex_lock(&gate.lock);
    gate.open = true;
    pthread_cond_broadcast(&gate.opened);
    pthread_mutex_unlock(&gate.lock);
    for (int i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    bit_free(threads);
    if (!failed)
        return 0;
    name_limits(limits, sizeof limits);
    return bit_fail(error, BIT_EENVIRONMENT, "cannot start %d threads, only %d: %s%s", count + 1, started + 1, strerror(failed), limits);
}

int bit_limits_files(unsigned count, struct bit_error *error)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= count)
        return 0;
    limit.rlim_cur = count < limit.rlim_max ? count : limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur >= count ? 0 : bit_fail(error, BIT_EENVIRONMENT, "the limit of open files (ulimit -n) is %llu, and a rank takes "
                                                  "up to %u: raise it", (unsigned long long)limit.rlim_cur, count);
}

int bit_limits_start(struct bit_error *error)
{
    return bit_limits_room(BIT_LIMITS_START, "the start of MPI", error) || bit_limits_files(BIT_LIMITS_FILES, error) ||
                   bit_limits_threads(BIT_LIMITS_START_THREADS, error) ? -1 : 0;
}
