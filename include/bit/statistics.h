/* How sure a share is, and whether two classifiers differ. */
#ifndef BIT_STATISTICS_H
#define BIT_STATISTICS_H

#include <stdint.h>

/* Wilson's interval of a share `right` / `count`, at 95 %. count 0: from 0 to 1. */
void bit_wilson(uint64_t right, uint64_t count, double *low, double *high);

/* McNemar's exact test: of the images that just one of two classifiers gets right, `first` are the first one's and `second` the
 * second one's. Returns how likely a difference of that size or more is, either way, when both are equally good. */
double bit_mcnemar(uint64_t first, uint64_t second);

#endif
