/* JPEG files of our own: thumbnails, composed pictures, synthetic ones for benchmarks. */
#ifndef BIT_JPEG_H
#define BIT_JPEG_H

#include <stddef.h>
#include <stdint.h>

#include "bit/error.h"

enum bit_jpeg_colours { BIT_JPEG_RGB, BIT_JPEG_YCC };

/* pixels: [height, width, 3] of these colours. *data is to be freed with free, not bit_free; after a failure it is undefined. Local. */
int bit_jpeg_write(const uint8_t *pixels, int width, int height, enum bit_jpeg_colours colours, int quality, unsigned char **data,
                   size_t *size, struct bit_error *error);

#endif
