#include "compute/layer_kernels.h"

#include <math.h>
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

static void spread(const float *mean, const float *inverse, const float *restrict gamma, const float *restrict beta,
                   int groups, int size, float *restrict means, float *restrict inverses, float *restrict scale,
                   float *restrict offset)
{
    const size_t n = (size_t)groups * (size_t)size;
    if (size == 1) {
        memcpy(means, mean, n * sizeof *means);
        memcpy(inverses, inverse, n * sizeof *inverses);
    } else {
        for (int g = 0; g < groups; g++)
            for (int c = g * size; c < (g + 1) * size; c++) {
                means[c] = mean[g];
                inverses[c] = inverse[g];
            }
    }
    if (gamma && beta) {
#pragma omp simd
        for (size_t c = 0; c < n; c++) {
            double slope = (double)inverses[c] * (double)gamma[c];
            scale[c] = (float)slope;
            offset[c] = (float)((double)beta[c] - (double)means[c] * slope);
        }
        return;
    }
    for (size_t c = 0; c < n; c++) {
        double slope = (double)inverses[c] * (gamma ? (double)gamma[c] : 1);
        scale[c] = (float)slope;
        offset[c] = (float)((beta ? (double)beta[c] : 0) - (double)means[c] * slope);
    }
}

static void channel_moments(const float *restrict shift, int rows, size_t channels, double *restrict means,
                            double *restrict squares)
{
    const double share = 1.0 / rows;
#pragma omp simd
    for (size_t c = 0; c < channels; c++) {
        double difference = means[c] * share;
        squares[c] -= means[c] * difference;
        means[c] = (double)shift[c] + difference;
    }
}

static void group_moments(const double *means, const double *squares, int rows, int groups, int size, double epsilon,
                          float *mean, float *inverse)
{
    for (int g = 0; g < groups; g++, means += size, squares += size) {
        double common = 0, square = 0;
#pragma omp simd reduction(+ : common)
        for (int c = 0; c < size; c++)
            common += means[c];
        common /= size;
#pragma omp simd reduction(+ : square)
        for (int c = 0; c < size; c++)
            square += squares[c] + rows * ((means[c] - common) * (means[c] - common));
        double variance = square / ((double)rows * size);
        mean[g] = (float)common;
        inverse[g] = (float)(1 / sqrt((variance < 0 ? 0 : variance) + epsilon));
    }
}

static void group_gradients(const double *d_beta, const double *d_gamma, const float *gamma, const float *means,
                            const float *inverses, int rows, int groups, int size, float *restrict p, float *restrict q)
{
    const double count = (double)rows * size;
    for (int first = 0; first < groups * size; first += size) {
        double a = 0, b = 0;
        if (gamma) {
#pragma omp simd reduction(+ : a, b)
            for (int c = first; c < first + size; c++) {
                a += (double)gamma[c] * d_beta[c];
                b += (double)gamma[c] * d_gamma[c];
            }
        } else {
#pragma omp simd reduction(+ : a, b)
            for (int c = first; c < first + size; c++) {
                a += d_beta[c];
                b += d_gamma[c];
            }
        }
        a /= count;
        b /= count;
#pragma omp simd
        for (int c = first; c < first + size; c++) {
            double inverse = (double)inverses[c], slope = -inverse * inverse * b;
            p[c] = (float)slope;
            q[c] = (float)(-inverse * a - (double)means[c] * slope);
        }
    }
}

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
    .spread = spread,
    .channel_moments = channel_moments,
    .group_moments = group_moments,
    .group_gradients = group_gradients,
    .add = add,
    .to_bfloat16 = to_bfloat16,
    .to_float = to_float,
};
