/* The middle and the spread of a few numbers, how sure a share is, and whether two classifiers differ. */
#ifndef BIT_STATISTICS_H
#define BIT_STATISTICS_H

#include <stddef.h>
#include <stdint.h>

/* Sorts `values`, ascending; of two in the middle the mean; NaN of none. */
double bit_median(double *values, size_t count);
/* Standard deviation of a sample (count - 1 in the denominator); NaN of fewer than two. */
double bit_deviation(const double *values, size_t count);

/* Wilson's interval of a share `right` / `count`, at 95 %. count 0: from 0 to 1. */
void bit_wilson(uint64_t right, uint64_t count, double *low, double *high);

/* McNemar's exact test: of the images that just one of two classifiers gets right, `first` are the first one's and `second` the
 * second one's. Returns how likely a difference of that size or more is, either way, when both are equally good. */
double bit_mcnemar(uint64_t first, uint64_t second);

#endif
