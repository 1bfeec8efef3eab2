/* The rows are blended first (contiguous bytes: the compiler vectorises it for any machine), then spread: an RGBX pixel is
 * one 4-lane vector, its right neighbour the next one, and the output's fourth lane is overwritten by the next pixel.
 * Every operation is done in the same order with single rounding (no fused multiply-add: see local.mk), so that all
 * machines give the same bits. */
#include "resample.h"

#include <math.h>
#include <string.h>

void bit_axis_fill(struct bit_axis *axis, double first, double length, int low, int high, int factor, int pixels)
{
    double step = length / factor / axis->size, start = first / factor;
    int least = low / factor, most = high / factor;
    if (most > pixels - 1)
        most = pixels - 1;
    if (least > most)
        least = most;
    axis->first = most;
    axis->last = least;
    for (int i = 0; i < axis->size; i++) {
        double at = start + (i + 0.5) * step - 0.5;
        at = at < least ? least : at > most ? most : at;
        int left = (int)floor(at);
        float weight = (float)(at - left);
        if (left >= most) {
            left = most;
            weight = 0;
        }
        int right = left < most ? left + 1 : left;
        axis->index[i] = left;
        axis->weight[i] = weight;
        axis->first = left < axis->first ? left : axis->first;
        axis->last = right > axis->last ? right : axis->last;
    }
}

void bit_axis_reverse(struct bit_axis *axis)
{
    for (int i = 0, j = axis->size - 1; i < j; i++, j--) {
        int32_t index = axis->index[i];
        float weight = axis->weight[i];
        axis->index[i] = axis->index[j];
        axis->weight[i] = axis->weight[j];
        axis->index[j] = index;
        axis->weight[j] = weight;
    }
}

static inline __attribute__((always_inline)) void blend(const uint8_t *restrict upper, const uint8_t *restrict lower,
                                                        float weight, int count, float *restrict out)
{
#pragma omp simd
    for (int i = 0; i < count; i++) {
        int a = upper[i], b = lower[i];
        /* 0..255 to -1..1; exact at both ends. */
        out[i] = ((float)a + (float)(b - a) * weight - 127.5f) * (1 / 127.5f);
    }
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void blend_avx2(const uint8_t *upper, const uint8_t *lower, float weight,
                                                       int count, float *out)
{
    blend(upper, lower, weight, count, out);
}
#if !defined(__clang__) /* which does not know the last word */
__attribute__((target("avx512f,avx512bw,avx512vl,prefer-vector-width=512"))) static void
blend_avx512(const uint8_t *upper, const uint8_t *lower, float weight, int count, float *out)
{
    blend(upper, lower, weight, count, out);
}
#endif
#endif

void bit_row_blend(const uint8_t *upper, const uint8_t *lower, float weight, int count, float *out)
{
#if defined(__x86_64__) && !defined(__clang__)
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
        blend_avx512(upper, lower, weight, count, out);
        return;
    }
#endif
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        blend_avx2(upper, lower, weight, count, out);
        return;
    }
#endif
    blend(upper, lower, weight, count, out);
}

typedef float lanes __attribute__((vector_size(16)));

static inline lanes mix(const float *row, int32_t index, float weight)
{
    lanes left, right;
    memcpy(&left, row + 4 * (ptrdiff_t)index, sizeof left);
    memcpy(&right, row + 4 * (ptrdiff_t)index + 4, sizeof right);
    return left + (right - left) * weight;
}

void bit_row_spread(const float *row, const struct bit_axis *x, float *out)
{
    const int32_t *index = x->index;
    const float *weight = x->weight;
    int first = x->first, last = x->size - 1;
    lanes pixel;
    for (int i = 0; i < last; i++) {
        pixel = mix(row, index[i] - first, weight[i]);
        memcpy(out + 3 * (ptrdiff_t)i, &pixel, sizeof pixel);
    }
    pixel = mix(row, index[last] - first, weight[last]);
    memcpy(out + 3 * (ptrdiff_t)last, &pixel, 3 * sizeof *out);
}

/* As bit_bfloat16_from_float. */
void bit_row_round(const float *row, int count, uint16_t *out)
{
#pragma omp simd
    for (int i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &row[i], sizeof bits);
        out[i] = (uint16_t)((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
    }
}

void bit_row_spread_bfloat16(const float *row, const struct bit_axis *x, float *scratch, uint16_t *out)
{
    bit_row_spread(row, x, scratch);
    bit_row_round(scratch, 3 * x->size, out);
}
