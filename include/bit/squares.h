/* Sums of squares of which the bits depend on nothing but the numbers, and a look for NaN and infinity. */
#ifndef BIT_SQUARES_H
#define BIT_SQUARES_H

#include <stdbool.h>
#include <stddef.h>

#include "bit/table.h"

/* True when no element is NaN or infinite. Threaded. */
bool bit_floats_finite(const float *data, size_t count);

/* A sum of squares of float32 numbers that is exact enough to be the same bits in whatever order, by however many
 * threads and ranks it is taken: each group of BIT_TABLE_PAD squares is added in double in one fixed order, and the
 * groups' sums, whose 53-bit mantissas are integers, are added as integers, in one bin for every 32 exponents. A group
 * is a whole one in every rank's share, because shares are multiples of BIT_TABLE_PAD. */
enum { BIT_SQUARES_BINS = 22 };
struct bit_squares { __int128 bins[BIT_SQUARES_BINS]; long nonfinite; /* groups with NaN or infinity */ };

/* Adds `count` numbers (a multiple of BIT_TABLE_PAD). Threaded. */
void bit_squares_add(struct bit_squares *sum, const float *data, size_t count);
void bit_squares_merge(struct bit_squares *sum, const struct bit_squares *more);
/* The sum; NaN when something was not finite. */
double bit_squares_value(const struct bit_squares *sum);

#endif
