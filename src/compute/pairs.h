/* Packed kernels of bfloat16 tile products, written by us: in blocks of 32 channels that are summed over ("depth") and
 * 16, 32 or 64 channels of the result ("width"), [16][width][2] each, one tap after another. */
#ifndef BIT_COMPUTE_PAIRS_H
#define BIT_COMPUTE_PAIRS_H

#include "bit/compute.h"

struct bit_pairs {
    int depth, width; /* channels; multiples of the block's */
    int block;        /* width of a block */
    int rows, columns; /* taps */
    int kernel_y, kernel_x, kernel_step; /* tap (a, b) is kernel place (kernel_y + a * kernel_step, ...) */
    size_t depth_stride, width_stride, row_stride, column_stride; /* elements to the next block, tap */
};

/* Packs a float32 HWIO kernel of geometry `g`. Forward: depth is its channels, width its outputs; backward data: the other
 * way round. With scale, kernel values of output o are scale[o] w + offset[o]. */
void bit_pairs_pack(const struct bit_pairs *pairs, const struct bit_geometry *g, enum bit_direction direction,
                    const float *kernel, const float *scale, const float *offset, void *packed);

#endif
