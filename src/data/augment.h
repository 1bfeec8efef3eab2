/* Which part of an image becomes the sample. */
#ifndef BIT_DATA_AUGMENT_H
#define BIT_DATA_AUGMENT_H

#include "bit/data.h"

/* Output pixel o of a row or column lies at first + (o + 0.5) * length / size - 0.5 of the full-size image, pixels
 * counted by their centres, and is interpolated among the pixels low..high. */
struct bit_span { double first, length; int low, high; };
struct bit_window {
    struct bit_span x, y;
    bool mirror;           /* output pixels of a row in reverse order */
    int valid_x, valid_y;  /* output pixels from the upper left corner that the image fills; what lies beyond is zero */
    int width, height;     /* of the image */
};

/* Training: the crop of (seed, epoch, sample); evaluation: the central crop or the whole image. A pure function. */
void bit_window_choose(const struct bit_stream_options *options, uint64_t epoch, uint64_t sample, int width, int height,
                       struct bit_window *window);

#endif
