/* Changes to the text of a sweep before anything is drawn: overrides, and paths that no longer depend on where the file lies. */
#include <cjson/cJSON.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "bit/memory.h"
#include "job/sweep.h"

static int out_of_memory(struct bit_error *error) { return bit_fail(error, BIT_EENVIRONMENT, "out of memory: the text of a sweep"); }

const struct scan_value *sweep_find(const struct scan *scan, const char *path)
{
    for (size_t i = 1; i < scan->count; i++)
        if (!strcmp(scan->values[i].path, path))
            return &scan->values[i];
    return NULL;
}

bool sweep_is_variable(const struct scan *scan, size_t at)
{
    const struct scan_value *v = &scan->values[at];
    size_t length = strlen(v->path);
    if (!at || v->kind != SCAN_OBJECT || !strncmp(v->path, SWEEP_SECTION ".", sizeof SWEEP_SECTION))
        return false;
    for (size_t i = at + 1; i < scan->count; i++)
        if (scan->values[i].parent == at && (!strcmp(scan->values[i].path + length, ".random") || !strcmp(scan->values[i].path + length, ".grid")))
            return true;
    return false;
}

const char *sweep_last_key(const char *path)
{
    static const char above[] = SWEEP_SECTION ".last.";
    return !strncmp(path, above, sizeof above - 1) ? path + sizeof above - 1 : NULL;
}

char *sweep_splice(const char *text, size_t size, size_t start, size_t end, const char *middle, struct bit_error *error)
{
    size_t length = strlen(middle);
    char *copy = bit_allocate(1, size - (end - start) + length + 1, "the text of a sweep", error);
    if (!copy)
        return NULL;
    memcpy(copy, text, start);
    memcpy(copy + start, middle, length);
    memcpy(copy + start + length, text + end, size - end);
    return copy;
}

/* ---- paths ---- */

/* The key whose value, or one of whose values, this is; -1: of none. */
static int key_of(const char *path)
{
    char copy[SCAN_PATH];
    const char *last = sweep_last_key(path);
    snprintf(copy, sizeof copy, "%s", last ? last : path);
    char *bracket = strchr(copy, '[');
    if (bracket) {
        *bracket = 0;
        char *dot = strrchr(copy, '.');
        if (!dot || (strcmp(dot, ".of") != 0 && strcmp(dot, ".grid") != 0))
            return -1;
        *dot = 0;
    }
    return job_key_find(copy);
}

/* `folder`/text as JSON. */
static char *absolute(const char *text, const char *folder, struct bit_error *error)
{
    char path[PATH_MAX * 2];
    struct bit_text t = {0};
    snprintf(path, sizeof path, "%s%s%s", folder, strcmp(folder, "/") ? "/" : "", text);
    bit_text_add_json(&t, path);
    if (t.failed)
        out_of_memory(error);
    return t.data;
}

/* The JSON of an absolute path for a relative one; NULL without an error: nothing to change. */
static char *resolve(const char *text, const struct scan_value *v, const char *folder, struct bit_error *error)
{
    int key = v->kind == SCAN_TEXT ? key_of(v->path) : -1;
    char *result = NULL;
    if (key < 0 || job_keys[key].type != KEY_PATH)
        return NULL;
    cJSON *value = cJSON_ParseWithLength(text + v->start, v->end - v->start);
    if (!value)
        out_of_memory(error);
    else if (*value->valuestring && *value->valuestring != '/' && strlen(value->valuestring) < PATH_MAX)
        result = absolute(value->valuestring, folder, error);
    cJSON_Delete(value);
    return result;
}

char *sweep_resolve(const char *text, const char *folder, struct bit_error *error)
{
    struct scan scan = {0};
    struct bit_problems ignored = {0};
    char *now = bit_copy_text(text, error);
    if (job_scan(text, strlen(text), &scan, &ignored, error)) {
        bit_free(now);
        now = NULL;
    }
    for (size_t i = scan.count; now && i > 1; i--) { /* from behind: places before stay as they are */
        const struct scan_value *v = &scan.values[i - 1];
        char *path = resolve(text, v, folder, error), *next = NULL;
        if (path)
            next = sweep_splice(now, strlen(now), v->start, v->end, path, error);
        if (next || error->code) {
            bit_free(now);
            now = next;
        }
        bit_free(path);
    }
    bit_problems_free(&ignored);
    job_scan_free(&scan);
    return now;
}

/* ---- overrides ---- */

/* JSON of an override's value: text needs no quotes on the command line, and paths are below the current folder. */
static char *value_of(const char *path, const char *value, struct bit_error *error)
{
    enum scan_kind kind;
    struct bit_text t = {0};
    char folder[PATH_MAX];
    int key = job_key_find(path);
    bool is_text = key >= 0 && (job_keys[key].type == KEY_TEXT || job_keys[key].type == KEY_PATH);
    if (key >= 0 && job_keys[key].type == KEY_PATH && *value && *value != '/' && *value != '"' && *value != '{' && getcwd(folder, sizeof folder))
        return absolute(value, folder, error);
    if (job_scan_one(value, strlen(value), &kind, error))
        return NULL;
    if (kind == SCAN_BAD || (is_text && kind != SCAN_TEXT && kind != SCAN_NULL && kind != SCAN_OBJECT))
        bit_text_add_json(&t, value);
    else
        bit_text_add(&t, "%s", value);
    if (t.failed)
        out_of_memory(error);
    return t.data;
}

/* "name":value, or the same within its section, behind the { of what there is of them. */
static char *insert(const char *text, const struct scan *scan, const char *path, const char *json, struct bit_error *error)
{
    const char *dot = strchr(path, '.');
    char section[SCAN_PATH];
    struct bit_text t = {0};
    snprintf(section, sizeof section, "%.*s", dot ? (int)(dot - path) : 0, path);
    const struct scan_value *above = dot ? sweep_find(scan, section) : &scan->values[0];
    bool is_new = !above || above->kind != SCAN_OBJECT;
    if (is_new)
        bit_text_add(&t, "\"%s\":{\"%s\":%s}", section, dot + 1, json);
    else
        bit_text_add(&t, "\"%s\":%s", dot ? dot + 1 : path, json);
    above = is_new ? &scan->values[0] : above;
    size_t inside = above->start + 1;
    bool is_empty = strspn(text + inside, " \t\r\n") == above->end - 1 - inside;
    bit_text_add(&t, "%s", is_empty ? "" : ",");
    char *result = t.failed ? NULL : sweep_splice(text, strlen(text), inside, inside, t.data, error);
    if (t.failed)
        out_of_memory(error);
    bit_text_free(&t);
    return result;
}

/* The text with one value put in, or replaced. NULL for lack of memory. */
static char *put(const char *text, const char *path, const char *json, struct bit_error *error)
{
    struct scan scan = {0};
    struct bit_problems ignored = {0};
    char *result = NULL;
    if (job_scan(text, strlen(text), &scan, &ignored, error) == 0) {
        const struct scan_value *v = sweep_find(&scan, path);
        result = scan.fatal ? bit_copy_text(text, error)
                 : v ? sweep_splice(text, strlen(text), v->start, v->end, json, error)
                     : insert(text, &scan, path, json, error);
    }
    bit_problems_free(&ignored);
    job_scan_free(&scan);
    return result;
}

/* The other key of a pair of which one counts, which an override takes the place of; NULL: there is none, or it is not given. */
static const char *rival(const char *text, const char *path, struct bit_error *error)
{
    static const char *const pairs[][2] = {{"schedule.epochs", "schedule.steps"}, {"schedule.decay_epochs", "schedule.decay_steps"}};
    struct scan scan = {0};
    struct bit_problems ignored = {0};
    const char *found = NULL;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        for (int side = 0; side < 2; side++)
            if (!strcmp(pairs[i][side], path))
                found = pairs[i][!side];
    if (found && (job_scan(text, strlen(text), &scan, &ignored, error) || !sweep_find(&scan, found)))
        found = NULL;
    bit_problems_free(&ignored);
    job_scan_free(&scan);
    return found;
}

static char *apply(const char *text, const char *override, struct bit_problems *problems, struct bit_error *error)
{
    char path[SCAN_PATH];
    const char *equals = strchr(override, '='), *other;
    size_t length = equals ? (size_t)(equals - override) : strlen(override);
    snprintf(path, sizeof path, "%.*s", length < SCAN_PATH ? (int)length : SCAN_PATH - 1, override);
    if (!equals && job_problem_add(problems, error, false, 0, 0, path, "expected --set key.path=value, found no '='"))
        return NULL;
    if (equals && job_key_find(path) < 0 && strncmp(path, SWEEP_SECTION ".", sizeof SWEEP_SECTION) != 0) {
        const char *near = job_key_suggest(path);
        if (job_problem_add(problems, error, false, 0, 0, path, "unknown key (from --set)%s%s%s", near ? "; did you mean " : "", near ? near : "",
                            near ? "?" : ""))
            return NULL;
        equals = NULL;
    }
    char *json = equals ? value_of(path, equals + 1, error) : NULL, *next = NULL, *result;
    if (!equals)
        return bit_copy_text(text, error);
    result = json ? put(text, path, json, error) : NULL;
    if (result && (other = rival(result, path, error))) {
        next = put(result, other, "null", error);
        bit_free(result);
        result = next;
    }
    bit_free(json);
    return result;
}

char *sweep_override(const char *text, const char *const *overrides, size_t count, struct bit_problems *problems, struct bit_error *error)
{
    char *now = bit_copy_text(text, error);
    for (size_t i = 0; now && i < count; i++) {
        char *next = apply(now, overrides[i], problems, error);
        bit_free(now);
        now = next;
    }
    return now;
}
