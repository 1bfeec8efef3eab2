/* Submissions: the job is read, judged and frozen before anything is kept. */
#include <cjson/cJSON.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bit/job.h"
#include "bit/json.h"
#include "bit/memory.h"
#include "bit/sweep.h"
#include "daemon/sweep.h"
#include "daemon/slurm.h"
#include "daemon/task.h"

/* What a client sends, taken apart; texts live as long as the document. */
struct submission {
    const char *job, *name, *file, *out, *token, *options;
    int64_t least, most, threads, priority;
    enum daemon_engine engine;
    bool has_engine;
    struct store_need need[STORE_NEEDS];
    int needs;
};

/* [A-Za-z0-9._-]{1,100}, not beginning with a point or a dash. */
static bool is_name(const char *name)
{
    size_t size = strlen(name);
    return size > 0 && size < STORE_NAME && *name != '.' && *name != '-' &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == size;
}

static void make_name(char name[STORE_NAME], const char *from)
{
    size_t used = 0;
    for (; *from && used < STORE_NAME - 1; from++)
        name[used++] = strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-", *from) ? *from : '_';
    name[used] = 0;
    if (used == 0 || *name == '.' || *name == '-')
        *name = 'j';
}

/* ---- reading ---- */

static int take_text(struct bit_json_object *o, const char *key, const char **value)
{
    const cJSON *item = bit_json_take_if(o, key);
    *value = item ? cJSON_GetStringValue(item) : NULL;
    return item && !*value && !cJSON_IsNull(item) ? bit_json_fail(o, "a text was expected") : 0;
}

int api_take_whole(struct bit_json_object *o, const char *key, int64_t least, int64_t most, int64_t *value)
{
    const cJSON *item = bit_json_take_if(o, key);
    char text[128];
    if (!item || cJSON_IsNull(item))
        return 0;
    if (!cJSON_IsNumber(item) || item->valuedouble != floor(item->valuedouble) || item->valuedouble < (double)least || item->valuedouble > (double)most) {
        snprintf(text, sizeof text, "%s: a whole number from %lld to %lld was expected", key, (long long)least, (long long)most);
        return bit_json_fail(o, text);
    }
    *value = (int64_t)item->valuedouble;
    return 0;
}

static int take_ranks(struct bit_json_object *o, struct submission *s)
{
    const cJSON *list = bit_json_take_if(o, "ranks");
    uint64_t least, most;
    s->least = s->most = 1;
    if (!list || cJSON_IsNull(list))
        return 0;
    if (cJSON_GetArraySize(list) != 2 || !bit_json_is_whole(cJSON_GetArrayItem(list, 0), 1000000, &least) ||
        !bit_json_is_whole(cJSON_GetArrayItem(list, 1), 1000000, &most) || least < 1 || most < least)
        return bit_json_fail(o, "ranks: [LEAST, MOST] was expected");
    s->least = (int64_t)least;
    s->most = (int64_t)most;
    return 0;
}

static int take_needs(struct bit_json_object *o, struct submission *s)
{
    const cJSON *list = bit_json_take_if(o, "after"), *item;
    if (list && !cJSON_IsArray(list) && !cJSON_IsNull(list))
        return bit_json_fail(o, "after: a list was expected");
    cJSON_ArrayForEach(item, list)
    {
        struct bit_json_object need;
        uint64_t id;
        const char *kind;
        if (s->needs == STORE_NEEDS)
            return bit_json_fail(o, "after: too many jobs");
        if (bit_json_start(&need, item, "after", o->error) || bit_json_take_whole(&need, "id", 1ULL << 52, &id) || take_text(&need, "kind", &kind) ||
            bit_json_end(&need))
            return -1;
        if (kind && strcmp(kind, "ok") != 0 && strcmp(kind, "any") != 0)
            return bit_json_fail(&need, "kind: ok or any was expected");
        s->need[s->needs++] = (struct store_need){(int64_t)id, kind && !strcmp(kind, "any")};
    }
    return 0;
}

static int take_engine(struct bit_json_object *o, struct submission *s)
{
    const char *engine;
    if (take_text(o, "engine", &engine))
        return -1;
    s->engine = engine && !strcmp(engine, "slurm") ? ENGINE_SLURM : ENGINE_LOCAL;
    s->has_engine = engine != NULL;
    if (engine && strcmp(engine, "local") != 0 && s->engine != ENGINE_SLURM)
        return bit_json_fail(o, "engine: local or slurm was expected");
    return 0;
}

static int take_all(const cJSON *json, struct submission *s, struct bit_error *error)
{
    struct bit_json_object o;
    return bit_json_start(&o, json, "the submission", error) || !(s->job = bit_json_take_string(&o, "job")) || take_text(&o, "name", &s->name) ||
           take_text(&o, "file", &s->file) || take_text(&o, "out", &s->out) || take_text(&o, "token", &s->token) || take_ranks(&o, s) ||
           api_take_whole(&o, "threads", 1, 4096, &s->threads) || api_take_whole(&o, "priority", -API_PRIORITY, API_PRIORITY, &s->priority) || take_needs(&o, s) ||
           take_engine(&o, s) || take_text(&o, "options", &s->options) || bit_json_end(&o) ? -1 : 0;
}

/* ---- judging ---- */

static void fail_problems(struct request *r, const struct bit_problems *problems, const struct bit_error *error)
{
    bit_text_free(&r->text);
    r->status = 422;
    bit_text_add(&r->text, "{\"error\":");
    bit_text_add_json(&r->text, error->text);
    bit_text_add(&r->text, ",\"problems\":[");
    for (size_t i = 0, n = 0; i < problems->count; i++) {
        char text[1024];
        if (problems->items[i].warning)
            continue;
        bit_problem_text(&problems->items[i], "", text, sizeof text);
        bit_text_add(&r->text, n++ ? "," : "");
        bit_text_add_json(&r->text, text);
    }
    bit_text_add(&r->text, "]}\n");
}

static bool is_plain_path(const char *path)
{
    size_t size = strlen(path);
    if (*path != '/' || size >= PATH_MAX - 256 || strstr(path, "/../") || strstr(path, "//"))
        return false;
    if (size >= 3 && !strcmp(path + size - 3, "/.."))
        return false;
    for (; *path; path++)
        if ((unsigned char)*path < 0x20 || *path == 0x7f)
            return false;
    return true;
}

static int count_cores(const struct daemon *d, int threads)
{
    int ranks = 0;
    for (int h = 0; h < d->hosts; h++)
        ranks += d->host_list[h].cores / threads;
    return ranks;
}

static int judge_slurm(const struct daemon *d, const struct submission *s, const struct bit_job *job, struct bit_error *error)
{
    char path[PATH_MAX];
    if (s->engine != ENGINE_SLURM)
        return s->options && *s->options ? bit_fail(error, BIT_EUSAGE, "options: only of jobs that Slurm is to run (engine slurm)") : 0;
    if (!environment_find(d, "sbatch", path) || !environment_find(d, "squeue", path) || !environment_find(d, "scancel", path))
        return bit_fail(error, BIT_EUSAGE, "engine: there is no Slurm here: sbatch, squeue and scancel are looked for in %s (key path of bitd.conf)",
                        d->config.path);
    if (!s->threads && !job->threads)
        return bit_fail(error, BIT_EUSAGE, "threads: how many cores is a rank to have in Slurm? Give --threads T, or set threads in the job");
    return s->options ? slurm_options_check(s->options, error) : 0;
}

static int judge(struct request *r, struct submission *s, const struct bit_job *job, struct bit_error *error)
{
    struct daemon *d = r->daemon;
    if (s->name && !is_name(s->name))
        return bit_fail(error, BIT_EUSAGE, "name: 1 to 100 letters, digits, '.', '_' and '-' were expected, the first a letter, digit or '_'");
    if (s->token && (!*s->token || strlen(s->token) >= STORE_NAME))
        return bit_fail(error, BIT_EUSAGE, "token: 1 to 100 characters were expected");
    if (s->out && (!r->is_local || !is_plain_path(s->out)))
        return bit_fail(error, BIT_EUSAGE, r->is_local ? "out: an absolute path without '..' was expected" : "out: only on the Unix socket");
    if (bit_job_relative_path(job))
        return bit_fail(error, BIT_EUSAGE, "%s: an absolute path was expected", bit_job_relative_path(job));
    if (!s->has_engine)
        s->engine = d->config.engine;
    if (judge_slurm(d, s, job, error))
        return -1;
    s->threads = s->threads ? s->threads : job->threads;
    if (!s->threads) { /* all of the largest host that has as many cores as ranks */
        for (int h = 0; h < d->hosts; h++)
            if (d->host_list[h].cores / s->most > s->threads)
                s->threads = d->host_list[h].cores / s->most;
        s->threads = s->threads ? s->threads : 1;
    }
    if (s->engine == ENGINE_LOCAL && s->least > count_cores(d, (int)s->threads))
        return bit_fail(error, BIT_EUSAGE, "%lld rank(s) of %lld thread(s) never fit: the hosts have room for %d such ranks", (long long)s->least,
                        (long long)s->threads, count_cores(d, (int)s->threads));
    for (int i = 0; i < s->needs; i++) {
        struct store_job other;
        if (store_read_job(d->store, s->need[i].on, false, &other, error))
            return bit_fail_at(error, "after");
        store_job_free(&other);
    }
    return 0;
}

/* ---- keeping ---- */

static int fill_out(struct request *r, const struct submission *s, struct store_job *row, struct bit_error *error)
{
    char path[PATH_MAX];
    int64_t other;
    /* The folder's name has the number that the job will get, which only bitd gives out. */
    if (s->out)
        snprintf(path, sizeof path, "%s", s->out);
    else
        snprintf(path, sizeof path, "%.3800s/%s-%lld", r->daemon->config.runs, row->name, (long long)store_next_id(r->daemon->store));
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/')
        path[--size] = 0;
    if ((other = store_find_out(r->daemon->store, path, error)) > 0) {
        api_fail(r, 409, "job %lld uses %s and has not ended: choose another folder (--out), or follow it with --after %lld", (long long)other, path,
                 (long long)other);
        return -1;
    }
    row->out = bit_copy_text(path, error);
    return row->out ? 0 : -1;
}

/* Returns its number. */
static int64_t add(struct request *r, struct store_job *row)
{
    struct bit_error error = {0};
    struct job *job = queue_add(r->daemon, row, "submitted", &error);
    if (!job)
        daemon_give_up(r->daemon, &error);
    r->status = 201;
    bit_free(job->row.spec); /* the store has it */
    job->row.spec = NULL;
    json_job(&r->text, &job->row, NULL);
    bit_text_add(&r->text, "\n");
    return job->row.id;
}

int daemon_parts(const struct bit_job *job) { return job->schedule.batch % job->micro_batch ? 0 : job->schedule.batch / job->micro_batch; }

/* sweep NULL: one job. */
static void keep(struct request *r, const struct submission *s, const struct bit_job *job, const struct bit_sweep *sweep)
{
    struct bit_error error = {0};
    struct store_job row = {.least = (int)s->least, .most = (int)s->most, .threads = (int)s->threads, .priority = (int)s->priority, .engine = s->engine,
                            .parts = daemon_parts(job),
                            .life = daemon_life_begin(s->needs > 0, r->daemon->config.budget), .submitted = daemon_now(), .parent = STORE_UNKNOWN,
                            .rank_bytes = STORE_UNKNOWN, .needs = s->needs};
    row.changed = row.submitted;
    memcpy(row.need, s->need, sizeof row.need);
    snprintf(row.token, sizeof row.token, "%s", s->token ? s->token : "");
    snprintf(row.options, sizeof row.options, "%s", s->options ? s->options : "");
    snprintf(row.version, sizeof row.version, "%s", PACKAGE_VERSION);
    if (s->name)
        snprintf(row.name, sizeof row.name, "%s", s->name);
    else
        make_name(row.name, sweep ? sweep->name : job->name);
    row.file = bit_copy_text(s->file ? s->file : "", &error);
    row.spec = bit_copy_text(sweep ? sweep->text : job->canonical, &error);
    if (!row.file || !row.spec || fill_out(r, s, &row, &error)) {
        store_job_free(&row);
        if (r->status == 200)
            api_fail_error(r, &error);
        return;
    }
    if (sweep)
        sweep_submit(r, &row);
    else
        add(r, &row);
}

/* A token that was used: the job that it made then. */
static bool is_known(struct request *r, const char *token)
{
    struct bit_error error = {0};
    struct store_job row;
    int64_t id = token ? store_find_token(r->daemon->store, token, &error) : 0;
    if (id <= 0 || store_read_job(r->daemon->store, id, false, &row, &error))
        return false;
    json_job(&r->text, &row, NULL);
    bit_text_add(&r->text, "\n");
    store_job_free(&row);
    return true;
}

/* `name`: what messages call it. NULL: it is wrong, and the answer says so. */
static struct bit_sweep *parse_sweep(struct request *r, const char *text, const char *name)
{
    struct bit_error error = {0};
    struct bit_problems problems = {0};
    struct bit_sweep *sweep = bit_sweep_parse(text, strlen(text), name, &problems, &error);
    if (sweep && bit_sweep_check(sweep, &problems, &error)) {
        bit_sweep_destroy(sweep);
        sweep = NULL;
    }
    if (!sweep)
        fail_problems(r, &problems, &error);
    bit_problems_free(&problems);
    return sweep;
}

/* A job, or the first of a sweep, which *sweep is then. NULL: it is wrong, and the answer says so. */
static const struct bit_job *parse_job(struct request *r, const struct submission *s, struct bit_sweep **sweep)
{
    struct bit_error error = {0};
    struct bit_problems problems = {0};
    const char *name = s->name ? s->name : s->file && *s->file ? s->file : "job";
    const struct bit_job *job = NULL;
    bool is_sweep = bit_sweep_is(s->job, strlen(s->job));
    if (is_sweep && !(*sweep = parse_sweep(r, s->job, name)))
        return NULL;
    job = is_sweep ? bit_sweep_job(*sweep, 0, &problems, &error) : bit_job_parse(s->job, strlen(s->job), name, NULL, 0, &problems, &error);
    if (!job)
        fail_problems(r, &problems, &error);
    bit_problems_free(&problems);
    return job;
}

void api_submit(struct request *r)
{
    struct bit_error error = {0};
    struct submission s = {0};
    struct bit_sweep *sweep = NULL;
    const struct bit_job *job = NULL;
    cJSON *json = bit_json_parse(r->body ? r->body : "", r->size, &error);
    if (!json || take_all(json, &s, &error))
        api_fail(r, 400, "%s", error.text);
    else if (is_known(r, s.token))
        ;
    else if (!(job = parse_job(r, &s, &sweep)))
        ;
    else if (judge(r, &s, job, &error))
        api_fail(r, 422, "%s", error.text);
    else
        keep(r, &s, job, sweep);
    if (job)
        bit_job_destroy(job);
    bit_sweep_destroy(sweep);
    cJSON_Delete(json);
}

/* ---- once more ---- */

/* Those that were to follow a job follow the one that has taken its place. */
static void move_followers(struct daemon *d, int64_t old, int64_t now)
{
    struct bit_error error = {0};
    int64_t ids[256];
    int count = store_dependents(d->store, old, 256, ids, &error);
    if (count < 0 || store_move_needs(d->store, old, now, &error))
        daemon_give_up(d, &error);
    for (int i = 0; i < count; i++) {
        struct job *job = queue_find(d, ids[i]);
        for (int n = 0; job && n < job->row.needs; n++)
            if (job->row.need[n].on == old)
                job->row.need[n].on = now;
        if (job)
            queue_feed(job, EVENT_NEEDS_OPEN, 0, false, "");
    }
}

/* The same job under a new number in the same folder. */
static void run_again(struct request *r, struct store_job *row)
{
    struct daemon *d = r->daemon;
    struct bit_error error = {0};
    int64_t old = row->id;
    int64_t other = store_find_out(d->store, row->out, &error);
    if (other > 0) {
        store_job_free(row);
        api_fail(r, 409, "job %lld uses its folder and has not ended", (long long)other);
        return;
    }
    row->life = daemon_life_begin(false, row->life.budget);
    row->needs = 0;
    row->attempt = (struct store_attempt){0};
    *row->token = *row->why = 0;
    row->submitted = row->changed = daemon_now();
    move_followers(d, old, add(r, row));
}

void api_rerun(struct request *r, int64_t id)
{
    struct store_job row;
    if (queue_find(r->daemon, id)) {
        api_fail(r, 409, "job %lld has not ended: resume goes on with it", (long long)id);
        return;
    }
    if (!api_read_row(r, id, true, &row))
        return;
    if (row.engine != ENGINE_SWEEP) {
        run_again(r, &row);
        return;
    }
    int64_t now = sweep_rerun(r, &row);
    if (now)
        move_followers(r->daemon, id, now);
}
