/* Reading a line of metrics.jsonl. */
#include <cjson/cJSON.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "bit/json.h"
#include "bit/metrics_log.h"
#include "record/rows.h"

static void read_step(const cJSON *object, struct bit_step_line *line)
{
    const cJSON *share = cJSON_GetObjectItemCaseSensitive(object, "share");
    *line = (struct bit_step_line){
        .epoch = bit_json_number(object, "epoch", NAN),
        .loss = bit_json_number(object, "loss", NAN),
        .rate = bit_json_number(object, "rate", NAN),
        .gradient_norm = bit_json_number(object, "gradient_norm", NAN),
        .weight_norm = bit_json_number(object, "weight_norm", NAN),
        .images_per_second = bit_json_number(object, "images_per_second", NAN),
        .applied = !cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(object, "applied")),
        .share = {bit_json_number(share, "data", NAN), bit_json_number(share, "forward", NAN), bit_json_number(share, "backward", NAN),
                  bit_json_number(share, "reduce", NAN), bit_json_number(share, "update", NAN), bit_json_number(share, "checkpoint", NAN)},
    };
}

/* Before lines had a list of their metrics, those were the numbers between the loss and the images. */
static void find_metrics(const cJSON *object, struct bit_metrics *metrics)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, "loss");
    for (item = item ? item->next : NULL; item && strcmp(item->string, "images") && metrics->count < BIT_METRICS; item = item->next) {
        struct bit_metric *m = &metrics->item[metrics->count];
        if (!cJSON_IsNumber(item) || strlen(item->string) >= BIT_METRIC_NAME)
            continue;
        *m = (struct bit_metric){.form = BIT_METRIC_SHARE, .higher_is_better = true, .value = item->valuedouble, .count = BIT_METRIC_UNCOUNTED};
        strcpy(m->name, item->string);
        strcpy(m->title, item->string);
        metrics->count++;
    }
}

static bool read_evaluation(const cJSON *object, struct bit_evaluation_line *line)
{
    *line = (struct bit_evaluation_line){
        .images = bit_json_whole(object, "images", 0),
        .bad = bit_json_whole(object, "bad", 0),
        .epoch = bit_json_number(object, "epoch", NAN),
        .loss = bit_json_number(object, "loss", NAN),
        .seconds = bit_json_number(object, "seconds", NAN),
    };
    if (!cJSON_HasObjectItem(object, "metrics"))
        find_metrics(object, &line->metrics);
    else if (!bit_metrics_read_rows(object, &line->metrics))
        return false;
    return true;
}

static void read_probe(const cJSON *object, struct bit_probe_line *line)
{
    const cJSON *rows = cJSON_GetObjectItemCaseSensitive(object, "probe");
    *line = (struct bit_probe_line){.epoch = bit_json_number(object, "epoch", NAN)};
    for (const cJSON *row = cJSON_IsArray(rows) ? rows->child : NULL; row && line->count < BIT_PROBE_ROWS; row = row->next) {
        uint64_t shots = bit_json_whole(row, "shots", 0);
        if (shots < 1 || shots > INT_MAX)
            continue;
        line->shots[line->count] = (int)shots;
        line->median[line->count++] = bit_json_number(row, "median", NAN);
    }
}

void bit_metrics_line_parse(const char *line, size_t size, struct bit_metrics_line *parsed)
{
    struct bit_error ignored = {0};
    cJSON *object = bit_json_parse(line, size, &ignored);
    const char *kind = bit_json_string(object, "kind", "");
    *parsed = (struct bit_metrics_line){.kind = BIT_METRICS_OTHER, .step = bit_json_whole(object, "step", UINT64_MAX)};
    if (!*kind || parsed->step == UINT64_MAX) {
        parsed->kind = BIT_METRICS_BAD;
    } else if (!strcmp(kind, "step")) {
        parsed->kind = BIT_METRICS_STEP;
        read_step(object, &parsed->at);
        parsed->at.step = parsed->step;
    } else if (!strcmp(kind, "evaluation")) {
        parsed->kind = read_evaluation(object, &parsed->evaluation) ? BIT_METRICS_EVALUATION : BIT_METRICS_BAD;
        parsed->evaluation.step = parsed->step;
    } else if (!strcmp(kind, "probe")) {
        parsed->kind = BIT_METRICS_PROBE;
        read_probe(object, &parsed->probe);
    }
    cJSON_Delete(object);
}
