#include "compute/layer_kernels.h"

#include <string.h>

#include "bit/bfloat16.h"

#define ELEMENT float
#define LOAD(x) (x)
#define STORE(x) (x)
#define NAME(function) function##_float
#include "compute/layer_body.h"
#undef ELEMENT
#undef LOAD
#undef STORE
#undef NAME

/* bit_bfloat16_from_float without its care for NaN: those met here come from bfloat16 or from arithmetic, their lower half
 * is zero, and rounding leaves them NaN. */
static inline bit_bfloat16 narrow(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (bit_bfloat16)((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}

#define ELEMENT bit_bfloat16
#define LOAD(x) bit_bfloat16_to_float(x)
#define STORE(x) narrow(x)
#define NAME(function) function##_bfloat16
#include "compute/layer_body.h"

static void add(float *restrict sum, const float *restrict x, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        sum[i] += x[i];
}

static void to_bfloat16(const float *restrict x, size_t count, void *y0)
{
    bit_bfloat16 *restrict y = y0;
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        y[i] = bit_bfloat16_from_float(x[i]);
}

static void to_float(const void *x0, size_t count, float *restrict y)
{
    const bit_bfloat16 *restrict x = x0;
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        y[i] = bit_bfloat16_to_float(x[i]);
}

#define FUNCTIONS(type) \
    { \
        .moments = moments_##type, .affine = affine_##type, .affine_sum = affine_sum_##type, \
        .backward_sums = backward_sums_##type, .backward_affine = backward_affine_##type, .pool = pool_##type, \
        .pool_backward = pool_backward_##type, \
    }

const struct layer_kernels BIT_KERNELS(layer_kernels) = {
    .by_type = {[BIT_FLOAT32] = FUNCTIONS(float), [BIT_BFLOAT16] = FUNCTIONS(bfloat16)},
    .add = add,
    .to_bfloat16 = to_bfloat16,
    .to_float = to_float,
};
