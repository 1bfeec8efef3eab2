/* The store: rows of jobs, attempts, events and hosts. */
#include <string.h>

#include "bit/memory.h"
#include "daemon/store_sql.h"

void store_job_free(struct store_job *job)
{
    bit_free(job->out);
    bit_free(job->file);
    bit_free(job->spec);
    job->out = job->file = job->spec = NULL;
}

/* ---- jobs ---- */

int store_add_job(struct store *store, struct store_job *job, struct bit_error *error)
{
    const struct daemon_life *life = &job->life;
    if (store_change(store, error, SQL_ADD_JOB, "tttt" "iiiiii" "tttt" "diii" "dd" "ni" "ttttnt", *job->token ? job->token : NULL, job->name, job->out,
                     job->file, (int64_t)job->least, (int64_t)job->most, (int64_t)job->threads, (int64_t)job->parts, (int64_t)job->priority,
                     (int64_t)job->engine, daemon_state_name(life->state), daemon_cause_name(life->cause), job->why, daemon_wish_name(life->wish),
                     life->due, (int64_t)life->has_needs, (int64_t)life->fruitless, (int64_t)life->budget, job->submitted, job->changed,
                     job->parent, (int64_t)job->index, job->version, job->options, job->data, job->notice, job->rank_bytes, job->spec))
        return -1;
    job->id = sqlite3_last_insert_rowid(store->db);
    return store_add_needs(store, job, error);
}

int store_add_needs(struct store *store, const struct store_job *job, struct bit_error *error)
{
    for (int i = 0; i < job->needs; i++)
        if (store_change(store, error, SQL_ADD_NEED, "iit", job->id, job->need[i].on, job->need[i].any ? "any" : "ok"))
            return -1;
    return 0;
}

int store_set_job(struct store *store, const struct store_job *job, struct bit_error *error)
{
    const struct daemon_life *life = &job->life;
    return store_change(store, error, SQL_SET_JOB, "tttt" "diii" "dii", daemon_state_name(life->state), daemon_cause_name(life->cause), job->why,
                        daemon_wish_name(life->wish), life->due, (int64_t)life->has_needs, (int64_t)life->fruitless, (int64_t)life->budget,
                        job->changed, (int64_t)job->priority, job->id);
}

int store_set_note(struct store *store, const struct store_job *job, struct bit_error *error)
{
    return store_change(store, error, SQL_SET_NOTE, "ttni", job->data, job->notice, job->rank_bytes, job->id);
}

static char *copy_column(sqlite3_stmt *s, int column, struct bit_error *error)
{
    const unsigned char *text = sqlite3_column_text(s, column);
    return bit_copy_text(text ? (const char *)text : "", error);
}

static enum daemon_engine engine_of(int number)
{
    return number == ENGINE_SLURM ? ENGINE_SLURM : number == ENGINE_SWEEP ? ENGINE_SWEEP : ENGINE_LOCAL;
}

/* -1 (data) when a word of it is none of ours. */
static int take_life(sqlite3_stmt *s, struct daemon_life *life, struct bit_error *error)
{
    int state = daemon_state_parse((const char *)sqlite3_column_text(s, 10)), cause = daemon_cause_parse((const char *)sqlite3_column_text(s, 11));
    int wish = daemon_wish_parse((const char *)sqlite3_column_text(s, 13));
    if (state < 0 || cause < 0 || wish < 0)
        return bit_fail(error, BIT_EDATA, "a job's record has a state, cause or wish that does not exist");
    *life = (struct daemon_life){.state = (enum daemon_state)state, .cause = (enum daemon_cause)cause, .wish = (enum daemon_wish)wish,
                                 .due = sqlite3_column_double(s, 14), .has_needs = sqlite3_column_int(s, 15) != 0,
                                 .has_children = engine_of(sqlite3_column_int(s, 9)) == ENGINE_SWEEP,
                                 .fruitless = sqlite3_column_int(s, 16), .budget = sqlite3_column_int(s, 17)};
    return 0;
}

static int take_job(sqlite3_stmt *s, struct store_job *job, struct bit_error *error)
{
    store_text(s, 0, job->token, sizeof job->token);
    store_text(s, 1, job->name, sizeof job->name);
    job->out = copy_column(s, 2, error);
    job->file = copy_column(s, 3, error);
    job->least = sqlite3_column_int(s, 4);
    job->most = sqlite3_column_int(s, 5);
    job->threads = sqlite3_column_int(s, 6);
    job->parts = sqlite3_column_int(s, 7);
    job->priority = sqlite3_column_int(s, 8);
    job->engine = engine_of(sqlite3_column_int(s, 9));
    store_text(s, 12, job->why, sizeof job->why);
    job->submitted = sqlite3_column_double(s, 18);
    job->changed = sqlite3_column_double(s, 19);
    job->parent = store_whole(s, 20);
    job->index = sqlite3_column_int(s, 21);
    store_text(s, 22, job->version, sizeof job->version);
    store_text(s, 23, job->options, sizeof job->options);
    store_text(s, 24, job->data, sizeof job->data);
    store_text(s, 25, job->notice, sizeof job->notice);
    job->rank_bytes = store_whole(s, 26);
    return take_life(s, &job->life, error) || !job->out || !job->file ? -1 : 0;
}

static int read_needs(struct store *store, struct store_job *job, struct bit_error *error)
{
    sqlite3_stmt *s = store_bind(store, SQL_READ_NEEDS, "i", job->id);
    int more;
    while ((more = store_step(store, s, error)) > 0)
        if (job->needs < STORE_NEEDS)
            job->need[job->needs++] = (struct store_need){sqlite3_column_int64(s, 0), !strcmp((const char *)sqlite3_column_text(s, 1), "any")};
    return more;
}

static void take_attempt(sqlite3_stmt *s, struct store_attempt *a)
{
    *a = (struct store_attempt){.number = sqlite3_column_int(s, 0), .engine = engine_of(sqlite3_column_int(s, 1)),
                                .ranks = sqlite3_column_int(s, 4), .pid = sqlite3_column_int64(s, 5), .start_ticks = sqlite3_column_int64(s, 6),
                                .slurm_id = store_whole(s, 8), .begun = sqlite3_column_double(s, 9), .ended = sqlite3_column_double(s, 10),
                                .code = (int)store_whole(s, 11), .step_before = store_whole(s, 12), .step_after = store_whole(s, 13)};
    store_text(s, 2, a->hosts, sizeof a->hosts);
    store_text(s, 3, a->cores, sizeof a->cores);
    store_text(s, 7, a->boot, sizeof a->boot);
    store_text(s, 14, a->why, sizeof a->why);
    store_text(s, 15, a->mark, sizeof a->mark);
}

static int read_one_attempt(struct store *store, sqlite3_stmt *s, struct store_attempt *attempt, struct bit_error *error)
{
    int found = store_step(store, s, error);
    *attempt = (struct store_attempt){0};
    if (found > 0)
        take_attempt(s, attempt);
    sqlite3_reset(s);
    return found;
}

static int read_spec(struct store *store, struct store_job *job, struct bit_error *error)
{
    sqlite3_stmt *s = store_bind(store, SQL_READ_SPEC, "i", job->id);
    int found = store_step(store, s, error);
    if (found > 0)
        job->spec = copy_column(s, 0, error);
    sqlite3_reset(s);
    return found > 0 && job->spec ? 0 : -1;
}

int store_read_job(struct store *store, int64_t id, bool with_spec, struct store_job *job, struct bit_error *error)
{
    sqlite3_stmt *s = store_bind(store, SQL_READ_JOB, "i", id);
    int found = store_step(store, s, error), result = -1;
    *job = (struct store_job){.id = id};
    if (found == 0)
        return bit_fail(error, BIT_ENOINPUT, "there is no job %lld", (long long)id);
    if (found > 0)
        result = take_job(s, job, error);
    sqlite3_reset(s);
    if (result == 0 && (read_needs(store, job, error) ||
                        read_one_attempt(store, store_bind(store, SQL_LAST_ATTEMPT, "i", id), &job->attempt, error) < 0 ||
                        (with_spec && read_spec(store, job, error))))
        result = -1;
    if (result)
        store_job_free(job);
    return result;
}

static int64_t find(struct store *store, sqlite3_stmt *s, struct bit_error *error)
{
    int found = store_step(store, s, error);
    int64_t id = found > 0 ? sqlite3_column_int64(s, 0) : found;
    sqlite3_reset(s);
    return id;
}

int64_t store_find_token(struct store *store, const char *token, struct bit_error *error)
{
    return find(store, store_bind(store, SQL_FIND_TOKEN, "t", token), error);
}

int64_t store_find_out(struct store *store, const char *out, struct bit_error *error)
{
    return find(store, store_bind(store, SQL_FIND_OUT, "t", out), error);
}

int64_t store_next_id(struct store *store)
{
    struct bit_error ignored = {0};
    int64_t id = find(store, store_bind(store, SQL_NEXT_ID, ""), &ignored);
    return id > 0 ? id : 1;
}

int store_set_next_id(struct store *store, int64_t id, struct bit_error *error)
{
    return store_change(store, error, SQL_CLEAR_NEXT_ID, "") || store_change(store, error, SQL_SET_NEXT_ID, "i", id) ? -1 : 0;
}

static int take_ids(struct store *store, sqlite3_stmt *s, int limit, int64_t *ids, struct bit_error *error)
{
    int count = 0, more = 0;
    while (count < limit && (more = store_step(store, s, error)) > 0)
        ids[count++] = sqlite3_column_int64(s, 0);
    sqlite3_reset(s);
    return more < 0 ? -1 : count;
}

int store_list(struct store *store, unsigned states, int64_t before, int limit, int64_t *ids, struct bit_error *error)
{
    const unsigned final = 1U << STATE_DONE | 1U << STATE_FAILED | 1U << STATE_CANCELLED;
    sqlite3_stmt *s = store_bind(store, states & final ? SQL_LIST : SQL_LIST_ACTIVE, "i", before > 0 ? before : INT64_MAX);
    int count = 0, more = 0;
    while (count < limit && (more = store_step(store, s, error)) > 0) {
        int state = daemon_state_parse((const char *)sqlite3_column_text(s, 1));
        if (state >= 0 && states & 1U << state)
            ids[count++] = sqlite3_column_int64(s, 0);
    }
    sqlite3_reset(s);
    return more < 0 ? -1 : count;
}

int store_list_ended(struct store *store, double after, double before, int limit, int64_t *ids, struct bit_error *error)
{
    return take_ids(store, store_bind(store, SQL_LIST_ENDED, "ddi", after, before, (int64_t)limit), limit, ids, error);
}

int store_children(struct store *store, int64_t parent, int limit, int64_t *ids, struct bit_error *error)
{
    return take_ids(store, store_bind(store, SQL_CHILDREN, "ii", parent, (int64_t)limit), limit, ids, error);
}

int store_dependents(struct store *store, int64_t on, int limit, int64_t *ids, struct bit_error *error)
{
    return take_ids(store, store_bind(store, SQL_DEPENDENTS, "ii", on, (int64_t)limit), limit, ids, error);
}

int store_move_needs(struct store *store, int64_t from, int64_t to, struct bit_error *error)
{
    return store_change(store, error, SQL_MOVE_NEEDS, "ii", to, from);
}

int store_count_states(struct store *store, int64_t counts[DAEMON_STATES], struct bit_error *error)
{
    sqlite3_stmt *s = store_bind(store, SQL_COUNT, "");
    int more;
    memset(counts, 0, DAEMON_STATES * sizeof *counts);
    while ((more = store_step(store, s, error)) > 0) {
        int state = daemon_state_parse((const char *)sqlite3_column_text(s, 0));
        if (state >= 0)
            counts[state] = sqlite3_column_int64(s, 1);
    }
    return more;
}

/* ---- attempts and events ---- */

int store_add_attempt(struct store *store, int64_t job, const struct store_attempt *a, struct bit_error *error)
{
    return store_change(store, error, SQL_ADD_ATTEMPT, "iiittiiitnddnnntt", job, (int64_t)a->number, (int64_t)a->engine, a->hosts, a->cores,
                        (int64_t)a->ranks, a->pid, a->start_ticks, a->boot, a->slurm_id, a->begun, a->ended, (int64_t)a->code,
                        a->step_before, a->step_after, a->why, a->mark);
}

int store_set_attempt(struct store *store, int64_t job, const struct store_attempt *a, struct bit_error *error)
{
    return store_change(store, error, SQL_SET_ATTEMPT, "iitndnntttii", a->pid, a->start_ticks, a->boot, a->slurm_id, a->ended, (int64_t)a->code,
                        a->step_after, a->why, a->hosts, a->cores, job, (int64_t)a->number);
}

int store_read_attempt(struct store *store, int64_t job, int number, struct store_attempt *attempt, struct bit_error *error)
{
    int found = read_one_attempt(store, store_bind(store, SQL_READ_ATTEMPT, "ii", job, (int64_t)number), attempt, error);
    return found == 0 ? bit_fail(error, BIT_ENOINPUT, "job %lld has no attempt %d", (long long)job, number) : found < 0 ? -1 : 0;
}

int64_t store_add_event(struct store *store, int64_t job, double time, const char *name, const char *context, struct bit_error *error)
{
    if (store_change(store, error, SQL_ADD_EVENT, "idtt", job, time, name, context))
        return -1;
    return sqlite3_last_insert_rowid(store->db);
}

int store_events(struct store *store, int64_t job, int64_t after, int limit, void (*take)(void *context, const struct store_event *event),
                 void *context, struct bit_error *error)
{
    sqlite3_stmt *s = job ? store_bind(store, SQL_JOB_EVENTS, "iii", after, (int64_t)limit, job)
                          : store_bind(store, SQL_EVENTS, "ii", after, (int64_t)limit);
    int more;
    while ((more = store_step(store, s, error)) > 0) {
        struct store_event event = {sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1), sqlite3_column_double(s, 2),
                                    (const char *)sqlite3_column_text(s, 3), (const char *)sqlite3_column_text(s, 4)};
        take(context, &event);
    }
    return more;
}

int64_t store_last_event(struct store *store)
{
    struct bit_error ignored = {0};
    int64_t id = find(store, store_bind(store, SQL_LAST_EVENT, ""), &ignored);
    return id < 0 ? 0 : id;
}

/* ---- hosts and single values ---- */

int store_set_host(struct store *store, const char *name, const char *state, double since, struct bit_error *error)
{
    return store_change(store, error, SQL_SET_HOST, "ttd", name, state, since);
}

int store_get_host(struct store *store, const char *name, char *state, size_t size, double *since, struct bit_error *error)
{
    sqlite3_stmt *s = store_bind(store, SQL_GET_HOST, "t", name);
    int found = store_step(store, s, error);
    *state = 0;
    *since = 0;
    if (found > 0) {
        store_text(s, 0, state, size);
        *since = sqlite3_column_double(s, 1);
    }
    sqlite3_reset(s);
    return found < 0 ? -1 : 0;
}

int store_set_meta(struct store *store, const char *key, const char *value, struct bit_error *error)
{
    return store_change(store, error, SQL_SET_META, "tt", key, value);
}

int store_get_meta(struct store *store, const char *key, char *value, size_t size, struct bit_error *error)
{
    sqlite3_stmt *s = store_bind(store, SQL_GET_META, "t", key);
    int found = store_step(store, s, error);
    *value = 0;
    if (found > 0)
        store_text(s, 0, value, size);
    sqlite3_reset(s);
    return found < 0 ? -1 : 0;
}
