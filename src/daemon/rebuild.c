/* The store made anew from what lies beside it: OUT/bitd.json of each run, written at each start and end, and queued.jsonl of the state folder for
 * jobs that were never started, hold what is needed for it. */
#include <cjson/cJSON.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bit/file.h"
#include "bit/job.h"
#include "bit/json.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "daemon/daemon.h"
#include "daemon/queued.h"
#include "daemon/rebuild.h"

enum { RECORD_LIMIT = 4 << 20, RECORD_VERSION = 1, MOST = 20000 };
#define RECORD "bitd.json"

/* ---- writing ---- */

static int build_record(struct job *job, struct bit_text *t, struct bit_error *error)
{
    struct store_job whole;
    char identity[160];
    if (store_read_job(job->daemon->store, job->row.id, true, &whole, error))
        return -1;
    const struct store_attempt *a = &whole.attempt;
    bit_text_add(t, "{\"v\":%d,\"instance\":", RECORD_VERSION);
    bit_text_add_json(t, job->daemon->slurm.instance);
    bit_text_add(t, ",\"job\":");
    json_job(t, &whole, NULL);
    bit_text_add(t, ",\"token\":");
    bit_text_add_json(t, whole.token);
    snprintf(identity, sizeof identity, ",\"parts\":%d,\"pid\":%lld,\"start_ticks\":%lld,\"boot\":", whole.parts, (long long)a->pid, (long long)a->start_ticks);
    bit_text_add(t, "%s", identity);
    bit_text_add_json(t, a->boot);
    bit_text_add(t, ",\"mark\":");
    bit_text_add_json(t, a->mark);
    bit_text_add(t, ",\"spec\":");
    bit_text_add_json(t, whole.spec);
    bit_text_add(t, "}");
    store_job_free(&whole);
    return t->failed ? -1 : 0;
}

/* Whether its record is a line of queued.jsonl. */
static bool is_in_queued(const struct job *job)
{
    return (job->row.attempt.number == 0 || job->row.engine == ENGINE_SWEEP) && !daemon_is_final(job->row.life.state);
}

void rebuild_note(struct job *job)
{
    struct bit_error error = {0};
    struct bit_text t = {0};
    char path[PATH_MAX];
    bool is_queued = is_in_queued(job), was_started = job->row.attempt.number > 0 || job->row.engine == ENGINE_SWEEP;
    /* A folder that cannot be made or written is the run's business: it says so with its own exit code. */
    if ((is_queued || was_started) && build_record(job, &t, &error) == 0) {
        if (is_queued)
            queued_add(job->daemon, job->row.id, &t);
        else if (bit_path_join(path, sizeof path, job->row.out, RECORD, &error) == 0 && bit_folder_create(job->row.out, &error) == 0)
            bit_file_write_cache(path, t.data, t.size, &error);
    }
    if (!is_queued && job->has_record)
        queued_add(job->daemon, job->row.id, NULL);
    job->has_record = is_queued;
    bit_text_free(&t);
}

/* ---- reading: whatever lies there, for people may have written in it ---- */

struct found { struct store_job row; char instance[20]; };
struct list { struct found *item; int count; int broken; };

static void take_text(char *to, size_t size, const cJSON *json, const char *key) { snprintf(to, size, "%s", bit_json_string(json, key, "")); }

static int64_t take_number(const cJSON *json, const char *key)
{
    uint64_t value = bit_json_whole(json, key, UINT64_MAX);
    return value <= INT64_MAX ? (int64_t)value : STORE_UNKNOWN;
}

static void take_attempt(const cJSON *record, const cJSON *json, struct store_attempt *a)
{
    double ended = bit_json_number(json, "ended", 0);
    *a = (struct store_attempt){.number = (int)bit_json_whole(json, "number", 0), .ranks = (int)bit_json_whole(json, "ranks", 1),
                                .begun = bit_json_number(json, "begun", 0), .ended = isfinite(ended) ? ended : 0,
                                .code = (int)take_number(json, "code"), .step_before = take_number(json, "step_before"),
                                .step_after = take_number(json, "step_after"), .slurm_id = take_number(json, "slurm_id"),
                                .pid = (int64_t)bit_json_whole(record, "pid", 0), .start_ticks = (int64_t)bit_json_whole(record, "start_ticks", 0)};
    a->engine = strcmp(bit_json_string(json, "engine", ""), "slurm") ? ENGINE_LOCAL : ENGINE_SLURM;
    take_text(a->hosts, sizeof a->hosts, json, "hosts");
    take_text(a->cores, sizeof a->cores, json, "cores");
    take_text(a->why, sizeof a->why, json, "why");
    take_text(a->boot, sizeof a->boot, record, "boot");
    take_text(a->mark, sizeof a->mark, record, "mark");
}

/* What has needs waits for them, as long as it is not known which of them are there; what was to start again after a while is queued. */
static int take_life(const cJSON *job, bool is_sweep, struct daemon_life *life)
{
    int state = daemon_state_parse(bit_json_string(job, "state", "")), cause = daemon_cause_parse(bit_json_string(job, "cause", ""));
    int wish = daemon_wish_parse(bit_json_string(job, "wish", ""));
    if (state < 0 || cause < 0 || wish < 0)
        return -1;
    int budget = (int)bit_json_whole(job, "budget", 0);
    *life = is_sweep ? daemon_life_begin_sweep(budget) : daemon_life_begin(false, budget);
    life->state = state == STATE_BACKOFF ? STATE_QUEUED : (enum daemon_state)state;
    life->cause = state == STATE_BACKOFF ? CAUSE_NONE : (enum daemon_cause)cause;
    life->wish = daemon_is_live(life->state) ? (enum daemon_wish)wish : WISH_NONE;
    life->due = life->state == STATE_STOPPING ? daemon_now() : 0;
    life->fruitless = (int)bit_json_whole(job, "starts_without_progress", 0);
    return 0;
}

static void take_needs(const cJSON *job, struct store_job *row)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(job, "after"))
        if (row->needs < STORE_NEEDS)
            row->need[row->needs++] = (struct store_need){take_number(item, "id"), !strcmp(bit_json_string(item, "kind", ""), "any")};
}

/* out NULL: the record is not in the run's folder, and says which that is. */
static int take_job(const cJSON *record, const char *out, struct store_job *row, struct bit_error *error)
{
    const cJSON *job = cJSON_GetObjectItemCaseSensitive(record, "job"), *ranks = cJSON_GetObjectItemCaseSensitive(job, "ranks");
    const char *spec = bit_json_string(record, "spec", ""), *engine = bit_json_string(job, "engine", "");
    uint64_t least, most;
    if (!cJSON_IsObject(job) || !bit_json_is_whole(cJSON_GetArrayItem(ranks, 0), 1000000, &least) ||
        !bit_json_is_whole(cJSON_GetArrayItem(ranks, 1), 1000000, &most) || least < 1 || most < least)
        return bit_fail(error, BIT_EDATA, "is no record of bitd");
    *row = (struct store_job){.id = take_number(job, "id"), .least = (int)least, .most = (int)most, .threads = (int)bit_json_whole(job, "threads", 1),
                              .parts = (int)bit_json_whole(record, "parts", 0), .priority = (int)bit_json_number(job, "priority", 0),
                              .submitted = bit_json_number(job, "submitted", 0), .changed = bit_json_number(job, "changed", 0),
                              .parent = take_number(job, "parent"), .index = (int)bit_json_whole(job, "index", 0), .rank_bytes = take_number(job, "rank_bytes")};
    row->engine = !strcmp(engine, "slurm") ? ENGINE_SLURM : !strcmp(engine, "sweep") ? ENGINE_SWEEP : ENGINE_LOCAL;
    if (row->id < 1 || row->threads < 1 || !*spec || take_life(job, row->engine == ENGINE_SWEEP, &row->life))
        return bit_fail(error, BIT_EDATA, "is not whole");
    take_text(row->name, sizeof row->name, job, "name");
    take_text(row->token, sizeof row->token, record, "token");
    take_text(row->why, sizeof row->why, job, "why");
    take_text(row->version, sizeof row->version, job, "version");
    take_text(row->options, sizeof row->options, job, "options");
    take_text(row->data, sizeof row->data, job, "data");
    take_text(row->notice, sizeof row->notice, job, "notice");
    take_attempt(record, cJSON_GetObjectItemCaseSensitive(job, "attempt"), &row->attempt);
    if (daemon_is_live(row->life.state) != (row->attempt.number > 0 && row->attempt.ended <= 0))
        return bit_fail(error, BIT_EDATA, "contradicts itself: its state and its newest start do not fit");
    take_needs(job, row);
    row->out = bit_copy_text(out ? out : bit_json_string(job, "out", "/"), error);
    row->file = bit_copy_text(bit_json_string(job, "file", ""), error);
    row->spec = bit_copy_text(spec, error);
    return row->out && row->file && row->spec ? 0 : -1;
}

/* where: what messages call it. Takes the record. */
static void take_record(struct list *list, cJSON *record, const char *where, const char *out, struct bit_error *error)
{
    struct found *f = &list->item[list->count];
    *f = (struct found){0};
    if (record && list->count < MOST && bit_json_whole(record, "v", 0) == RECORD_VERSION && take_job(record, out, &f->row, error) == 0) {
        take_text(f->instance, sizeof f->instance, record, "instance");
        list->count++;
    } else {
        bit_log(BIT_LOG_WARNING, "%s is left aside: %s", where, *error->text ? error->text : "it is none of this version");
        store_job_free(&f->row);
        list->broken++;
    }
    cJSON_Delete(record);
}

static void take_file(struct list *list, const char *path, const char *out)
{
    struct bit_error error = {0};
    take_record(list, bit_json_read(path, RECORD_LIMIT, &error), path, out, &error);
}

/* A job that was never started, or a sweep. */
static void take_queued(void *list, const char *record)
{
    struct bit_error error = {0};
    take_record(list, bit_json_parse(record, strlen(record), &error), "a line of queued.jsonl", NULL, &error);
}

/* A run's folder, or folders of them, down to three below. */
static void look(struct list *list, const char *folder, int depth)
{
    struct bit_error ignored = {0};
    char path[PATH_MAX];
    if (bit_path_join(path, sizeof path, folder, RECORD, &ignored) == 0 && bit_file_exists(path))
        take_file(list, path, folder);
    DIR *dir = depth < 3 ? opendir(folder) : NULL;
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        if (entry->d_type == DT_DIR && *entry->d_name != '.' && strcmp(entry->d_name, BIT_RECORD_CHECKPOINTS) != 0 &&
            bit_path_join(path, sizeof path, folder, entry->d_name, &ignored) == 0)
            look(list, path, depth + 1);
    if (dir)
        closedir(dir);
}

static int by_id(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    return x->row.id != y->row.id ? (x->row.id < y->row.id ? -1 : 1) : x->row.changed < y->row.changed ? 1 : -1;
}

static bool is_among(const struct list *list, int64_t id)
{
    for (int i = 0; i < list->count; i++)
        if (list->item[i].row.id == id)
            return true;
    return false;
}

/* A sweep that is not among them is lost: its children are jobs of their own. A job that others were to follow and that is not there is followed no more. */
static void leave_lost(struct list *list, int n)
{
    struct store_job *row = &list->item[n].row;
    int needs = 0;
    if (!is_among(list, row->parent))
        row->parent = STORE_UNKNOWN;
    for (int i = 0; i < row->needs; i++) {
        if (is_among(list, row->need[i].on))
            row->need[needs++] = row->need[i];
        else if (row->attempt.number == 0)
            bit_log(BIT_LOG_WARNING, "job %lld was to follow job %lld, which is not there: it no longer waits for it", (long long)row->id, (long long)row->need[i].on);
    }
    row->needs = needs;
    row->life.has_needs = needs > 0 && row->attempt.number == 0 && row->engine != ENGINE_SWEEP;
    if (row->life.state == STATE_WAITING && !row->life.has_needs && !row->life.has_children)
        row->life.state = STATE_QUEUED;
}

static int put(struct store *store, struct found *f, struct bit_error *error)
{
    struct store_job *row = &f->row;
    int64_t id = row->id;
    int needs = row->needs;
    row->needs = 0; /* they may have larger numbers: when all are there */
    if (store_set_next_id(store, id, error) || store_add_job(store, row, error))
        return -1;
    row->needs = needs;
    if (row->id != id)
        return bit_fail(error, BIT_EDATA, "job %lld was to keep its number", (long long)id);
    if (row->attempt.number && store_add_attempt(store, id, &row->attempt, error))
        return -1;
    return store_add_event(store, id, daemon_now(), "rebuilt", "{}", error) < 0 ? -1 : 0;
}

/* Of jobs that have not ended none shares its folder. */
static bool is_doubled(const struct list *list, int kept, const struct store_job *row)
{
    for (int i = 0; i < kept; i++) {
        const struct store_job *other = &list->item[i].row;
        bool both_last = !daemon_is_final(other->life.state) && !daemon_is_final(row->life.state);
        if (other->id == row->id || (both_last && !strcmp(other->out, row->out)))
            return true;
    }
    return false;
}

/* Those of one bitd, each once: of two records the newer. They stand by their numbers then. */
static void choose(struct list *list, const char *instance)
{
    int kept = 0;
    for (int n = 0; n < list->count; n++) {
        struct found f = list->item[n];
        bool is_other = strcmp(f.instance, instance) != 0;
        if (is_other || is_doubled(list, kept, &f.row)) {
            bit_log(BIT_LOG_WARNING, "%s is left aside: %s", f.row.out, is_other ? "a job of another bitd's" : "its number or folder is there already");
            store_job_free(&f.row);
            list->broken++;
        } else {
            list->item[kept++] = f;
        }
    }
    list->count = kept;
}

static int put_all(struct store *store, struct list *list, struct bit_error *error)
{
    char instance[20] = "";
    qsort(list->item, (size_t)list->count, sizeof *list->item, by_id);
    if (list->count)
        strcpy(instance, list->item[list->count - 1].instance); /* of the newest job */
    choose(list, instance);
    if (store_set_meta(store, "instance", instance, error))
        return -1;
    for (int n = 0; n < list->count; n++)
        if (leave_lost(list, n), put(store, &list->item[n], error))
            return bit_fail_at(error, "%s", list->item[n].row.out);
    for (int n = 0; n < list->count; n++)
        if (store_add_needs(store, &list->item[n].row, error))
            return -1;
    bit_log(BIT_LOG_INFO, "%d job(s) are in the queue's store again, %d record(s) were left aside", list->count, list->broken);
    return store_commit(store, error);
}

int rebuild_run(struct store *store, const char *state, const char *const *folders, size_t count, struct bit_error *error)
{
    struct list list = {.item = bit_allocate(MOST + 1, sizeof *list.item, "records", error)};
    int64_t any;
    if (!list.item)
        return -1;
    if (store_list(store, ~0U, 0, 1, &any, error) != 0) {
        bit_free(list.item);
        return bit_fail(error, BIT_EUSAGE, "--rebuild: the queue is not empty: move its state.db (and state.db-wal) away first");
    }
    for (size_t i = 0; i < count; i++) {
        char path[PATH_MAX];
        if (realpath(folders[i], path))
            look(&list, path, 0);
        else
            bit_log(BIT_LOG_WARNING, "there is no folder %s", folders[i]);
    }
    queued_read(state, take_queued, &list);
    int result = put_all(store, &list, error);
    for (int n = 0; n < list.count; n++)
        store_job_free(&list.item[n].row);
    bit_free(list.item);
    return result;
}
