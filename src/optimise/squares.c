#include <math.h>
#include <stdint.h>
#include <string.h>

#include "bit/squares.h"

enum {
    GROUP = BIT_TABLE_PAD, STRETCH = 65536, LIMB = 32,
    LOWEST = -352, /* exponent of bin 0's unit: a float's square is at least 2^-298, its mantissa's last bit 2^-350 */
};

bool bit_floats_finite(const float *data, size_t count)
{
    bool finite = true;
#pragma omp parallel for schedule(static) reduction(&& : finite) if (count > STRETCH)
    for (size_t at = 0; at < count; at += STRETCH) {
        size_t end = count - at < STRETCH ? count : at + STRETCH;
        float zero = 0;
#pragma omp simd reduction(+ : zero)
        for (size_t i = at; i < end; i++)
            zero += data[i] * 0.0f;
        finite = finite && zero == 0.0f;
    }
    return finite;
}

static double group_sum(const float *x)
{
    double s[GROUP];
    for (int i = 0; i < GROUP; i++)
        s[i] = (double)x[i] * (double)x[i]; /* exact: 24 bits times 24 bits */
    for (int width = GROUP / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++)
            s[i] += s[i + width];
    return s[0];
}

static void add_group(struct bit_squares *sum, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    int exponent = (int)(bits >> 52 & 0x7FF); /* a NaN may have a sign: on x86 most have */
    if (exponent == 0x7FF) {
        sum->nonfinite++;
        return;
    }
    if (exponent == 0) /* zero: no sum of float squares is a denormal double */
        return;
    int shift = exponent - 1075 - LOWEST; /* value = mantissa * 2^(exponent - 1075) */
    uint64_t mantissa = (bits & 0xFFFFFFFFFFFFFu) | 0x10000000000000u;
    sum->bins[shift / LIMB] += (__int128)mantissa << shift % LIMB;
}

void bit_squares_merge(struct bit_squares *sum, const struct bit_squares *more)
{
    for (int i = 0; i < BIT_SQUARES_BINS; i++)
        sum->bins[i] += more->bins[i];
    sum->nonfinite += more->nonfinite;
}

void bit_squares_add(struct bit_squares *sum, const float *data, size_t count)
{
#pragma omp parallel if (count > STRETCH)
    {
        struct bit_squares mine = {.nonfinite = 0};
#pragma omp for schedule(static) nowait
        for (size_t at = 0; at < count; at += STRETCH) {
            size_t end = count - at < STRETCH ? count : at + STRETCH;
            for (size_t i = at; i < end; i += GROUP)
                add_group(&mine, group_sum(data + i));
        }
#pragma omp critical(bit_squares)
        bit_squares_merge(sum, &mine);
    }
}

double bit_squares_value(const struct bit_squares *sum)
{
    double value = 0;
    if (sum->nonfinite)
        return NAN;
    for (int i = 0; i < BIT_SQUARES_BINS; i++)
        value += ldexp((double)sum->bins[i], LOWEST + i * LIMB);
    return value;
}
