/* Finds ranks that are slower than the others: they hold up every step, and are reported, not ended. Rank 0's; local. */
#ifndef RUN_SLOW_H
#define RUN_SLOW_H

#include <stdbool.h>
#include <stdint.h>

/* Steps a window; a rank is slow when it took SLOW_FACTOR times as long as the others in two windows running. */
enum { SLOW_WINDOW = 12 };
#define SLOW_FACTOR 1.35

struct slow {
    int ranks, steps;  /* steps in this window */
    double *seconds;   /* of each rank in this window */
    int suspect, told; /* the slowest of the last window, if slow; the one reported; -1: none */
};

/* `seconds` has room for as many numbers as there are ranks, all zero. */
void slow_init(struct slow *slow, int ranks, double *seconds);
/* Adds what each rank spent in a step. True when there is something to say: *rank is slow by *factor against the median of the
 * others, *each seconds a step; or, with *factor below SLOW_FACTOR, no longer. */
bool slow_add(struct slow *slow, const double *seconds, int *rank, double *factor, double *each);

#endif
