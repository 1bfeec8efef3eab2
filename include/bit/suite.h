/* A suite: many tasks, fine-tuned from one set of weights, over several seeds, and judged together. How it stands is read from the runs'
 * own folders, so that a suite that was interrupted goes on where it stopped. Local. */
#ifndef BIT_SUITE_H
#define BIT_SUITE_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "bit/error.h"
#include "bit/metric.h"
#include "bit/record.h"

enum { BIT_SUITE_SEEDS = 64, BIT_SUITE_TASKS = 512, BIT_SUITE_NAME = 64 };

/* One run of the suite: a task with a seed. */
struct bit_suite_run {
    size_t task;
    uint64_t seed;
    char job[PATH_MAX];            /* the job file that was made for it */
    char folder[PATH_MAX];         /* the run's */
    enum bit_run_state state;      /* bit_suite_look */
    double value;                  /* of the suite's metric; NaN: not known */
    uint64_t images;               /* that it was judged on */
};

struct bit_suite_task {
    char name[BIT_SUITE_NAME], group[BIT_SUITE_NAME]; /* group "": none */
    char *job;                     /* canonical JSON of its job, without the seed */
    char list[2][17];              /* checksum of the list files of data.train and data.val; "": folders */
    /* bit_suite_look, over the seeds that have finished; NaN: none has. */
    size_t finished;
    double median, least, most, deviation;
};

struct bit_suite {
    char *name, *metric;           /* metric "": each task's first */
    size_t seed_count, task_count, run_count;
    uint64_t seeds[BIT_SUITE_SEEDS];
    struct bit_suite_task *tasks;
    struct bit_suite_run *runs;    /* task by task */
};

struct bit_suite_options {
    const char *file;              /* the suite */
    const char *folder;            /* where its runs go: FOLDER/TASK/seed-N */
    const char *start;             /* weights to begin with, instead of the suite's; NULL */
    const char *data;              /* relative paths of data stand against it; NULL: the suite file's folder */
    const char *only;              /* names of tasks, with commas; NULL: all */
};

/* Reads a suite and checks every job in it (usage, naming file, task and key): nothing has been started or written then. NULL with `error`. */
struct bit_suite *bit_suite_open(const struct bit_suite_options *options, struct bit_error *error);
void bit_suite_close(struct bit_suite *suite);
/* Makes the folder and the job file of a run; a file that says the same stays. */
int bit_suite_prepare(const struct bit_suite *suite, size_t run, struct bit_error *error);
/* Reads how the runs stand. */
void bit_suite_look(struct bit_suite *suite);

/* Mean over the tasks (of `group`; NULL: all) of their medians, and the deviation over seeds of such means. NaN: some task has no result. */
void bit_suite_mean(const struct bit_suite *suite, const char *group, double *mean, double *deviation);
void bit_suite_print(const struct bit_suite *suite, FILE *stream);
/* Writes FOLDER/results.json, atomically. */
int bit_suite_write(const struct bit_suite *suite, const char *folder, struct bit_error *error);

#endif
