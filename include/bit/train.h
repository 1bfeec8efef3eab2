/* One optimiser step over all ranks: gradient tree, reduction, agreement, SGD (bit/optimise.h). */
#ifndef BIT_TRAIN_H
#define BIT_TRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "bit/comm.h"
#include "bit/data.h"
#include "bit/model.h"
#include "bit/optimise.h"

/* ---- step ---- */

/* Why a step was not applied. Memory: a rank's weights or momentum have changed between two steps. */
enum bit_refusal { BIT_REFUSED_NOT, BIT_REFUSED_NONFINITE, BIT_REFUSED_SPIKE, BIT_REFUSED_MEMORY };

struct bit_trainer_options {
    struct bit_model *model;      /* with a head */
    struct bit_stream *stream;
    struct bit_group *world;
    struct bit_step_settings step;
};

struct bit_step_result {
    double loss;                  /* mean over the global batch, or over its positives where the head counts these: same bits on all ranks
                                   * and for any number of them */
    double gradient_norm, weight_norm; /* of the sum over all ranks; of the weights before the update: likewise the
                                        * same bits for any number of ranks. NaN where not finite */
    bool applied;
    enum bit_refusal refusal;     /* why not, */
    struct bit_error refused;     /* and in words: the same on all ranks */
    bool lost;                    /* the step failed because ranks could not be reached: no collective call will do any more */
    double seconds, data_seconds, forward_seconds, backward_seconds, reduce_seconds, update_seconds;
};

struct bit_trainer; /* owns weights, gradient, velocity and reducer */
/* With group norm a micro-batch is one forward call of the model. With batch norm all of the rank's go through it at once,
 * copied together (the model's micro_batches), and bits do depend on the number of ranks. All ranks get a trainer, or
 * all get NULL and the same error. Collective. */
struct bit_trainer *bit_trainer_create(const struct bit_trainer_options *options, struct bit_error *error);
void bit_trainer_destroy(struct bit_trainer *trainer);
float *bit_trainer_weights(struct bit_trainer *trainer);
float *bit_trainer_velocity(struct bit_trainer *trainer);
const struct bit_share *bit_trainer_share(const struct bit_trainer *trainer);
/* The weights (a block) towards which step.start_decay pulls: copied, this rank's share of them. Without start_decay nothing. Local. */
void bit_trainer_set_start(struct bit_trainer *trainer, const float *weights);
/* After weights or momentum were written from outside (initialise, load): they are right now. Collective. */
int bit_trainer_weights_changed(struct bit_trainer *trainer, struct bit_error *error);
/* One global step at `rate`. All ranks return the same verdict; a rank whose stream or model fails does not leave the
 * others waiting. Where loss or gradient is not finite, or the loss is above `loss_limit` (INFINITY: none), weights, momentum and
 * batch norm's running statistics stay untouched on every rank, the step is not applied and the caller decides what follows. Where a
 * rank's memory has changed it is not applied either, or on some ranks only: the caller loads older weights or ends. Collective. */
int bit_trainer_step(struct bit_trainer *trainer, double rate, double loss_limit, struct bit_step_result *result,
                     struct bit_error *error);
/* What each rank spent on its own work (images, forward, backward pass) in the last step; world size numbers. Local. */
void bit_trainer_rank_seconds(const struct bit_trainer *trainer, double *seconds);
/* Reads all weights and momentum: is every word as the last update wrote it? *harm (else clear) names rank, host and parameter
 * where it is not: the same on all ranks. -1: the ranks cannot be reached. Collective. */
int bit_trainer_check_memory(struct bit_trainer *trainer, struct bit_error *harm, struct bit_error *error);
/* As bit_trainer_check_memory; then compares the hash of the weights (and of batch norm's statistics) over all ranks; a difference
 * fails (internal) naming the minority. *hash (or NULL): this rank's weights'. Collective. */
int bit_trainer_check_replicas(struct bit_trainer *trainer, struct bit_hash *hash, struct bit_error *harm,
                               struct bit_error *error);

#endif
