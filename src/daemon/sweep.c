/* Sweeps: one job that has many. Its children are made with it, as ordinary jobs, all in one transaction; so many of them run at a time as it says; and
 * when they have ended, the one that is to follow with the best one's settings is made. See README.md. */
#include "daemon/sweep.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bit/json.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "daemon/sweep_table.h"

/* ---- in memory ---- */

static int read_sweep(struct job *job, struct bit_error *error)
{
    struct store_job whole;
    struct bit_problems ignored = {0};
    if (store_read_job(job->daemon->store, job->row.id, true, &whole, error))
        return -1;
    job->sweep = bit_sweep_parse(whole.spec, strlen(whole.spec), whole.name, &ignored, error);
    bit_problems_free(&ignored);
    store_job_free(&whole);
    if (!job->sweep)
        return -1;
    job->next_sweep = job->daemon->sweeps;
    job->daemon->sweeps = job;
    return 0;
}

/* Sweeps have lower numbers than their jobs, but come after them when all are read at the start. */
void sweep_join(struct job *job)
{
    struct bit_error error = {0};
    struct job *parent = job->row.parent == STORE_UNKNOWN ? NULL : queue_find(job->daemon, job->row.parent);
    if (parent && parent->sweep)
        job->parent = parent;
    if (job->row.engine != ENGINE_SWEEP)
        return;
    if (read_sweep(job, &error)) {
        bit_log(BIT_LOG_ERROR, "sweep %lld is left aside: %s", (long long)job->row.id, error.text);
        queue_feed(job, EVENT_BROKEN, 0, false, "");
        return;
    }
    for (struct job *other = job->daemon->jobs; other; other = other->next)
        if (other->row.parent == job->row.id)
            other->parent = job;
}

void sweep_leave(struct job *job)
{
    if (!job->sweep)
        return;
    for (struct job *other = job->daemon->jobs; other; other = other->next)
        if (other->parent == job)
            other->parent = NULL;
    for (struct job **place = &job->daemon->sweeps; *place; place = &(*place)->next_sweep)
        if (*place == job) {
            *place = job->next_sweep;
            break;
        }
    bit_sweep_destroy(job->sweep);
    job->sweep = NULL;
}

void sweep_count(struct daemon *d)
{
    for (struct job *job = d->sweeps; job; job = job->next_sweep)
        job->children = job->live_children = 0;
    for (struct job *job = d->sweeps ? d->jobs : NULL; job; job = job->next)
        if (job->parent && !daemon_is_final(job->row.life.state)) {
            job->parent->children++;
            job->parent->live_children += daemon_is_live(job->row.life.state);
        }
}

bool sweep_allows(struct job *job)
{
    struct job *parent = job->parent;
    job->is_kept_back = parent && parent->sweep->at_once > 0 && parent->live_children >= parent->sweep->at_once;
    if (parent && !job->is_kept_back)
        parent->live_children++;
    return !job->is_kept_back;
}

bool sweep_wish(struct job *job, enum daemon_event event)
{
    bool taken = false;
    if (job->row.life.wish == WISH_CANCEL)
        return false;
    for (struct job *child = job->daemon->jobs; child; child = child->next)
        if (child->parent == job)
            taken |= queue_feed(child, event, 0, false, "") == ANSWER_TAKEN;
    taken |= queue_feed(job, event, 0, false, "") == ANSWER_TAKEN;
    job->daemon->must_look_at_sweeps = true;
    return taken;
}

void sweep_set_priority(struct job *job, int priority)
{
    for (struct job *child = job->daemon->jobs; child; child = child->next)
        if (child->parent == job)
            queue_set_priority(child, priority);
    queue_set_priority(job, priority);
}

/* ---- making jobs ---- */

/* What is made of a trial before anything is kept. */
struct draft { char *spec, *out; char name[STORE_NAME]; int parts; };

static void drafts_free(struct draft *drafts, int count)
{
    for (int i = 0; drafts && i < count; i++) {
        bit_free(drafts[i].spec);
        bit_free(drafts[i].out);
    }
    bit_free(drafts);
}

/* The sweep's name, cut so that the ending fits. */
static void child_name(const struct store_job *parent, const struct bit_sweep *sweep, int trial, char name[STORE_NAME])
{
    char whole[STORE_NAME + 32], ending[16];
    bit_sweep_name(sweep, trial, whole, sizeof whole);
    snprintf(ending, sizeof ending, "%.15s", strrchr(whole, '-'));
    snprintf(name, STORE_NAME, "%.*s%s", STORE_NAME - 1 - (int)strlen(ending), parent->name, ending);
}

/* trial: whose values it has; is_last: the job that follows all others. */
static int draft_job(const struct store_job *parent, const struct bit_sweep *sweep, int trial, bool is_last, struct draft *draft, struct bit_error *error)
{
    struct bit_problems ignored = {0};
    const struct bit_job *job = is_last ? bit_sweep_last(sweep, trial, &ignored, error) : bit_sweep_job(sweep, trial, &ignored, error);
    bit_problems_free(&ignored);
    if (!job)
        return -1;
    const char *relative = bit_job_relative_path(job);
    char path[PATH_MAX];
    child_name(parent, sweep, is_last ? -1 : trial, draft->name);
    snprintf(path, sizeof path, "%.3900s/%s%s", parent->out, is_last ? "" : "trial-", strrchr(draft->name, '-') + 1);
    draft->parts = daemon_parts(job);
    draft->spec = bit_copy_text(job->canonical, error);
    draft->out = bit_copy_text(path, error);
    if (relative)
        bit_fail(error, BIT_EUSAGE, "%s: an absolute path was expected", relative);
    bit_job_destroy(job);
    return draft->spec && draft->out && !relative ? 0 : -1;
}

static struct draft *draft_all(struct request *r, const struct store_job *parent, const struct bit_sweep *sweep)
{
    struct bit_error error = {0};
    struct draft *drafts = bit_allocate((size_t)sweep->trials + 1, sizeof *drafts, "the jobs of a sweep", &error);
    int64_t other = store_find_out(r->daemon->store, parent->out, &error);
    int i = 0;
    for (; drafts && !other && i < sweep->trials + sweep->has_last; i++) {
        bool is_last = i == sweep->trials;
        if (draft_job(parent, sweep, is_last ? 0 : i, is_last, &drafts[i], &error) || (other = store_find_out(r->daemon->store, drafts[i].out, &error)) != 0)
            break;
    }
    if (drafts && i == sweep->trials + sweep->has_last)
        return drafts;
    if (other > 0)
        api_fail(r, 409, "job %lld uses %s and has not ended: choose another folder (--out)", (long long)other, i ? drafts[i].out : parent->out);
    else
        api_fail_error(r, &error);
    drafts_free(drafts, sweep->trials + 1);
    return NULL;
}

/* Like its sweep in all but what a draft says. Ends bitd when it cannot be kept. */
static struct job *keep_child(struct daemon *d, const struct store_job *parent, int index, enum daemon_engine engine, const struct draft *draft)
{
    struct bit_error error = {0};
    struct store_job row = *parent;
    row.engine = engine;
    row.life = daemon_life_begin(parent->needs > 0, parent->life.budget);
    row.parent = parent->id;
    row.index = index;
    row.parts = draft->parts;
    row.submitted = row.changed = daemon_now();
    row.attempt = (struct store_attempt){0};
    *row.token = *row.why = 0;
    memcpy(row.name, draft->name, sizeof row.name);
    row.out = bit_copy_text(draft->out, &error);
    row.file = bit_copy_text(parent->file, &error);
    row.spec = bit_copy_text(draft->spec, &error);
    struct job *job = row.out && row.file && row.spec ? queue_add(d, &row, "submitted", &error) : NULL;
    if (!job)
        daemon_give_up(d, &error);
    bit_free(job->row.spec); /* the store has it */
    job->row.spec = NULL;
    return job;
}

/* Returns the sweep's number. */
static int64_t keep_all(struct request *r, struct store_job *row, const struct bit_sweep *sweep, enum daemon_engine engine, const struct draft *drafts)
{
    struct daemon *d = r->daemon;
    struct bit_error error = {0};
    struct store_job like = *row; /* with its needs, which are those of its children */
    row->engine = ENGINE_SWEEP;
    row->life = daemon_life_begin_sweep(d->config.budget);
    row->needs = 0;
    row->attempt = (struct store_attempt){0};
    *row->why = 0;
    row->submitted = row->changed = daemon_now();
    struct job *parent = queue_add(d, row, "submitted", &error);
    if (!parent)
        daemon_give_up(d, &error);
    like.id = parent->row.id;
    like.life = parent->row.life;
    for (int trial = 0; trial < sweep->trials; trial++)
        keep_child(d, &like, trial, engine, &drafts[trial]);
    bit_free(parent->row.spec);
    parent->row.spec = NULL;
    d->must_look_at_sweeps = true;
    r->status = 201;
    json_job(&r->text, &parent->row, NULL);
    bit_text_add(&r->text, "\n");
    return parent->row.id;
}

static int64_t make_all(struct request *r, struct store_job *row, enum daemon_engine engine)
{
    struct bit_error error = {0};
    struct bit_problems ignored = {0};
    int64_t id = 0;
    struct bit_sweep *sweep = bit_sweep_parse(row->spec, strlen(row->spec), row->name, &ignored, &error);
    struct draft *drafts = sweep ? draft_all(r, row, sweep) : NULL;
    if (drafts) {
        id = keep_all(r, row, sweep, engine, drafts);
        drafts_free(drafts, sweep->trials + 1);
    } else {
        if (!sweep)
            api_fail_error(r, &error);
        store_job_free(row);
    }
    bit_problems_free(&ignored);
    bit_sweep_destroy(sweep);
    return id;
}

void sweep_submit(struct request *r, struct store_job *row) { make_all(r, row, row->engine); }

/* By whom its jobs were run. */
static enum daemon_engine engine_of(struct daemon *d, int64_t id)
{
    struct store_job child;
    struct bit_error ignored = {0};
    enum daemon_engine engine = ENGINE_LOCAL;
    int64_t first;
    if (store_children(d->store, id, 1, &first, &ignored) == 1 && store_read_job(d->store, first, false, &child, &ignored) == 0) {
        engine = child.engine;
        store_job_free(&child);
    }
    return engine;
}

int64_t sweep_rerun(struct request *r, struct store_job *row)
{
    *row->token = 0;
    row->needs = 0;
    return make_all(r, row, engine_of(r->daemon, row->id));
}

/* ---- the end ---- */

/* The best one's settings once more. */
static void add_last(struct job *job, const struct sweep_entry *best)
{
    struct daemon *d = job->daemon;
    struct bit_error error = {0};
    struct draft draft = {0};
    struct store_job like = job->row;
    int64_t other = 0;
    if (draft_job(&like, job->sweep, best->index, true, &draft, &error) == 0 && (other = store_find_out(d->store, draft.out, &error)) == 0) {
        keep_child(d, &like, job->sweep->trials, engine_of(d, job->row.id), &draft);
    } else {
        char why[STORE_WHY];
        snprintf(why, sizeof why, other > 0 ? "the last job cannot begin: another job uses %.300s" : "the last job cannot begin: %.400s",
                 other > 0 ? draft.out : error.text);
        queue_feed(job, EVENT_CHILDREN_FAILED, 0, false, why);
    }
    bit_free(draft.spec);
    bit_free(draft.out);
}

static void best_text(const struct sweep_table *table, const struct sweep_entry *best, char *text, size_t size)
{
    struct bit_metric metric = table->metric;
    char value[64];
    metric.value = best->value;
    metric.count = BIT_METRIC_UNCOUNTED;
    bit_metric_text(&metric, value, sizeof value);
    snprintf(text, size, "the best is trial %d, job %lld: %s %s", best->index, (long long)best->id, metric.title, value);
}

/* All of its jobs have ended. */
static void finish(struct job *job, const struct sweep_table *table)
{
    const struct sweep_entry *best = sweep_table_best(table, job->sweep), *last = NULL;
    char why[STORE_WHY] = "";
    bool is_any_done = false;
    for (int i = 0; i < table->count; i++) {
        last = table->entry[i].index == job->sweep->trials ? &table->entry[i] : last;
        is_any_done |= table->entry[i].state == STATE_DONE;
    }
    if (best)
        best_text(table, best, why, sizeof why);
    if (job->row.life.wish == WISH_CANCEL)
        queue_feed(job, EVENT_CHILDREN_FAILED, 0, false, "");
    else if (job->sweep->has_last && !last && best)
        add_last(job, best);
    else if (last && last->state != STATE_DONE) {
        snprintf(why, sizeof why, "job %lld, which was to follow with the best one's settings, is %s", (long long)last->id, daemon_state_name(last->state));
        queue_feed(job, EVENT_CHILDREN_FAILED, 0, false, why);
    } else if (is_any_done && (best || !job->sweep->has_last))
        queue_feed(job, EVENT_CHILDREN_DONE, 0, false, why);
    else
        queue_feed(job, EVENT_CHILDREN_FAILED, 0, false, is_any_done ? "none of its jobs has a result to be chosen by" : "none of its jobs has ended well");
}

/* What a sweep that goes on says of itself; it is not in the store, as it can be told again. */
static void tell(struct job *job, const struct sweep_table *table)
{
    const struct sweep_entry *best = sweep_table_best(table, job->sweep);
    int done = 0;
    size_t used;
    for (int i = 0; i < table->count; i++)
        done += table->entry[i].state == STATE_DONE;
    used = (size_t)snprintf(job->row.why, sizeof job->row.why, "%d of %d jobs are done, %d run, %d ended otherwise", done,
                            job->sweep->trials + job->sweep->has_last, job->live_children, table->count - done - job->children);
    if (best && used + 3 < sizeof job->row.why) {
        strcpy(job->row.why + used, "; ");
        best_text(table, best, job->row.why + used + 2, sizeof job->row.why - used - 2);
    }
}

void sweep_look(struct daemon *d)
{
    struct job *next;
    d->must_look_at_sweeps = false;
    sweep_count(d);
    for (struct job *job = d->sweeps; job; job = next) {
        struct bit_error error = {0};
        next = job->next_sweep;
        if (job->row.life.state != STATE_WAITING)
            continue;
        struct sweep_table *table = sweep_table_read(d, job->row.id, job->sweep, true, &error);
        if (!table)
            bit_log(BIT_LOG_ERROR, "sweep %lld: %s", (long long)job->row.id, error.text);
        else if (job->children == 0)
            finish(job, table);
        else
            tell(job, table);
        bit_free(table);
    }
}
