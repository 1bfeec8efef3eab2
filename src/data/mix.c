/* MixUp: how much of an image stays, and mixing its pixels. */
#include <math.h>

#include "bit/bfloat16.h"
#include "bit/data.h"
#include "bit/random.h"

/* Gamma(shape, 1) for any shape > 0: Marsaglia and Tsang, "A simple method for generating gamma variables" (2000), with their
 * boost below 1. Its logarithm, since small shapes give numbers below the smallest double. */
static double log_gamma_variate(struct bit_random *random, double shape)
{
    double boost = 0;
    if (shape < 1) {
        boost = log(1 - bit_random_uniform(random)) / shape;
        shape += 1;
    }
    double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        double x = bit_random_normal(random), v = 1 + c * x;
        if (v <= 0)
            continue;
        v = v * v * v;
        if (log(1 - bit_random_uniform(random)) < 0.5 * x * x + d - d * v + d * log(v))
            return log(d * v) + boost;
    }
}

double bit_mix_share(double alpha, uint64_t seed, uint64_t step)
{
    struct bit_random random;
    bit_random_init(&random, seed, BIT_PURPOSE_MIX, 0, step);
    double a = log_gamma_variate(&random, alpha), b = log_gamma_variate(&random, alpha);
    return nearbyint(65536 / (1 + exp(b - a))) / 65536;
}

void bit_mix_pixels(double share, enum bit_type type, size_t count, void *mine, const void *other)
{
    const float a = (float)share, b = (float)(1 - share);
    if (type == BIT_FLOAT32) {
        float *x = mine;
        const float *y = other;
        for (size_t i = 0; i < count; i++)
            x[i] = a * x[i] + b * y[i];
        return;
    }
    uint16_t *x = mine;
    const uint16_t *y = other;
    for (size_t i = 0; i < count; i++)
        x[i] = bit_bfloat16_from_float(a * bit_bfloat16_to_float(x[i]) + b * bit_bfloat16_to_float(y[i]));
}
