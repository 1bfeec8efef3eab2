/* One value of a job: from well-formed JSON text to a member of struct bit_job. */
#include <cjson/cJSON.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bit/memory.h"
#include "job/read.h"

/* "found ..." for any value, shortened. */
static void found_text(const struct source *s, char *buffer, size_t size)
{
    if (s->kind == SCAN_OBJECT)
        snprintf(buffer, size, "an object");
    else if (s->kind == SCAN_LIST && s->size > 40)
        snprintf(buffer, size, "a list");
    else if (s->size <= 60)
        snprintf(buffer, size, "%.*s", (int)s->size, s->text);
    else
        snprintf(buffer, size, "a text of %zu bytes", s->size - 2);
    for (char *c = buffer; *c; c++)
        if ((unsigned char)*c < 0x20)
            *c = ' ';
}

static int wrong(struct reading *r, int key, const struct source *s, const char *path, const char *found)
{
    char expected[400], near[96] = "", buffer[96];
    const struct key *k = &job_keys[key];
    job_key_expected(k, expected, sizeof expected);
    if (!found) {
        found_text(s, buffer, sizeof buffer);
        found = buffer;
    }
    if (k->choices && k->type == KEY_TEXT && s->kind == SCAN_TEXT && s->size < 40) {
        const char *names[24];
        char copy[160], word[40];
        size_t count = 0;
        snprintf(copy, sizeof copy, "%s", k->choices);
        for (char *rest = NULL, *c = strtok_r(copy, "|", &rest); c && count < 24; c = strtok_r(NULL, "|", &rest))
            names[count++] = c;
        snprintf(word, sizeof word, "%.*s", (int)s->size - 2, s->text + 1);
        const char *best = bit_text_nearest(word, names, count);
        if (best)
            snprintf(near, sizeof near, "; did you mean \"%s\"?", best);
    }
    r->keys[key].state = KEY_WRONG;
    return job_problem_add(r->problems, r->error, false, s->line, s->column, path, "expected %s, found %s%s%s", expected,
                       found, !s->by_override ? "" : r->is_trial ? " (from sweep.last)" : " (from --set)", near);
}

static bool is_choice_of(const char *choices, const char *word, size_t length)
{
    for (const char *c = choices; *c;) {
        size_t n = strcspn(c, "|");
        if (n == length && !memcmp(c, word, n))
            return true;
        c += n + (c[n] == '|');
    }
    return false;
}

static bool is_choice(const char *choices, const char *word)
{
    return is_choice_of(choices, word, strlen(word));
}

/* Of words with commas, and blanks behind those, between them. */
static bool are_choices(const char *choices, const char *words)
{
    for (;;) {
        size_t length = strcspn(words, ",");
        if (!is_choice_of(choices, words, length))
            return false;
        words += length;
        if (!*words)
            return true;
        words += 1 + strspn(words + 1, " ");
    }
}

/* A number of the key's type and range. */
static bool number_fits(const struct key *k, double x)
{
    bool whole = k->type == KEY_INTEGER || k->type == KEY_COUNT || k->type == KEY_COUNTS;
    char word[40];
    if (!isfinite(x) || (whole && x != floor(x)))
        return false;
    if (k->choices) {
        job_number_text(x, word);
        return is_choice(k->choices, word);
    }
    return x <= k->maximum && (k->above ? x > k->minimum : x >= k->minimum);
}

static void store_number(const struct key *k, struct bit_job *job, double x)
{
    x = x == 0 ? 0 : x; /* no negative zero */
    if (k->type == KEY_INTEGER)
        *(int *)key_member(k, job) = (int)x;
    else if (k->type == KEY_COUNT)
        *(uint64_t *)key_member(k, job) = (uint64_t)x;
    else
        *(double *)key_member(k, job) = x;
}

static int store_blocks(struct reading *r, int key, const struct source *s, const char *path, const cJSON *list)
{
    double *member = key_member(&job_keys[key], r->job);
    int count = 0;
    for (const cJSON *item = list->child; item; item = item->next, count++)
        if (!cJSON_IsNumber(item) || count == BIT_JOB_BLOCKS || !number_fits(&job_keys[key], item->valuedouble))
            return wrong(r, key, s, path, NULL);
        else
            member[count] = item->valuedouble;
    return count == BIT_JOB_BLOCKS ? 0 : wrong(r, key, s, path, NULL);
}

static int store_numbers(struct reading *r, int key, const struct source *s, const char *path, const cJSON *list)
{
    struct bit_job_numbers *member = key_member(&job_keys[key], r->job);
    int count = 0;
    for (const cJSON *item = list->child; item; item = item->next, count++)
        if (!cJSON_IsNumber(item) || count == BIT_JOB_NUMBERS || !number_fits(&job_keys[key], item->valuedouble))
            return wrong(r, key, s, path, NULL);
        else
            member->value[count] = item->valuedouble;
    member->count = count;
    return count ? 0 : wrong(r, key, s, path, NULL);
}

static int store_list(struct reading *r, int key, const struct source *s, const char *path, const cJSON *list)
{
    const struct key *k = &job_keys[key];
    int count = 0;
    double last = -INFINITY;
    for (const cJSON *item = list->child; item; item = item->next, count++) {
        double x = item->valuedouble;
        if (!cJSON_IsNumber(item) || count == BIT_JOB_DECAYS || !number_fits(k, x) || x <= last)
            return wrong(r, key, s, path, NULL);
        if (k->type == KEY_REALS)
            ((double *)key_member(k, r->job))[count] = x;
        else
            ((uint64_t *)key_member(k, r->job))[count] = (uint64_t)x;
        last = x;
    }
    r->keys[key].count = count;
    return 0;
}

/* Relative paths stand against the file's folder; those of overrides, where shells complete them, against the current. */
static char *resolve(const struct reading *r, const struct source *s, const char *text)
{
    char current[PATH_MAX];
    if (!r->folder || !*text || *text == '/')
        return bit_copy_text(text, r->error);
    if (s->by_override && !getcwd(current, sizeof current)) {
        bit_fail_errno(r->error, BIT_EENVIRONMENT, "cannot find the current folder");
        return NULL;
    }
    const char *folder = s->by_override ? current : r->folder;
    struct bit_text t = {0};
    bit_text_add(&t, "%s%s%s", folder, strcmp(folder, "/") ? "/" : "", text);
    if (t.failed)
        bit_fail(r->error, BIT_EENVIRONMENT, "out of memory: a path of the job file");
    return t.failed ? bit_text_free(&t), NULL : t.data;
}

static int store_text(struct reading *r, int key, const struct source *s, const char *path, const char *text)
{
    const struct key *k = &job_keys[key];
    char **member = key_member(k, r->job);
    size_t length = strlen(text), limit = k->type == KEY_PATH ? PATH_MAX - 1 : 1000;
    if (k->choices && !(k->several ? are_choices : is_choice)(k->choices, text))
        return wrong(r, key, s, path, NULL);
    if (length > limit) {
        char found[64];
        snprintf(found, sizeof found, "%zu bytes (at most %zu)", length, limit);
        return wrong(r, key, s, path, found);
    }
    if (k->type == KEY_PATH && !k->value && !length)
        return wrong(r, key, s, path, "an empty text");
    bit_free(*member);
    *member = k->type == KEY_PATH ? resolve(r, s, text) : bit_copy_text(text, r->error);
    return *member ? 0 : -1;
}

static int store(struct reading *r, int key, const struct source *s, const char *path, const cJSON *value)
{
    const struct key *k = &job_keys[key];
    bool is_flag = cJSON_IsTrue(value) || cJSON_IsFalse(value);
    switch (k->type) {
    case KEY_FLAG:
        if (!is_flag)
            return wrong(r, key, s, path, NULL);
        *(bool *)key_member(k, r->job) = cJSON_IsTrue(value);
        return 0;
    case KEY_TEXT:
    case KEY_PATH:
        return cJSON_IsString(value) ? store_text(r, key, s, path, value->valuestring) : wrong(r, key, s, path, NULL);
    case KEY_REALS:
    case KEY_COUNTS:
        return cJSON_IsArray(value) ? store_list(r, key, s, path, value) : wrong(r, key, s, path, NULL);
    case KEY_BLOCKS:
        return cJSON_IsArray(value) ? store_blocks(r, key, s, path, value) : wrong(r, key, s, path, NULL);
    case KEY_NUMBERS:
        return cJSON_IsArray(value) ? store_numbers(r, key, s, path, value) : wrong(r, key, s, path, NULL);
    default:
        if (!cJSON_IsNumber(value) || !number_fits(k, value->valuedouble))
            return wrong(r, key, s, path, NULL);
        store_number(k, r->job, value->valuedouble);
        return 0;
    }
}

static int store_null(struct reading *r, int key)
{
    const struct key *k = &job_keys[key];
    if (k->nullable && (k->type == KEY_REAL || k->type == KEY_INTEGER || k->type == KEY_COUNT))
        store_number(k, r->job, k->null_number);
    if (k->nullable && k->type == KEY_TEXT) {
        bit_free(*(char **)key_member(k, r->job));
        *(char **)key_member(k, r->job) = NULL;
    }
    r->keys[key].state = KEY_NULL;
    r->keys[key].count = 0;
    return 0;
}

int job_value_store(struct reading *r, int key, const struct source *s, const char *path)
{
    if (s->line || s->by_override) {
        r->keys[key].line = s->line;
        r->keys[key].column = s->column;
        r->keys[key].by_override = s->by_override;
    }
    r->keys[key].state = KEY_GIVEN;
    if (s->kind == SCAN_NULL && (job_keys[key].nullable || job_keys[key].ruled))
        return store_null(r, key);
    if (s->kind == SCAN_NULL || s->kind == SCAN_OBJECT)
        return wrong(r, key, s, path, NULL);
    cJSON *value = cJSON_ParseWithLength(s->text, s->size);
    if (!value)
        return bit_fail(r->error, BIT_EENVIRONMENT, "out of memory: the value of %s", path);
    int result = store(r, key, s, path, value);
    cJSON_Delete(value);
    return result;
}
