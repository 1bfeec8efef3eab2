#include "run/standing.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>

#include "bit/json.h"

void standing_init(struct standing *s)
{
    *s = (struct standing){.evaluated = UINT64_MAX, .best_top1 = -1};
}

void standing_metrics(const struct bit_evaluation *e, enum bit_loss loss, struct bit_metrics *metrics)
{
    bool sigmoid = loss == BIT_SIGMOID;
    *metrics = (struct bit_metrics){.count = 2, .item = {
        {.name = "top1", .higher_is_better = true, .value = e->top1, .count = e->top1_count},
        {.name = "top5", .higher_is_better = true, .value = e->top5, .count = e->top5_count}}};
    snprintf(metrics->item[0].title, BIT_METRIC_NAME, sigmoid ? "precision-at-1" : "top-1");
    snprintf(metrics->item[1].title, BIT_METRIC_NAME, sigmoid ? "precision-at-5" : "top-5");
}

void standing_evaluated(struct standing *s, const struct bit_evaluation *evaluation)
{
    s->newest = *evaluation;
    s->evaluated = s->step;
    if (evaluation->top1 > s->best_top1) {
        s->best_top1 = evaluation->top1;
        s->best_step = s->step;
    }
}

void standing_write(const struct standing *s, uint64_t bad, double seconds, struct bit_text *t)
{
    bit_text_add(t, "{\"bad_images\":%llu,\"machine\":", (unsigned long long)bad);
    bit_text_add_json(t, s->machine);
    bit_text_add(t, ",\"resumes\":%llu,\"rollbacks\":%llu,\"skipped\":%d,\"losses\":", (unsigned long long)s->resumes,
                 (unsigned long long)s->rollbacks, s->skipped);
    level_write(&s->level, t);
    bit_text_add(t, ",\"seconds\":");
    bit_json_add_number(t, seconds, 17);
    if (s->best_top1 >= 0) {
        bit_text_add(t, ",\"best_step\":%llu,\"best_top1\":", (unsigned long long)s->best_step);
        bit_json_add_number(t, s->best_top1, 17);
    }
    if (s->evaluated != UINT64_MAX) {
        const struct bit_evaluation *e = &s->newest;
        bit_text_add(t, ",\"evaluation\":{\"step\":%llu,\"images\":%llu,\"top1_count\":%llu,\"top5_count\":%llu,\"bad\":%llu,"
                     "\"loss\":", (unsigned long long)s->evaluated, (unsigned long long)e->images,
                     (unsigned long long)e->top1_count, (unsigned long long)e->top5_count, (unsigned long long)e->bad);
        bit_json_add_number(t, e->loss, 17);
        bit_text_add(t, ",\"seconds\":");
        bit_json_add_number(t, e->seconds, 17);
        bit_text_add(t, "}");
    }
    bit_text_add(t, "}");
}

static void read_evaluation(struct standing *s, const cJSON *object)
{
    struct bit_evaluation *e = &s->newest;
    s->evaluated = bit_json_whole(object, "step", 0);
    e->images = bit_json_whole(object, "images", 0);
    e->top1_count = bit_json_whole(object, "top1_count", 0);
    e->top5_count = bit_json_whole(object, "top5_count", 0);
    e->bad = bit_json_whole(object, "bad", 0);
    e->loss = bit_json_number(object, "loss", NAN);
    e->seconds = bit_json_number(object, "seconds", 0);
    e->top1 = e->images ? (double)e->top1_count / (double)e->images : 0;
    e->top5 = e->images ? (double)e->top5_count / (double)e->images : 0;
}

static void read_losses(struct standing *s, const cJSON *array)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, array)
        if (cJSON_IsNumber(item))
            level_add(&s->level, item->valuedouble);
}

int standing_read(struct standing *s, const char *text, uint64_t step, struct bit_error *error)
{
    uint64_t resumes = s->resumes, rollbacks = s->rollbacks;
    standing_init(s);
    s->step = step;
    s->resumes = resumes;
    s->rollbacks = rollbacks;
    if (!text)
        return 0;
    cJSON *object = cJSON_Parse(text);
    if (!cJSON_IsObject(object)) {
        cJSON_Delete(object);
        return bit_fail(error, BIT_EDATA, "the checkpoint's \"extra\" is not a JSON object");
    }
    resumes = bit_json_whole(object, "resumes", 0);
    s->resumes = resumes > s->resumes ? resumes : s->resumes;
    rollbacks = bit_json_whole(object, "rollbacks", 0);
    s->rollbacks = rollbacks > s->rollbacks ? rollbacks : s->rollbacks;
    s->skipped = (int)bit_json_whole(object, "skipped", 0);
    read_losses(s, cJSON_GetObjectItemCaseSensitive(object, "losses"));
    s->bad = bit_json_whole(object, "bad_images", 0);
    s->seconds = bit_json_number(object, "seconds", 0);
    s->best_top1 = bit_json_number(object, "best_top1", -1);
    s->best_step = bit_json_whole(object, "best_step", 0);
    const cJSON *machine = cJSON_GetObjectItemCaseSensitive(object, "machine");
    if (cJSON_IsString(machine))
        snprintf(s->machine, sizeof s->machine, "%s", machine->valuestring);
    const cJSON *evaluation = cJSON_GetObjectItemCaseSensitive(object, "evaluation");
    if (cJSON_IsObject(evaluation))
        read_evaluation(s, evaluation);
    cJSON_Delete(object);
    return 0;
}
