/* The rules of the COCO evaluation as plain loops, slow and with nothing in common with src/coco: the definition of truth for its test. */
#ifndef TESTS_COCO_PLAIN_H
#define TESTS_COCO_PLAIN_H

#include "bit/coco.h"

/* numbers[12], and for each category by ascending id AP, AP50 and AR100. Of annotations with equal ids it knows nothing. */
void plain_score(const struct bit_coco *truth, const struct bit_coco_results *results, double numbers[12], double (*categories)[3]);

#endif
