#include "job/read.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "bit/file.h"
#include "bit/memory.h"

static int store_defaults(struct reading *r)
{
    for (size_t i = 0; i < job_key_count; i++) {
        const char *value = job_keys[i].value ? job_keys[i].value : "";
        struct source s = {.text = value, .size = strlen(value)};
        if (*value && (job_scan_one(value, s.size, &s.kind, r->error) || job_value_store(r, (int)i, &s, job_keys[i].path)))
            return -1;
        r->keys[i].state = KEY_ABSENT;
    }
    return 0;
}

/* Those of the task, once it is known, where nothing else is given. */
static int store_task_defaults(struct reading *r)
{
    for (size_t i = 0; i < job_key_count; i++) {
        const char *value = job_key_default(&job_keys[i], r->job);
        struct source s = {.text = value, .size = value ? strlen(value) : 0};
        if (r->keys[i].state != KEY_ABSENT || value == job_keys[i].value)
            continue;
        if (job_scan_one(value, s.size, &s.kind, r->error) || job_value_store(r, (int)i, &s, job_keys[i].path))
            return -1;
        r->keys[i].state = KEY_ABSENT;
    }
    return 0;
}

static int section_find(const char *name)
{
    for (size_t i = 0; i < job_section_count; i++)
        if (*name && !strcmp(job_sections[i].name, name))
            return (int)i;
    return -1;
}

static int unknown_key(struct reading *r, int line, int column, const char *path, const char *from)
{
    const char *near = job_key_suggest(path);
    if (near && !strcmp(near, path)) /* a dotted key at the top */
        return job_problem_add(r->problems, r->error, false, line, column, path,
                           "unknown key; write sections as objects: {\"%.*s\": {\"%s\": ...}}",
                           (int)job_key_section_length(path), path, strchr(path, '.') + 1);
    return job_problem_add(r->problems, r->error, false, line, column, path, "unknown key%s%s%s%s", from,
                       near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

/* Every value of the file that is a key's, a section, or neither. */
static int store_values(struct reading *r, const char *text, const struct scan *scan)
{
    for (size_t i = 1; i < scan->count; i++) {
        const struct scan_value *v = &scan->values[i], *parent = &scan->values[v->parent];
        struct source s = {.text = text + v->start, .size = v->end - v->start, .kind = v->kind, .line = v->line,
                           .column = v->column};
        int key = job_key_find(v->path), result = 0;
        /* Below something wrong or unknown nothing more is said; elements belong to their list. */
        if (v->parent && (parent->kind != SCAN_OBJECT || parent->parent || section_find(parent->path) < 0))
            continue;
        if (key >= 0 && strlen(parent->path) != job_key_section_length(v->path))
            key = -1;
        bool section = !v->parent && section_find(v->path) >= 0;
        if (!v->parent && r->is_trial && !strcmp(v->path, "sweep"))
            continue;
        if (section && v->kind != SCAN_OBJECT && v->kind != SCAN_BAD)
            result = job_problem_add(r->problems, r->error, false, v->line, v->column, v->path,
                                 "expected an object ({...}), found %.*s", s.size < 40 ? (int)s.size : 0, s.text);
        else if (!section && key < 0)
            result = unknown_key(r, v->line, v->column, v->path, "");
        else if (key >= 0 && v->kind == SCAN_BAD)
            r->keys[key].state = KEY_WRONG;
        else if (key >= 0)
            result = job_value_store(r, key, &s, v->path);
        if (result)
            return -1;
    }
    return 0;
}

static int store_override(struct reading *r, const char *override)
{
    char path[SCAN_PATH];
    const char *equals = strchr(override, '=');
    size_t length = equals ? (size_t)(equals - override) : strlen(override);
    snprintf(path, sizeof path, "%.*s", length < SCAN_PATH ? (int)length : SCAN_PATH - 1, override);
    if (!equals)
        return job_problem_add(r->problems, r->error, false, 0, 0, path, "expected --set key.path=value, found no '='");
    int key = job_key_find(path);
    if (section_find(path) >= 0)
        return job_problem_add(r->problems, r->error, false, 0, 0, path,
                           "is a section; --set takes one key, such as %s.%s", path, "KEY=VALUE");
    if (key < 0)
        return unknown_key(r, 0, 0, path, r->is_trial ? " (from sweep.last)" : " (from --set)");
    const char *value = equals + 1;
    struct source s = {.text = value, .size = strlen(value), .by_override = true};
    enum key_type type = job_keys[key].type;
    if (job_scan_one(s.text, s.size, &s.kind, r->error))
        return -1;
    /* A text needs no quotes on the command line, even where it looks like something else. */
    struct bit_text quoted = {0};
    bool nothing = s.kind == SCAN_NULL && (job_keys[key].nullable || job_keys[key].ruled);
    if (s.kind == SCAN_BAD || ((type == KEY_TEXT || type == KEY_PATH) && s.kind != SCAN_TEXT && !nothing)) {
        if (!bit_text_is_utf8(value, strlen(value)))
            return job_problem_add(r->problems, r->error, false, 0, 0, path, "invalid UTF-8 (from --set)");
        bit_text_add_json(&quoted, value);
        if (quoted.failed)
            return bit_fail(r->error, BIT_EENVIRONMENT, "out of memory: --set %s", path);
        s.text = quoted.data;
        s.size = quoted.size;
        s.kind = SCAN_TEXT;
    }
    int result = job_value_store(r, key, &s, path);
    bit_text_free(&quoted);
    return result;
}

char *job_default_name(const char *path, struct bit_error *error)
{
    const char *slash = strrchr(path, '/');
    char *copy = bit_copy_text(slash ? slash + 1 : path, error);
    size_t length = copy ? strlen(copy) : 0;
    if (length > 5 && !strcmp(copy + length - 5, ".json"))
        copy[length - 5] = 0;
    return copy;
}

static int store_name(struct reading *r, const char *name)
{
    if (!r->job->name)
        r->job->name = job_default_name(name, r->error);
    return r->job->name ? 0 : -1;
}

int job_summarise(struct bit_problems *problems, const char *name, struct bit_error *error)
{
    size_t errors = job_problem_errors(problems);
    char line[1024], more[64] = "";
    job_problem_sort(problems);
    for (size_t i = 0; i < problems->count; i++)
        if (!problems->items[i].warning) {
            bit_problem_text(&problems->items[i], name, line, sizeof line);
            break;
        }
    if (errors > 1)
        snprintf(more, sizeof more, " (and %zu more)", errors - 1);
    return errors ? bit_fail(error, BIT_EUSAGE, "%s%s", line, more) : 0;
}

/* A sweep where a job was expected: nothing else of it is worth a word. 1: it is one. */
static int refuse_sweep(struct reading *r, const struct scan *scan)
{
    for (size_t i = 1; !r->is_trial && i < scan->count; i++) {
        const struct scan_value *v = &scan->values[i];
        if (!v->parent && !strcmp(v->path, "sweep"))
            return job_problem_add(r->problems, r->error, false, v->line, v->column, v->path,
                                   "this is a sweep, and one job was expected: bit submit runs all of its trials, and bit check --trial 0 --print prints the "
                                   "job of one") ? -1 : 1;
    }
    return 0;
}

static int parse(struct reading *r, const char *text, size_t size, const char *name, const char *const *overrides,
                 size_t override_count)
{
    struct scan scan = {0};
    int result = -1;
    if (job_scan(text, size, &scan, r->problems, r->error))
        goto out;
    if (refuse_sweep(r, &scan)) {
        job_summarise(r->problems, name, r->error);
        goto out;
    }
    if (store_defaults(r) || store_values(r, text, &scan))
        goto out;
    for (size_t i = 0; i < override_count; i++)
        if (store_override(r, overrides[i]))
            goto out;
    if (store_name(r, name) || store_task_defaults(r) || (!scan.fatal && job_cross_check(r)))
        goto out;
    if (job_summarise(r->problems, name, r->error))
        goto out;
    result = job_write(r->job, r->error);
out:
    job_scan_free(&scan);
    return result;
}

static struct bit_job *job_parse(const char *text, size_t size, const char *name, const char *folder, bool is_trial,
                                 const char *const *overrides, size_t override_count, struct bit_problems *problems,
                                 struct bit_error *error)
{
    struct reading *r = bit_allocate(1, sizeof *r, "reading a job file", error);
    struct bit_job *job = r ? bit_allocate(1, sizeof *job, "a job", error) : NULL;
    if (job) {
        *r = (struct reading){.job = job, .problems = problems, .error = error, .folder = folder, .is_trial = is_trial};
        if (parse(r, text, size, name, overrides, override_count)) {
            bit_job_destroy(job);
            job = NULL;
        }
    }
    bit_free(r);
    return job;
}

const struct bit_job *bit_job_parse(const char *text, size_t size, const char *name, const char *const *overrides,
                                    size_t override_count, struct bit_problems *problems, struct bit_error *error)
{
    return job_parse(text, size, name, NULL, false, overrides, override_count, problems, error);
}

const struct bit_job *job_parse_trial(const char *text, size_t size, const char *name, const char *const *overrides, size_t override_count,
                                      struct bit_problems *problems, struct bit_error *error)
{
    return job_parse(text, size, name, NULL, true, overrides, override_count, problems, error);
}

const struct bit_job *bit_job_read(const char *path, const char *const *overrides, size_t override_count,
                                   struct bit_problems *problems, struct bit_error *error)
{
    char *text = NULL, *copy = NULL, folder[PATH_MAX];
    struct bit_job *job = NULL;
    struct bit_error problem = {0};
    size_t size;
    if (bit_file_read(path, BIT_JOB_FILE_LIMIT, &text, &size, &problem)) {
        /* Too large a file is a bad job, not bad data. */
        bit_fail(error, problem.code == BIT_EDATA ? BIT_EUSAGE : problem.code, "%s", problem.text);
        return NULL;
    }
    if (!(copy = bit_copy_text(path, error)))
        goto out;
    if (!realpath(dirname(copy), folder)) {
        bit_fail_errno(error, BIT_ENOINPUT, "cannot find the folder of %s", path);
        goto out;
    }
    job = job_parse(text, size, path, folder, false, overrides, override_count, problems, error);
out:
    bit_free(copy);
    bit_free(text);
    return job;
}

const char *bit_job_relative_path(const struct bit_job *job)
{
    for (size_t i = 0; i < job_key_count; i++) {
        const char *path = job_keys[i].type == KEY_PATH ? *(char *const *)key_member_const(&job_keys[i], job) : NULL;
        if (path && *path && *path != '/')
            return job_keys[i].path;
    }
    return NULL;
}

bool bit_job_is_open(const struct bit_job *job, const char *path)
{
    return path ? job_key_open(job, job_key_find(path)) : job->open[0] || job->open[1];
}

const struct bit_job *bit_job_settle(const struct bit_job *job, const char *const *values, size_t count, struct bit_error *error)
{
    struct bit_problems problems = {0};
    const struct bit_job *settled = bit_job_parse(job->canonical, strlen(job->canonical), job->name, values, count, &problems, error);
    bit_problems_free(&problems);
    for (size_t i = 0; settled && i < job_key_count; i++)
        if (job_key_open(settled, (int)i)) {
            bit_fail(error, BIT_EINTERNAL, "the fine-tuning rule has no value for %s", job_keys[i].path);
            bit_job_destroy(settled);
            return NULL;
        }
    return settled;
}

void bit_job_destroy(const struct bit_job *frozen)
{
    struct bit_job *job = (struct bit_job *)frozen;
    if (!job)
        return;
    for (size_t i = 0; i < job_key_count; i++)
        if (job_keys[i].type == KEY_TEXT || job_keys[i].type == KEY_PATH)
            bit_free(*(char **)key_member(&job_keys[i], job));
    bit_free(job->canonical);
    bit_free(job->canonical_model);
    bit_free(job);
}
