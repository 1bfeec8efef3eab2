/* The job: parsed strictly, validated, frozen. And the schedule it describes. */
#ifndef BIT_JOB_H
#define BIT_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "bit/error.h"
#include "bit/text.h"

enum { BIT_JOB_DECAYS = 16, BIT_JOB_BLOCKS = 6 /* root, blocks 1 to 4, head */, BIT_JOB_NUMBERS = 8, BIT_JOB_FILE_LIMIT = 1 << 20, BIT_JOB_DEPTH_LIMIT = 16 };

/* A list of numbers. */
struct bit_job_numbers { int count; double value[BIT_JOB_NUMBERS]; };

/* Every key of a job file, by section; defaults are the paper's (BiT-S). Meaning, type, range and default of each stand
 * in one table (src/job/keys.c), which validates, documents (bit help job, bit-job(5)) and writes the canonical form. */
struct bit_job {
    char *name;  /* default: the file's name without .json */
    char *comment;
    char *task;  /* pretrain|finetune|detect */

    struct { int depth, width, classes /* 0: as many as the data has */; char *norm /* group|batch */;
             bool weight_standardization; char *batch_norm_scope /* global|rank */;
             char *initialization /* lecun_normal|he_fan_out */; double head_bias /* NaN: by loss */; char *start /* "": none */,
             *head_from /* auto|zero|names|order */; double dropout; } model;

    struct { char *train, *val /* "" : none; absolute after bit_job_read */, *train_folder, *val_folder /* likewise: boxes */; uint64_t images, val_images /* for bit
             plan where the folder is absent; 0: not stated */; int size, resize; bool mirror;
             double area_min, area_max, aspect_min, aspect_max; int crop_attempts; int loaders /* 0: auto */, prefetch;
             double bad_share; int max_file_mib, max_megapixels, max_scans; char *background /* #RRGGBB */, *filter /* reduced|bilinear|antialias */;
             bool exif_orientation; char *crop /* inception|random|squash */, *evaluation_crop /* central|squash */;
             double mixup; int per_class /* 0: all */; uint64_t per_class_seed; } data;

    char *loss; /* softmax|sigmoid */

    struct { double momentum, clip_norm /* 0: none */, block_rates[BIT_JOB_BLOCKS]; } optimizer;

    struct { double epochs; uint64_t steps /* exactly one of epochs and steps is not 0 */; int batch; double base_rate;
             int base_batch; uint64_t warmup_steps; int decays; double decay_epochs[BIT_JOB_DECAYS];
             int decays_in_steps; uint64_t decay_steps[BIT_JOB_DECAYS] /* instead of decay_epochs */;
             double decay_factor; double weight_decay; char *weight_decay_on /* all|kernels */; char *shape /* step|cosine */,
             *warmup_from /* first|zero */; double start_decay; } schedule;

    struct { char *taps /* activation|sum */, *p6_from /* p5|c5 */, *norm /* gn|none */, *freeze /* none|root|block1 */; int channels, layers;
             double anchor_scale; int octaves; struct bit_job_numbers ratios; bool empty_images; double positive, negative, scale_min, scale_max, alpha, gamma, box_beta, box_weight, prior, score, overlap; int candidates, most; } detect;

    struct { char *rule /* paper|published-code|light|big_vision */; uint64_t pixels /* 0: measured */; } finetune;

    int micro_batch;
    char *precision; /* float32|bfloat16 */
    char *backend;   /* auto|onednn|openblas|reference */
    int threads;     /* a rank; 0: the cores it is bound to */
    uint64_t seed;

    struct { uint64_t every_steps; double every_minutes; int keep; bool at_end, background; } checkpoint;
    struct { char *train, *test /* "" : none */; double every_epochs; uint64_t every_steps; bool at_end; char *shots /* "1,5,10,25" */;
             int seeds; double l2; } probe;
    struct { double every_epochs; uint64_t every_steps; bool at_end; char *metrics /* names, see the key */;
             bool among_labelled; int border; uint64_t predictions; /* of at most so many images; 0: none */ } evaluation;
    struct { uint64_t replicas_every_steps; char *nonfinite /* stop|skip|rollback|log */; int nonfinite_limit, rollback_limit;
             double loss_spike; char *loss_spike_policy /* log|skip|rollback|stop */, *memory /* rollback|stop|off */; } checks;
    struct { double start_seconds, data_seconds, step_seconds /* NaN: by the steps */, checkpoint_seconds; } watchdog;
    struct { uint64_t every_steps; } log;

    uint64_t open[2];      /* keys of a job of task finetune that the rule settles, a bit each: bit_job_is_open */
    char *canonical;       /* the whole job as canonical JSON: every key, schema order, shortest round-trip numbers */
    char *canonical_model; /* the keys that must equal a checkpoint's: model.*, loss, data.size ... as an object */
};

/* A list of problems; all errors of a file in one go. */
struct bit_problem { int line, column; /* 0: not from text */ char key[128]; char text[512]; bool warning; };
struct bit_problems { size_t count, capacity; struct bit_problem *items; };
void bit_problems_free(struct bit_problems *p);
/* "file:line:column: key: text", without the parts that are not known; `file` may be "". */
void bit_problem_text(const struct bit_problem *p, const char *file, char *buffer, size_t size);
/* The same, a line each. */
void bit_problems_print(const struct bit_problems *p, const char *file, FILE *stream);
/* Appends a warning. -1 for lack of memory. */
int bit_problems_add_warning(struct bit_problems *problems, struct bit_error *error, const char *key,
                             const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Reads `path`, applies `overrides` ("key.path=value", value as JSON or, where that fails, as a string), validates.
 * Relative data paths are made absolute against the file's folder, those of overrides against the current one.
 * An override of schedule.steps takes the place of the file's schedule.epochs, and so on for such pairs. NULL when there
 * is any error: `problems` lists them all (none: the file could not be read), and `error` has the class and the first.
 * Local: rank 0 reads, and the others bit_job_parse its `canonical`. */
const struct bit_job *bit_job_read(const char *path, const char *const *overrides, size_t override_count,
                                   struct bit_problems *problems, struct bit_error *error);
/* The same from text (fuzzing, broadcast, checkpoints); `name` is used in messages and as the default name. */
const struct bit_job *bit_job_parse(const char *text, size_t size, const char *name, const char *const *overrides,
                                    size_t override_count, struct bit_problems *problems, struct bit_error *error);
/* canonical_model with the number of classes that the data have where the job says 0. Free with bit_free. */
char *bit_job_model(const struct bit_job *job, int classes, struct bit_error *error);
void bit_job_destroy(const struct bit_job *job);

/* The first key whose path is neither empty nor absolute; NULL: there is none. */
const char *bit_job_relative_path(const struct bit_job *job);
/* Whether the key is left to the rule of fine-tuning: not given, or null. With path NULL: whether any is. In pre-training none is. */
bool bit_job_is_open(const struct bit_job *job, const char *path);
/* A copy of a job with open keys, with the `count` values ("key.path=value") that the rule has chosen: nothing may be open then
 * (class internal). Local. */
const struct bit_job *bit_job_settle(const struct bit_job *job, const char *const *values, size_t count, struct bit_error *error);

/* Reference of all keys, from the table that validates. */
void bit_job_help(FILE *stream);
/* The same as the man page bit-job(5); man/bit-job.5 is its output, and a test compares them. */
void bit_job_help_roff(FILE *stream);

/* ---- schedule: what the job means once the number of training images is known ---- */

struct bit_schedule {
    uint64_t images, steps, warmup_steps;
    int batch;
    double steps_an_epoch;   /* images / batch */
    double peak_rate;        /* base_rate * batch / base_batch */
    double decay_factor;
    bool cosine, warmup_from_zero;
    int decays;
    uint64_t decay_steps[BIT_JOB_DECAYS];
};

/* Total steps = ceil(epochs * images / batch) or schedule.steps. A decay at epoch e is step ceil(e * images / batch). */
int bit_schedule_create(const struct bit_job *job, uint64_t images, struct bit_schedule *schedule,
                        struct bit_error *error);
/* Rate of the update that makes step number `step` + 1 (step counts from 0): peak * (step + 1) / warmup below warm-up (from zero:
 * peak * step / warmup), else peak * factor^(number of decay_steps <= step), for a cosine times
 * (1 + cos(pi * (step - warmup) / (steps - warmup))) / 2. */
double bit_schedule_rate(const struct bit_schedule *schedule, uint64_t step);
/* Epochs that `step` steps make: step * batch / images; 0 before bit_schedule_create has filled the schedule. */
double bit_schedule_epoch(const struct bit_schedule *schedule, uint64_t step);

#endif
