/* Numbers in JSON. */
#ifndef RUN_NUMBER_H
#define RUN_NUMBER_H

#include "bit/text.h"

/* Appends `value` with `digits` significant digits; null when it is not finite. 17 digits give every double back. */
void number_add(struct bit_text *text, double value, int digits);

#endif
