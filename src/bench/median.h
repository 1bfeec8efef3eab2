#ifndef BENCH_MEDIAN_H
#define BENCH_MEDIAN_H

/* Sorts `values`; of two in the middle the mean. */
double bench_median(double *values, int count);

#endif
