/* The recipe: what a job comes to on its data and on a number of ranks. It is settled once, before anything starts, and never changes; who works
 * for the job gets options from it, with enums, and does not look at the job's words. The plan: what the recipe will take. */
#ifndef BIT_RECIPE_H
#define BIT_RECIPE_H

#include <stdint.h>
#include <stdio.h>

#include "bit/data.h"
#include "bit/heads.h"
#include "bit/job.h"
#include "bit/model.h"
#include "bit/optimise.h"
#include "bit/watch.h"

/* ---- the rule of fine-tuning ---- */

/* What it goes by. */
struct bit_rule_facts {
    uint64_t examples;               /* training images, those of the subset */
    uint64_t pixels;                 /* width x height of a training image */
    bool pixels_stated;              /* by finetune.pixels, else measured */
    int depth, width;                /* of the weights that the run begins with, */
    bool batch_norm, weight_standardization; /* and how they are to be used */
};

/* What it chose for a key that the job left open, and why. */
enum { BIT_CHOICES = 32 };
struct bit_choice { char key[48], value[100], reason[200]; };
struct bit_choices { size_t count; struct bit_choice item[BIT_CHOICES]; };

/* The job with all keys settled, the caller's to destroy; of a job that leaves nothing open a copy, without choices. NULL with `error`:
 * a value that the rule chose does not go with one of the job's (usage). Local: the same for the same facts. */
const struct bit_job *bit_recipe_settle(const struct bit_job *job, const struct bit_rule_facts *facts, struct bit_choices *choices,
                                        struct bit_error *error);

/* ---- recipe ---- */

/* What is to be done about a step that was not applied, or memory that has changed. LOG goes on, SKIP goes on so many times in a
 * row, ROLLBACK loads the newest checkpoint, STOP ends the run; OFF: nobody looks. */
enum bit_policy { BIT_POLICY_OFF, BIT_POLICY_LOG, BIT_POLICY_SKIP, BIT_POLICY_ROLLBACK, BIT_POLICY_STOP };

/* model.head_from: see bit-job(5). */
enum bit_head_from { BIT_HEAD_AUTO, BIT_HEAD_ZERO, BIT_HEAD_NAMES, BIT_HEAD_ORDER };

struct bit_checks {
    enum bit_policy nonfinite;       /* loss or gradient is not finite: never OFF */
    enum bit_policy spike;           /* the loss is more than spike_factor times the median of the recent ones: never OFF */
    enum bit_policy memory;          /* weights or momentum changed between two steps: ROLLBACK, STOP or OFF */
    double spike_factor;             /* 0: the loss is not looked at */
    int skip_limit, rollback_limit;  /* in a row */
    uint64_t replicas_every_steps;   /* 0: weights are compared at checkpoints only */
};

/* Images of probe.train and probe.test, and their classes: for the memory that a probe takes. */
struct bit_probe_data { uint64_t train, test; int classes; };

struct bit_recipe {
    const struct bit_job *job;       /* borrowed */
    int ranks, threads, classes;     /* threads: a rank's */
    int micro_batches;               /* a rank and step */
    bool fine_tuning, detects;       /* detects: evaluations are judged by boxes */
    uint64_t train_images, val_images;
    const struct bit_class_groups *groups; /* borrowed; NULL: none */
    struct bit_schedule schedule;
    union bit_any_head head;         /* of both networks */
    struct bit_model_options training_model;   /* group NULL */
    struct bit_model_options evaluation_model; /* takes one micro-batch at a time also with batch norm; group NULL */
    enum bit_initialisation initialisation;
    enum bit_head_from head_from;
    struct bit_stream_options training_stream, evaluation_stream; /* index NULL, rank 0 */
    struct { int shots, shot[16], seeds; double l2; struct bit_probe_data data; } probe; /* shots 0: none */
    struct bit_step_settings step;
    struct bit_checks checks;
};

/* Of what the job is settled. images: as indexed, or as stated on the command line with --images; val_images 0: no evaluation. */
struct bit_recipe_place {
    int ranks;
    int threads;                     /* a rank's, where the job leaves them open; 0: the cores here, shared by the ranks */
    int classes;
    uint64_t train_images, val_images;
    struct bit_probe_data probe;     /* all 0: not known, or no probe */
    const struct bit_class_groups *groups; /* for evaluation.among_labelled; NULL: none */
};

/* The job leaves no key open (bit_recipe_settle). NULL with `error` (usage) for what cannot run: batch not divisible by ranks x micro-batch, no class, no image, a backend that
 * is not built in. The job must outlive the recipe. Local: all ranks get the same. */
const struct bit_recipe *bit_recipe_create(const struct bit_job *job, const struct bit_recipe_place *place, struct bit_error *error);
void bit_recipe_destroy(const struct bit_recipe *recipe);

/* Parts of a recipe that are needed before the images are counted. */

/* The network alone, its head in *head, which must outlive the options' use. backend is NULL when the job's is not built in; group is NULL. */
void bit_recipe_model(const struct bit_job *job, int classes, int ranks, bool training, union bit_any_head *head,
                      struct bit_model_options *options);
/* A stream's options that bound what a picture may be: limits and the side. Of an open job too. */
void bit_recipe_limits(const struct bit_job *job, struct bit_stream_options *options);
/* The images of an evaluation, on `ranks` ranks of `threads` threads: index NULL, rank 0. */
struct bit_stream_options bit_recipe_stream(const struct bit_job *job, int ranks, int threads);
/* How long each phase may last before the watchdog ends the run. */
struct bit_watch_limits bit_recipe_watch_limits(const struct bit_job *job);
/* Of a detection's data, with pictures resized as in an evaluation: boxes of pictures of known size, without crowds; those among them that are less
 * than a pixel wide or high, which are not trained on; and those of the others that no anchor overlaps by detect.positive or more. Local. */
struct bit_box_counts { uint64_t boxes, tiny, missed; };
struct bit_box_counts bit_recipe_anchors(const struct bit_job *job, const struct bit_index *index);
/* Whether the data have what the task takes: boxes, or whole images. */
bool bit_recipe_fits(const struct bit_job *job, const struct bit_index *index);
/* Usage when they have not. Class data when the job's loss is softmax and some image of `index` (opened from `path`, of training images) has not exactly one label. Of
 * validation images several may be right. Local. */
int bit_recipe_check_labels(const struct bit_job *job, const char *path, const struct bit_index *index,
                            struct bit_error *error);

/* ---- plan ---- */

struct bit_plan {
    const struct bit_recipe *recipe; /* borrowed */
    const struct bit_choices *choices; /* of the rule of fine-tuning, to be printed; borrowed; NULL: none */
    uint64_t numbers;             /* parameters */
    uint64_t head_numbers;        /* those of the linear layer among them */
    double flops_an_image;        /* one training step: forward and backward */
    double speed_up;              /* of the job's precision over float32 on this processor, by the kernels that serve it; 1: float32 */
    /* Bytes a rank, as a run will use them at most. snapshot: copies that are written beside training, 0: it stands still
     * meanwhile. other: the program, index, reduction, and the larger of what saving and evaluating need. */
    struct {
        uint64_t weights, gradients, momentum, packed, activations, scratch, stream, snapshot, other, total;
    } memory;
    uint64_t checkpoint_bytes;    /* one generation, all ranks */
    struct bit_problems warnings;
};

/* Floating-point operations of one image in one training step. */
double bit_plan_step_flops(const struct bit_model_options *options);
/* Warnings are those that follow from the recipe alone. The recipe must outlive the plan. Local. After success, and only then:
 * bit_plan_free. */
int bit_plan_create(const struct bit_recipe *recipe, struct bit_plan *plan, struct bit_error *error);
/* Gives the snapshot up when `ranks_here` ranks hardly fit into this machine's memory with it. Local: the ranks need not do the
 * same. */
void bit_plan_fit(struct bit_plan *plan, int ranks_here);
/* Likewise, and adds warnings about this machine, when `ranks_here` ranks run on it, on `cores` cores together, and write below
 * `folder`: cores, memory, disk. */
int bit_plan_check_machine(struct bit_plan *plan, int ranks_here, int cores, const char *folder, struct bit_error *error);
/* Bytes of address space that a rank takes beside program and libraries: more than memory, since stacks and buffers are reserved whole. */
uint64_t bit_plan_address_space(const struct bit_plan *plan);
void bit_plan_free(struct bit_plan *plan);
/* `note` says where the numbers of images come from, or is NULL. Warnings are printed last. */
void bit_plan_print(const struct bit_plan *plan, const char *note, FILE *stream);
/* One JSON object; its keys are described in bit(1). more: further members behind a comma, or NULL. */
void bit_plan_print_json(const struct bit_plan *plan, const char *note, const char *more, FILE *stream);
/* Cores that this process, or the launcher that started it, may run on, within the CPU quota of its control group. */
int bit_plan_cores(void);

#endif
