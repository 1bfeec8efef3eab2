/* What a network's outputs for one image come to. */
#ifndef APPLY_RANKING_H
#define APPLY_RANKING_H

#include <stdbool.h>
#include <stdint.h>

/* The `most` classes (at most `classes`) with the largest outputs, the first one first; of equal ones the lower class. Outputs that are
 * no numbers come last. Their probabilities: softmax over all classes, or of each class for itself (sigmoid). Local. */
void ranking_top(const float *outputs, int classes, bool sigmoid, int most, int32_t *class, float *probability);

#endif
