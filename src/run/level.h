/* How high the recent losses were, so that one that jumps is noticed. Kept with every generation: a run that resumes judges as
 * one that was never interrupted. Local; the same on all ranks. */
#ifndef RUN_LEVEL_H
#define RUN_LEVEL_H

#include "bit/text.h"

enum { LEVEL_LOSSES = 64, LEVEL_LEAST = 8 };

struct level { int count; double recent[LEVEL_LOSSES]; /* oldest first */ };

/* Adds the loss of a step that was applied. */
void level_add(struct level *level, double loss);
/* The median, or INFINITY while there are fewer than LEVEL_LEAST losses. */
double level_median(const struct level *level);
/* As a JSON array: every bit. */
void level_write(const struct level *level, struct bit_text *text);

#endif
