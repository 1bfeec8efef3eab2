/* Who starts next: what the scheduler is told of the jobs, and what is made of its answer. */
#include <stdio.h>
#include <string.h>

#include "bit/memory.h"
#include "daemon/daemon.h"

static bool takes_part(const struct job *job)
{
    return !queue_is_slurm(job) && (job->row.life.state == STATE_QUEUED || daemon_is_live(job->row.life.state));
}

static struct schedule_job describe(const struct job *job)
{
    bool live = daemon_is_live(job->row.life.state);
    struct schedule_job s = {.id = job->row.id, .priority = job->row.priority, .least = job->row.least, .most = job->row.most, .parts = job->row.parts,
                             .waiting_since = live ? job->row.attempt.begun : job->row.changed, .threads = job->row.threads,
                             .rank_bytes = job->row.rank_bytes > 0 ? (double)job->row.rank_bytes : 0, .seconds_left = job->progress.seconds_left, .is_running = live, .is_leaving = job->row.life.wish != WISH_NONE};
    memcpy(s.ranks, job->hosts, sizeof s.ranks);
    return s;
}

struct schedule_job *queue_order(struct daemon *d, int *count)
{
    struct bit_error error = {0};
    struct schedule_host hosts[SCHEDULE_HOSTS];
    struct schedule_job *list = bit_allocate((size_t)d->job_count + 1, sizeof *list, "the queue", &error);
    *count = 0;
    if (!list)
        return NULL;
    hosts_describe(d, hosts);
    sweep_count(d);
    for (struct job *job = d->jobs; job; job = job->next)
        if (takes_part(job) && (job->row.life.state != STATE_QUEUED || sweep_allows(job)))
            list[(*count)++] = describe(job);
    schedule_run(hosts, d->hosts, list, *count, daemon_now(), d->config.margin);
    return list;
}

static struct store_attempt next_attempt(const struct job *job)
{
    struct bit_outcome outcome;
    struct bit_error ignored = {0};
    struct store_attempt attempt = {.number = job->row.attempt.number + 1, .engine = job->row.engine, .slurm_id = STORE_UNKNOWN, .begun = daemon_now(),
                                    .code = STORE_UNKNOWN, .step_before = STORE_UNKNOWN, .step_after = STORE_UNKNOWN};
    if (bit_outcome_read(job->row.out, &outcome, &ignored) == 0 && outcome.progress.checkpoint_step != BIT_RECORD_UNKNOWN)
        attempt.step_before = (int64_t)outcome.progress.checkpoint_step;
    bit_outcome_mark(job->row.out, attempt.mark, sizeof attempt.mark);
    if (attempt.engine == ENGINE_SLURM)
        memcpy(attempt.cores, job->row.attempt.cores, sizeof attempt.cores);
    return attempt;
}

static void place(struct daemon *d, struct job *job, const int *ranks)
{
    job->row.attempt = next_attempt(job);
    if (!hosts_take(d, job, ranks))
        job->row.attempt.number--;
    else
        queue_feed(job, EVENT_PLACED, 0, false, "");
}

static double weight(const struct job *job, double now) { return job->row.priority + (now - job->row.changed) / 3600; }

/* Slurm shares out its nodes itself: jobs are handed over in their order, a few at a time. */
static void hand_over(struct daemon *d)
{
    double now = daemon_now();
    for (;;) {
        struct job *first = NULL;
        sweep_count(d);
        for (struct job *job = d->jobs; job; job = job->next)
            if (queue_is_slurm(job) && job->row.life.state == STATE_QUEUED && sweep_allows(job) && (!first || weight(job, now) > weight(first, now)))
                first = job;
        if (!first || !slurm_has_room(d) || !notes_ready(first))
            return;
        first->row.attempt = next_attempt(first);
        first->row.attempt.ranks = first->row.most;
        queue_feed(first, EVENT_PLACED, 0, false, "");
    }
}

/* Of one that would never start: it is held, and told why. */
static void check_memory(struct daemon *d, struct job *job, const struct schedule_job *as)
{
    struct schedule_host hosts[SCHEDULE_HOSTS];
    char why[STORE_WHY];
    double most = 0;
    hosts_describe(d, hosts);
    int room = schedule_capacity(hosts, d->hosts, as, true);
    if (as->rank_bytes <= 0 || room >= as->least || schedule_capacity(hosts, d->hosts, as, false) < as->least)
        return;
    for (int h = 0; h < d->hosts; h++)
        most = hosts[h].memory > most ? hosts[h].memory : most;
    snprintf(why, sizeof why, "%d rank(s) need about %.0f MB of memory each: the hosts have room for %d of them (the largest has %.0f MB); fewer ranks, a "
             "smaller micro_batch, or a host with more memory", as->least, as->rank_bytes / 1e6, room, most / 1e6);
    queue_feed(job, EVENT_NO_MEMORY, 0, false, why);
}

void order_start(struct daemon *d)
{
    int count;
    struct schedule_job *list = queue_order(d, &count);
    d->must_schedule = false;
    for (int i = 0; list && i < count; i++) {
        struct job *job = queue_find(d, list[i].id);
        if (list[i].word == SCHEDULE_STARTS && notes_ready(job))
            place(d, job, list[i].ranks);
        else if (list[i].word == SCHEDULE_STAYS && !list[i].is_running)
            check_memory(d, job, &list[i]);
        else if (list[i].word == SCHEDULE_MAKES_ROOM)
            queue_feed(job, EVENT_PREEMPT, 0, false, "");
    }
    bit_free(list);
    hand_over(d);
    d->must_schedule = false; /* what was placed has its place */
}
