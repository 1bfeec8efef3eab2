/* What a network does between its convolutions: norm + ReLU, weight standardisation (the same norm over a kernel), the
 * root's maximum, casts. Activations are [images][rows][channels], rows = height * width. Everything runs on `threads`
 * OpenMP threads and gives the same bits for any number of them. Nothing allocates; scratch memory is the caller's. */
#ifndef BIT_KERNELS_H
#define BIT_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bit/compute.h"
#include "bit/group.h"

/* A norm at one shape. Statistics are over one image and channels / groups neighbouring channels (group norm), or, with
 * groups 0, over all images of all ranks of `group` and one channel (batch norm).
 *
 *   y = gamma (x - mean) / sqrt(variance + epsilon) + beta, then max(0, y) when relu; biased variance.
 *
 * Weight standardisation is this norm of one image whose rows are H * W * I, with a group a channel, without ReLU,
 * gamma and beta. */
struct bit_norm_shape {
    int images, rows, channels;
    int groups;
    enum bit_type type;
    bool relu;
    double epsilon;
    int threads;
    struct bit_group *group; /* batch norm only; NULL: this process alone */
};

/* Floats in `mean`, and in `inverse`: images * groups, or channels for batch norm. */
size_t bit_norm_statistics(const struct bit_norm_shape *norm);
/* Bytes of scratch for any function below, 64-byte aligned. */
size_t bit_norm_scratch_bytes(const struct bit_norm_shape *norm);

/* The tensors of a call. gamma and beta may be NULL: one and zero. */
struct bit_norm_call {
    const void *x;
    const float *gamma, *beta; /* [channels] */
    float *mean, *inverse;     /* inverse: 1 / sqrt(variance + epsilon) */
    bool known;                /* forward: mean and inverse are given (running statistics), not computed */
    void *scratch;
};

/* y = norm of x, or NULL: statistics only; copy = x as well, or NULL. Batch norm is collective over norm->group and may fail; group norm cannot. */
int bit_norm_forward(const struct bit_norm_shape *norm, const struct bit_norm_call *call, void *y, void *copy,
                     struct bit_error *error);
/* pooled[images][channels] = mean over rows of the norm of x; relu must be set. */
int bit_norm_forward_mean(const struct bit_norm_shape *norm, const struct bit_norm_call *call, float *pooled,
                          struct bit_error *error);

/* Backward of the last forward with the same call. dy: gradient with respect to y; or, when `mean`, one row an image that
 * stands for all its rows. y (or NULL): recomputed. dx = gradient with respect to x (+ skip, or NULL); dx may be dy
 * (unless `mean`) or skip. d_gamma, d_beta [channels]: overwritten, or added to when `add`, or NULL; sums over the call's
 * images, in a binary tree. Batch norm: collective. */
struct bit_norm_gradient {
    const void *dy;
    bool mean;
    const void *skip;
    void *y, *dx;
    float *d_gamma, *d_beta;
    bool add;
};
int bit_norm_backward(const struct bit_norm_shape *norm, const struct bit_norm_call *call,
                      const struct bit_norm_gradient *gradient, struct bit_error *error);

/* 3x3 maximum, stride 2, of [images, height, width, channels] inside a border of one ZERO pixel, no padding:
 * y[images, (height - 1) / 2 + 1, (width - 1) / 2 + 1, channels]; which (same shape, bytes): place of the first maximum
 * in its window. Scratch: bit_pool_scratch_bytes. */
struct bit_pool { int images, height, width, channels; enum bit_type type; int threads; };
size_t bit_pool_scratch_bytes(const struct bit_pool *pool);
void bit_pool_forward(const struct bit_pool *pool, const void *x, void *y, uint8_t *which, void *scratch);
void bit_pool_backward(const struct bit_pool *pool, const void *dy, const uint8_t *which, void *dx, void *scratch);

/* ---- between convolutions that no norm follows: x[rows][channels] of `type` ---- */

/* x += bias[channels] in each row; then not below zero when relu. */
void bit_bias_add(enum bit_type type, size_t rows, int channels, const float *bias, bool relu, void *x, int threads);
/* sums[channels] = sum over rows (+ sums when add): the bias's gradient. Scratch: bit_channel_sums_scratch_bytes, 64-byte aligned. */
size_t bit_channel_sums_scratch_bytes(size_t rows, int channels);
void bit_channel_sums(enum bit_type type, size_t rows, int channels, const void *x, double *sums, bool add, void *scratch, int threads);
/* y = max(0, x); y may be x. */
void bit_relu_forward(enum bit_type type, size_t count, const void *x, void *y, int threads);
/* dx = dy where x > 0, else 0 (+ dx when add). x may be the output of the ReLU as well as its input; dx may be dy. */
void bit_relu_backward(enum bit_type type, size_t count, const void *x, const void *dy, bool add, void *dx, int threads);

/* Maps of one size and others of twice that. */
struct bit_maps { int images, height, width, channels; enum bit_type type; };
/* y[images, 2 height, 2 width, channels] += x[images, height, width, channels], each cell in a square of four. */
void bit_double_add(const struct bit_maps *coarse, const void *x, void *y, int threads);
/* dx[images, height, width, channels] += the sums of four cells of dy[images, 2 height, 2 width, channels]. */
void bit_double_backward(const struct bit_maps *coarse, const void *dy, void *dx, int threads);

/* Focal loss of `count` logits of one target (sigmoid cross entropy times alpha (1 - p)^gamma for target 1, (1 - alpha) p^gamma for 0):
 * returns the sum; gradient (or NULL) = scale times the derivatives, and may be the logits. In double, without overflow for any finite
 * logit; NaN gives NaN. One thread. */
struct bit_focal_options { double alpha, gamma; };
double bit_focal(const struct bit_focal_options *focal, bool target, const float *logits, size_t count, double scale, float *gradient);

/* sum[i] += x[i]. */
void bit_accumulate(float *sum, const float *x, size_t count, int threads);

/* Casts between float32 and `type`; a copy when that is float32. */
void bit_cast_from_float(enum bit_type type, const float *x, size_t count, void *y, int threads);
void bit_cast_to_float(enum bit_type type, const void *x, size_t count, float *y, int threads);

#endif
