/* Register-sized matrix products in float32: the inner loops of the convolutions. A tile has at most `rows` rows and
 * always `columns` columns; b is packed, [depth][columns], 64-byte aligned. Every element is a sum of fused multiply-adds
 * in the order of the depth, whatever tile it stands in: so bits do not depend on how work is cut up. */
#ifndef BIT_COMPUTE_PRODUCT_KERNELS_H
#define BIT_COMPUTE_PRODUCT_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

#include "compute/isa.h"

enum { BIT_TILE_ROWS_MOST = 6, BIT_TILE_COLUMNS_MOST = 64 };

struct product_kernels {
    int rows, columns;
    /* c[m][n] = (load ? c[m][n] : 0) + sum over taps t and k < run of a[t * tap_stride + m][offset + k] b[t * run + k][n]:
     * the rows of A are wherever the pointers say. */
    void (*gathered)(int m, const float *const *a, size_t tap_stride, size_t taps, size_t offset, size_t run,
                     const float *b, bool load, float *c, size_t c_stride);
    /* c[m][n] = (load ? c[m][n] : 0) + sum over p < depth of a[p][offset + m] b[p][n]: the rows of A^T. */
    void (*outer)(int m, const float *const *a, size_t offset, size_t depth, const float *b, bool load, float *c,
                  size_t c_stride);
};
BIT_DECLARE_KERNELS(product_kernels)

#endif
