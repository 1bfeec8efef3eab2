/* What the files of the reduction's benchmark share. */
#ifndef BIT_COMM_BENCH_H
#define BIT_COMM_BENCH_H

#include "comm/internal.h"

/* Sorts `values`. */
double bit_bench_median(double *values, int count);

/* Fills ceiling, latency, bandwidth and points. `block` has room for two messages of a bucket and is overwritten.
 * Collective. */
int bench_messages(struct bit_group *world, float *block, size_t elements, struct bit_bench_reduce *result,
                   struct bit_error *error);

#endif
