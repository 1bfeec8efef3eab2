/* The plan: what a job will do on a number of ranks, before anything starts. */
#ifndef BIT_PLAN_H
#define BIT_PLAN_H

#include <stdint.h>
#include <stdio.h>

#include "bit/job.h"
#include "bit/model.h"

struct bit_plan {
    struct bit_schedule schedule;
    int ranks, threads, classes;
    int micro_batches;            /* a rank and step */
    uint64_t train_images, val_images;
    uint64_t numbers;             /* parameters */
    double flops_an_image;        /* one training step */
    struct { uint64_t weights, gradients, momentum, packed, activations, scratch, stream, other, total; } memory; /* bytes a rank */
    uint64_t checkpoint_bytes;    /* one generation, all ranks */
    struct bit_problems warnings;
};

/* Translates the job into the model's options (run, plan and bench share this). */
void bit_plan_model_options(const struct bit_job *job, int classes, int ranks, bool training,
                            struct bit_model_options *options);
/* images: of the training and validation data, as indexed (or as stated on the command line with --images). -1 with
 * `error` (usage) for what cannot run: batch not divisible by ranks x micro-batch, ... */
int bit_plan_create(const struct bit_job *job, int ranks, int classes, uint64_t train_images, uint64_t val_images,
                    struct bit_plan *plan, struct bit_error *error);
void bit_plan_free(struct bit_plan *plan);
void bit_plan_print(const struct bit_plan *plan, const struct bit_job *job, FILE *stream);
void bit_plan_print_json(const struct bit_plan *plan, const struct bit_job *job, FILE *stream);

#endif
