/* Inner loops over rows of channels: x[rows][channels], contiguous. One table an element type. Internal to compute. */
#ifndef BIT_COMPUTE_LAYER_KERNELS_H
#define BIT_COMPUTE_LAYER_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "bit/compute.h"
#include "compute/isa.h"

struct row_functions {
    /* sum[c] = sum over rows of (x - shift[c]), square[c] = sum of (x - shift[c])^2. The shift, a guess of
     * the mean, keeps their difference from cancelling and the sums small. */
    void (*moments)(const void *x, int rows, int channels, const float *shift, float *sum, float *square);
    /* y = scale[c] x + offset[c], not below zero when relu; copy (or NULL) = x. */
    void (*affine)(const void *x, int rows, int channels, const float *scale, const float *offset, int relu, void *y,
                   void *copy);
    /* sum[c] = sum over rows of max(0, scale[c] x + offset[c]). */
    void (*affine_sum)(const void *x, int rows, int channels, const float *scale, const float *offset, float *sum);
    /* With z = scale x + offset and dz = dy where z > 0 or not relu, else 0: d_offset[c] = sum of dz, d_scale[c] = sum of
     * dz (x - mean[c]) inverse[c]; y (or NULL) = z, not below zero when relu. dy advances by dy_stride elements a row
     * (channels, or 0: the same row again and again). */
    void (*backward_sums)(const void *x, const void *dy, int dy_stride, int rows, int channels, const float *scale,
                          const float *offset, const float *mean, const float *inverse, int relu, float *d_offset,
                          float *d_scale, void *y);
    /* dx = scale dz + p x + q (+ skip, or NULL). dx may be dy or skip. */
    void (*backward_affine)(const void *x, const void *dy, int dy_stride, int rows, int channels, const float *scale,
                            const float *offset, const float *p, const float *q, int relu, const void *skip, void *dx);
    /* A row of outputs of the 3x3 stride 2 maximum over x[height][width][channels] with a border of one zero pixel:
     * y[out_width][channels], which[out_width][channels] = 3 ky + kx of the first maximum. zero: channels zeros. */
    void (*pool)(const void *x, int height, int width, int channels, int row, int out_width, const void *zero, void *y,
                 uint8_t *which);
    /* dx[width][channels], row `row` of the input: sum of dy[out_height][out_width][channels] where `which` names it. */
    void (*pool_backward)(const void *dy, const uint8_t *which, int out_height, int out_width, int channels, int row,
                          int width, float *sums, void *dx);
};

struct layer_kernels {
    struct row_functions by_type[2]; /* enum bit_type */
    /* What a norm computes once an image, for groups of `size` neighbouring channels each. gamma, beta may be NULL: one and
     * zero. With few rows this costs as much as the rows do. */
    /* means, inverses [channels] = those of their groups; y = scale x + offset is the norm. */
    void (*spread)(const float *mean, const float *inverse, const float *gamma, const float *beta, int groups, int size,
                   float *means, float *inverses, float *scale, float *offset);
    /* Sums become moments: means[c] = shift + mean of the sums, squares[c] = sum of squared differences from it. */
    void (*channel_moments)(const float *shift, int rows, size_t channels, double *means, double *squares);
    /* From channels' moments to groups': squared differences from a common mean = own + rows (own mean - common)^2. */
    void (*group_moments)(const double *means, const double *squares, int rows, int groups, int size, double epsilon,
                          float *mean, float *inverse);
    /* p, q of backward_affine: p = -inverse^2 b, q = -inverse a - mean p, where a and b are the group's means of gamma
     * d_beta and of gamma d_gamma. */
    void (*group_gradients)(const double *d_beta, const double *d_gamma, const float *gamma, const float *means,
                            const float *inverses, int rows, int groups, int size, float *p, float *q);
    void (*add)(float *sum, const float *x, size_t count);
    void (*to_bfloat16)(const float *x, size_t count, void *y);
    void (*to_float)(const void *x, size_t count, float *y);
};
BIT_DECLARE_KERNELS(layer_kernels)

#endif
