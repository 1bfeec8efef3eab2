#include "suite/few.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bit/file.h"
#include "bit/hash.h"
#include "bit/job.h"
#include "bit/json.h"
#include "bit/memory.h"
#include "bit/statistics.h"

enum { FILE_LIMIT = 16 << 20, SHOTS_MOST = 1000000 /* of bit probe: more than a class has means all of it */ };

/* ---- reading ---- */

int suite_read_shots(struct bit_suite *s, const char *file, const cJSON *list, struct bit_error *error)
{
    static const char wanted[] = "expected a list of 1 to 16 ascending numbers of images a class, the last of which may be \"all\"";
    s->few = list != NULL;
    s->shot_count = !list;
    if (list && (!cJSON_IsArray(list) || !list->child || cJSON_GetArraySize(list) > BIT_SUITE_SHOTS))
        return bit_fail(error, BIT_EUSAGE, "%s: shots: %s", file, wanted);
    for (const cJSON *item = list ? list->child : NULL; item; item = item->next) {
        uint64_t number = 0;
        bool all = cJSON_IsString(item) && !strcmp(item->valuestring, "all") && !item->next;
        if (!all && (!bit_json_is_whole(item, SHOTS_MOST, &number) || number < 1 ||
                     (s->shot_count && number <= (uint64_t)s->shots[s->shot_count - 1])))
            return bit_fail(error, BIT_EUSAGE, "%s: shots: %s", file, wanted);
        s->shots[s->shot_count++] = (int)number;
    }
    return 0;
}

/* A member that is a number within limits; one that is not there leaves *value as it is. */
static int take_number(struct bit_json_object *object, const char *name, double least, double most, bool whole, double *value,
                       struct bit_error *error)
{
    const cJSON *item = bit_json_take_if(object, name);
    if (!item)
        return 0;
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= least && item->valuedouble <= most) || (whole && item->valuedouble != floor(item->valuedouble)))
        return bit_fail(error, BIT_EUSAGE, "%s: %s: expected a %snumber from %g to %g", object->where, name, whole ? "whole " : "", least, most);
    *value = item->valuedouble;
    return 0;
}

static int read_options(struct bit_suite *s, const char *file, const cJSON *probe, struct bit_error *error)
{
    struct bit_json_object object;
    char where[PATH_MAX + 16];
    double size = 0, resize = 0;
    snprintf(where, sizeof where, "%s: probe", file);
    if (bit_json_start(&object, probe, where, error) || take_number(&object, "size", 1, 4096, true, &size, error) ||
        take_number(&object, "resize", 1, 8192, true, &resize, error) || take_number(&object, "l2", 1e-12, 1e12, false, &s->probing.l2, error))
        return -1;
    const cJSON *squash = bit_json_take_if(&object, "squash");
    if (squash && !cJSON_IsBool(squash))
        return bit_fail(error, BIT_EUSAGE, "%s: squash: expected true or false", where);
    s->probing.squash = cJSON_IsTrue(squash);
    s->probing.size = (int)size;
    s->probing.resize = (int)resize;
    return bit_json_end(&object);
}

/* What a task's probe looks at, out of the task's job. */
static int read_paths(struct bit_suite_probe *probe, const struct bit_suite_task *task, const char *file, struct bit_error *error)
{
    struct bit_problems problems = {0};
    const struct bit_job *job = bit_job_parse(task->job, strlen(task->job), task->name, NULL, 0, &problems, error);
    int result = -1;
    if (job && !*job->model.start)
        bit_fail(error, BIT_EUSAGE, "%s: task %s: model.start is missing: expected the weights whose features are probed", file, task->name);
    else if (job && (probe->start = bit_copy_text(job->model.start, error)) && (probe->train = bit_copy_text(job->data.train, error)) &&
             (probe->val = bit_copy_text(job->data.val, error)))
        result = 0;
    bit_job_destroy(job);
    bit_problems_free(&problems);
    return result;
}

/* ---- commands ---- */

static const char *number(char text[32], double value)
{
    snprintf(text, 32, "%.17g", value);
    return text;
}

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void list_seeds(const struct bit_suite *s, char *text, size_t size)
{
    uint64_t sorted[BIT_SUITE_SEEDS];
    memcpy(sorted, s->seeds, s->seed_count * sizeof *sorted);
    qsort(sorted, s->seed_count, sizeof *sorted, ascending);
    for (size_t i = 0, used = 0; i < s->seed_count && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%llu", i ? "," : "", (unsigned long long)sorted[i]);
}

static void list_shots(const struct bit_suite *s, char *text, size_t size)
{
    for (size_t i = 0, used = 0; i < s->shot_count && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%d", i ? "," : "", s->shots[i] ? s->shots[i] : SHOTS_MOST);
}

/* All but where the result goes. Returns the number of words. */
static int ask(const struct bit_suite *s, const struct bit_suite_probe *probe, struct bit_suite_command *c)
{
    int count = 0;
    list_shots(s, c->shots, sizeof c->shots);
    list_seeds(s, c->seeds, sizeof c->seeds);
    const char *const always[] = {"probe", probe->start, probe->train, probe->val, "--draw", "job", "--no-neighbours", "--shots", c->shots,
                                  "--seeds", c->seeds};
    const struct { const char *option; double value; } given[3] = {
        {"--size", s->probing.size}, {"--resize", s->probing.resize}, {"--l2", s->probing.l2}};
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        c->words[count++] = always[i];
    for (int i = 0; i < 3; i++)
        if (given[i].value > 0) {
            c->words[count++] = given[i].option;
            c->words[count++] = number(c->numbers[i], given[i].value);
        }
    if (s->probing.squash)
        c->words[count++] = "--squash";
    c->words[count] = NULL;
    return count;
}

int bit_suite_prepare_probe(const struct bit_suite *s, size_t index, bool dry, struct bit_suite_command *command, struct bit_error *error)
{
    char folder[PATH_MAX];
    const struct bit_suite_probe *probe = &s->probes[index];
    int count = ask(s, probe, command);
    command->words[count++] = "--out";
    command->words[count++] = probe->file;
    command->words[count] = NULL;
    snprintf(folder, sizeof folder, "%s", probe->file);
    *strrchr(folder, '/') = 0;
    return dry ? 0 : bit_folder_create(folder, error);
}

/* FOLDER/TASK/probe-HASH.json, of what is asked. */
static int name_file(const struct bit_suite *s, struct bit_suite_probe *probe, const char *folder, struct bit_error *error)
{
    struct bit_suite_command command;
    struct bit_text asked = {0};
    char hash[BIT_HASH_TEXT];
    ask(s, probe, &command);
    for (int i = 0; command.words[i]; i++)
        bit_text_add_json(&asked, command.words[i]);
    if (!asked.failed)
        bit_hash_text(bit_hash_bytes(asked.data, asked.size), hash);
    bool failed = asked.failed;
    bit_text_free(&asked);
    if (failed)
        return bit_fail(error, BIT_EENVIRONMENT, "out of memory: a suite");
    int used = snprintf(probe->file, sizeof probe->file, "%s/%s/probe-%.12s.json", folder, s->tasks[probe->task].name, hash);
    return used < (int)sizeof probe->file ? 0 : bit_fail(error, BIT_EUSAGE, "path too long: %s", folder);
}

int suite_read_probe(struct bit_suite *s, const struct bit_suite_options *options, const cJSON *probe, struct bit_error *error)
{
    if (!probe || cJSON_IsFalse(probe))
        return 0;
    if (!s->few)
        return bit_fail(error, BIT_EUSAGE, "%s: probe: expected the key shots beside it: a list of images a class", options->file);
    if (!cJSON_IsTrue(probe) && !cJSON_IsObject(probe))
        return bit_fail(error, BIT_EUSAGE, "%s: probe: expected true, false, or an object with size, resize, squash, l2", options->file);
    if (cJSON_IsObject(probe) && read_options(s, options->file, probe, error))
        return -1;
    s->probes = bit_allocate(s->task_count / s->shot_count, sizeof *s->probes, "a suite", error);
    for (size_t t = 0; s->probes && t < s->task_count; t += s->shot_count) {
        struct bit_suite_probe *new = &s->probes[s->probe_count++];
        new->task = t;
        if (read_paths(new, &s->tasks[t], options->file, error) || name_file(s, new, options->folder, error))
            return -1;
    }
    return s->probes ? 0 : -1;
}

void suite_free_probes(struct bit_suite *s)
{
    for (size_t i = 0; i < s->probe_count; i++) {
        bit_free(s->probes[i].start);
        bit_free(s->probes[i].train);
        bit_free(s->probes[i].val);
    }
    bit_free(s->probes);
}

/* ---- results ---- */

void suite_forget(struct bit_suite_task *task)
{
    task->finished = 0;
    task->median = task->least = task->most = task->deviation = NAN;
    task->probe_median = task->probe_least = task->probe_most = NAN;
    for (int i = 0; i < BIT_SUITE_SEEDS; i++)
        task->probed[i] = NAN;
}

static double member(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(item) ? item->valuedouble : NAN;
}

/* The accuracy of a seed in a row of a probe's result. */
static double accuracy_of(const cJSON *row, uint64_t seed)
{
    const cJSON *seeds = cJSON_GetObjectItemCaseSensitive(row, "seeds");
    for (const cJSON *item = cJSON_IsArray(seeds) ? seeds->child : NULL; item; item = item->next)
        if (member(item, "seed") == (double)seed)
            return member(item, "accuracy");
    return NAN;
}

static void take_row(const struct bit_suite *s, struct bit_suite_task *task, const cJSON *row)
{
    double values[BIT_SUITE_SEEDS];
    size_t known = 0;
    for (size_t i = 0; i < s->seed_count; i++)
        if (!isnan(task->probed[i] = accuracy_of(row, s->seeds[i])))
            values[known++] = task->probed[i];
    if (known < s->seed_count)
        return;
    task->probe_median = bit_median(values, known);
    task->probe_least = values[0];
    task->probe_most = values[known - 1];
}

void suite_look_at_probes(struct bit_suite *s)
{
    for (size_t p = 0; p < s->probe_count; p++) {
        struct bit_error error = {0};
        cJSON *json = bit_json_read(s->probes[p].file, FILE_LIMIT, &error);
        const cJSON *row = cJSON_GetObjectItemCaseSensitive(json, "probe");
        row = cJSON_IsArray(row) ? row->child : NULL;
        s->probes[p].done = cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(json, "probe")) == (int)s->shot_count;
        for (size_t i = 0; s->probes[p].done && i < s->shot_count; i++, row = row->next)
            take_row(s, &s->tasks[s->probes[p].task + i], row);
        cJSON_Delete(json);
    }
}
