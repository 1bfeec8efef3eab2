/* What is asked of jobs: one, lists of them, their starts and events. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bit/json.h"
#include "bit/memory.h"
#include "daemon/api.h"
#include "daemon/engine.h"

enum { LIST = 200, NUMBER = 17 };

/* Of a job in memory what is known of it now; of another what its folder says. */
static bool add_job(struct request *r, int64_t id, bool with_progress)
{
    struct bit_error error = {0};
    struct job *job = queue_find(r->daemon, id);
    struct job_progress progress = {.speed = NAN, .seconds_left = NAN, .loss = NAN};
    struct store_job row;
    if (job && daemon_is_live(job->row.life.state) && with_progress)
        engine_progress(job);
    if (job && (job->sweep || job->progress.is_known || !with_progress)) {
        json_job(&r->text, &job->row, &job->progress);
        return true;
    }
    if (!job && store_read_job(r->daemon->store, id, false, &row, &error)) {
        api_fail_error(r, &error);
        return false;
    }
    if (with_progress)
        json_read_progress(job ? job->row.out : row.out, &progress);
    json_job(&r->text, job ? &job->row : &row, &progress);
    if (!job)
        store_job_free(&row);
    return true;
}

void api_job(struct request *r, int64_t id)
{
    if (add_job(r, id, true))
        bit_text_add(&r->text, "\n");
}

static void add_jobs(struct request *r, const int64_t *ids, int count, bool with_progress)
{
    for (int i = 0; i < count; i++) {
        bit_text_add(&r->text, i ? "," : "");
        if (!add_job(r, ids[i], with_progress))
            return;
    }
}

/* Bits of the states in a list with commas; 0 when one does not exist. */
static unsigned states_of(const char *text)
{
    char copy[256], *rest = copy, *word;
    unsigned states = 0;
    if (!text)
        return ~0U;
    snprintf(copy, sizeof copy, "%s", text);
    while ((word = strsep(&rest, ","))) {
        int state = daemon_state_parse(word);
        if (!strcmp(word, "active"))
            states |= (1U << STATE_DONE) - 1;
        else if (state < 0)
            return 0;
        else
            states |= 1U << state;
    }
    return states;
}

static int list_active(const struct daemon *d, unsigned states, int64_t before, int limit, int64_t *ids)
{
    int count = 0;
    for (const struct job *job = d->jobs; job; job = job->next) {
        if (!(states & 1U << job->row.life.state) || (before > 0 && job->row.id >= before))
            continue;
        if (count == limit) /* ascending: the newest are wanted */
            memmove(ids, ids + 1, (size_t)--count * sizeof *ids);
        ids[count++] = job->row.id;
    }
    for (int i = 0; i < count / 2; i++) {
        int64_t swap = ids[i];
        ids[i] = ids[count - 1 - i];
        ids[count - 1 - i] = swap;
    }
    return count;
}

void api_jobs(struct request *r)
{
    const unsigned final = 1U << STATE_DONE | 1U << STATE_FAILED | 1U << STATE_CANCELLED;
    struct bit_error error = {0};
    int64_t ids[LIST], before, limit;
    unsigned states = states_of(api_query(r, "state"));
    if (!states) {
        api_fail(r, 400, "state: expected states with commas between them, or active");
        return;
    }
    if (!api_query_number(r, "before", 1, INT64_MAX, 0, &before) || !api_query_number(r, "limit", 1, LIST, 50, &limit))
        return;
    int count = states & final ? store_list(r->daemon->store, states, before, (int)limit, ids, &error)
                               : list_active(r->daemon, states, before, (int)limit, ids);
    if (count < 0) {
        api_fail_error(r, &error);
        return;
    }
    bit_text_add(&r->text, "{\"jobs\":[");
    add_jobs(r, ids, count, false);
    if (count == limit)
        bit_text_add(&r->text, "],\"before\":%lld}\n", (long long)ids[count - 1]);
    else
        bit_text_add(&r->text, "],\"before\":null}\n");
}

void api_children(struct request *r, int64_t id)
{
    struct bit_error error = {0};
    int64_t ids[LIST];
    int count = store_children(r->daemon->store, id, LIST, ids, &error);
    bit_text_add(&r->text, "{\"children\":[");
    add_jobs(r, ids, count < 0 ? 0 : count, true);
    bit_text_add(&r->text, "]}\n");
}

void api_queue(struct request *r)
{
    int count;
    struct schedule_job *list = queue_order(r->daemon, &count);
    const char *comma = "";
    bit_text_add(&r->text, "{\"jobs\":[");
    for (int i = 0; list && i < count; i++) {
        bit_text_add(&r->text, "%s", comma);
        comma = ",";
        add_job(r, list[i].id, false);
    }
    bit_free(list);
    for (const struct job *job = r->daemon->jobs; job; job = job->next) {
        bool listed = job->row.engine == ENGINE_LOCAL && !job->is_kept_back && (job->row.life.state == STATE_QUEUED || daemon_is_live(job->row.life.state));
        if (listed)
            continue;
        bit_text_add(&r->text, "%s", comma);
        comma = ",";
        add_job(r, job->row.id, false);
    }
    bit_text_add(&r->text, "]}\n");
}

void api_attempts(struct request *r, int64_t id)
{
    struct store_job row;
    if (!api_read_row(r, id, false, &row))
        return;
    bit_text_add(&r->text, "{\"attempts\":[");
    for (int n = row.attempt.number > LIST ? row.attempt.number - LIST + 1 : 1; n <= row.attempt.number; n++) {
        struct store_attempt attempt;
        struct bit_error ignored = {0};
        if (store_read_attempt(r->daemon->store, id, n, &attempt, &ignored))
            continue;
        bit_text_add(&r->text, r->text.data[r->text.size - 1] == '[' ? "" : ",");
        json_attempt(&r->text, &attempt);
    }
    bit_text_add(&r->text, "]}\n");
    store_job_free(&row);
}

static void add_event(void *context, const struct store_event *event)
{
    struct bit_text *t = context;
    bit_text_add(t, "%s{\"id\":%lld,\"job\":%lld", t->data[t->size - 1] == '[' ? "" : ",", (long long)event->id, (long long)event->job);
    bit_json_add_member(t, "time", event->time, NUMBER);
    bit_text_add(t, ",\"name\":\"%s\",\"context\":%s}", event->name, event->context);
}

void api_job_events(struct request *r, int64_t id)
{
    struct bit_error error = {0};
    int64_t after;
    if (!api_query_number(r, "after", 0, INT64_MAX, 0, &after))
        return;
    bit_text_add(&r->text, "{\"events\":[");
    if (store_events(r->daemon->store, id, after, 1000, add_event, &r->text, &error))
        api_fail_error(r, &error);
    else
        bit_text_add(&r->text, "]}\n");
}
