/* Reading a suite file: a job for each task, checked before anything starts. */
#include <cjson/cJSON.h>
#include <libgen.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bit/file.h"
#include "bit/hash.h"
#include "bit/job.h"
#include "bit/json.h"
#include "bit/memory.h"
#include "bit/suite.h"
#include "bit/text.h"
#include "suite/few.h"

enum { FILE_LIMIT = 4 << 20 };

struct reading {
    const struct bit_suite_options *options;
    char data[PATH_MAX], beside[PATH_MAX], current[PATH_MAX]; /* folders of data, of the suite file; the current one */
    const cJSON *common;          /* job keys of every task, or NULL */
    struct bit_suite *suite;
    struct bit_error *error;
};

static int wrong(struct reading *r, const char *where, const char *what)
{
    return bit_fail(r->error, BIT_EUSAGE, "%s: %s: %s", r->options->file, where, what);
}

/* ---- jobs ---- */

/* Members of `more` into `job`: objects are merged, all else is replaced. */
static int merge(cJSON *job, const cJSON *more)
{
    for (const cJSON *item = more ? more->child : NULL; item; item = item->next) {
        cJSON *old = cJSON_GetObjectItemCaseSensitive(job, item->string);
        if (cJSON_IsObject(old) && cJSON_IsObject(item)) {
            if (merge(old, item))
                return -1;
            continue;
        }
        cJSON *copy = cJSON_Duplicate(item, 1);
        if (!copy || !(old ? cJSON_ReplaceItemInObjectCaseSensitive(job, item->string, copy) : cJSON_AddItemToObject(job, item->string, copy))) {
            cJSON_Delete(copy);
            return -1;
        }
    }
    return 0;
}

/* section.key becomes an absolute path below `folder`. */
static int make_absolute(struct reading *r, cJSON *job, const char *section, const char *key, const char *folder)
{
    char path[PATH_MAX];
    cJSON *object = cJSON_GetObjectItemCaseSensitive(job, section), *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!cJSON_IsString(item) || !*item->valuestring || *item->valuestring == '/')
        return 0;
    if (bit_path_join(path, sizeof path, folder, item->valuestring, r->error))
        return -1;
    return cJSON_SetValuestring(item, path) ? 0 : bit_fail(r->error, BIT_EENVIRONMENT, "out of memory: a suite");
}

static int set_start(struct reading *r, cJSON *job)
{
    char path[PATH_MAX];
    const char *start = r->options->start;
    if (!start)
        return make_absolute(r, job, "model", "start", r->beside);
    if (*start != '/' && bit_path_join(path, sizeof path, r->current, start, r->error))
        return -1;
    cJSON *model = cJSON_GetObjectItemCaseSensitive(job, "model");
    if (!model)
        model = cJSON_AddObjectToObject(job, "model");
    cJSON_DeleteItemFromObjectCaseSensitive(model, "start");
    return cJSON_AddStringToObject(model, "start", *start == '/' ? start : path) ? 0 : bit_fail(r->error, BIT_EENVIRONMENT, "out of memory: a suite");
}

static int hash_list(struct reading *r, const char *path, char text[17])
{
    struct stat status;
    struct bit_hash hash;
    char hex[BIT_HASH_TEXT];
    if (!*path || stat(path, &status) || !S_ISREG(status.st_mode))
        return 0;
    if (bit_hash_file(path, &hash, r->error))
        return -1;
    bit_hash_text(hash, hex);
    snprintf(text, 17, "%.16s", hex);
    return 0;
}

/* The job as it will be, validated: task, data and names of keys are right or nothing starts. */
static int check_job(struct reading *r, struct bit_suite_task *task, const cJSON *json)
{
    struct bit_problems problems = {0};
    char *text = cJSON_PrintUnformatted(json), where[BIT_SUITE_NAME + 32];
    snprintf(where, sizeof where, "task %s", task->name);
    const struct bit_job *job = text ? bit_job_parse(text, strlen(text), task->name, NULL, 0, &problems, r->error) : NULL;
    int result = job ? 0 : -1;
    if (!text)
        bit_fail(r->error, BIT_EENVIRONMENT, "out of memory: a suite");
    if (job && !*job->data.val)
        result = wrong(r, where, "data.val is missing: expected the images that the task is judged on");
    for (int i = 0; !result && i < 2; i++) {
        const char *path = i ? job->data.val : job->data.train;
        if (!bit_file_exists(path))
            result = bit_fail(r->error, BIT_ENOINPUT, "%s: %s: there is no file or folder %s", r->options->file, where, path);
        else
            result = hash_list(r, path, task->list[i]);
    }
    if (!result && !(task->job = bit_copy_text(text, r->error)))
        result = -1;
    if (!job)
        bit_fail_at(r->error, "%s: %s", r->options->file, where);
    bit_job_destroy(job);
    bit_problems_free(&problems);
    cJSON_free(text);
    return result;
}

static int set_shots(struct reading *r, cJSON *job, const struct bit_suite_task *task)
{
    cJSON *data = cJSON_GetObjectItemCaseSensitive(job, "data");
    char where[BIT_SUITE_NAME + 32];
    snprintf(where, sizeof where, "task %s", task->name);
    if (!cJSON_IsObject(data)) /* bit_job_parse will say what is missing */
        return 0;
    if (cJSON_HasObjectItem(data, "per_class"))
        return wrong(r, where, "data.per_class: the suite's shots say how many images a class are trained on");
    return cJSON_AddNumberToObject(data, "per_class", task->shots) ? 0 : bit_fail(r->error, BIT_EENVIRONMENT, "out of memory: a suite");
}

static int read_job(struct reading *r, struct bit_suite_task *task, const cJSON *own)
{
    cJSON *job = cJSON_CreateObject();
    int result = -1;
    if (!job || merge(job, r->common) || merge(job, own))
        bit_fail(r->error, BIT_EENVIRONMENT, "out of memory: a suite");
    else if (r->suite->few && set_shots(r, job, task))
        result = -1;
    else if (!make_absolute(r, job, "data", "train", r->data) && !make_absolute(r, job, "data", "val", r->data) && !set_start(r, job))
        result = check_job(r, task, job);
    cJSON_Delete(job);
    return result;
}

/* ---- tasks ---- */

static bool is_name(const char *name)
{
    bool fine = *name && *name != '.' && *name != '-' && strlen(name) < BIT_SUITE_NAME;
    for (const char *c = name; *c; c++)
        fine &= (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || strchr("_-.", *c);
    return fine;
}

/* Whether `name` stands in a list with commas. */
static bool is_listed(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *c = list; *c; c += strcspn(c, ","), c += *c == ',')
        if (strcspn(c, ",") == length && !memcmp(c, name, length))
            return true;
    return false;
}

static int add_rows(struct reading *r, const char *name, const char *group, const cJSON *job)
{
    struct bit_suite *s = r->suite;
    for (size_t i = 0; i < s->shot_count; i++) {
        struct bit_suite_task *task = &s->tasks[s->task_count++];
        *task = (struct bit_suite_task){.shots = s->shots[i]};
        suite_forget(task);
        snprintf(task->name, sizeof task->name, "%s", name);
        snprintf(task->group, sizeof task->group, "%s", group);
        if (read_job(r, task, job))
            return -1;
    }
    return 0;
}

static int read_task(struct reading *r, const cJSON *item, size_t number)
{
    struct bit_json_object object;
    struct bit_suite *s = r->suite;
    char where[64];
    snprintf(where, sizeof where, "%.40s: tasks[%zu]", "suite", number);
    if (bit_json_start(&object, item, where, r->error))
        return -1;
    const char *name = bit_json_take_string(&object, "name");
    const cJSON *group = bit_json_take_if(&object, "group"), *job = bit_json_take(&object, "job");
    if (!name || !job || bit_json_end(&object))
        return -1;
    if (!is_name(name))
        return wrong(r, where, "name: expected letters, digits, '_', '-' and '.', for a folder");
    if (group && (!cJSON_IsString(group) || !is_name(group->valuestring)))
        return wrong(r, where, "group: expected a name like a task's");
    if (!cJSON_IsObject(job))
        return wrong(r, where, "job: expected an object");
    for (size_t i = 0; i < s->task_count; i++)
        if (!strcmp(s->tasks[i].name, name))
            return wrong(r, where, "name: another task has it already");
    if (r->options->only && !is_listed(r->options->only, name))
        return 0;
    return add_rows(r, name, group ? group->valuestring : "", job);
}

static int read_tasks(struct reading *r, const cJSON *list)
{
    size_t number = 0;
    int count = cJSON_GetArraySize(list);
    if (!cJSON_IsArray(list) || count < 1 || count > BIT_SUITE_TASKS)
        return wrong(r, "tasks", "expected a list of 1 to 512 tasks");
    r->suite->tasks = bit_allocate((size_t)count * r->suite->shot_count, sizeof *r->suite->tasks, "a suite", r->error);
    if (!r->suite->tasks)
        return -1;
    for (const cJSON *item = list->child; item; item = item->next)
        if (read_task(r, item, number++))
            return -1;
    return r->suite->task_count ? 0 : wrong(r, "--only", "names none of its tasks");
}

static int read_seeds(struct reading *r, const cJSON *list)
{
    struct bit_suite *s = r->suite;
    if (!list) {
        s->seed_count = 1;
        return 0;
    }
    if (!cJSON_IsArray(list) || !list->child || cJSON_GetArraySize(list) > BIT_SUITE_SEEDS)
        return wrong(r, "seeds", "expected a list of 1 to 64 whole numbers");
    for (const cJSON *item = list->child; item; item = item->next) {
        if (!bit_json_is_whole(item, (uint64_t)BIT_JSON_WHOLE_LIMIT - 1, &s->seeds[s->seed_count]))
            return wrong(r, "seeds", "expected a list of 1 to 64 whole numbers");
        for (size_t i = 0; i < s->seed_count; i++)
            if (s->seeds[i] == s->seeds[s->seed_count])
                return wrong(r, "seeds", "a number stands there twice");
        s->seed_count++;
    }
    return 0;
}

/* ---- the whole ---- */

/* FOLDER/TASK/seed-N, or FOLDER/TASK/shots-K/seed-N (K: a number, or "all"), and the same with .json. */
static int name_run(struct reading *r, struct bit_suite_run *run)
{
    const struct bit_suite_task *task = &r->suite->tasks[run->task];
    char shots[32] = "";
    if (r->suite->few && task->shots)
        snprintf(shots, sizeof shots, "shots-%d/", task->shots);
    else if (r->suite->few)
        snprintf(shots, sizeof shots, "shots-all/");
    int used = snprintf(run->folder, sizeof run->folder, "%s/%s/%sseed-%llu", r->options->folder, task->name, shots, (unsigned long long)run->seed);
    int more = used < (int)sizeof run->folder ? snprintf(run->job, sizeof run->job, "%s.json", run->folder) : used;
    return more < (int)sizeof run->job ? 0 : bit_fail(r->error, BIT_EUSAGE, "path too long: %s", r->options->folder);
}

static int list_runs(struct reading *r)
{
    struct bit_suite *s = r->suite;
    s->runs = bit_allocate(s->task_count * s->seed_count, sizeof *s->runs, "a suite", r->error);
    if (!s->runs)
        return -1;
    for (size_t t = 0; t < s->task_count; t++)
        for (size_t i = 0; i < s->seed_count; i++) {
            struct bit_suite_run *run = &s->runs[s->run_count++];
            *run = (struct bit_suite_run){.task = t, .seed = s->seeds[i], .value = NAN};
            if (name_run(r, run))
                return -1;
        }
    return 0;
}

static int read_suite(struct reading *r, const cJSON *json)
{
    struct bit_json_object object;
    struct bit_suite *s = r->suite;
    if (bit_json_start(&object, json, r->options->file, r->error))
        return -1;
    const cJSON *name = bit_json_take_if(&object, "name"), *metric = bit_json_take_if(&object, "metric");
    const cJSON *seeds = bit_json_take_if(&object, "seeds"), *tasks = bit_json_take(&object, "tasks");
    const cJSON *shots = bit_json_take_if(&object, "shots"), *probe = bit_json_take_if(&object, "probe");
    bit_json_take_if(&object, "comment");
    r->common = bit_json_take_if(&object, "job");
    if (!tasks || bit_json_end(&object))
        return -1;
    if ((name && !cJSON_IsString(name)) || (metric && !cJSON_IsString(metric)))
        return wrong(r, name && !cJSON_IsString(name) ? "name" : "metric", "expected a text");
    if (r->common && !cJSON_IsObject(r->common))
        return wrong(r, "job", "expected an object");
    s->name = bit_copy_text(name ? name->valuestring : "suite", r->error);
    s->metric = s->name ? bit_copy_text(metric ? metric->valuestring : "", r->error) : NULL;
    if (!s->metric || suite_read_shots(s, r->options->file, shots, r->error) || read_seeds(r, seeds) || read_tasks(r, tasks) || list_runs(r))
        return -1;
    return suite_read_probe(s, r->options, probe, r->error);
}

static int find_folders(struct reading *r)
{
    char *copy = bit_copy_text(r->options->file, r->error);
    int result = !copy ? -1 : !realpath(dirname(copy), r->beside) ? bit_fail_errno(r->error, BIT_ENOINPUT, "cannot find the folder of %s", r->options->file)
                                                                    : 0;
    bit_free(copy);
    if (!result && !realpath(".", r->current))
        result = bit_fail_errno(r->error, BIT_EENVIRONMENT, "cannot find the current folder");
    if (!result && !r->options->data)
        snprintf(r->data, sizeof r->data, "%s", r->beside);
    else if (!result && !realpath(r->options->data, r->data))
        result = bit_fail_errno(r->error, BIT_ENOINPUT, "cannot find the folder %s", r->options->data);
    return result;
}

struct bit_suite *bit_suite_open(const struct bit_suite_options *options, struct bit_error *error)
{
    struct reading r = {.options = options, .error = error};
    cJSON *json = bit_json_read(options->file, FILE_LIMIT, error);
    bool complete = json && !find_folders(&r) && (r.suite = bit_allocate(1, sizeof *r.suite, "a suite", error)) && !read_suite(&r, json);
    cJSON_Delete(json);
    if (complete)
        return r.suite;
    if (error->code == BIT_EDATA) /* a malformed suite is the user's file, as a job is */
        error->code = BIT_EUSAGE;
    bit_suite_close(r.suite);
    return NULL;
}

void bit_suite_close(struct bit_suite *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->task_count; i++)
        bit_free(s->tasks[i].job);
    suite_free_probes(s);
    bit_free(s->tasks);
    bit_free(s->runs);
    bit_free(s->name);
    bit_free(s->metric);
    bit_free(s);
}

int bit_suite_prepare(const struct bit_suite *s, size_t number, struct bit_error *error)
{
    const struct bit_suite_run *run = &s->runs[number];
    char set[48], draw[64], *old = NULL, folder[PATH_MAX];
    const char *const sets[] = {set, draw};
    const char *text = s->tasks[run->task].job;
    struct bit_problems problems = {0};
    size_t size;
    snprintf(set, sizeof set, "seed=%llu", (unsigned long long)run->seed);
    /* Few-shot: each seed draws its own images. */
    snprintf(draw, sizeof draw, "data.per_class_seed=%llu", (unsigned long long)run->seed);
    const struct bit_job *job = bit_job_parse(text, strlen(text), s->tasks[run->task].name, sets, 2, &problems, error);
    bit_problems_free(&problems);
    int result = job ? 0 : -1;
    snprintf(folder, sizeof folder, "%s", run->job);
    *strrchr(folder, '/') = 0;
    if (!result && bit_file_exists(run->job) && bit_file_read(run->job, FILE_LIMIT, &old, &size, error))
        result = -1;
    const char *wanted = job ? job->canonical : "";
    if (!result && (!old || strcmp(old, wanted)))
        result = bit_folder_create(folder, error) || bit_file_write(run->job, wanted, strlen(wanted), error) ? -1 : 0;
    bit_free(old);
    bit_job_destroy(job);
    return result;
}
