/* What people wish of jobs. */
#include <cjson/cJSON.h>

#include "bit/json.h"
#include "daemon/api.h"
#include "daemon/sweep.h"

/* The job, when it has not ended; NULL, and answered, when there is nothing to be done with it any more. */
static struct job *find(struct request *r, int64_t id, const char *verb)
{
    struct store_job row;
    struct job *job = queue_find(r->daemon, id);
    if (job)
        return job;
    if (!api_read_row(r, id, false, &row))
        return NULL;
    api_fail(r, 409, "job %lld is %s: nothing to %s", (long long)id, daemon_state_name(row.life.state), verb);
    store_job_free(&row);
    return NULL;
}

static void answer(struct request *r, const struct job *job)
{
    json_job(&r->text, &job->row, &job->progress);
    bit_text_add(&r->text, "\n");
}

static void wish(struct request *r, int64_t id, enum daemon_event event, const char *verb)
{
    struct job *job = find(r, id, verb);
    if (!job)
        return;
    if (job->sweep ? !sweep_wish(job, event) : queue_feed(job, event, 0, false, "") != ANSWER_TAKEN) {
        api_fail(r, 409, "job %lld is %s%s%s: %s makes no sense now", (long long)id, daemon_state_name(job->row.life.state),
                 job->row.life.wish ? ", to " : "", job->row.life.wish ? daemon_wish_name(job->row.life.wish) : "", verb);
        return;
    }
    answer(r, job);
}

void api_checkpoint(struct request *r, int64_t id) { wish(r, id, EVENT_CHECKPOINT, "checkpoint"); }
void api_pause(struct request *r, int64_t id) { wish(r, id, EVENT_PAUSE, "pause"); }
void api_resume(struct request *r, int64_t id) { wish(r, id, EVENT_RESUME, "resume"); }
void api_cancel(struct request *r, int64_t id) { wish(r, id, EVENT_CANCEL, "cancel"); }

/* {"priority": N} */
static int read_priority(const struct request *r, int64_t *priority, struct bit_error *error)
{
    struct bit_json_object o;
    cJSON *json = bit_json_parse(r->body ? r->body : "", r->size, error);
    *priority = INT64_MIN;
    int result = !json || bit_json_start(&o, json, "the priority", error) || api_take_whole(&o, "priority", -API_PRIORITY, API_PRIORITY, priority) ||
                 bit_json_end(&o) ? -1 : 0;
    if (!result && *priority == INT64_MIN)
        result = bit_fail(error, BIT_EDATA, "priority: a whole number is missing");
    cJSON_Delete(json);
    return result;
}

void api_priority(struct request *r, int64_t id)
{
    struct bit_error error = {0};
    int64_t priority;
    struct job *job = find(r, id, "put before others");
    if (!job)
        return;
    if (read_priority(r, &priority, &error)) {
        api_fail(r, 400, "%s", error.text);
        return;
    }
    if (job->sweep)
        sweep_set_priority(job, (int)priority);
    else
        queue_set_priority(job, (int)priority);
    answer(r, job);
}
