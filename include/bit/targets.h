/* What a batch brings along for the head: data fills it, trainer and evaluation hand it on, heads read it. */
#ifndef BIT_TARGETS_H
#define BIT_TARGETS_H

#include <stdint.h>

#include "bit/box.h"

/* Where an image stands in the network's input: it fills `width` x `height` pixels from the upper left corner, and what lies at x, y of the
 * image (as stored, before resizing) is found at x scale_x, y scale_y. */
struct bit_frame { double width, height, scale_x, scale_y; };

/* What the images of a batch are to be recognised as. Image i has the labels label_start[i] to label_start[i + 1] - 1, or,
 * with label_start NULL, label i. weights: how much of each label (mixed images have several, each by its share); NULL: all
 * of it. */
struct bit_targets {
    const int32_t *labels;
    const int32_t *label_start; /* images + 1 entries */
    const float *weights;       /* one a label */
    const struct bit_box *boxes; /* detection: one a label, in pixels of the network's input; label_start is given. NULL: labels are of
                                  * whole images */
    const struct bit_frame *frames; /* detection, evaluation: one an image. NULL: each fills the input, unscaled */
};

#endif
