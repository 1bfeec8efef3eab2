/* Where an image's classes stand among its logits. */
#ifndef HEADS_SCORE_H
#define HEADS_SCORE_H

#include <stdint.h>

/* Best place (0: the largest logit) that any of the image's labels takes among `classes` logits. Of equal logits the
 * lower class stands first. A label whose logit is NaN, and an image without labels, takes place `classes`; a NaN of
 * another class stands before every number. Local. */
int score_place(const float *logits, int classes, const int32_t *labels, int count);

#endif
