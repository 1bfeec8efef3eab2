/* A suite: many tasks, fine-tuned from one set of weights, over several seeds, and judged together. How it stands is read from the runs'
 * own folders, so that a suite that was interrupted goes on where it stopped. Local. */
#ifndef BIT_SUITE_H
#define BIT_SUITE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "bit/error.h"
#include "bit/metric.h"
#include "bit/record.h"

enum { BIT_SUITE_SEEDS = 64, BIT_SUITE_TASKS = 512, BIT_SUITE_NAME = 64, BIT_SUITE_SHOTS = 16, BIT_SUITE_WORDS = 32 };

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

/* A task of the file; with the suite's shots: the task with so many images a class. */
struct bit_suite_task {
    char name[BIT_SUITE_NAME], group[BIT_SUITE_NAME]; /* group "": none */
    int shots;                     /* images a class; 0: all */
    char *job;                     /* canonical JSON of its job, without the seed */
    char list[2][17];              /* checksum of the list files of data.train and data.val; "": folders */
    /* bit_suite_look, over the seeds that have finished; NaN: none has. */
    size_t finished;
    double median, least, most, deviation;
    /* The same of the probe's accuracies on the images that the runs train on, and those by the suite's seeds. NaN: not known. */
    double probed[BIT_SUITE_SEEDS], probe_median, probe_least, probe_most;
};

/* Few-shot accuracy of the start's features by regression: bit probe, once for all shots and seeds of a task. */
struct bit_suite_probe {
    size_t task;                   /* first of its rows among the tasks: they follow one another by shots */
    char *start, *train, *val;
    char file[PATH_MAX];           /* its result; the name tells what was asked, so that an older answer to another question is none */
    bool done;                     /* bit_suite_look */
};

struct bit_suite {
    char *name, *metric;           /* metric "": each task's first */
    size_t seed_count, task_count, run_count;
    uint64_t seeds[BIT_SUITE_SEEDS];
    struct bit_suite_task *tasks;
    struct bit_suite_run *runs;    /* task by task */
    bool few;                      /* the file has shots; otherwise there is one row a task, of all images or as many as its job says */
    size_t shot_count;             /* at least 1 */
    int shots[BIT_SUITE_SHOTS];    /* ascending, 0 (all) last */
    struct { bool squash; int size, resize; double l2; } probing; /* options of bit probe; 0: its own */
    size_t probe_count;            /* 0: none was asked for */
    struct bit_suite_probe *probes;
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
/* The words behind "bit" that make a probe's file, whose folder is made unless this is a dry run. Ended by NULL; valid as long as `command` and the suite. */
struct bit_suite_command { const char *words[BIT_SUITE_WORDS]; char shots[BIT_SUITE_SHOTS * 8], seeds[BIT_SUITE_SEEDS * 21], numbers[3][32]; };
int bit_suite_prepare_probe(const struct bit_suite *suite, size_t probe, bool dry, struct bit_suite_command *command, struct bit_error *error);
/* Reads how the runs and probes stand. */
void bit_suite_look(struct bit_suite *suite);

/* Over the tasks with so many shots (of `group`; NULL: all). NaN: some task has no result. */
struct bit_suite_means {
    double mean, deviation;        /* of the tasks' medians; over seeds, of such means */
    double probe;                  /* mean of the probes' medians */
};
struct bit_suite_means bit_suite_mean(const struct bit_suite *suite, const char *group, int shots);
void bit_suite_print(const struct bit_suite *suite, FILE *stream);
/* Writes FOLDER/results.json, atomically. */
int bit_suite_write(const struct bit_suite *suite, const char *folder, struct bit_error *error);

#endif
