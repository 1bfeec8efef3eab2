#include "bit/statistics.h"

#include <math.h>
#include <stdlib.h>

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bit_median(double *values, size_t count)
{
    if (!count)
        return NAN;
    qsort(values, count, sizeof *values, ascending);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

double bit_deviation(const double *values, size_t count)
{
    double mean = 0, squares = 0;
    for (size_t i = 0; i < count; i++)
        mean += values[i] / (double)count;
    for (size_t i = 0; i < count; i++)
        squares += (values[i] - mean) * (values[i] - mean);
    return count > 1 ? sqrt(squares / (double)(count - 1)) : NAN;
}

void bit_wilson(uint64_t right, uint64_t count, double *low, double *high)
{
    const double z = 1.9599639845400545; /* 97.5 % of a normal distribution lie below it */
    double n = (double)count, share = count ? (double)right / n : 0, square = z * z;
    *low = 0, *high = 1;
    if (!count)
        return;
    double centre = (share + square / (2 * n)) / (1 + square / n);
    double half = z / (1 + square / n) * sqrt(share * (1 - share) / n + square / (4 * n * n));
    *low = right ? centre - half : 0;
    *high = right < count ? centre + half : 1;
}

/* Twice the lower tail of a binomial distribution of chance 1/2, summed up from its largest term, each the next one's multiple. */
double bit_mcnemar(uint64_t first, uint64_t second)
{
    uint64_t least = first < second ? first : second, all = first + second;
    double n = (double)all, k = (double)least;
    double term = exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) - n * log(2)), sum = term;
    for (uint64_t i = least; i > 0; i--) {
        term *= (double)i / (double)(all - i + 1);
        sum += term;
        if (term < sum * 1e-17)
            break;
    }
    return fmin(1, 2 * sum);
}
