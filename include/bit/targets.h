/* What a batch brings along for the head: data fills it, trainer and evaluation hand it on, heads read it. */
#ifndef BIT_TARGETS_H
#define BIT_TARGETS_H

#include <stdint.h>

#include "bit/box.h"

/* What the images of a batch are to be recognised as. Image i has the labels label_start[i] to label_start[i + 1] - 1, or,
 * with label_start NULL, label i. weights: how much of each label (mixed images have several, each by its share); NULL: all
 * of it. */
struct bit_targets {
    const int32_t *labels;
    const int32_t *label_start; /* images + 1 entries */
    const float *weights;       /* one a label */
    const struct bit_box *boxes; /* detection: one a label, in pixels of the network's input; label_start is given. NULL: labels are of
                                  * whole images */
};

#endif
