/* What a sweep stands for: the value of each key in each trial, and the trials' jobs. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bit/hash.h"
#include "bit/memory.h"
#include "bit/random.h"
#include "job/sweep.h"

enum { NAME = 100 /* bytes that the name of a job may have */ };

/* ---- draws ---- */

/* A stream of the key's own: by its name, so that a key more or less changes no other. */
static struct bit_random stream_of(const struct bit_sweep *s, int trial, const struct bit_sweep_key *key)
{
    struct bit_random random;
    struct bit_hash hash = bit_hash_bytes(key->path, strlen(key->path));
    bit_random_init(&random, s->seed, BIT_PURPOSE_SWEEP, (uint64_t)trial, hash.low);
    return random;
}

/* Six digits: what is shown is what is used, and no library's last bit of exp or log matters. */
static void number_text(const struct bit_sweep_key *key, double x, char value[BIT_SWEEP_VALUE])
{
    char text[40];
    if (key->kind != BIT_SWEEP_WHOLE) {
        snprintf(text, sizeof text, "%.6g", x);
        x = strtod(text, NULL);
    }
    x = x < key->from ? key->from : x > key->to ? key->to : x;
    job_number_text(x, text);
    snprintf(value, BIT_SWEEP_VALUE, "%s", text);
}

static void draw(const struct bit_sweep *s, int trial, const struct bit_sweep_key *key, char value[BIT_SWEEP_VALUE])
{
    struct bit_random random = stream_of(s, trial, key);
    switch (key->kind) {
    case BIT_SWEEP_UNIFORM:
        number_text(key, key->from + bit_random_uniform(&random) * (key->to - key->from), value);
        break;
    case BIT_SWEEP_LOG_UNIFORM:
        number_text(key, exp(log(key->from) + bit_random_uniform(&random) * (log(key->to) - log(key->from))), value);
        break;
    case BIT_SWEEP_WHOLE:
        number_text(key, key->from + (double)bit_random_below(&random, (uint64_t)(key->to - key->from) + 1), value);
        break;
    default:
        snprintf(value, BIT_SWEEP_VALUE, "%s", key->values[bit_random_below(&random, (uint64_t)key->count)]);
    }
}

/* The combination of grids that a trial belongs to: the last grid changes first. */
static int place_of(const struct bit_sweep *s, int trial, int key)
{
    int combination = trial / s->draws, behind = 1;
    for (int k = key + 1; k < s->keys; k++)
        behind *= s->key[k].kind == BIT_SWEEP_GRID ? s->key[k].count : 1;
    return combination / behind % s->key[key].count;
}

void bit_sweep_value(const struct bit_sweep *s, int trial, int key, char value[BIT_SWEEP_VALUE])
{
    const struct bit_sweep_key *k = &s->key[key];
    if (k->kind == BIT_SWEEP_GRID)
        snprintf(value, BIT_SWEEP_VALUE, "%s", k->values[place_of(s, trial, key)]);
    else
        draw(s, trial, k, value);
}

void bit_sweep_name(const struct bit_sweep *s, int trial, char *name, size_t size)
{
    char tail[16] = "-best";
    if (trial >= 0)
        snprintf(tail, sizeof tail, "-%0*d", s->trials > 100 ? 3 : 2, trial);
    snprintf(name, size, "%.*s%s", NAME - (int)strlen(tail), s->name, tail);
}

void bit_sweep_key_text(const struct bit_sweep_key *key, char *text, size_t size)
{
    static const char *const words[] = {[BIT_SWEEP_UNIFORM] = "uniform", [BIT_SWEEP_LOG_UNIFORM] = "log-uniform", [BIT_SWEEP_WHOLE] = "whole"};
    char from[40], to[40];
    job_number_text(key->from, from);
    job_number_text(key->to, to);
    if (key->kind == BIT_SWEEP_GRID || key->kind == BIT_SWEEP_CHOICE)
        snprintf(text, size, key->kind == BIT_SWEEP_GRID ? "each of %d" : "one of %d", key->count);
    else
        snprintf(text, size, "%s from %s to %s", words[key->kind], from, to);
}

/* ---- jobs ---- */

/* A value in the place of its object, with as many lines, so that what stands behind it keeps its place. */
static void add_value(struct bit_text *t, const struct bit_sweep *s, const struct bit_sweep_key *key, const char *value)
{
    size_t length = strlen(value), whole = key->end - key->start, rest = whole > length ? whole - length : 0;
    const char *text = s->text + key->start, *line = memrchr(text, '\n', whole);
    bit_text_add(t, "%s", value);
    for (size_t i = 0; line && i < whole; i++)
        if (text[i] == '\n')
            bit_text_add(t, "\n");
    if (line)
        rest = (size_t)(text + whole - line - 1);
    bit_text_add(t, "%*s", (int)rest, "");
}

static const struct bit_job *make(const struct bit_sweep *s, int trial, const char *const *overrides, size_t count, struct bit_problems *problems,
                                  struct bit_error *error)
{
    struct bit_text t = {0};
    const struct bit_job *job = NULL;
    char value[BIT_SWEEP_VALUE];
    size_t at = 0;
    for (int k = 0; k < s->keys; k++) { /* in the order of the text */
        bit_text_add(&t, "%.*s", (int)(s->key[k].start - at), s->text + at);
        bit_sweep_value(s, trial, k, value);
        add_value(&t, s, &s->key[k], value);
        at = s->key[k].end;
    }
    bit_text_add(&t, "%s", s->text + at);
    if (t.failed)
        bit_fail(error, BIT_EENVIRONMENT, "out of memory: a job of a sweep");
    else
        job = job_parse_trial(t.data, t.size, s->name, overrides, count, problems, error);
    bit_text_free(&t);
    return job;
}

const struct bit_job *bit_sweep_job(const struct bit_sweep *s, int trial, struct bit_problems *problems, struct bit_error *error)
{
    char name[NAME + 16] = "name=";
    const char *overrides[] = {name};
    bit_sweep_name(s, trial, name + 5, sizeof name - 5);
    return make(s, trial, overrides, 1, problems, error);
}

const struct bit_job *bit_sweep_last(const struct bit_sweep *s, int trial, struct bit_problems *problems, struct bit_error *error)
{
    char name[NAME + 16] = "name=";
    const char *overrides[BIT_SWEEP_KEYS + 1] = {name};
    bit_sweep_name(s, -1, name + 5, sizeof name - 5);
    for (int i = 0; i < s->last_count; i++)
        overrides[i + 1] = s->last[i];
    return make(s, trial, overrides, (size_t)s->last_count + 1, problems, error);
}

/* ---- checking ---- */

/* What is wrong with one trial's job, with the values that it got. */
static int tell(const struct bit_sweep *s, int trial, const struct bit_problems *found, struct bit_problems *problems, struct bit_error *error)
{
    char which[64] = "the last job";
    if (trial >= 0)
        snprintf(which, sizeof which, "trial %d of %d", trial, s->trials);
    for (size_t i = 0; i < found->count; i++) {
        const struct bit_problem *p = &found->items[i];
        if (!p->warning && job_problem_add(problems, error, false, p->line, p->column, p->key, "%.400s (%s)", p->text, which))
            return -1;
    }
    return 0;
}

/* Something has to tell which trial is the best. */
static int check_choice(const struct bit_sweep *s, const struct bit_job *job, struct bit_problems *problems, struct bit_error *error)
{
    const char *metrics = job->evaluation.metrics;
    bool is_open = !strcmp(metrics, "all") || !strcmp(metrics, "auto") || !strcmp(job->task, "detect") || !strcmp(s->metric, "loss") || !*s->metric;
    char list[256], word[BIT_SWEEP_NAME + 4];
    if (!*job->data.val)
        return job_problem_add(problems, error, false, 0, 0, "data.val", "is empty: without validation images no trial can be told to be the best");
    snprintf(list, sizeof list, ",%s,", metrics);
    for (char *c = list; *c; c++)
        *c = *c == ' ' ? ',' : *c;
    snprintf(word, sizeof word, ",%s,", s->metric);
    if (is_open || strstr(list, word))
        return 0;
    return job_problem_add(problems, error, false, 0, 0, SWEEP_SECTION ".metric", "%s is not among evaluation.metrics, which is \"%s\"", s->metric, metrics);
}

int bit_sweep_check(const struct bit_sweep *s, struct bit_problems *problems, struct bit_error *error)
{
    int result = 0;
    for (int trial = 0; trial < s->trials + s->has_last && !result && !job_problem_errors(problems); trial++) {
        struct bit_problems found = {0};
        struct bit_error failed = {0};
        bool is_last = trial == s->trials;
        const struct bit_job *job = is_last ? bit_sweep_last(s, 0, &found, &failed) : bit_sweep_job(s, trial, &found, &failed);
        if (!job && failed.code != BIT_EUSAGE)
            result = bit_fail(error, failed.code, "%s", failed.text);
        else if (!job)
            result = tell(s, is_last ? -1 : trial, &found, problems, error);
        else if (trial == 0)
            result = check_choice(s, job, problems, error);
        bit_job_destroy(job);
        bit_problems_free(&found);
    }
    return result ? result : job_summarise(problems, s->name, error);
}
