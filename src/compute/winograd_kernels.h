/* Winograd's minimal filtering F(4x4, 3x3) and the matrix product it stands on; compiled once an instruction set. */
#ifndef BIT_COMPUTE_WINOGRAD_KERNELS_H
#define BIT_COMPUTE_WINOGRAD_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

#include "compute/isa.h"

enum { WINOGRAD_POINTS = 36 };

/* Where a tile stands in an NHWC image: `data` is the image, `row` and `column` the tile's first pixel; pixels outside
 * the image read as zero and are not written. */
struct winograd_tile { int height, width, channels, row, column; };

struct winograd_kernels {
    int columns; /* of a panel: the channel counts have to be multiples of it */
    /* kernel [9][inputs][outputs] -> points [36][step], the first of a step's floats [outputs / columns][inputs][columns]: G g G^T; only
     * input rows [first, last). flip: the kernel turned by 180 degrees. */
    void (*kernel)(const float *kernel, int inputs, int outputs, int first, int last, bool flip, float *points, size_t step);
    /* 6x6 pixels -> B^T d B; point p goes to points + p * step, channels contiguous. */
    void (*input)(const float *data, const struct winograd_tile *tile, float *points, size_t step);
    /* points -> 4x4 pixels: A^T m A (+ what is there when accumulate). */
    void (*output)(const float *points, size_t step, const struct winograd_tile *tile, bool accumulate, float *data);
    /* 4x4 pixels of a gradient -> A d A^T. */
    void (*gradient)(const float *data, const struct winograd_tile *tile, float *points, size_t step);
    /* points [36][step] rows [first, last) of [inputs][outputs] -> d_kernel [9][inputs][outputs]: G^T p G. */
    void (*kernel_gradient)(const float *points, size_t step, int inputs, int outputs, int first, int last,
                            float *d_kernel);
    /* c[m][n] = a b (+ c): a(i, k) = a[i * a_row + k * a_depth]; b either panels [n / columns][depth][columns] (b_row 0)
     * or rows of b_row floats. n is a multiple of columns. */
    void (*multiply)(int m, int n, int depth, const float *a, size_t a_row, size_t a_depth, const float *b, size_t b_row,
                     bool accumulate, float *c, size_t c_row);
};

BIT_DECLARE_KERNELS(winograd_kernels)

#endif
