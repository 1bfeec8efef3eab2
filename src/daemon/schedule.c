/* Priority with ageing, places kept for those that do not fit yet, and back-fill beside them. */
#include "daemon/schedule.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct room { int free[SCHEDULE_HOSTS]; double memory[SCHEDULE_HOSTS]; int count; };

static int by_turn(const void *a, const void *b)
{
    const struct schedule_job *x = a, *y = b;
    if (x->is_running != y->is_running)
        return x->is_running ? -1 : 1;
    if (!x->is_running && x->weight != y->weight)
        return x->weight > y->weight ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* ---- does it fit? ---- */

bool schedule_shares(const struct schedule_job *job, int ranks)
{
    return job->least == job->most || job->parts <= 0 || job->parts % ranks == 0;
}

static bool is_power_of_two(int n) { return n > 0 && (n & (n - 1)) == 0; }

/* Ranks for which a host has cores and memory. */
static int ranks_on(const struct room *room, int h, const struct schedule_job *job)
{
    int by_cores = room->free[h] > 0 ? room->free[h] / job->threads : 0;
    double by_memory = job->rank_bytes > 0 ? room->memory[h] / job->rank_bytes : INFINITY;
    return by_memory >= by_cores ? by_cores : by_memory > 0 ? (int)by_memory : 0;
}

static int fitting_ranks(const struct room *room, const struct schedule_job *job)
{
    int ranks = 0;
    for (int h = 0; h < room->count; h++)
        ranks += ranks_on(room, h, job);
    return ranks;
}

static void take(struct room *room, int h, const struct schedule_job *job, int ranks)
{
    room->free[h] -= ranks * job->threads;
    room->memory[h] -= ranks * job->rank_bytes;
}

/* The most ranks from least to most that `limit` allows and that share the batch; a power of two, which keeps the bits, when the largest
 * number is one. 0: none. */
static int choose_ranks(const struct schedule_job *job, int limit)
{
    int most = job->most < limit ? job->most : limit;
    if (is_power_of_two(job->most))
        for (int n = most; n >= job->least; n--)
            if (is_power_of_two(n) && schedule_shares(job, n))
                return n;
    for (int n = most; n >= job->least; n--)
        if (schedule_shares(job, n))
            return n;
    return 0;
}

/* Takes the cores; on one host where there is one with room for all, the fullest of those, else on the emptiest first. */
static bool fit(struct room *room, const struct schedule_job *job, int *ranks)
{
    int want = choose_ranks(job, fitting_ranks(room, job)), best = -1;
    memset(ranks, 0, SCHEDULE_HOSTS * sizeof *ranks);
    if (!want)
        return false;
    for (int h = 0; h < room->count; h++)
        if (ranks_on(room, h, job) >= want && (best < 0 || room->free[h] < room->free[best]))
            best = h;
    while (want > 0) {
        if (best < 0 || ranks_on(room, best, job) == 0) {
            best = 0;
            for (int h = 1; h < room->count; h++)
                if (ranks_on(room, h, job) > 0 && (ranks_on(room, best, job) == 0 || room->free[h] > room->free[best]))
                    best = h;
        }
        int here = ranks_on(room, best, job) < want ? ranks_on(room, best, job) : want;
        ranks[best] += here;
        take(room, best, job, here);
        want -= here;
    }
    return true;
}

static void give_back(struct room *room, const struct schedule_job *job)
{
    for (int h = 0; h < room->count; h++)
        take(room, h, job, -job->ranks[h]);
}

static struct room room_of(const struct schedule_host *hosts, int count)
{
    struct room room = {.count = count};
    for (int h = 0; h < count; h++) {
        room.free[h] = hosts[h].is_open ? hosts[h].cores - hosts[h].used : 0;
        room.memory[h] = hosts[h].memory > 0 ? hosts[h].memory - hosts[h].memory_used : INFINITY;
    }
    return room;
}

int schedule_capacity(const struct schedule_host *hosts, int count, const struct schedule_job *job, bool by_memory)
{
    struct room room = {.count = count};
    for (int h = 0; h < count; h++) {
        room.free[h] = hosts[h].cores;
        room.memory[h] = by_memory && hosts[h].memory > 0 ? hosts[h].memory : INFINITY;
    }
    return fitting_ranks(&room, job);
}

/* ---- a place for one that does not fit ---- */

static double end_of(const struct schedule_job *job)
{
    return job->is_leaving ? 0 : isnan(job->seconds_left) ? INFINITY : job->seconds_left;
}

/* Gives back, in the order in which running jobs end, until `job` fits; the seconds until then, INFINITY when it cannot be told. *later is
 * the room that is left beside it at that time. */
static double place_later(const struct room *now, const struct schedule_job *jobs, int running, const struct schedule_job *job,
                          struct room *later)
{
    int ranks[SCHEDULE_HOSTS];
    double passed = -1;
    *later = *now;
    for (;;) {
        double next = INFINITY;
        for (int j = 0; j < running; j++)
            if (end_of(&jobs[j]) > passed && end_of(&jobs[j]) < next)
                next = end_of(&jobs[j]);
        if (isinf(next))
            return INFINITY;
        for (int j = 0; j < running; j++)
            if (end_of(&jobs[j]) == next)
                give_back(later, &jobs[j]);
        passed = next;
        struct room trial = *later;
        if (fit(&trial, job, ranks)) {
            *later = trial;
            return next;
        }
    }
}

/* Whether `job` may start beside a place that is kept: it has gone by then, or fits beside it also then. */
static bool is_harmless(const struct schedule_job *job, double when, const struct room *later)
{
    int ranks[SCHEDULE_HOSTS];
    struct room trial = *later;
    return isinf(when) || (!isnan(job->seconds_left) && job->seconds_left <= when) || fit(&trial, job, ranks);
}

/* ---- who makes room ---- */

static int least_important(const struct schedule_job *jobs, int running, int below)
{
    int found = -1;
    for (int j = 0; j < running; j++) {
        const struct schedule_job *job = &jobs[j];
        if (job->is_leaving || job->word == SCHEDULE_MAKES_ROOM || job->priority > below)
            continue;
        if (found < 0 || job->priority < jobs[found].priority ||
            (job->priority == jobs[found].priority && job->waiting_since > jobs[found].waiting_since))
            found = j;
    }
    return found;
}

static void make_room(const struct room *now, struct schedule_job *jobs, int running, const struct schedule_job *first, int margin)
{
    int ranks[SCHEDULE_HOSTS], found;
    struct room room = *now;
    for (int j = 0; j < running; j++)
        if (jobs[j].is_leaving)
            give_back(&room, &jobs[j]);
    for (;;) {
        struct room trial = room;
        if (fit(&trial, first, ranks))
            return;
        if ((found = least_important(jobs, running, first->priority - margin)) < 0)
            break;
        jobs[found].word = SCHEDULE_MAKES_ROOM;
        give_back(&room, &jobs[found]);
    }
    for (int j = 0; j < running; j++)
        jobs[j].word = SCHEDULE_STAYS; /* it would not be enough */
}

/* On closed hosts nothing that is given back can be used. */
static void leave_closed(const struct schedule_host *hosts, int host_count, struct room *room)
{
    for (int h = 0; h < host_count; h++)
        if (!hosts[h].is_open)
            room->free[h] = -1000000;
}

void schedule_run(struct schedule_host *hosts, int host_count, struct schedule_job *jobs, int job_count, double now, int margin)
{
    struct room room = room_of(hosts, host_count), later = {0};
    const struct schedule_job *first = NULL;
    double when = INFINITY;
    int running = 0;
    leave_closed(hosts, host_count, &room);
    for (int j = 0; j < job_count; j++)
        jobs[j].weight = jobs[j].priority + (now - jobs[j].waiting_since) / 3600;
    qsort(jobs, (size_t)job_count, sizeof *jobs, by_turn);
    while (running < job_count && jobs[running].is_running)
        running++;
    for (int j = 0; j < job_count; j++)
        jobs[j].word = SCHEDULE_STAYS;
    for (int j = running; j < job_count; j++) {
        struct room trial = room;
        if (!fit(&trial, &jobs[j], jobs[j].ranks)) {
            if (!first) {
                first = &jobs[j];
                when = place_later(&room, jobs, running, first, &later);
            }
            continue;
        }
        if (first && !is_harmless(&jobs[j], when, &later)) {
            memset(jobs[j].ranks, 0, sizeof jobs[j].ranks);
            continue;
        }
        if (first && isfinite(when) && !(jobs[j].seconds_left <= when))
            fit(&later, &jobs[j], jobs[j].ranks); /* it will be there beside the place */
        jobs[j].word = SCHEDULE_STARTS;
        fit(&room, &jobs[j], jobs[j].ranks);
    }
    if (first && margin > 0)
        make_room(&room, jobs, running, first, margin);
    for (int j = running; j < job_count; j++)
        for (int h = 0; jobs[j].word == SCHEDULE_STARTS && h < host_count; h++) {
            hosts[h].used += jobs[j].ranks[h] * jobs[j].threads;
            hosts[h].memory_used += jobs[j].ranks[h] * jobs[j].rank_bytes;
        }
}
