/* How high the recent losses were, so that one that jumps is noticed. Kept with every generation: a run that resumes judges as
 * one that was never interrupted. Local; the same on all ranks. */
#ifndef RUN_LOSSES_H
#define RUN_LOSSES_H

#include "bit/text.h"

enum { LOSSES_KEPT = 64, LOSSES_LEAST = 8 };

struct losses { int count; double recent[LOSSES_KEPT]; /* oldest first */ };

/* Adds the loss of a step that was applied. */
void losses_add(struct losses *losses, double loss);
/* The median, or INFINITY while there are fewer than LOSSES_LEAST losses. */
double losses_median(const struct losses *losses);
/* As a JSON array: every bit. */
void losses_write(const struct losses *losses, struct bit_text *text);

#endif
