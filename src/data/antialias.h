/* Resampling by a triangle filter that is as wide as the reduction, as Pillow's BILINEAR: to the bit, in whole numbers. */
#ifndef BIT_DATA_ANTIALIAS_H
#define BIT_DATA_ANTIALIAS_H

#include <stdint.h>

#include "bit/data.h"

/* For each output pixel the source pixels start..start + count - 1 and their weights, which add up to 1 << 22 but for rounding. */
struct bit_taps {
    int size;        /* output pixels */
    int first, last; /* source pixels that are read at all */
    int most;        /* weights an output pixel at most: its row of `weight` */
    int32_t *start, *count, *weight;
    size_t capacity; /* of `weight` */
};

int bit_taps_create(struct bit_taps *taps, int size, struct bit_error *error);
void bit_taps_free(struct bit_taps *taps);
/* Fills it from a window's axis (see struct bit_window). */
int bit_taps_fill(struct bit_taps *taps, double first, double length, int low, int high, struct bit_error *error);
/* Turns the order of the output pixels round. */
void bit_taps_reverse(struct bit_taps *taps);

/* One source row of RGBX pixels, which begins at pixel x->first, to x->size of them. */
void bit_taps_across(const struct bit_taps *x, const uint8_t *row, uint8_t *out);
/* Output row i of `pixels` RGBX pixels a row; source row s stands in the ring at (s % y->most) * stride. Writes red, green and blue
 * scaled from 0..255 to -1..1. `sums` has room for 4 * pixels. */
void bit_taps_down(const struct bit_taps *y, int i, const uint8_t *ring, size_t stride, int pixels, int32_t *sums, float *out);

#endif
