/* Hosts and their cores: which are there, which are taken. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bit/cores.h"
#include "bit/host.h"
#include "bit/memory.h"
#include "daemon/daemon.h"

/* The first logical processor of the core that `processor` belongs to. */
static int first_sibling(int processor)
{
    char path[128];
    int first = processor;
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", processor);
    FILE *file = fopen(path, "re");
    if (file && fscanf(file, "%d", &first) != 1)
        first = processor;
    if (file)
        fclose(file);
    return first;
}

static void list_cores(struct daemon *d)
{
    int core_of[CPU_SETSIZE];
    cpu_set_t set;
    memset(core_of, -1, sizeof core_of);
    if (sched_getaffinity(0, sizeof set, &set))
        return;
    for (int p = 0; p < CPU_SETSIZE; p++) {
        int first = CPU_ISSET(p, &set) ? first_sibling(p) : -1;
        if (first < 0 || first >= CPU_SETSIZE)
            continue;
        if (core_of[first] < 0)
            core_of[first] = d->cores++;
        int core = core_of[first];
        if (d->core_threads[core] < 8)
            d->core_list[core][d->core_threads[core]++] = p;
    }
}

static bool is_this(const struct daemon *d, const char *name) { return !strcmp(name, d->host) || !strcmp(name, "localhost"); }

static int remember_state(struct daemon *d, struct daemon_host *host, struct bit_error *error)
{
    char state[16];
    if (store_get_host(d->store, host->name, state, sizeof state, &host->since, error))
        return -1;
    host->state = !strcmp(state, "draining") ? HOST_DRAINING : HOST_OPEN;
    return 0;
}

/* Of this host, or of the control group that bitd is in. */
static double own_memory(void)
{
    struct bit_memory_kills group;
    double all = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGE_SIZE);
    bit_memory_kills("", &group);
    return (double)group.limit < all ? (double)group.limit : all;
}

int hosts_start(struct daemon *d, struct bit_error *error)
{
    bit_host_name(d->host, sizeof d->host);
    list_cores(d);
    int usable = bit_cores_usable();
    d->cores = usable < d->cores ? usable : d->cores;
    if (d->config.hosts == 0) {
        struct config_host *own = &d->config.host[d->config.hosts++];
        memcpy(own->name, d->host, sizeof own->name);
        own->cores = d->cores > 0 ? d->cores : 1;
        own->memory = 0;
    }
    for (int h = 0; h < d->config.hosts; h++) {
        struct daemon_host *host = &d->host_list[d->hosts++];
        snprintf(host->name, sizeof host->name, "%s", d->config.host[h].name);
        host->cores = d->config.host[h].cores;
        host->memory = d->config.host[h].memory;
        if (host->memory <= 0 && is_this(d, host->name))
            host->memory = own_memory();
        if (is_this(d, host->name) && host->cores > d->cores)
            d->cores = 0; /* more than there are: the user wants them shared, so nothing is bound */
        if (remember_state(d, host, error))
            return -1;
    }
    return 0;
}

/* ---- cores of this host ---- */

static void write_cores(const struct daemon *d, struct job *job)
{
    char *text = job->row.attempt.cores;
    size_t used = 0, size = sizeof job->row.attempt.cores;
    *text = 0;
    for (int c = 0; c < job->core_count; c++)
        for (int t = 0; t < d->core_threads[job->cores[c]] && used + 8 < size; t++)
            used += (size_t)snprintf(text + used, size - used, "%s%d", used ? "," : "", d->core_list[job->cores[c]][t]);
}

static bool take_cores(struct daemon *d, struct job *job, int count)
{
    int taken = 0;
    job->core_count = 0;
    if (d->cores == 0)
        return true;
    for (int c = 0; c < d->cores && taken < count; c++)
        if (!d->core_used[c])
            job->cores[taken++] = c;
    if (taken < count)
        return false;
    for (int c = 0; c < taken; c++)
        d->core_used[job->cores[c]] = true;
    job->core_count = taken;
    write_cores(d, job);
    return true;
}

bool hosts_take(struct daemon *d, struct job *job, const int *ranks)
{
    char *text = job->row.attempt.hosts;
    size_t used = 0, size = sizeof job->row.attempt.hosts;
    *text = *job->row.attempt.cores = 0;
    job->row.attempt.ranks = 0;
    for (int h = 0; h < d->hosts; h++) {
        if (!ranks[h])
            continue;
        job->hosts[h] = ranks[h];
        if (is_this(d, d->host_list[h].name) && !take_cores(d, job, ranks[h] * job->row.threads)) {
            job->hosts[h] = 0;
            hosts_give_back(d, job);
            return false;
        }
        d->host_list[h].used += ranks[h] * job->row.threads;
        job->row.attempt.ranks += ranks[h];
        if (used < size)
            used += (size_t)snprintf(text + used, size - used, "%s%s:%d", used ? "," : "", d->host_list[h].name, ranks[h]);
    }
    return true;
}

static void take_listed_cores(struct daemon *d, struct job *job)
{
    char copy[sizeof job->row.attempt.cores], *rest = copy, *word;
    memcpy(copy, job->row.attempt.cores, sizeof copy);
    job->core_count = 0;
    while ((word = strsep(&rest, ",")))
        for (int c = 0; *word && c < d->cores; c++)
            if (d->core_list[c][0] == atoi(word) && !d->core_used[c]) {
                d->core_used[c] = true;
                job->cores[job->core_count++] = c;
            }
}

void hosts_take_again(struct daemon *d, struct job *job)
{
    char copy[sizeof job->row.attempt.hosts], *rest = copy, *word;
    memcpy(copy, job->row.attempt.hosts, sizeof copy);
    while ((word = strsep(&rest, ","))) {
        char *colon = strrchr(word, ':');
        if (!colon)
            continue;
        *colon = 0;
        for (int h = 0; h < d->hosts; h++)
            if (!strcmp(d->host_list[h].name, word) && !job->hosts[h]) {
                job->hosts[h] = atoi(colon + 1);
                d->host_list[h].used += job->hosts[h] * job->row.threads;
            }
    }
    take_listed_cores(d, job);
}

void hosts_give_back(struct daemon *d, struct job *job)
{
    for (int c = 0; c < job->core_count; c++)
        d->core_used[job->cores[c]] = false;
    job->core_count = 0;
    for (int h = 0; h < d->hosts; h++)
        d->host_list[h].used -= job->hosts[h] * job->row.threads;
    memset(job->hosts, 0, sizeof job->hosts);
}

int hosts_free(const struct daemon *d, int host) { return d->host_list[host].cores - d->host_list[host].used; }

bool hosts_have_room(const struct daemon *d, const struct job *job)
{
    int ranks = 0;
    for (int h = 0; h < d->hosts; h++)
        if (d->host_list[h].state == HOST_OPEN && hosts_free(d, h) > 0)
            ranks += hosts_free(d, h) / job->row.threads;
    return ranks >= job->row.least;
}

void hosts_describe(const struct daemon *d, struct schedule_host hosts[SCHEDULE_HOSTS])
{
    for (int h = 0; h < d->hosts; h++) {
        const struct daemon_host *host = &d->host_list[h];
        hosts[h] = (struct schedule_host){.cores = host->cores, .used = host->cores - hosts_free(d, h), .is_open = host->state == HOST_OPEN,
                                          .memory = host->memory};
        for (const struct job *job = d->jobs; job; job = job->next)
            hosts[h].memory_used += job->row.rank_bytes > 0 ? (double)job->hosts[h] * (double)job->row.rank_bytes : 0;
    }
}

int hosts_set_state(struct daemon *d, const char *name, bool drain, struct bit_error *error)
{
    for (int h = 0; h < d->hosts; h++) {
        struct daemon_host *host = &d->host_list[h];
        if (strcmp(host->name, name))
            continue;
        host->state = drain ? HOST_DRAINING : HOST_OPEN;
        host->since = daemon_now();
        if (store_set_host(d->store, name, drain ? "draining" : "open", host->since, error))
            daemon_give_up(d, error);
        for (struct job *job = d->jobs; drain && job; job = job->next)
            if (job->hosts[h])
                queue_feed(job, EVENT_DRAIN, 0, false, "");
        d->must_schedule = true;
        return 0;
    }
    return bit_fail(error, BIT_ENOINPUT, "there is no host %s", name);
}
