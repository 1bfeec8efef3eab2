/* BiT's ResNet-v2: parameters, initialisation, forward and backward over one micro-batch, from pixels to features; what the
 * features are good for is the matter of a head (bit/head.h), which it runs behind itself. Knows no job, no MPI, no files. One instance belongs to one thread of control (it uses bit_compute_thread_count() threads inside). */
#ifndef BIT_MODEL_H
#define BIT_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bit/compute.h"
#include "bit/error.h"
#include "bit/group.h"
#include "bit/head.h"
#include "bit/table.h"

enum bit_norm { BIT_GROUP_NORM, BIT_BATCH_NORM };
enum bit_initialisation { BIT_LECUN_NORMAL, BIT_HE_FAN_OUT };

struct bit_model_options {
    int depth;               /* 8, 14, 26, 50, 101, 152 */
    int width;               /* widening factor, >= 1 */
    const struct bit_head *head; /* NULL: the network ends at the features; else it outlives the model */
    enum bit_norm norm;
    bool weight_standardization;
    bool batch_norm_global;  /* batch norm: statistics over the whole group's batch, else over this rank's */
    struct bit_roles_rule roles; /* what of the parameters trains, and how */
    int image_size;          /* square input, pixels (any >= 1 that keeps every stage non-empty) */
    int micro_batch;         /* images in one call of forward (group norm) */
    int micro_batches;       /* batch norm: one call of forward takes the rank's whole batch, micro_batch * micro_batches
                                images, for they are normalised together; group norm: ignored */
    enum bit_type precision;
    bool training;           /* false: no backward buffers */
    const struct bit_backend *backend;
    struct bit_group *group; /* batch norm's statistics; NULL: this process alone */
    double packed_limit;     /* bytes: a model whose packed kernels (both directions, unpadded) would take more packs each
                                kernel whenever it is used, into one place: less memory, more time; 0: 3e9 */
};
/* Units of each of the four blocks (0: the network has no such block); NULL for a depth that does not exist. */
const int *bit_model_units(int depth);
/* The depth that has these units; 0: none. */
int bit_model_depth(const int units[4]);

struct bit_model;
/* Call bit_compute_threads before creating a model: its scratch memory is planned for
 * bit_compute_thread_count() at that time. "micro_batch images" below means that of the options, times micro_batches for
 * batch norm. Forward and backward always run all of them: callers with fewer pad with zeros and ignore those outputs
 * (evaluation), or give them gradients of zero (training with group norm: exact, for images do not meet). */

/* The table of a model with these options, without building it: the backbone's parameters, then the head's. NULL with `error`. */
struct bit_table *bit_model_make_table(const struct bit_model_options *options, struct bit_error *error);

/* Bytes by purpose that bit_model_create would allocate; no allocation of that size happens here. */
struct bit_model_memory { size_t packed_weights, activations, scratch, other; };
int bit_model_estimate(const struct bit_model_options *options, struct bit_model_memory *memory,
                       struct bit_error *error);
/* Work of one training step of a micro-batch, for a comparison of precisions: floating-point operations of the backbone's convolutions, each
 * divided by the rate of the kernel that serves it (bit_kernel_rate). Allocates no more than bit_model_estimate. */
int bit_model_effort(const struct bit_model_options *options, double *effort, struct bit_error *error);
/* Multiply-adds of one image's forward pass times 2 (a step costs three times that, less the root's data gradient). */
double bit_model_flops(const struct bit_model_options *options);

struct bit_model *bit_model_create(const struct bit_model_options *options, struct bit_error *error);
void bit_model_destroy(struct bit_model *model);
const struct bit_table *bit_model_table(const struct bit_model *model);

/* Fills a weight block as the recipe says; a pure function of (options, seed). The head fills its own. */
int bit_model_initialise(const struct bit_model *model, enum bit_initialisation how, uint64_t seed, float *weights,
                         struct bit_error *error);

/* Running statistics of batch norm (table of BIT_STATISTIC entries; NULL table when the norm is group norm). The block
 * is the model's; checkpoints read it and may overwrite it. Equal on all ranks. */
const struct bit_table *bit_model_statistics_table(const struct bit_model *model);
float *bit_model_statistics(struct bit_model *model);

/* Standardises, casts and packs `weights` (a block of the table; must stay unchanged and valid until the next call).
 * Once a step, before its first forward. */
int bit_model_set_weights(struct bit_model *model, const float *weights, struct bit_error *error);

/* images: micro_batch * image_size^2 * 3 of model's precision, NHWC, [-1, 1]; not needed after the call. training false:
 * batch norm uses running statistics and nothing is kept for backward. Features, taps and the head's outputs: bit_model_call. Batch norm with a group: collective when training; each training call moves
 * the running statistics (0.9 of the old value stays; variance with Bessel's correction). */
int bit_model_forward(struct bit_model *model, const void *images, bool training, struct bit_error *error);

/* For the training passes from now on; all zero at first. */
void bit_model_set_draw(struct bit_model *model, const struct bit_head_draw *draw);

/* Pooled features of images, without running the head: features[micro_batch, bit_model_call(model)->input.channels], the
 * caller's, float32 in either precision. The forward pass of an evaluation: images as above, batch norm uses running statistics,
 * no backward may follow. After bit_model_set_weights. -1 with `error`: no weights, or a head that takes no pooled features
 * (both internal), or a layer failed. Local. */
int bit_model_features(struct bit_model *model, const void *images, float *features, struct bit_error *error);

/* What the last forward pass found: features, taps, and the work of the head. The model's, valid until the next forward pass. */
const struct bit_head_call *bit_model_call(const struct bit_model *model);
const struct bit_head *bit_model_head(const struct bit_model *model);

/* Backward of the last training forward, for which the head's loss was computed; without a head the caller has filled
 * bit_model_call(model)->d_pooled. Every parameter goes to the sink, also those that do
 * not train. With a frozen backbone the pass ends behind the head, and its parameters get zeros. */
int bit_model_backward(struct bit_model *model, struct bit_gradient_sink *sink, struct bit_error *error);

/* Time in seconds by kind, accumulated since creation or the last reset; for --profile. */
struct bit_model_profile_row { char name[48]; double seconds; unsigned long calls; double flops; };
size_t bit_model_profile(const struct bit_model *model, struct bit_model_profile_row *rows, size_t capacity);
void bit_model_profile_reset(struct bit_model *model);

#endif
