#include "run/number.h"

#include <math.h>

void number_add(struct bit_text *text, double value, int digits)
{
    if (isfinite(value))
        bit_text_add(text, "%.*g", digits, value);
    else
        bit_text_add(text, "null");
}
