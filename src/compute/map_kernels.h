/* Inner loops over feature maps without a norm: bias, ReLU, the step between two sizes, and the focal loss. Internal to compute. */
#ifndef BIT_COMPUTE_MAP_KERNELS_H
#define BIT_COMPUTE_MAP_KERNELS_H

#include <stddef.h>

#include "bit/compute.h"
#include "compute/isa.h"

struct map_functions {
    /* x[rows][channels] += bias[channels]; not below zero when relu. */
    void (*add_bias)(void *x, int rows, int channels, const float *bias, int relu);
    /* sum[c] = sum of x over rows. */
    void (*sum_rows)(const void *x, int rows, int channels, float *sum);
    /* y = max(0, x), NaN stays. */
    void (*relu)(const void *x, size_t count, void *y);
    /* dx = dy where x > 0, else 0 (+ dx when add). */
    void (*relu_backward)(const void *x, const void *dy, size_t count, int add, void *dx);
    /* A fine row y[2 width][channels] += x[width][channels], each cell twice. */
    void (*double_row)(const void *x, int width, int channels, void *y);
    /* x[width][channels] += the four cells of each in two fine rows y0, y1 [2 width][channels]. */
    void (*halve_rows)(const void *y0, const void *y1, int width, int channels, void *x);
};

struct map_kernels {
    struct map_functions by_type[2]; /* enum bit_type */
    /* Focal loss of `count` logits that all have the target `target`: returns the sum, gradient = scale times the derivatives or NULL. The
     * gradient may stand in the place of the logits. */
    double (*focal)(const float *logits, size_t count, int target, double alpha, double gamma, double scale, float *gradient);
};
BIT_DECLARE_KERNELS(map_kernels)

#endif
