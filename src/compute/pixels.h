/* Moving whole pixels between an image and its strided part, and adding images; threaded. */
#ifndef BIT_COMPUTE_PIXELS_H
#define BIT_COMPUTE_PIXELS_H

#include "bit/compute.h"
#include "compute/gather.h"

/* Every stride-th pixel of [images, height, width, channels] to [images, out height, out width, channels]: what a 1x1
 * convolution without padding reads. */
void bit_pixels_compact(const struct bit_geometry *g, enum bit_type type, const void *from, void *to);
/* Its transpose: compact pixels to their places, zeros (or, accumulating, nothing) elsewhere. */
void bit_pixels_spread(const struct bit_geometry *g, enum bit_type type, const void *from, bool accumulate, void *to);
/* The compact results of one class of pixels (gather.h) to their places; `from` NULL: zeros. */
void bit_pixels_scatter(const struct bit_gather *gather, enum bit_type type, const void *from, bool accumulate, void *to);
/* to += from, element by element. */
void bit_pixels_add(enum bit_type type, const void *from, size_t count, void *to);

#endif
