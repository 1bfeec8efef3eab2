/* The plan: what a job will do on a number of ranks, before anything starts. */
#ifndef BIT_RECIPE_H
#define BIT_RECIPE_H

#include <stdint.h>
#include <stdio.h>

#include "bit/data.h"
#include "bit/heads.h"
#include "bit/job.h"
#include "bit/model.h"

struct bit_plan {
    struct bit_schedule schedule;
    int ranks, threads, classes;  /* threads: the job's; where it has 0, the cores here shared by the ranks */
    int micro_batches;            /* a rank and step */
    uint64_t train_images, val_images;
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

/* Translates the job into the model's options (run, plan and bench share this). backend is NULL when the job's is not
 * built in; group is NULL. */
void bit_plan_model_options(const struct bit_job *job, int classes, int ranks, bool training, union bit_any_head *head,
                            struct bit_model_options *options);
/* Floating-point operations of one image in one training step. */
double bit_plan_step_flops(const struct bit_model_options *options);
/* Class data when the job's loss is softmax and some image of `index` (opened from `path`) has not exactly one label.
 * Local. */
int bit_plan_check_labels(const struct bit_job *job, const char *path, const struct bit_index *index,
                          struct bit_error *error);
/* images: of the training and validation data, as indexed (or as stated on the command line with --images); val_images 0:
 * no evaluation. -1 with `error` (usage) for what cannot run: batch not divisible by ranks x micro-batch, ... Warnings
 * are those that follow from the job alone. Local. After success, and only then: bit_plan_free. */
int bit_plan_create(const struct bit_job *job, int ranks, int classes, uint64_t train_images, uint64_t val_images,
                    struct bit_plan *plan, struct bit_error *error);
/* Gives the snapshot up when `ranks_here` ranks hardly fit into this machine's memory with it. Local: the ranks need not do the
 * same. */
void bit_plan_fit(struct bit_plan *plan, int ranks_here);
/* Likewise, and adds warnings about this machine, when `ranks_here` ranks run on it, on `cores` cores together, and write below
 * `folder`: cores, memory, disk. */
int bit_plan_check_machine(struct bit_plan *plan, const struct bit_job *job, int ranks_here, int cores,
                           const char *folder, struct bit_error *error);
/* Bytes of address space that a rank takes beside program and libraries: more than memory, since stacks and buffers are reserved whole. */
uint64_t bit_plan_address_space(const struct bit_plan *plan, const struct bit_job *job);
void bit_plan_free(struct bit_plan *plan);
/* `note` says where the numbers of images come from, or is NULL. Warnings are printed last. */
void bit_plan_print(const struct bit_plan *plan, const struct bit_job *job, const char *note, FILE *stream);
/* One JSON object; its keys are described in bit(1). more: further members behind a comma, or NULL. */
void bit_plan_print_json(const struct bit_plan *plan, const struct bit_job *job, const char *note, const char *more,
                         FILE *stream);
/* Cores that this process, or the launcher that started it, may run on, within the CPU quota of its control group. */
int bit_plan_cores(void);

#endif
