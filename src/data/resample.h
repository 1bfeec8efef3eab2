/* Bilinear resampling of RGBX rows to normalised RGB: the last pass over an image. */
#ifndef BIT_DATA_RESAMPLE_H
#define BIT_DATA_RESAMPLE_H

#include <stdint.h>

#include "bit/data.h"

/* For each output pixel the source pixel at its left (top) and the weight of that one's right (lower) neighbour. Where
 * there is no neighbour the weight is 0. */
struct bit_axis {
    int size;
    int first, last; /* source pixels that are read at all */
    int32_t *index;
    float *weight;
};

/* Fills index, weight, first and last from a window's axis, for an image that was reduced `factor` times to `pixels`
 * pixels along this axis. `index` and `weight` have room for `size`. */
void bit_axis_fill(struct bit_axis *axis, double first, double length, int low, int high, int factor, int pixels);
/* Turns the order of the output pixels round. */
void bit_axis_reverse(struct bit_axis *axis);

/* out[i] = upper[i] + (lower[i] - upper[i]) * weight, scaled from 0..255 to -1..1, for `count` bytes. */
void bit_row_blend(const uint8_t *upper, const uint8_t *lower, float weight, int count, float *out);
/* One output row of 3 * x->size values, from a blended RGBX row that starts at pixel x->first. One pixel past x->last is
 * read (and ignored) and must be finite. */
void bit_row_spread(const float *row, const struct bit_axis *x, float *out);
void bit_row_spread_bfloat16(const float *row, const struct bit_axis *x, float *scratch, uint16_t *out);
/* float32 to bfloat16, rounded to nearest even; nothing is NaN. */
void bit_row_round(const float *row, int count, uint16_t *out);

#endif
