#include "run/losses.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bit/json.h"

void losses_add(struct losses *l, double loss)
{
    if (l->count == LOSSES_KEPT)
        memmove(l->recent, l->recent + 1, (size_t)--l->count * sizeof *l->recent);
    l->recent[l->count++] = loss;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double losses_median(const struct losses *l)
{
    double sorted[LOSSES_KEPT];
    size_t count = (size_t)l->count;
    if (l->count < LOSSES_LEAST)
        return INFINITY;
    memcpy(sorted, l->recent, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare);
    return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
}

void losses_write(const struct losses *l, struct bit_text *t)
{
    bit_text_add(t, "[");
    for (int i = 0; i < l->count; i++) {
        if (i)
            bit_text_add(t, ",");
        bit_json_add_number(t, l->recent[i], 17);
    }
    bit_text_add(t, "]");
}
