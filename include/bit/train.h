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

/* ---- SGD ---- */

/* v = momentum v + (g + decay w), w -= rate v, over this rank's share. decay applies to all parameters or to kernels
 * only. weights, gradient: blocks; velocity: the share, pieces one after another. Fixed order; vectorised; threaded. */
struct bit_sgd { double rate, momentum, weight_decay; bool decay_kernels_only; };
void bit_sgd_update(const struct bit_sgd *sgd, const struct bit_table *table, const struct bit_share *share,
                    const float *gradient, float *weights, float *velocity);

/* ---- step ---- */

enum bit_nonfinite { BIT_NONFINITE_STOP, BIT_NONFINITE_SKIP, BIT_NONFINITE_ROLLBACK };

struct bit_trainer_options {
    struct bit_model *model;
    struct bit_stream *stream;
    struct bit_group *world;
    int batch, micro_batch;       /* global batch; images that the stream hands out at a time */
    int image_size;               /* of the stream's images, as is the precision */
    enum bit_type precision;
    enum bit_loss loss;
    int classes;
    double momentum, weight_decay;
    bool decay_kernels_only;
    enum bit_nonfinite nonfinite;
    int nonfinite_limit;          /* skip: consecutive steps after which it stops all the same */
};

struct bit_step_result {
    double loss;                  /* mean over the global batch: same bits on all ranks and for any number of them */
    double gradient_norm, weight_norm; /* of the sum over all ranks; of the weights before the update: likewise the
                                        * same bits for any number of ranks. NaN where not finite */
    bool applied;                 /* false: non-finite, skipped or to be rolled back by the caller */
    struct bit_error refused;     /* why it was not applied: the same on all ranks */
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
/* After weights were written from outside (initialise, load). Collective. */
int bit_trainer_weights_changed(struct bit_trainer *trainer, struct bit_error *error);
/* One global step at `rate`. All ranks return the same verdict; a rank whose stream or model fails does not leave the
 * others waiting. Where loss or gradient is not finite, weights and momentum stay untouched on every rank, and the step
 * fails (data) naming rank and parameter, or is not applied (batch norm's running statistics then stay, too): skipped, or with
 * BIT_NONFINITE_ROLLBACK left to the caller, who loads older weights. Collective. */
int bit_trainer_step(struct bit_trainer *trainer, double rate, struct bit_step_result *result, struct bit_error *error);
/* What each rank spent on its own work (images, forward, backward pass) in the last step; world size numbers. Local. */
void bit_trainer_rank_seconds(const struct bit_trainer *trainer, double *seconds);
/* Compares the hash of the weights (and of batch norm's statistics) over all ranks; a difference fails (internal) naming
 * the minority. *hash (or NULL): this rank's weights'. Collective. */
int bit_trainer_check_replicas(struct bit_trainer *trainer, struct bit_hash *hash, struct bit_error *error);

#endif
