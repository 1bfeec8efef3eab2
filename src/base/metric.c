#include "bit/metric.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bool bit_metric_is_better(const struct bit_metric *metric, double a, double b)
{
    if (isnan(a) || isnan(b))
        return !isnan(a) && isnan(b);
    return metric->higher_is_better ? a > b : a < b;
}

void bit_metric_text(const struct bit_metric *metric, char *text, size_t size)
{
    if (metric->form == BIT_METRIC_SHARE)
        snprintf(text, size, "%.2f %%", 100 * metric->value);
    else
        snprintf(text, size, "%.4g", metric->value);
}

const struct bit_metric *bit_metrics_find(const struct bit_metrics *metrics, const char *name)
{
    for (int i = 0; i < metrics->count; i++)
        if (!strcmp(metrics->item[i].name, name))
            return &metrics->item[i];
    return NULL;
}
