/* Predictions of an evaluation: writing and reading their file. */
#include "bit/predictions.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bit/file.h"
#include "bit/json.h"
#include "bit/memory.h"
#include "bit/record.h"

/* ---- writing ---- */

void bit_predictions_write_head(struct bit_text *t, const struct bit_predictions *p, uint64_t images)
{
    bit_text_add(t, "{\"kind\":\"predictions\",\"version\":%d,\"job\":", BIT_PREDICTIONS_VERSION);
    bit_text_add_json(t, p->job);
    bit_text_add(t, ",\"step\":%llu,\"images\":%llu,\"bad\":%llu,\"loss\":\"%s\",\"data\":", (unsigned long long)p->step,
                 (unsigned long long)images, (unsigned long long)p->bad, p->is_sigmoid ? "sigmoid" : "softmax");
    bit_text_add_json(t, p->data);
    bit_text_add(t, ",\"classes\":[");
    for (int k = 0; k < p->classes; k++) {
        bit_text_add(t, k ? "," : "");
        bit_text_add_json(t, p->names[k]);
    }
    bit_text_add(t, "]}\n");
}

void bit_predictions_write_item(struct bit_text *t, const struct bit_predictions *p, const struct bit_prediction *item)
{
    bit_text_add(t, "{\"image\":%llu,\"path\":", (unsigned long long)item->image);
    bit_text_add_json(t, item->path);
    bit_text_add(t, ",\"labels\":[");
    for (int i = 0; i < item->label_count; i++) {
        bit_text_add(t, i ? "," : "");
        bit_text_add_json(t, p->names[item->labels[i]]);
    }
    bit_text_add(t, "],\"place\":%d", item->place);
    bit_json_add_member(t, "probability", item->probability, 9);
    bit_text_add(t, ",\"top\":[");
    for (int i = 0; i < item->top_count; i++) {
        bit_text_add(t, i ? ",[" : "[");
        bit_text_add_json(t, p->names[item->top[i]]);
        bit_text_add(t, ",");
        bit_json_add_number(t, item->top_probability[i], 9);
        bit_text_add(t, "]");
    }
    bit_text_add(t, "]}\n");
}

/* ---- reading ---- */

/* A file being read. `order`: the classes by name. */
struct reading { struct bit_predictions *p; int *order; uint64_t expected, line; size_t labels, label_capacity; };

void bit_predictions_free(struct bit_predictions *p)
{
    if (!p)
        return;
    for (int k = 0; p->names && k < p->classes; k++)
        bit_free(p->names[k]);
    for (uint64_t i = 0; p->items && i < p->count; i++)
        bit_free((char *)p->items[i].path);
    bit_free(p->names);
    bit_free(p->items);
    bit_free(p->labels);
    bit_free(p->job);
    bit_free(p->data);
    bit_free(p);
}

static int compare_names(const void *a, const void *b, void *names)
{
    return strcmp(((char **)names)[*(const int *)a], ((char **)names)[*(const int *)b]);
}

/* Number of a class, or -1. */
static int find_class(const struct reading *r, const char *name)
{
    int low = 0, high = r->p->classes;
    while (name && low < high) {
        int middle = low + (high - low) / 2, order = strcmp(name, r->p->names[r->order[middle]]);
        if (order == 0)
            return r->order[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return -1;
}

static int read_names(struct reading *r, const cJSON *list, struct bit_error *error)
{
    struct bit_predictions *p = r->p;
    int count = cJSON_GetArraySize(list), k = 0;
    const cJSON *item;
    p->names = bit_allocate((size_t)count + 1, sizeof *p->names, "class names", error);
    r->order = bit_allocate((size_t)count + 1, sizeof *r->order, "class names", error);
    if (!p->names || !r->order)
        return -1;
    cJSON_ArrayForEach(item, list)
    {
        if (!cJSON_IsString(item))
            return bit_fail(error, BIT_EDATA, "a class that is not a text");
        r->order[k] = k;
        if (!(p->names[k] = bit_copy_text(item->valuestring, error)))
            return -1;
        p->classes = ++k;
    }
    qsort_r(r->order, (size_t)k, sizeof *r->order, compare_names, p->names);
    return 0;
}

static int read_head(struct reading *r, const cJSON *json, struct bit_error *error)
{
    struct bit_predictions *p = r->p;
    if (strcmp(bit_json_string(json, "kind", ""), "predictions"))
        return bit_fail(error, BIT_EDATA, "not a file of predictions: expected {\"kind\":\"predictions\",...}");
    if (bit_json_whole(json, "version", 0) != BIT_PREDICTIONS_VERSION)
        return bit_fail(error, BIT_EDATA, "a version of the file that is not known: expected %d", BIT_PREDICTIONS_VERSION);
    p->is_sigmoid = !strcmp(bit_json_string(json, "loss", ""), "sigmoid");
    p->step = bit_json_whole(json, "step", 0);
    p->bad = bit_json_whole(json, "bad", 0);
    r->expected = bit_json_whole(json, "images", UINT64_MAX);
    if (r->expected > (uint64_t)1 << 40)
        return bit_fail(error, BIT_EDATA, "\"images\" is not a number of images");
    if (!(p->job = bit_copy_text(bit_json_string(json, "job", ""), error)) ||
        !(p->data = bit_copy_text(bit_json_string(json, "data", ""), error)))
        return -1;
    return read_names(r, cJSON_GetObjectItemCaseSensitive(json, "classes"), error);
}

/* Numbers of labels go to a growing list; items know their place in it until all are read. */
static int read_labels(struct reading *r, const cJSON *list, struct bit_prediction *item, struct bit_error *error)
{
    const cJSON *name;
    item->labels = (const int32_t *)(uintptr_t)r->labels;
    cJSON_ArrayForEach(name, list)
    {
        int k = find_class(r, cJSON_GetStringValue(name));
        if (k < 0)
            return bit_fail(error, BIT_EDATA, "a label that is none of the file's classes");
        if (r->labels == r->label_capacity) {
            size_t capacity = r->label_capacity ? r->label_capacity * 2 : 4096;
            int32_t *labels = bit_allocate(capacity, sizeof *labels, "labels", error);
            if (!labels)
                return -1;
            if (r->labels)
                memcpy(labels, r->p->labels, r->labels * sizeof *labels);
            bit_free(r->p->labels);
            r->p->labels = labels;
            r->label_capacity = capacity;
        }
        r->p->labels[r->labels++] = k;
        item->label_count++;
    }
    return 0;
}

static int read_top(struct reading *r, const cJSON *list, struct bit_prediction *item, struct bit_error *error)
{
    const cJSON *pair;
    cJSON_ArrayForEach(pair, list)
    {
        int k = find_class(r, cJSON_GetStringValue(cJSON_GetArrayItem(pair, 0)));
        const cJSON *probability = cJSON_GetArrayItem(pair, 1);
        if (k < 0)
            return bit_fail(error, BIT_EDATA, "a prediction that is none of the file's classes");
        if (item->top_count == BIT_PREDICTIONS_TOP)
            break;
        item->top[item->top_count] = k;
        item->top_probability[item->top_count++] = cJSON_IsNumber(probability) ? probability->valuedouble : 0;
    }
    return item->top_count ? 0 : bit_fail(error, BIT_EDATA, "no \"top\": a list of pairs of class and probability");
}

static int read_item(struct reading *r, const cJSON *json, struct bit_error *error)
{
    struct bit_predictions *p = r->p;
    if (p->count == r->expected)
        return bit_fail(error, BIT_EDATA, "more images than the %llu of the first line", (unsigned long long)r->expected);
    struct bit_prediction *item = &p->items[p->count];
    const char *path = bit_json_string(json, "path", NULL);
    uint64_t place = bit_json_whole(json, "place", UINT64_MAX);
    if (!path || place > INT_MAX)
        return bit_fail(error, BIT_EDATA, "no \"path\", or no \"place\"");
    if (!(item->path = bit_copy_text(path, error)))
        return -1;
    p->count++;
    item->image = bit_json_whole(json, "image", 0);
    item->place = (int)place;
    item->probability = bit_json_number(json, "probability", 0);
    return read_labels(r, cJSON_GetObjectItemCaseSensitive(json, "labels"), item, error) ||
           read_top(r, cJSON_GetObjectItemCaseSensitive(json, "top"), item, error) ? -1 : 0;
}

static int read_line(struct reading *r, const char *line, size_t size, struct bit_error *error)
{
    cJSON *json = bit_json_parse(line, size, error);
    int result = json ? 0 : -1;
    if (!result && ++r->line == 1) {
        result = read_head(r, json, error);
        if (!result && !(r->p->items = bit_allocate(r->expected + 1, sizeof *r->p->items, "predictions", error)))
            result = -1;
    } else if (!result) {
        result = read_item(r, json, error);
    }
    cJSON_Delete(json);
    return result ? bit_fail_at(error, "line %llu", (unsigned long long)(r->line + !json)) : 0;
}

static int read_file(struct reading *r, FILE *file, struct bit_error *error)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    int result = 0;
    while (!result && (size = getline(&line, &capacity, file)) > 0)
        if (size > 1)
            result = read_line(r, line, (size_t)size, error);
    free(line);
    if (!result && ferror(file))
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot read it");
    if (!result && (!r->line || r->p->count != r->expected))
        return bit_fail(error, BIT_EDATA, "it ends after %llu of %llu images", (unsigned long long)r->p->count,
                        (unsigned long long)(r->line ? r->expected : 0));
    for (uint64_t i = 0; !result && r->p->labels && i < r->p->count; i++)
        r->p->items[i].labels = r->p->labels + (uintptr_t)r->p->items[i].labels;
    return result;
}

struct bit_predictions *bit_predictions_read(const char *path, struct bit_error *error)
{
    char inside[PATH_MAX];
    struct stat status;
    if (!stat(path, &status) && S_ISDIR(status.st_mode)) {
        if (bit_path_join(inside, sizeof inside, path, BIT_RECORD_PREDICTIONS, error))
            return NULL;
        path = inside;
    }
    struct reading r = {.p = bit_allocate(1, sizeof *r.p, "predictions", error)};
    FILE *file = r.p ? fopen(path, "re") : NULL;
    int result = -1;
    if (r.p && !file)
        bit_fail_errno(error, BIT_ENOINPUT, "cannot open %s", path);
    else if (file)
        result = read_file(&r, file, error) ? bit_fail_at(error, "%s", path) : 0;
    if (file)
        fclose(file);
    bit_free(r.order);
    if (result) {
        bit_predictions_free(r.p);
        return NULL;
    }
    return r.p;
}
