/* Conversions and sums of rows of numbers. */
#ifndef BIT_COMPUTE_ROW_KERNELS_H
#define BIT_COMPUTE_ROW_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

#include "bit/bfloat16.h"
#include "compute/isa.h"

struct row_kernels {
    void (*widen)(const bit_bfloat16 *from, size_t count, float *to);
    void (*narrow)(const float *from, size_t count, bit_bfloat16 *to);
    void (*narrow_added)(const float *from, size_t count, bit_bfloat16 *to); /* to += from */
    void (*add)(const float *from, size_t count, float *to);                 /* to += from */
    void (*add_bfloat16)(const bit_bfloat16 *from, size_t count, bit_bfloat16 *to);
};
BIT_DECLARE_KERNELS(row_kernels)

#endif
