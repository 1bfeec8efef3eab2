/* What programs of golden cases share: reading a case, summing gradients, comparing digests (l2, sum, samples) with what was computed. */
#ifndef BIT_TESTS_GOLDEN_CASE_H
#define BIT_TESTS_GOLDEN_CASE_H

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bit/json.h"
#include "bit/memory.h"
#include "bit/model.h"
#include "golden/golden_stream.h"

/* ---- reading ---- */

static inline cJSON *read_json(const char *path)
{
    struct bit_error error = {0};
    cJSON *json = bit_json_read(path, 64 << 20, &error);
    if (!json) {
        fprintf(stderr, "golden: %s\n", error.text);
        exit(error.code);
    }
    return json;
}

static inline const cJSON *item(const cJSON *object, const char *key)
{
    const cJSON *found = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!found) {
        fprintf(stderr, "golden: the case has no \"%s\"\n", key);
        exit(BIT_EDATA);
    }
    return found;
}

static inline double number(const cJSON *object, const char *key)
{
    return item(object, key)->valuedouble;
}

static inline int is_text(const cJSON *object, const char *key, const char *text)
{
    const char *value = cJSON_GetStringValue(item(object, key));
    return value && !strcmp(value, text);
}

/* ---- running ---- */

static inline void fill_weights(const struct bit_table *table, float *weights)
{
    for (size_t n = 0; n < table->count; n++) {
        const struct bit_parameter *p = &table->items[n];
        bool kernel = p->kind == BIT_KERNEL;
        double scale = kernel ? sqrt(3.0 / (double)(p->shape[0] * p->shape[1] * p->shape[2])) : 0.1;
        fill(p->name, p->count, p->kind == BIT_GAMMA ? 1 : 0, scale, weights + p->offset);
    }
}

static inline void must(int result, const struct bit_error *error)
{
    if (!result)
        return;
    fprintf(stderr, "golden: %s\n", error->text);
    exit(error->code);
}

static inline void *get(size_t count, size_t size)
{
    struct bit_error error = {0};
    void *memory = bit_allocate(count ? count : 1, size, "a golden case", &error);
    must(!memory, &error);
    return memory;
}

/* Adds up the micro-batches' gradients, and insists on the promised order. */
struct sum { struct bit_gradient_sink sink; const struct bit_table *table; float *total, *part; size_t next; };

static inline float *sum_begin(struct bit_gradient_sink *sink, size_t parameter)
{
    struct sum *s = (struct sum *)sink;
    if (parameter + 1 != s->next) {
        fprintf(stderr, "golden: gradient of parameter %zu came where %zu was due\n", parameter, s->next - 1);
        exit(BIT_EINTERNAL);
    }
    memset(s->part, 0xFF, s->table->items[parameter].count * sizeof *s->part); /* NaN: all must be overwritten */
    return s->part;
}

static inline void sum_done(struct bit_gradient_sink *sink, size_t parameter)
{
    struct sum *s = (struct sum *)sink;
    const struct bit_parameter *p = &s->table->items[parameter];
    for (size_t i = 0; i < p->count; i++)
        s->total[p->offset + i] += s->part[i];
    s->next = parameter;
}

static inline struct sum sum_of(const struct bit_table *table, float *total)
{
    return (struct sum){{sum_begin, sum_done}, table, total, get(table->elements, sizeof(float)), 0};
}

/* Backward of a micro-batch; every parameter must get a gradient. */
static inline void sum_backward(struct sum *s, struct bit_model *model)
{
    struct bit_error error = {0};
    s->next = s->table->count;
    must(bit_model_backward(model, &s->sink, &error), &error);
    if (s->next != 0)
        must(bit_fail(&error, BIT_EINTERNAL, "%zu parameters got no gradient", s->next), &error);
}

static inline void update(size_t elements, double momentum, double weight_decay, double rate, const float *gradient, float *velocity,
                          float *weights)
{
    for (size_t i = 0; i < elements; i++) {
        double v = momentum * (double)velocity[i] + (double)gradient[i] + weight_decay * (double)weights[i];
        velocity[i] = (float)v;
        weights[i] -= (float)(rate * v);
    }
}

/* Moves every value by up to `units` units in the last place, at random. */
static inline void disturb(float *values, size_t count, uint64_t key, double units)
{
    for (size_t i = 0; i < count; i++)
        values[i] *= (float)(1 + units * 0x1p-23 * signed_at(key, i));
}

/* ---- comparing ---- */

struct worst { double error; char name[160]; };

static inline void worsen(struct worst *w, double error, const char *name, const char *what)
{
    if (error <= w->error || isnan(w->error))
        return;
    w->error = error;
    snprintf(w->name, sizeof w->name, "%s%s%s", name, *what ? ", " : "", what);
}

/* A digest against a tensor: everything relative to `scale`, usually its l2 norm (the sum to that times sqrt(count)). */
static inline void compare_digest(const cJSON *d, const char *name, const float *x, size_t count, double scale, struct worst *worst)
{
    const cJSON *where = item(d, "at"), *values = item(d, "values");
    double square = 0, sum = 0;
    for (size_t i = 0; i < count; i++) {
        square += (double)x[i] * (double)x[i];
        sum += (double)x[i];
    }
    worsen(worst, fabs(sqrt(square) - number(d, "l2")) / scale, name, "l2");
    worsen(worst, fabs(sum - number(d, "sum")) / (scale * sqrt((double)count)), name, "sum");
    for (int i = 0; i < cJSON_GetArraySize(where); i++) {
        size_t k = (size_t)cJSON_GetArrayItem(where, i)->valuedouble;
        if (k >= count)
            worsen(worst, INFINITY, name, "sample outside");
        else
            worsen(worst, fabs((double)x[k] - cJSON_GetArrayItem(values, i)->valuedouble) / scale, name, "sample");
    }
}

/* Digests of `expected` parameters against a block; tensors that all but vanish (below 1e-5 of the largest) relative to that. */
static inline void compare_block(const cJSON *digests, const struct bit_table *table, size_t expected, const float *block,
                                 struct worst *worst)
{
    double largest = 0;
    const cJSON *d;
    cJSON_ArrayForEach(d, digests)
        largest = fmax(largest, number(d, "l2"));
    if ((size_t)cJSON_GetArraySize(digests) != expected)
        worsen(worst, INFINITY, "number of parameters", "");
    cJSON_ArrayForEach(d, digests) {
        int n = bit_table_find(table, d->string);
        if (n < 0) {
            worsen(worst, INFINITY, d->string, "no such parameter");
            continue;
        }
        const struct bit_parameter *p = &table->items[n];
        compare_digest(d, p->name, block + p->offset, p->count, fmax(number(d, "l2"), 1e-5 * largest), worst);
    }
}

static inline double cosine(const float *a, const float *b, size_t count)
{
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < count; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return ab / sqrt(aa * bb);
}

/* Runs with other roundings that tell a case's noise. */
enum { NOISE_RUNS = 3, NOISE_UNITS = 4 };

/* How far two runs are apart, by the measures of compare_block. */
static inline double block_distance(const struct bit_table *table, const float *a, const float *b)
{
    double worst = 0;
    for (size_t n = 0; n < table->count; n++) {
        const struct bit_parameter *p = &table->items[n];
        double square = 0, other = 0, difference = 0;
        for (size_t i = p->offset; i < p->offset + p->count; i++) {
            square += (double)a[i] * (double)a[i];
            other += (double)b[i] * (double)b[i];
            difference = fmax(difference, fabs((double)a[i] - (double)b[i]));
        }
        worst = fmax(worst, fmax(difference, fabs(sqrt(square) - sqrt(other))) / sqrt(square));
    }
    return worst;
}

#endif
