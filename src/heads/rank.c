/* Mean average precision. */
#include <math.h>
#include <stdlib.h>

#include "bit/memory.h"
#include "heads/metrics.h"

struct scored { float score; bool is_label; };

static int compare_falling(const void *a, const void *b)
{
    float x = ((const struct scored *)a)->score, y = ((const struct scored *)b)->score;
    return (x < y) - (x > y);
}

/* Sum over falling scores of precision x growth of recall; images of one score come together. NaN: no image has the class. */
static double average_precision(struct scored *list, uint64_t count)
{
    double sum = 0, right = 0, all = 0;
    qsort(list, count, sizeof *list, compare_falling);
    for (uint64_t i = 0; i < count; i++)
        all += list[i].is_label;
    for (uint64_t i = 0; i < count;) {
        double before = right;
        float score = list[i].score;
        do
            right += list[i++].is_label;
        while (i < count && list[i].score == score);
        sum += (right - before) * right / (double)i;
    }
    return all > 0 ? sum / all : NAN;
}

int mean_average_precision(const struct bit_records *records, int classes, double *value, struct bit_error *error)
{
    struct scored *list = bit_allocate(records->count + 1, sizeof *list, "scores of a class", error);
    double sum = 0;
    int met = 0;
    if (!list)
        return -1;
    for (int k = 0; k < classes; k++) {
        for (uint64_t i = 0; i < records->count; i++) {
            float score = record_logits(record_at(records, i))[k];
            list[i] = (struct scored){score == score ? score : -INFINITY, record_has(record_at(records, i), classes, k)};
        }
        double precision = average_precision(list, records->count);
        if (!isnan(precision))
            sum += precision, met++;
    }
    bit_free(list);
    *value = met ? sum / met : NAN;
    return 0;
}
