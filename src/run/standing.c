#include "run/standing.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>

#include "run/number.h"

void standing_init(struct standing *s)
{
    *s = (struct standing){.evaluated = UINT64_MAX, .best_top1 = -1};
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
    number_add(t, seconds, 17);
    if (s->best_top1 >= 0) {
        bit_text_add(t, ",\"best_step\":%llu,\"best_top1\":", (unsigned long long)s->best_step);
        number_add(t, s->best_top1, 17);
    }
    if (s->evaluated != UINT64_MAX) {
        const struct bit_evaluation *e = &s->newest;
        bit_text_add(t, ",\"evaluation\":{\"step\":%llu,\"images\":%llu,\"top1_count\":%llu,\"top5_count\":%llu,\"bad\":%llu,"
                     "\"loss\":", (unsigned long long)s->evaluated, (unsigned long long)e->images,
                     (unsigned long long)e->top1_count, (unsigned long long)e->top5_count, (unsigned long long)e->bad);
        number_add(t, e->loss, 17);
        bit_text_add(t, ",\"seconds\":");
        number_add(t, e->seconds, 17);
        bit_text_add(t, "}");
    }
    bit_text_add(t, "}");
}

static double number_of(const cJSON *object, const char *name, double missing)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(item) ? item->valuedouble : missing;
}

static uint64_t count_of(const cJSON *object, const char *name)
{
    double value = number_of(object, name, 0);
    return value >= 0 && value < 9007199254740992.0 ? (uint64_t)value : 0;
}

static void read_evaluation(struct standing *s, const cJSON *object)
{
    struct bit_evaluation *e = &s->newest;
    s->evaluated = count_of(object, "step");
    e->images = count_of(object, "images");
    e->top1_count = count_of(object, "top1_count");
    e->top5_count = count_of(object, "top5_count");
    e->bad = count_of(object, "bad");
    e->loss = number_of(object, "loss", NAN);
    e->seconds = number_of(object, "seconds", 0);
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
    resumes = count_of(object, "resumes");
    s->resumes = resumes > s->resumes ? resumes : s->resumes;
    rollbacks = count_of(object, "rollbacks");
    s->rollbacks = rollbacks > s->rollbacks ? rollbacks : s->rollbacks;
    s->skipped = (int)count_of(object, "skipped");
    read_losses(s, cJSON_GetObjectItemCaseSensitive(object, "losses"));
    s->bad = count_of(object, "bad_images");
    s->seconds = number_of(object, "seconds", 0);
    s->best_top1 = number_of(object, "best_top1", -1);
    s->best_step = count_of(object, "best_step");
    const cJSON *machine = cJSON_GetObjectItemCaseSensitive(object, "machine");
    if (cJSON_IsString(machine))
        snprintf(s->machine, sizeof s->machine, "%s", machine->valuestring);
    const cJSON *evaluation = cJSON_GetObjectItemCaseSensitive(object, "evaluation");
    if (cJSON_IsObject(evaluation))
        read_evaluation(s, evaluation);
    cJSON_Delete(object);
    return 0;
}
