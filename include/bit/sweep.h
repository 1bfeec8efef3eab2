/* Sweeps: a job file some of whose values are drawn or listed, and the jobs that it stands for.
 *
 *     "sweep": {"trials": 40, "seed": 0, "at_once": 4, "metric": "top1", "last": {"data.train": "all.txt"}}     one more section of the job, and in
 *     {"random": "uniform"|"log-uniform", "from": A, "to": B}     place of a value: a number, rounded to six digits;
 *     {"random": "whole", "from": A, "to": B}                     a whole number, both ends among them;
 *     {"random": "choice", "of": [VALUE, ...]}                    one of these, all as likely;
 *     {"grid": [VALUE, ...]}                                      each of these: every combination of all grids gets `trials` draws (1 unless given).
 *
 * A value depends on the seed, the number of the trial and the name of the key alone, so a key more changes no other. All local. */
#ifndef BIT_SWEEP_H
#define BIT_SWEEP_H

#include "bit/job.h"

enum { BIT_SWEEP_KEYS = 32, BIT_SWEEP_TRIALS = 500, BIT_SWEEP_VALUE = 512, BIT_SWEEP_NAME = 64 };

enum bit_sweep_kind { BIT_SWEEP_GRID, BIT_SWEEP_UNIFORM, BIT_SWEEP_LOG_UNIFORM, BIT_SWEEP_WHOLE, BIT_SWEEP_CHOICE };

struct bit_sweep_key {
    char path[128];            /* "schedule.base_rate" */
    enum bit_sweep_kind kind;
    double from, to;           /* random numbers */
    int count;                 /* grid, choice: of values */
    char **values;             /* as JSON */
    size_t start, end;         /* where it stands in the text */
};

struct bit_sweep {
    char *name, *text;         /* the text is whole: paths absolute after bit_sweep_read, overrides among it */
    size_t size;
    uint64_t seed;
    int draws, combinations, trials; /* trials: of both, without the last one */
    int at_once;               /* how many run at a time; 0: as many as there is room for */
    char metric[BIT_SWEEP_NAME]; /* by which the best is chosen: a metric's name, or loss; "": the first of the head's */
    bool has_last;             /* the best one's settings once more, with the changes of `last` */
    char *last[BIT_SWEEP_KEYS]; /* "key.path=JSON" */
    int last_count;
    struct bit_sweep_key key[BIT_SWEEP_KEYS];
    int keys;
};

/* Whether a text is a sweep's and not a job's: it has a section sweep, or a value that is random or a grid. */
bool bit_sweep_is(const char *text, size_t size);
/* The same of a file; false where it cannot be read. */
bool bit_sweep_is_file(const char *path);
/* Reads `path`, applies overrides as bit_job_read does (of keys of the section, too: sweep.trials=5), and makes paths absolute. What is wrong with the
 * sweep and with each of its jobs is in `problems`, with places. NULL when there is any error. Free with bit_sweep_destroy. */
struct bit_sweep *bit_sweep_read(const char *path, const char *const *overrides, size_t override_count, struct bit_problems *problems,
                                 struct bit_error *error);
/* The same from text. Looks at the sweep itself; bit_sweep_check looks at its jobs. */
struct bit_sweep *bit_sweep_parse(const char *text, size_t size, const char *name, struct bit_problems *problems, struct bit_error *error);
/* Whether each trial, and the last one, is a valid job and has something to be chosen by. */
int bit_sweep_check(const struct bit_sweep *sweep, struct bit_problems *problems, struct bit_error *error);
void bit_sweep_destroy(struct bit_sweep *sweep);

/* The value that a key has in a trial, as JSON. */
void bit_sweep_value(const struct bit_sweep *sweep, int trial, int key, char value[BIT_SWEEP_VALUE]);
/* The job of a trial (from 0), or the last one with that trial's values; named NAME-TRIAL and NAME-best. */
const struct bit_job *bit_sweep_job(const struct bit_sweep *sweep, int trial, struct bit_problems *problems, struct bit_error *error);
const struct bit_job *bit_sweep_last(const struct bit_sweep *sweep, int trial, struct bit_problems *problems, struct bit_error *error);
/* The name of a trial's job; trial -1: of the last one. */
void bit_sweep_name(const struct bit_sweep *sweep, int trial, char *name, size_t size);
/* "log-uniform from 0.0001 to 0.1", "one of 3 values", for people. */
void bit_sweep_key_text(const struct bit_sweep_key *key, char *text, size_t size);

#endif
