#include "run/level.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bit/json.h"

void level_add(struct level *l, double loss)
{
    if (l->count == LEVEL_LOSSES)
        memmove(l->recent, l->recent + 1, (size_t)--l->count * sizeof *l->recent);
    l->recent[l->count++] = loss;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double level_median(const struct level *l)
{
    double sorted[LEVEL_LOSSES];
    size_t count = (size_t)l->count;
    if (l->count < LEVEL_LEAST)
        return INFINITY;
    memcpy(sorted, l->recent, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare);
    return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
}

void level_write(const struct level *l, struct bit_text *t)
{
    bit_text_add(t, "[");
    for (int i = 0; i < l->count; i++) {
        if (i)
            bit_text_add(t, ",");
        bit_json_add_number(t, l->recent[i], 17);
    }
    bit_text_add(t, "]");
}
