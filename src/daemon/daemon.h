/* bitd's inside: what its files share. One thread; everything here is local to it. */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include "bit/error.h"
#include "bit/record.h"
#include "bit/text.h"
#include "daemon/next.h"
#include "daemon/schedule.h"
#include "daemon/store.h"

/* ---- config.c ---- */

enum { CONFIG_HOSTS = SCHEDULE_HOSTS, CONFIG_WORDS = 32 };

struct daemon_config {
    char state[PATH_MAX], socket[PATH_MAX], runs[PATH_MAX];  /* folders: of the store; of runs without a place. socket: the file */
    char programs[PATH_MAX];     /* folder of bit-keeper */
    char launch[PATH_MAX];       /* bit-launch */
    char path[1024];             /* PATH of jobs */
    char listen[128];            /* ADDRESS:PORT; "": none */
    char allowed[CONFIG_WORDS][128]; /* values of the Host header on TCP */
    int allowed_count;
    char environment[CONFIG_WORDS][64]; /* names of variables of bitd's own that jobs get, beside the usual ones */
    int environment_count;
    char notify[PATH_MAX];       /* program; "": none */
    struct config_host { char name[64]; int cores; double memory; /* bytes; 0: not known */ } host[CONFIG_HOSTS]; /* [0]: this one */
    int hosts;
    int budget, margin;          /* starts without progress; priority that lets a job make another leave, 0: none does */
    double keep_logs_days, keep_generations_days; /* of ended jobs; 0: for ever */
    int keep_generations;        /* so many of the newest good ones stay */
    double retention_seconds;    /* between looks */
    double room;                 /* bytes that have to be free on a run's disk */
    enum daemon_engine engine;   /* of jobs that name none */
    char slurm_options[STORE_WHY]; /* of sbatch, for all jobs */
    char slurm_cluster[64];      /* "": the one that Slurm's commands choose */
    int slurm_interval, slurm_lead, slurm_submissions; /* seconds between looks; before the time limit; submissions an hour */
    bool allow_root;
};

/* Defaults, then the file (NULL: $XDG_CONFIG_HOME/bit/bitd.conf or /etc/bit/bitd.conf where there is one). -1 with place and reason. */
int config_read(const char *path, struct daemon_config *config, struct bit_error *error);
/* One line's key and value, also of --set on the command line. */
int config_set(struct daemon_config *config, const char *key, const char *value, struct bit_error *error);

/* ---- jobs that have not ended, in memory (queue.c) ---- */

/* What a file descriptor that is ready calls. */
struct watch { int fd; void (*ready)(struct watch *watch); void *context; };

struct job_progress { /* read from the folder of the run */
    struct bit_outcome outcome;
    bool is_known;
    double speed;                /* images a second; NaN: not known */
    double seconds_left;         /* NaN: not known */
    double loss;
    uint64_t loss_step;
    int64_t size;                /* of metrics.jsonl */
    struct timespec seen;        /* time of the outcome that was read */
};

struct daemon;
struct bit_sweep;

struct job_slurm {               /* what is known of its job in Slurm; the rest is in its attempt */
    struct task *submitting;
    double known;                /* since when there is something to ask for: answers to earlier questions say nothing of it */
    double unsure;               /* since when a submission may have arrived though nobody said so; 0: no */
    enum slurm_view view;        /* in the newest answer */
    int absences;                /* answers in a row in which it was not alive */
    bool has_answer;             /* it was seen, or missed, at least once */
    enum { SLURM_NOT_SHOWN, SLURM_SHOWN, SLURM_STRANGE } shown; /* in the answer that is looked at; strange: in a word that is not known */
    int64_t found;               /* by its name and comment: the oldest number; 0: none */
    char mark[128];              /* bit_outcome_mark when it was last known not to run: another one says that it does */
    bool has_run;                /* it was seen to run */
    int nodes;                   /* it had so many when it ran; 0: not known */
    int cancelling;              /* commands under way that tell it to stop */
    double stop_due, stop_pause; /* when it is told again to stop, and seconds between the last two times; of one that is to */
    struct task *witness;        /* sacct is asked how it ended */
    char refusal[STORE_WHY];     /* why sbatch has certainly refused it; "" */
};

struct job {
    struct store_job row;
    struct daemon *daemon;
    struct job *next, *previous; /* by id */
    struct job *next_in_bucket, *next_pending, *next_timed;
    bool is_pending, is_timed;   /* is in that list */
    int hosts[SCHEDULE_HOSTS];   /* ranks on each of the live attempt */
    int cores[CPU_SETSIZE], core_count; /* places of this host's core list that it has */
    int go;                      /* write end of its keeper's pipe; -1 */
    struct watch keeper;         /* pidfd; fd -1: not followed */
    bool is_orphan;              /* its keeper is gone and something still runs: the lock is looked at */
    bool is_child;               /* the keeper is this process's child */
    bool must_note;              /* what it is has changed: rebuild_note, once that is on disk */
    bool has_record;             /* a line of queued.jsonl says what it is: see queued.h */
    unsigned due;                /* actions to be done once the transition is on disk */
    struct job_progress progress;
    struct bit_sweep *sweep;     /* of a sweep: what it consists of */
    struct job *next_sweep;
    struct job *parent;          /* of a sweep's child, while its sweep has not ended */
    int children, live_children; /* of a sweep: those that have not ended, and those with a live attempt, as last counted */
    bool is_kept_back;           /* as many of its sweep run as may run at a time */
    double looked;               /* clock: at its folder, or at the lock */
    struct job_slurm slurm;
    struct { bool is_tried; double at; } note; /* whether and when bit plan has looked at it: notes.c */
};

enum { DAEMON_BUCKETS = 1024 };

struct daemon {
    struct daemon_config config;
    struct store *store;
    int epoll, lock;
    struct job *jobs, *last_job; /* ascending ids */
    struct job *bucket[DAEMON_BUCKETS]; /* the same, by id modulo their number */
    struct job *pending;         /* those for which something is to be done, or that leave memory, after the commit */
    struct job *timed;           /* those that the clock is looked at for, and perhaps some that it was */
    int job_count;
    struct job *sweeps;          /* those that have not ended */
    char host[64], boot[40];
    struct daemon_host { char name[64]; int cores, used; double memory; enum { HOST_OPEN, HOST_DRAINING } state; double since; } host_list[SCHEDULE_HOSTS];
    int hosts;
    int core_list[CPU_SETSIZE][8], core_threads[CPU_SETSIZE], cores; /* this host's cores: their logical processors */
    bool core_used[CPU_SETSIZE];
    bool must_look_at_sweeps;
    bool must_schedule, must_look_at_needs, is_ending; /* must_look_at_needs: of all that wait, as some job has ended */
    double started, rested;
    double ahead;                /* of the time of day before the time since the boot: changes when the clock is set */
    struct http *http;
    struct task *tasks;          /* commands that run beside it: task.h */
    struct { int file; int64_t bytes, limit; struct bit_text lines; } queued; /* queued.jsonl: its size, that at which it is written anew, what is to be added */
    struct { struct task *task; int64_t job; double quiet; bool has_new; } notes;
    struct { struct task *task; int64_t job; double due, after; } retention;
    struct slurm {
        char instance[20];       /* by which jobs in Slurm are known as this bitd's */
        struct task *asking;
        double asked, answered;  /* when the question under way was asked; when the newest that was answered was; 0: none */
        int64_t unknown;         /* the newest number of a job that the store does not hold, which was told of */
        double silent;           /* since when it does not answer; 0: it does */
        double due, pace;        /* the next question; seconds to the one after it */
        double hour;             /* in which submissions are counted */
        int submissions;
    } slurm;
};

double daemon_now(void);         /* Unix seconds */
int daemon_watch(struct daemon *d, struct watch *watch);
void daemon_unwatch(struct daemon *d, struct watch *watch);

struct job *queue_find(struct daemon *d, int64_t id);
/* All jobs that have not ended, at the start of bitd. */
int queue_load(struct daemon *d, struct bit_error *error);
/* Takes a new job's row, which it owns from then on; NULL on failure. */
struct job *queue_add(struct daemon *d, struct store_job *row, const char *event, struct bit_error *error);
/* An event of one job: the transition is put into the store (not yet on disk), and what follows from it is done after the commit.
 * `why` "": the meaning of its cause. */
enum daemon_answer queue_feed(struct job *job, enum daemon_event event, enum daemon_end end, bool progressed, const char *why);
/* Has a job's record written anew. */
void queue_note(struct job *job);
/* Refused of a job that has ended. */
enum daemon_answer queue_set_priority(struct job *job, int priority);
bool queue_is_slurm(const struct job *job);
/* Commits, acts, commits again what came of that, until nothing is left. Ends the process with 74 when a commit fails. */
void queue_settle(struct daemon *d);
/* The next time at which something is due (Unix seconds), 0: never. */
double queue_next_due(const struct daemon *d);
void queue_tick(struct daemon *d, double now);
/* The clock was set, so many seconds forward: what is due is due as much later. */
void queue_shift_clock(struct daemon *d, double seconds);
/* Ends the process: what it believes is not what is on disk. */
void daemon_give_up(struct daemon *d, const struct bit_error *error) __attribute__((noreturn));
/* Something that is no transition, as an event of the job. */
void queue_tell(struct job *job, const char *name, const char *why);

/* ---- order.c: who starts next ---- */

struct schedule_job *queue_order(struct daemon *d, int *count); /* as schedule_run left them; free with bit_free */
/* Starts those that may, and asks others to make room. */
void order_start(struct daemon *d);

/* ---- retention.c ---- */

void retention_tick(struct daemon *d, double now);
double retention_next_due(const struct daemon *d); /* 0: never */

/* ---- notes.c ---- */

/* Whether what has to be known before a start is; if not, it is seen to, and the queue is looked at again then. */
bool notes_ready(struct job *job);
void notes_submitted(struct daemon *d);
void notes_tick(struct daemon *d, double now);
double notes_next_due(const struct daemon *d); /* 0: never */

/* ---- hosts.c ---- */

int hosts_start(struct daemon *d, struct bit_error *error);
/* Takes ranks and cores for a job as the scheduler said; false when this host's cores do not suffice. */
bool hosts_take(struct daemon *d, struct job *job, const int *ranks);
/* The same of a running job, from its attempt's record. */
void hosts_take_again(struct daemon *d, struct job *job);
void hosts_give_back(struct daemon *d, struct job *job);
int hosts_free(const struct daemon *d, int host);
/* Whether the least ranks of a job fit what is free on open hosts. */
bool hosts_have_room(const struct daemon *d, const struct job *job);
/* As the scheduler sees them. */
void hosts_describe(const struct daemon *d, struct schedule_host hosts[SCHEDULE_HOSTS]);
int hosts_set_state(struct daemon *d, const char *name, bool drain, struct bit_error *error);

/* ---- engine.c: jobs on hosts of our own ---- */

void engine_spawn(struct job *job);
void engine_go(struct job *job);
void engine_abandon(struct job *job);
void engine_stop(struct job *job);
void engine_save(struct job *job);
/* Looks for a live attempt: follows it, or finds its end. */
void engine_look(struct job *job);
void engine_forget(struct job *job); /* the attempt is over */
/* Reads what the run has written; true when there is something new. */
bool engine_progress(struct job *job);
bool engine_has_room(const struct job *job); /* on the disk of its folder */

/* ---- sweep.c ---- */

/* A job that has come into memory, or is about to leave it: finds or leaves its sweep. */
void sweep_join(struct job *job);
void sweep_leave(struct job *job);
/* Ends sweeps whose children have all ended, and adds the last job of those that have one; once a job has ended, or a sweep has begun or goes on. */
void sweep_look(struct daemon *d);
/* Counts live children, before a plan is made. */
void sweep_count(struct daemon *d);
/* Whether a queued job may start as far as its sweep is concerned; it counts as started then. */
bool sweep_allows(struct job *job);

/* What the run's folder says of an end: code of what started it, or -1; asked: it was asked to stop; ended: it was ended without being asked, or
 * nobody saw it end, so that nobody has stopped it by hand. END_LOST: nothing. *why: 512 bytes. */
enum daemon_end engine_judge(struct job *job, int code, bool asked, bool ended, char *why);
/* Whether a new generation has come since the attempt began. */
bool engine_has_progressed(struct job *job);
/* A job as a file that bit-launch reads. */
int engine_write_job(struct job *job, const char *path, struct bit_error *error);

/* ---- slurm.c: jobs that Slurm runs ---- */

int slurm_start(struct daemon *d, struct bit_error *error);
/* Whether it answers, and takes one more job now. */
bool slurm_has_room(struct daemon *d);
void slurm_spawn(struct job *job);
void slurm_stop(struct job *job);
void slurm_save(struct job *job);
void slurm_look(struct job *job);            /* at the start of bitd: takes up a live attempt */
void slurm_look_at_record(struct job *job);  /* every two seconds */
void slurm_forget(struct job *job);
void slurm_tick(struct daemon *d, double now);
double slurm_next_due(const struct daemon *d); /* 0: never */

/* ---- http.c, stream.c ---- */

int http_start(struct daemon *d, struct bit_error *error);
void http_run(struct daemon *d);              /* what is ready */
double http_timeout(struct daemon *d);        /* seconds until it must run again; INFINITY */
void http_committed(struct daemon *d);        /* sends the answers that waited for the commit */
void http_sweep(struct daemon *d);            /* closes connections that take too long */
void http_stop(struct daemon *d);
void http_shift_clock(struct daemon *d, double seconds); /* as queue_shift_clock */
void stream_progress(struct daemon *d, const struct job *job); /* to all who listen */

/* ---- notify.c ---- */

void notify_job(struct daemon *d, const struct job *job);

/* ---- json.c: what the interface says of things ---- */

void json_job(struct bit_text *t, const struct store_job *row, const struct job_progress *progress);
const char *json_engine_name(enum daemon_engine engine);
void json_attempt(struct bit_text *t, const struct store_attempt *attempt);
/* Parts into which the batch of a job can be divided among ranks; 0: not known. */
struct bit_job;
int daemon_parts(const struct bit_job *job);
/* Reads the progress of a run's folder. */
void json_read_progress(const char *out, struct job_progress *progress);

#endif
