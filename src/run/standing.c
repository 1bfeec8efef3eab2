#include "run/standing.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>

#include "bit/json.h"

void standing_init(struct standing *s)
{
    *s = (struct standing){.evaluated = UINT64_MAX, .probed = UINT64_MAX, .best = NAN};
}

void standing_evaluated(struct standing *s, const struct bit_evaluation *evaluation)
{
    s->newest = *evaluation;
    s->evaluated = s->step;
    const struct bit_metric *first = evaluation->metrics.item;
    if (evaluation->metrics.count && bit_metric_is_better(first, first->value, s->best)) {
        s->best = first->value;
        s->best_step = s->step;
    }
}

/* A share of the images as their number, under NAME_count: exact. */
static void write_metric(const struct bit_metric *m, struct bit_text *t)
{
    if (m->count != BIT_METRIC_UNCOUNTED) {
        bit_text_add(t, ",\"%s_count\":%llu", m->name, (unsigned long long)m->count);
        return;
    }
    bit_text_add(t, ",\"%s\":", m->name);
    bit_json_add_number(t, m->value, 17);
}

void standing_write(const struct standing *s, uint64_t bad, double seconds, struct bit_text *t)
{
    bit_text_add(t, "{\"bad_images\":%llu,\"machine\":", (unsigned long long)bad);
    bit_text_add_json(t, s->machine);
    if (*s->start)
        bit_text_add(t, ",\"start\":\"%s\"", s->start);
    bit_text_add(t, ",\"resumes\":%llu,\"rollbacks\":%llu,\"skipped\":%d,\"losses\":", (unsigned long long)s->resumes,
                 (unsigned long long)s->rollbacks, s->skipped);
    bit_losses_write(&s->losses, t);
    bit_text_add(t, ",\"seconds\":");
    bit_json_add_number(t, seconds, 17);
    if (s->probed != UINT64_MAX)
        bit_text_add(t, ",\"probed\":%llu", (unsigned long long)s->probed);
    if (!isnan(s->best)) {
        bit_text_add(t, ",\"best_step\":%llu,\"best_%s\":", (unsigned long long)s->best_step, s->newest.metrics.item[0].name);
        bit_json_add_number(t, s->best, 17);
    }
    if (s->evaluated != UINT64_MAX) {
        const struct bit_evaluation *e = &s->newest;
        bit_text_add(t, ",\"evaluation\":{\"step\":%llu,\"images\":%llu", (unsigned long long)s->evaluated, (unsigned long long)e->images);
        for (int i = 0; i < e->metrics.count; i++)
            write_metric(&e->metrics.item[i], t);
        bit_text_add(t, ",\"bad\":%llu,\"loss\":", (unsigned long long)e->bad);
        bit_json_add_number(t, e->loss, 17);
        bit_text_add(t, ",\"seconds\":");
        bit_json_add_number(t, e->seconds, 17);
        bit_text_add(t, "}");
    }
    bit_text_add(t, "}");
}

static void read_metric(const cJSON *object, uint64_t images, struct bit_metric *m)
{
    char key[BIT_METRIC_NAME + 8];
    snprintf(key, sizeof key, m->count != BIT_METRIC_UNCOUNTED ? "%s_count" : "%s", m->name);
    if (m->count == BIT_METRIC_UNCOUNTED) {
        m->value = bit_json_number(object, key, NAN);
        return;
    }
    m->count = bit_json_whole(object, key, 0);
    m->value = !cJSON_HasObjectItem(object, key) ? NAN : images ? (double)m->count / (double)images : 0;
}

static void read_evaluation(struct standing *s, const cJSON *object)
{
    struct bit_evaluation *e = &s->newest;
    s->evaluated = bit_json_whole(object, "step", 0);
    e->images = bit_json_whole(object, "images", 0);
    for (int i = 0; i < e->metrics.count; i++)
        read_metric(object, e->images, &e->metrics.item[i]);
    e->bad = bit_json_whole(object, "bad", 0);
    e->loss = bit_json_number(object, "loss", NAN);
    e->seconds = bit_json_number(object, "seconds", 0);
}

static void read_losses(struct standing *s, const cJSON *array)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, array)
        if (cJSON_IsNumber(item))
            bit_losses_add(&s->losses, item->valuedouble);
}

int standing_read(struct standing *s, const char *text, uint64_t step, const struct bit_metrics *known,
                  struct bit_error *error)
{
    uint64_t resumes = s->resumes, rollbacks = s->rollbacks;
    standing_init(s);
    s->step = step;
    s->resumes = resumes;
    s->rollbacks = rollbacks;
    s->newest.metrics = *known;
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
    s->probed = bit_json_whole(object, "probed", UINT64_MAX);
    s->seconds = bit_json_number(object, "seconds", 0);
    char best[BIT_METRIC_NAME + 8];
    snprintf(best, sizeof best, "best_%s", known->count ? known->item[0].name : "");
    s->best = bit_json_number(object, best, NAN);
    s->best_step = bit_json_whole(object, "best_step", 0);
    snprintf(s->start, sizeof s->start, "%s", bit_json_string(object, "start", ""));
    const cJSON *machine = cJSON_GetObjectItemCaseSensitive(object, "machine");
    if (cJSON_IsString(machine))
        snprintf(s->machine, sizeof s->machine, "%s", machine->valuestring);
    const cJSON *evaluation = cJSON_GetObjectItemCaseSensitive(object, "evaluation");
    if (cJSON_IsObject(evaluation))
        read_evaluation(s, evaluation);
    cJSON_Delete(object);
    return 0;
}
