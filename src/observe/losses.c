#include "bit/observe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bit/json.h"

void bit_losses_add(struct bit_losses *l, double loss)
{
    if (l->count == BIT_LOSSES_KEPT)
        memmove(l->recent, l->recent + 1, (size_t)--l->count * sizeof *l->recent);
    l->recent[l->count++] = loss;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bit_losses_median(const struct bit_losses *l)
{
    double sorted[BIT_LOSSES_KEPT];
    size_t count = (size_t)l->count;
    if (l->count < BIT_LOSSES_LEAST)
        return INFINITY;
    memcpy(sorted, l->recent, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare);
    return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
}

void bit_losses_write(const struct bit_losses *l, struct bit_text *t)
{
    bit_text_add(t, "[");
    for (int i = 0; i < l->count; i++) {
        if (i)
            bit_text_add(t, ",");
        bit_json_add_number(t, l->recent[i], 17);
    }
    bit_text_add(t, "]");
}
