/* Packs a block of a float32 kernel for products of bfloat16 tiles: to[16][block][2], pairs of neighbours in depth next to
 * each other; block: a multiple of 16. Each number becomes scale x + offset on the way, unless scale is NULL. */
#ifndef BIT_COMPUTE_PAIRS_KERNELS_H
#define BIT_COMPUTE_PAIRS_KERNELS_H

#include <stddef.h>

#include "bit/bfloat16.h"
#include "compute/isa.h"

enum { PAIRS_DEPTH = 32, PAIRS_BLOCK = 64 /* the widest */ };

struct pairs_kernels {
    /* from[32][block], rows `row` floats apart; scale and offset [block] */
    void (*interleave)(const float *from, size_t row, int block, const float *scale, const float *offset,
                       bit_bfloat16 *to);
    /* from[block][32], rows `row` floats apart; scale and offset [32] */
    void (*transpose)(const float *from, size_t row, int block, const float *scale, const float *offset,
                      bit_bfloat16 *to);
};
BIT_DECLARE_KERNELS(pairs_kernels)

#endif
