/* Which job starts next, where, on how many ranks, and which has to make room. Pure and local. */
#ifndef DAEMON_SCHEDULE_H
#define DAEMON_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

enum { SCHEDULE_HOSTS = 64 };

struct schedule_host {
    int cores, used;     /* used: by running jobs */
    bool is_open;        /* takes new jobs */
    double memory, memory_used; /* bytes; 0: not known */
};

struct schedule_job {
    int64_t id;
    int priority;        /* given by the user; an hour of waiting counts as one */
    double waiting_since; /* Unix seconds; of a running job when it was started */
    int least, most;     /* ranks */
    int parts;           /* micro-batches a step, which the ranks share evenly; 0: any number of ranks will do */
    int threads;         /* a rank: so many cores */
    double rank_bytes;   /* memory that a rank is planned to take; 0: not known */
    double seconds_left; /* of its run; NaN: not known */
    /* Running, or placed by schedule_run: ranks on each host. */
    int ranks[SCHEDULE_HOSTS];
    bool is_running, is_leaving; /* leaving: was asked to stop */
    double weight;       /* by which queued ones are sorted: set by schedule_run */
    enum schedule_word { SCHEDULE_STAYS, SCHEDULE_STARTS, SCHEDULE_MAKES_ROOM } word; /* the answer */
};

/* Queued and running jobs in any order; they are sorted into the order in which they start (running ones first). Queued jobs start by
 * priority + hours waited; one that does not fit keeps a place: later ones start before it only where, by the time that running jobs have
 * left, they do not delay it. (A wrong estimate costs little: a job that is in the way can be stopped by checkpoint.) Running jobs whose
 * priority is at least `margin` lower than that of the first queued one make room for it, the least important and youngest first; none when
 * even all of them would not be enough. margin 0: nobody makes room. */
void schedule_run(struct schedule_host *hosts, int host_count, struct schedule_job *jobs, int job_count, double now, int margin);

/* The most ranks for which the hosts would ever have room, were nothing else there. by_memory: memory, too, and not cores alone. */
int schedule_capacity(const struct schedule_host *hosts, int host_count, const struct schedule_job *job, bool by_memory);

/* Whether so many ranks can share a batch evenly, where there is a choice; the user's own number is bitrun's to judge. */
bool schedule_shares(const struct schedule_job *job, int ranks);

#endif
