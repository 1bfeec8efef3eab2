/* Reading a sweep: its section, and the values that stand for several. */
#include <cjson/cJSON.h>
#include <libgen.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bit/file.h"
#include "bit/memory.h"
#include "job/sweep.h"

struct parsing {
    struct bit_sweep *sweep;
    struct scan scan;
    struct bit_problems *problems;
    struct bit_error *error;
};

/* Says what is wrong with a value, at its place. -1 for lack of memory. */
#define SAY(p, v, ...) job_problem_add((p)->problems, (p)->error, false, (v)->line, (v)->column, (v)->path, __VA_ARGS__)

static double number_of(const struct parsing *p, const struct scan_value *v)
{
    char copy[SCAN_NUMBER + 1];
    if (v->kind != SCAN_NUMERAL)
        return NAN;
    snprintf(copy, sizeof copy, "%.*s", (int)(v->end - v->start), p->sweep->text + v->start);
    return strtod(copy, NULL);
}

/* A text without escapes, which none of ours needs; false when it is none, or longer. */
static bool text_of(const struct parsing *p, const struct scan_value *v, char *buffer, size_t size)
{
    size_t length = v->end - v->start;
    if (v->kind != SCAN_TEXT || length - 2 >= size || memchr(p->sweep->text + v->start, '\\', length))
        return false;
    snprintf(buffer, size, "%.*s", (int)length - 2, p->sweep->text + v->start + 1);
    return true;
}

static char *slice(const struct parsing *p, const struct scan_value *v)
{
    size_t length = v->end - v->start;
    char *copy = bit_allocate(1, length + 1, "a value of a sweep", p->error);
    if (copy)
        memcpy(copy, p->sweep->text + v->start, length);
    return copy;
}

/* ---- the section ---- */

static int take_whole(struct parsing *p, const struct scan_value *v, double least, double most, double *value)
{
    *value = number_of(p, v);
    if (*value == floor(*value) && *value >= least && *value <= most)
        return 0;
    *value = least;
    return SAY(p, v, "expected a whole number from %.0f to %.0f", least, most);
}

static int take_metric(struct parsing *p, const struct scan_value *v)
{
    char *metric = p->sweep->metric;
    if (text_of(p, v, metric, BIT_SWEEP_NAME) && strspn(metric, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(metric))
        return 0;
    *metric = 0;
    return SAY(p, v, "expected the name of a metric, such as \"top1\", or \"loss\"");
}

/* Keys that change in the last job, nested as in a job or with points in their names. */
static int take_last(struct parsing *p)
{
    struct bit_sweep *s = p->sweep;
    for (size_t i = 1; i < p->scan.count; i++) {
        const struct scan_value *v = &p->scan.values[i];
        const char *key = sweep_last_key(v->path);
        struct bit_text t = {0};
        if (!key || strchr(key, '[') || (v->kind == SCAN_OBJECT && job_key_find(key) < 0 && !strchr(key, '.')))
            continue;
        int found = job_key_find(key);
        if (found < 0) {
            const char *near = job_key_suggest(key);
            if (SAY(p, v, "unknown key of the job%s%s%s", near ? "; did you mean " : "", near ? near : "", near ? "?" : ""))
                return -1;
            continue;
        }
        if ((job_keys[found].type == KEY_TEXT || job_keys[found].type == KEY_PATH) && v->kind != SCAN_TEXT && v->kind != SCAN_NULL) {
            if (SAY(p, v, "expected a text"))
                return -1;
            continue;
        }
        if (s->last_count == BIT_SWEEP_KEYS) {
            if (SAY(p, v, "more than %d keys", BIT_SWEEP_KEYS))
                return -1;
            break;
        }
        bit_text_add(&t, "%s=%.*s", key, (int)(v->end - v->start), s->text + v->start);
        if (t.failed)
            return bit_fail(p->error, BIT_EENVIRONMENT, "out of memory: a key of a sweep");
        s->last[s->last_count++] = t.data;
    }
    return 0;
}

static int take_section(struct parsing *p)
{
    struct bit_sweep *s = p->sweep;
    const struct scan_value *section = sweep_find(&p->scan, SWEEP_SECTION);
    double value;
    s->draws = 0;
    if (section && section->kind != SCAN_OBJECT)
        return SAY(p, section, "expected an object ({...})");
    for (size_t i = 1; section && i < p->scan.count; i++) {
        const struct scan_value *v = &p->scan.values[i];
        const char *name = v->path + sizeof SWEEP_SECTION;
        int result = 0;
        if (&p->scan.values[v->parent] != section)
            continue;
        if (!strcmp(name, "trials")) {
            result = take_whole(p, v, 1, BIT_SWEEP_TRIALS, &value);
            s->draws = (int)value;
        } else if (!strcmp(name, "seed")) {
            result = take_whole(p, v, 0, 9007199254740991.0, &value);
            s->seed = (uint64_t)value;
        } else if (!strcmp(name, "at_once")) {
            result = take_whole(p, v, 0, BIT_SWEEP_TRIALS, &value);
            s->at_once = (int)value;
        } else if (!strcmp(name, "metric")) {
            result = take_metric(p, v);
        } else if (!strcmp(name, "last")) {
            s->has_last = v->kind == SCAN_OBJECT;
            result = s->has_last ? take_last(p) : SAY(p, v, "expected an object of the keys that are other in the last job, {} when none is");
        } else {
            result = SAY(p, v, "unknown key of a sweep: it has trials, seed, at_once, metric and last");
        }
        if (result)
            return -1;
    }
    return 0;
}

/* ---- values that stand for several ---- */

static int take_values(struct parsing *p, struct bit_sweep_key *key, const struct scan_value *list)
{
    size_t at = (size_t)(list - p->scan.values);
    if (list->kind != SCAN_LIST)
        return SAY(p, list, "expected a list of values");
    key->values = bit_allocate(BIT_SWEEP_TRIALS, sizeof *key->values, "values of a sweep", p->error);
    if (!key->values)
        return -1;
    for (size_t i = at + 1; i < p->scan.count; i++) {
        const struct scan_value *v = &p->scan.values[i];
        if (v->parent != at)
            continue;
        if (key->count == BIT_SWEEP_TRIALS)
            return SAY(p, v, "more than %d values", BIT_SWEEP_TRIALS);
        if (v->end - v->start >= BIT_SWEEP_VALUE)
            return SAY(p, v, "a value of more than %d bytes", BIT_SWEEP_VALUE - 1);
        if (!(key->values[key->count] = slice(p, v)))
            return -1;
        key->count++;
    }
    return key->count ? 0 : SAY(p, list, "expected at least one value");
}

/* What is said of one variable: its members by name, and the object itself. */
struct variable { const struct scan_value *object, *random, *grid, *from, *to, *of; };

static int find_members(struct parsing *p, const struct scan_value *object, struct variable *v)
{
    size_t at = (size_t)(object - p->scan.values), length = strlen(object->path) + 1;
    *v = (struct variable){.object = object};
    for (size_t i = at + 1; i < p->scan.count; i++) {
        const struct scan_value *member = &p->scan.values[i];
        if (member->parent != at)
            continue;
        const char *name = member->path + length;
        const struct scan_value **place = !strcmp(name, "random") ? &v->random : !strcmp(name, "grid") ? &v->grid : !strcmp(name, "from") ? &v->from
                                          : !strcmp(name, "to") ? &v->to : !strcmp(name, "of") ? &v->of : NULL;
        if (!place)
            return SAY(p, member, "unknown here: a value that is drawn has random with from and to, or with of; one that is listed has grid");
        *place = member;
    }
    if (v->random && v->grid)
        return SAY(p, v->grid, "stands beside random; give only one of them");
    return 0;
}

static int take_range(struct parsing *p, struct bit_sweep_key *key, const struct variable *v)
{
    if (v->of)
        return SAY(p, v->of, "belongs to \"random\": \"choice\"; here from and to were expected");
    if (!v->from || !v->to)
        return SAY(p, v->object, "expected %s", v->from ? "to" : v->to ? "from" : "from and to");
    key->from = number_of(p, v->from);
    key->to = number_of(p, v->to);
    if (isnan(key->from) || isnan(key->to))
        return SAY(p, isnan(key->from) ? v->from : v->to, "expected a number");
    if (key->from > key->to)
        return SAY(p, v->to, "is less than from");
    if (key->kind == BIT_SWEEP_LOG_UNIFORM && key->from <= 0)
        return SAY(p, v->from, "expected a number above 0: logarithms are drawn");
    if (key->kind == BIT_SWEEP_WHOLE && (key->from != floor(key->from) || key->to != floor(key->to) || fabs(key->from) > 1e15 || fabs(key->to) > 1e15))
        return SAY(p, key->from == floor(key->from) ? v->to : v->from, "expected a whole number");
    return 0;
}

static int take_random(struct parsing *p, struct bit_sweep_key *key, const struct variable *v)
{
    static const struct { const char *name; enum bit_sweep_kind kind; } kinds[] = {
        {"uniform", BIT_SWEEP_UNIFORM}, {"log-uniform", BIT_SWEEP_LOG_UNIFORM}, {"whole", BIT_SWEEP_WHOLE}, {"choice", BIT_SWEEP_CHOICE}};
    char name[32];
    size_t i = 0;
    if (text_of(p, v->random, name, sizeof name))
        while (i < 4 && strcmp(kinds[i].name, name) != 0)
            i++;
    else
        i = 4;
    if (i == 4)
        return SAY(p, v->random, "expected one of \"uniform\", \"log-uniform\", \"whole\", \"choice\"");
    key->kind = kinds[i].kind;
    if (key->kind != BIT_SWEEP_CHOICE)
        return take_range(p, key, v);
    if (v->from || v->to)
        return SAY(p, v->from ? v->from : v->to, "has no meaning for \"choice\"; the values stand in of");
    return v->of ? take_values(p, key, v->of) : SAY(p, v->object, "expected of, a list of values to choose from");
}

static int take_grid(struct parsing *p, struct bit_sweep_key *key, const struct variable *v)
{
    const struct scan_value *other = v->from ? v->from : v->to ? v->to : v->of;
    key->kind = BIT_SWEEP_GRID;
    return other ? SAY(p, other, "has no meaning for a grid") : take_values(p, key, v->grid);
}

static int take_variables(struct parsing *p)
{
    struct bit_sweep *s = p->sweep;
    for (size_t i = 1; i < p->scan.count; i++) {
        const struct scan_value *object = &p->scan.values[i];
        struct variable v;
        size_t before = p->problems->count;
        if (!sweep_is_variable(&p->scan, i))
            continue;
        if (s->keys == BIT_SWEEP_KEYS)
            return SAY(p, object, "more than %d keys are drawn or listed", BIT_SWEEP_KEYS);
        struct bit_sweep_key *key = &s->key[s->keys++];
        memcpy(key->path, object->path, sizeof key->path);
        key->start = object->start;
        key->end = object->end;
        if (find_members(p, object, &v))
            return -1;
        if (p->problems->count == before && (v.random ? take_random(p, key, &v) : take_grid(p, key, &v)))
            return -1;
    }
    return 0;
}

/* ---- all of it ---- */

static int count_trials(struct parsing *p)
{
    struct bit_sweep *s = p->sweep;
    const struct scan_value *section = sweep_find(&p->scan, SWEEP_SECTION), *place = section ? section : &p->scan.values[0];
    bool is_random = false;
    long combinations = 1;
    for (int k = 0; k < s->keys; k++) {
        is_random |= s->key[k].kind != BIT_SWEEP_GRID;
        if (s->key[k].kind == BIT_SWEEP_GRID && combinations <= BIT_SWEEP_TRIALS)
            combinations *= s->key[k].count;
    }
    if (!s->keys)
        return SAY(p, place, "no value of the job is drawn or listed: write {\"random\": ...} or {\"grid\": [...]} in the place of one");
    if (is_random && !s->draws)
        return SAY(p, place, "how many are to be drawn? Say so as \"sweep\": {\"trials\": N}");
    if (!is_random && s->draws > 1)
        return SAY(p, place, "trials counts draws, and nothing is drawn: a grid has a trial for each combination anyway");
    s->draws = s->draws ? s->draws : 1;
    if (combinations * s->draws > BIT_SWEEP_TRIALS)
        return SAY(p, place, "%s%ld trials, at most %d were expected", combinations > BIT_SWEEP_TRIALS ? "more than " : "", combinations * s->draws,
                   BIT_SWEEP_TRIALS);
    s->combinations = (int)combinations;
    s->trials = s->combinations * s->draws;
    return 0;
}

static int take_name(struct parsing *p, const char *name)
{
    const struct scan_value *given = sweep_find(&p->scan, "name");
    char text[BIT_SWEEP_VALUE];
    if (given && text_of(p, given, text, sizeof text)) {
        p->sweep->name = bit_copy_text(text, p->error);
        return p->sweep->name ? 0 : -1;
    }
    p->sweep->name = job_default_name(name, p->error);
    return p->sweep->name ? 0 : -1;
}

static int parse(struct parsing *p, const char *name)
{
    struct bit_sweep *s = p->sweep;
    if (job_scan(s->text, s->size, &p->scan, p->problems, p->error))
        return -1;
    if (!job_problem_errors(p->problems) && (take_section(p) || take_variables(p)))
        return -1;
    if (!job_problem_errors(p->problems) && count_trials(p))
        return -1;
    return take_name(p, name) ? -1 : job_summarise(p->problems, name, p->error);
}

struct bit_sweep *bit_sweep_parse(const char *text, size_t size, const char *name, struct bit_problems *problems, struct bit_error *error)
{
    struct bit_sweep *sweep = bit_allocate(1, sizeof *sweep, "a sweep", error);
    struct parsing p = {.sweep = sweep, .problems = problems, .error = error};
    if (!sweep)
        return NULL;
    sweep->text = bit_allocate(1, size + 1, "the text of a sweep", error);
    sweep->size = size;
    if (sweep->text)
        memcpy(sweep->text, text, size);
    if (!sweep->text || parse(&p, name)) {
        bit_sweep_destroy(sweep);
        sweep = NULL;
    }
    job_scan_free(&p.scan);
    return sweep;
}

bool bit_sweep_is(const char *text, size_t size)
{
    struct scan scan = {0};
    struct bit_problems ignored = {0};
    struct bit_error error = {0};
    bool is = job_scan(text, size, &scan, &ignored, &error) == 0 && sweep_find(&scan, SWEEP_SECTION);
    for (size_t i = 1; !is && i < scan.count; i++)
        is = sweep_is_variable(&scan, i);
    bit_problems_free(&ignored);
    job_scan_free(&scan);
    return is;
}

void bit_sweep_destroy(struct bit_sweep *s)
{
    if (!s)
        return;
    for (int k = 0; k < s->keys; k++) {
        for (int i = 0; i < s->key[k].count; i++)
            bit_free(s->key[k].values[i]);
        bit_free(s->key[k].values);
    }
    for (int i = 0; i < s->last_count; i++)
        bit_free(s->last[i]);
    bit_free(s->name);
    bit_free(s->text);
    bit_free(s);
}

/* ---- files ---- */

/* A sweep whose text depends on no folder. The file as it is comes first, so that places are those of the file. */
static struct bit_sweep *read_text(const char *text, const char *path, const char *folder, struct bit_problems *problems, struct bit_error *error)
{
    struct bit_sweep *sweep = bit_sweep_parse(text, strlen(text), path, problems, error);
    struct bit_problems ignored = {0};
    char *whole = NULL;
    int result = sweep ? bit_sweep_check(sweep, problems, error) : -1;
    if (result == 0)
        whole = sweep_resolve(text, folder, error);
    bit_sweep_destroy(sweep);
    sweep = whole ? bit_sweep_parse(whole, strlen(whole), path, &ignored, error) : NULL;
    bit_problems_free(&ignored);
    bit_free(whole);
    return sweep;
}

bool bit_sweep_is_file(const char *path)
{
    struct bit_error ignored = {0};
    char *text = NULL;
    size_t size;
    bool is = bit_file_read(path, BIT_JOB_FILE_LIMIT, &text, &size, &ignored) == 0 && bit_sweep_is(text, size);
    bit_free(text);
    return is;
}

struct bit_sweep *bit_sweep_read(const char *path, const char *const *overrides, size_t override_count, struct bit_problems *problems,
                                 struct bit_error *error)
{
    char *text = NULL, *copy = NULL, *changed = NULL, folder[PATH_MAX];
    struct bit_sweep *sweep = NULL;
    struct bit_error problem = {0};
    size_t size;
    if (bit_file_read(path, BIT_JOB_FILE_LIMIT, &text, &size, &problem)) {
        bit_fail(error, problem.code == BIT_EDATA ? BIT_EUSAGE : problem.code, "%s", problem.text);
        return NULL;
    }
    if ((copy = bit_copy_text(path, error))) {
        if (!realpath(dirname(copy), folder))
            bit_fail_errno(error, BIT_ENOINPUT, "cannot find the folder of %s", path);
        else if ((changed = sweep_override(text, overrides, override_count, problems, error)) && job_summarise(problems, path, error) == 0)
            sweep = read_text(changed, path, folder, problems, error);
    }
    bit_free(changed);
    bit_free(copy);
    bit_free(text);
    return sweep;
}
