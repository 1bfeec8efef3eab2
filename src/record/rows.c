#include "record/rows.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>

#include "bit/json.h"

void bit_metrics_write_rows(const struct bit_metrics *metrics, struct bit_text *text)
{
    bit_text_add(text, "[");
    for (int i = 0; i < metrics->count; i++) {
        const struct bit_metric *m = &metrics->item[i];
        bit_text_add(text, "%s[\"%s\",", i ? "," : "", m->name);
        bit_text_add_json(text, m->title);
        bit_text_add(text, ",\"%s\",\"%s\"]", m->form == BIT_METRIC_SHARE ? "share" : "number", m->higher_is_better ? "higher" : "lower");
    }
    bit_text_add(text, "]");
}

static bool read_row(const cJSON *object, const cJSON *row, struct bit_metric *metric)
{
    const char *text[4];
    for (int i = 0; i < 4; i++) {
        text[i] = cJSON_GetStringValue(cJSON_GetArrayItem(row, i));
        if (!text[i] || strlen(text[i]) >= BIT_METRIC_NAME)
            return false;
    }
    *metric = (struct bit_metric){.count = BIT_METRIC_UNCOUNTED, .form = strcmp(text[2], "share") ? BIT_METRIC_NUMBER : BIT_METRIC_SHARE,
                                  .higher_is_better = strcmp(text[3], "lower") != 0, .value = bit_json_number(object, text[0], NAN)};
    strcpy(metric->name, text[0]);
    strcpy(metric->title, text[1]);
    return true;
}

bool bit_metrics_read_rows(const cJSON *object, struct bit_metrics *metrics)
{
    const cJSON *row, *rows = cJSON_GetObjectItemCaseSensitive(object, "metrics");
    *metrics = (struct bit_metrics){0};
    cJSON_ArrayForEach(row, rows)
    {
        if (metrics->count == BIT_METRICS || !read_row(object, row, &metrics->item[metrics->count]))
            return false;
        metrics->count++;
    }
    return true;
}
