/* Boxes of an image, where its window puts them. */
#ifndef BIT_DATA_BOXES_H
#define BIT_DATA_BOXES_H

#include "augment.h"

/* The boxes of image `image` of an index of annotations that are to be found in an output of `size` pixels a side: in its pixels, clipped to
 * what the image fills of it; without crowds, and without those of which less than a pixel a side is left. `labels` and `boxes` have room for
 * all. Returns their number. */
int bit_boxes_place(const struct bit_index *index, uint64_t image, const struct bit_window *window, int size, int32_t *labels,
                    struct bit_box *boxes);
/* Where an image that was not cropped or mirrored stands. */
struct bit_frame bit_boxes_frame(const struct bit_window *window, int size);

#endif
