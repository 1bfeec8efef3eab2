/* What a rank does with gradients and weights by itself: the tree over its micro-batches, the guard of its memory, SGD on its share. No ranks
 * are spoken to, so that benchmarks and plans use the same code without MPI. */
#ifndef BIT_OPTIMISE_H
#define BIT_OPTIMISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bit/compute.h"
#include "bit/error.h"
#include "bit/sink.h"
#include "bit/table.h"

/* ---- step: what the job says of it (a trainer's settings, bit/train.h) ---- */

struct bit_step_settings {
    int batch, micro_batch;       /* global batch; images that the stream hands out at a time */
    int image_size;               /* of the stream's images, as is the precision */
    enum bit_type precision;
    double momentum, weight_decay;
    double start_decay;           /* pull towards the weights of the start; 0: they are not kept */
    double clip_norm;             /* larger gradients are scaled to this norm; 0: never */
    uint64_t seed;                /* of what heads draw */
    bool guarded;                 /* memory is watched from the first bit_trainer_weights_changed on */
};

/* ---- gradient: sums the micro-batches of a rank in a fixed binary tree ---- */

/* tree(1) = the micro-batch; tree(n) = tree(ceil(n / 2)) + tree(floor(n / 2)). With n = 2^a q and 2^b <= 2^a ranks each
 * rank's part is a subtree, and comm's reduction is the top of the same tree: so the bits do not depend on the number
 * of ranks. Buffers: the block plus one of its size for each pending level (log2 n - 1) and room for the largest
 * parameter (bit/tree.h); combined a parameter at a time while it is in cache. Local. */
struct bit_gradient;
struct bit_gradient *bit_gradient_create(const struct bit_table *table, int micro_batches, struct bit_error *error);
void bit_gradient_destroy(struct bit_gradient *gradient);
size_t bit_gradient_bytes(const struct bit_table *table, int micro_batches); /* what create allocates */
/* Prepares for the first micro-batch of a step. During the last one ready(context, from) is called, with descending `from`: all elements
 * from there on are final. `ready` may be NULL. */
void bit_gradient_start(struct bit_gradient *gradient, void (*ready)(void *context, size_t from), void *context);
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

/* Sums of this rank's share, kept by bit_sgd_update (src/optimise/guard.h). Unarmed until the first note: then nothing is summed
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

/* v = momentum v + (scale g + decay w + start_decay (w - start)), w -= rate v, over the guard's share and by the roles in its table: a
 * parameter that does not train stays as it is, one that does not decay has no decay (nor towards the start), and rate is multiplied by
 * the parameter's factor. weights, gradient: blocks, the latter changed where scale is not 1 or start_decay not 0; velocity, start: the
 * share, pieces one after another; start may be NULL where start_decay is 0. Fixed order; vectorised; threaded. */
struct bit_sgd { double rate, momentum, weight_decay, start_decay, gradient_scale; const float *start; };
void bit_sgd_update(const struct bit_sgd *sgd, struct bit_guard *guard, float *gradient, float *weights, float *velocity);

#endif
