#include "compute/map_kernels.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "bit/bfloat16.h"

#define ELEMENT float
#define LOAD(x) (x)
#define STORE(x) (x)
#define NAME(function) function##_float
#include "compute/map_body.h"
#undef ELEMENT
#undef LOAD
#undef STORE
#undef NAME

#define ELEMENT bit_bfloat16
#define LOAD(x) bit_bfloat16_to_float(x)
#define STORE(x) bit_bfloat16_from_float(x)
#define NAME(function) function##_bfloat16
#include "compute/map_body.h"

/* ---- exp and log in double, plain enough for the compiler to vectorise; NaN stays NaN ---- */

/* e^x for x <= 0; below -708 that of -708, which is next to nothing. x = k log 2 + r with |r| <= log 2 / 2; the series of
 * e^r to the 13th power is exact to the last bit but one. */
static inline double exp_negative(double x)
{
    const double magic = 0x1.8p52, log2_high = 0x1.62e42fee00000p-1, log2_low = 0x1.a39ef35793c76p-33;
    double v = x < -708 ? -708 : x, shifted = v * 1.4426950408889634074 + magic, k = shifted - magic;
    double r = (v - k * log2_high) - k * log2_low, p;
    uint64_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    p = 1.0 / 6227020800;
    p = p * r + 1.0 / 479001600;
    p = p * r + 1.0 / 39916800;
    p = p * r + 1.0 / 3628800;
    p = p * r + 1.0 / 362880;
    p = p * r + 1.0 / 40320;
    p = p * r + 1.0 / 5040;
    p = p * r + 1.0 / 720;
    p = p * r + 1.0 / 120;
    p = p * r + 1.0 / 24;
    p = p * r + 1.0 / 6;
    p = p * r + 0.5;
    p = p * r + 1;
    p = p * r + 1;
    bits = (bits + 1023) << 52; /* 2^k: the low bits of `shifted` hold k */
    double power;
    memcpy(&power, &bits, sizeof power);
    return p * power;
}

/* log(1 + e) for 0 <= e <= 1: 2 artanh(s), s = e / (2 + e) <= 1 / 3. */
static inline double log_one_plus(double e)
{
    double s = e / (2 + e), t = s * s, p = 1.0 / 35;
    p = p * t + 1.0 / 33;
    p = p * t + 1.0 / 31;
    p = p * t + 1.0 / 29;
    p = p * t + 1.0 / 27;
    p = p * t + 1.0 / 25;
    p = p * t + 1.0 / 23;
    p = p * t + 1.0 / 21;
    p = p * t + 1.0 / 19;
    p = p * t + 1.0 / 17;
    p = p * t + 1.0 / 15;
    p = p * t + 1.0 / 13;
    p = p * t + 1.0 / 11;
    p = p * t + 1.0 / 9;
    p = p * t + 1.0 / 7;
    p = p * t + 1.0 / 5;
    p = p * t + 1.0 / 3;
    return 2 * s * (p * t + 1);
}

/* With z the logit for target 0 and its negative for target 1, weight 1 - alpha or alpha, and q = sigmoid(z), the probability of the
 * wrong answer: loss = weight q^gamma softplus(z), its derivative by z = weight q^gamma (q + gamma (1 - q) softplus(z)). */
static inline __attribute__((always_inline)) double focal_loop(const float *logits, size_t count, double sign, double weight,
                                                               double gamma, double scale, float *gradient)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < count; i++) {
        double z = sign * (double)logits[i], magnitude = fabs(z), e = exp_negative(-magnitude), more = log_one_plus(e);
        double large = 1 / (1 + e), q = z < 0 ? e * large : large, other = z < 0 ? large : e * large;
        double softplus = (z < 0 ? 0 : z) + more, log_q = (z < 0 ? z : 0) - more;
        double factor = weight * exp_negative(gamma * log_q);
        sum += factor * softplus;
        if (gradient)
            gradient[i] = (float)(sign * scale * factor * (q + gamma * other * softplus));
    }
    return sum;
}

static double focal(const float *logits, size_t count, int target, double alpha, double gamma, double scale, float *gradient)
{
    const double sign = target ? -1 : 1, weight = target ? alpha : 1 - alpha;
    return gradient ? focal_loop(logits, count, sign, weight, gamma, scale, gradient)
                    : focal_loop(logits, count, sign, weight, gamma, scale, NULL);
}

#define FUNCTIONS(type) \
    { \
        .add_bias = add_bias_##type, .sum_rows = sum_rows_##type, .relu = relu_##type, .relu_backward = relu_backward_##type, \
        .double_row = double_row_##type, .halve_rows = halve_rows_##type, \
    }

const struct map_kernels BIT_KERNELS(map_kernels) = {
    .by_type = {[BIT_FLOAT32] = FUNCTIONS(float), [BIT_BFLOAT16] = FUNCTIONS(bfloat16)},
    .focal = focal,
};
