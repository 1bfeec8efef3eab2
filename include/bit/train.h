/* One optimiser step over all ranks: gradient tree, reduction, agreement, SGD. */
#ifndef BIT_TRAIN_H
#define BIT_TRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "bit/comm.h"
#include "bit/data.h"
#include "bit/model.h"

/* ---- gradient: sums the micro-batches of a rank in a fixed binary tree ---- */

/* tree(1) = the micro-batch; tree(n) = tree(ceil(n / 2)) + tree(floor(n / 2)). With n = 2^a q and 2^b <= 2^a ranks each
 * rank's part is a subtree, and comm's reduction is the top of the same tree: so the bits do not depend on the number
 * of ranks. Buffers: the block plus one of its size for each pending level (log2 n - 1) and room for the largest
 * parameter (bit/tree.h); combined a parameter at a time while it is in cache. Local. */
struct bit_gradient;
struct bit_gradient *bit_gradient_create(const struct bit_table *table, int micro_batches, struct bit_error *error);
void bit_gradient_destroy(struct bit_gradient *gradient);
size_t bit_gradient_bytes(const struct bit_table *table, int micro_batches); /* what create allocates */
/* Prepares for the first micro-batch of a step. `reducer` may be NULL; it is told of elements that are final. */
void bit_gradient_start(struct bit_gradient *gradient, struct bit_reducer *reducer);
/* The sink for micro-batch 0, 1, ... in order. */
struct bit_gradient_sink *bit_gradient_sink(struct bit_gradient *gradient, int micro);
float *bit_gradient_block(struct bit_gradient *gradient);
/* After the last micro-batch: a parameter whose sum on this rank is not finite (the first in the table), or -1. */
long bit_gradient_bad(const struct bit_gradient *gradient);

/* ---- guard: finds memory that changes between two steps ---- */

/* Of weights: what the optimiser reads of its share is not what it wrote. Momentum: likewise. Copy: this rank's copy of the
 * other ranks' weights is not what they wrote. */
enum bit_harm_kind { BIT_HARM_NONE, BIT_HARM_WEIGHTS, BIT_HARM_MOMENTUM, BIT_HARM_COPY };
struct bit_harm {
    int32_t kind;
    uint32_t parameter;           /* number in the table; unset for HARM_COPY */
    uint64_t element;             /* of the block: the changed word lies in [element, element + 16384) */
};

/* Sums of this rank's share, kept by bit_sgd_update (src/train/guard.h). Unarmed until the first note: then nothing is summed
 * and no harm is found. Borrows table and share. Local, as all of this. */
struct bit_guard;
struct bit_guard *bit_guard_create(const struct bit_table *table, const struct bit_share *share, struct bit_error *error);
void bit_guard_destroy(struct bit_guard *guard);
/* Weights (block) and velocity (share) are right as they stand now: sums them. */
void bit_guard_note(struct bit_guard *guard, const float *weights, const float *velocity);
/* What the weights of this share sum to, as last written; and what those of the `count` other ranks sum to. */
struct bit_sum { uint32_t plain, placed; };
struct bit_sum bit_guard_sum(const struct bit_guard *guard);
void bit_guard_expect(struct bit_guard *guard, const struct bit_sum *sums, int count);
/* What the updates since the last note or check have found. */
void bit_guard_harm(const struct bit_guard *guard, struct bit_harm *harm);
/* Reads the copy of the other ranks' weights; reads everything. */
void bit_guard_check_others(const struct bit_guard *guard, const float *weights, struct bit_harm *harm);
void bit_guard_check(struct bit_guard *guard, const float *weights, const float *velocity, struct bit_harm *harm);

/* ---- SGD ---- */

/* v = momentum v + (g + decay w), w -= rate v, over the guard's share and by the roles in its table: a parameter that does not
 * train stays as it is, one that does not decay has no decay, and rate is multiplied by the parameter's factor. weights, gradient: blocks; velocity: the share, pieces one after another. Fixed order; vectorised; threaded. */
struct bit_sgd { double rate, momentum, weight_decay; };
void bit_sgd_update(const struct bit_sgd *sgd, struct bit_guard *guard, const float *gradient, float *weights, float *velocity);

/* ---- step ---- */

/* Why a step was not applied. Memory: a rank's weights or momentum have changed between two steps. */
enum bit_refusal { BIT_REFUSED_NOT, BIT_REFUSED_NONFINITE, BIT_REFUSED_SPIKE, BIT_REFUSED_MEMORY };

struct bit_trainer_options {
    struct bit_model *model;      /* with a head */
    struct bit_stream *stream;
    struct bit_group *world;
    int batch, micro_batch;       /* global batch; images that the stream hands out at a time */
    int image_size;               /* of the stream's images, as is the precision */
    enum bit_type precision;
    double momentum, weight_decay;
    bool guarded;                 /* memory is watched from the first bit_trainer_weights_changed on */
};

struct bit_step_result {
    double loss;                  /* mean over the global batch: same bits on all ranks and for any number of them */
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
