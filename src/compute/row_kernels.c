#include "compute/row_kernels.h"

static void widen(const bit_bfloat16 *restrict from, size_t count, float *restrict to)
{
    #pragma omp simd
    for (size_t i = 0; i < count; i++)
        to[i] = bit_bfloat16_to_float(from[i]);
}

static void narrow(const float *restrict from, size_t count, bit_bfloat16 *restrict to)
{
    #pragma omp simd
    for (size_t i = 0; i < count; i++)
        to[i] = bit_bfloat16_from_float(from[i]);
}

static void narrow_added(const float *restrict from, size_t count, bit_bfloat16 *restrict to)
{
    #pragma omp simd
    for (size_t i = 0; i < count; i++)
        to[i] = bit_bfloat16_from_float(bit_bfloat16_to_float(to[i]) + from[i]);
}

static void add(const float *restrict from, size_t count, float *restrict to)
{
    #pragma omp simd
    for (size_t i = 0; i < count; i++)
        to[i] += from[i];
}

static void add_bfloat16(const bit_bfloat16 *restrict from, size_t count, bit_bfloat16 *restrict to)
{
    #pragma omp simd
    for (size_t i = 0; i < count; i++)
        to[i] = bit_bfloat16_from_float(bit_bfloat16_to_float(to[i]) + bit_bfloat16_to_float(from[i]));
}

const struct row_kernels BIT_KERNELS(row_kernels) = {
    .widen = widen, .narrow = narrow, .narrow_added = narrow_added, .add = add, .add_bfloat16 = add_bfloat16,
};
