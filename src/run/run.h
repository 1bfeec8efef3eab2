/* One run of one job: what the states of bitrun work on. */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "bit/data.h"
#include "bit/error.h"
#include "bit/evaluate.h"
#include "bit/group.h"
#include "bit/job.h"
#include "bit/log.h"
#include "bit/model.h"
#include "bit/recipe.h"
#include "bit/record.h"
#include "bit/start.h"
#include "bit/store.h"
#include "bit/train.h"
#include "bit/watch.h"
#include "bit/metrics_log.h"
#include "run/options.h"
#include "run/setback.h"
#include "run/saving.h"
#include "run/standing.h"
#include "bit/observe.h"

/* What a rank wants to happen between two steps; gathered from all of them. `stop`: the signal that asked for it, or 0; `listed`: it
 * has lines for quarantine.tsv; `bad`: bad images it met in this invocation. */
struct wish { uint64_t bad; uint8_t save, stop, failed, late, writing, listed; };

/* Times since the last line of metrics.jsonl, seconds. */
struct tally { double since, data, forward, backward, reduce, update, save; uint64_t steps; };

/* What the loop needs beside the standing; nothing of it outlives the process. */
struct loop {
    uint64_t taken;                /* steps of this invocation */
    uint64_t saved;                /* step of the newest generation; UINT64_MAX: none */
    double started, saved_at;      /* clock; 0: not yet */
    bool lost;                     /* the group does not work any more */
    bool urgent;                   /* what is saved now is asked for by somebody who waits, or is the last */
    uint64_t hashed;               /* step at which the replicas were last compared; UINT64_MAX: never */
    struct bit_hash hash;          /* of the weights at that step */
    uint64_t bad;                  /* bad training images of this invocation, all ranks, when last counted */
    uint64_t bad_undone;           /* not among them: met before the last rollback; the standing has what counts */
        char first_bad[512]; /* path and reason of the first bad image that this invocation met, "" before */
    struct setback setback;
    uint64_t spiked;               /* the last step whose loss was told to have jumped */
    struct tally tally;
    struct wish *wishes;           /* of all ranks */
    double *rank_seconds;          /* room for two numbers of each rank */
    struct bit_slow_rank slow;
    struct bit_slow_link link;
};

struct run {
    const struct options *options;
    struct bit_group *world;
    struct bit_error error;        /* once a state has failed: the same on all ranks */
    bool told;                     /* the error was printed already */
    int code;                      /* exit code */

    const struct bit_job *job;
    char folder[PATH_MAX];         /* the run's */
    char *before;                  /* outcome.json as this process found it, or NULL */
    struct bit_outcome former;     /* what it said, as far as it could be read */
    bool created;                  /* the folder, by this process */
    bool claimed;                  /* the folder is ours: an outcome may be written */
    bool begun;                    /* past planning: a usage error leaves the folder behind */
    struct bit_lock *lock;             /* rank 0: of the folder, or with --evaluate of its watchdog's */

    struct bit_index *train, *val;
    struct bit_index *probe_train, *probe_test; /* NULL: no probe */
    char classes_fingerprint[33], images_fingerprint[33];
    struct bit_subset *subset;     /* few-shot: the training images; NULL: all of the index */
    struct bit_start *start;       /* rank 0, until the weights are read; NULL else */
    int classes;
    struct bit_class_groups *groups; /* evaluation.among_labelled; NULL: not asked for */
    char *model_text;              /* what a checkpoint must have in common, classes counted: bit_job_model */
    int threads;                   /* a rank */
    const struct bit_recipe *recipe; /* NULL: not settled yet */
    struct bit_plan plan;

    const struct bit_backend *backend;
    struct bit_model *model;
    struct bit_stream *stream;
    struct bit_quarantine *quarantine; /* rank 0 */
    struct bit_trainer *trainer;   /* NULL with --evaluate */
    float *weights;                /* the trainer's, or with --evaluate own_weights */
    float *own_weights;
    struct bit_store *store;

    struct standing standing;
    struct loop loop;
    struct saving saving;
    char watched[PATH_MAX];        /* the folder of the watchdog's files: the run's, or with --evaluate one below it */
    struct bit_watch *watch;       /* from claiming the folder to the very end */
    struct bit_metrics_log *metrics;       /* rank 0 */
    struct bit_progress progress;
    struct bit_timeline *timeline;     /* NULL: nothing is traced */
    char started_at[32];
};

/* Gives back everything a run holds but its watchdog and its lock, in the reverse order of its states. Collective. */
void run_clear(struct run *run);

/* Ends the watchdog. Local. */
void run_end_watch(struct run *run);
/* Ends the watchdog and releases the lock of the folder. Must come last: the next run recreates heartbeat/, and our watchdog would take that as its
 * cue to exit. Called after bit_comm_fini, so the caller gives the `rank`; `code`: the process's exit code. Local. */
void run_leave(struct run *run, int rank, int code);

/* Path of `name` in the run's folder. */
int run_path(const struct run *run, const char *name, char path[PATH_MAX], struct bit_error *error);
/* Rank 0 alone has worked and perhaps failed: all ranks get its error. 0 or -1. Collective. */
int run_follow(struct run *run);
/* All ranks did the same and may have failed: rank 0's error as it is, else another rank's with its rank. Collective. */
int run_agree_alike(struct run *run);
/* Any rank may have failed: see bit_group_agree. Collective. */
int run_agree(struct run *run);
bool run_is_first(const struct run *run);
/* Rank 0 says something about the whole run: as bit_log, without a rank in front. The others say nothing. Local. */
void run_tell(const struct run *run, enum bit_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Training images: of the index, or of its subset. */
uint64_t run_train_images(const struct run *run);
/* The recipe's stream over the run's images, training or validation: this rank's part of it. NULL with run->error. Local. */
struct bit_stream *run_open_stream(struct run *run, bool training);

#endif
