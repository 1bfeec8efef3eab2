/* What is noted of a job before its first start: the memory that a rank is planned to take, and a fingerprint of its data, so that a change is told.
 * bit plan looks at the data, in a process of its own that may take its time; one runs at a time. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bit/json.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "bit/text.h"
#include "daemon/daemon.h"
#include "daemon/task.h"

enum { PLAN_SECONDS = 600, FRESH_SECONDS = 2 };
static const double QUIET = 1; /* seconds without a submission after which those that wait are looked at */

static bool is_new(const struct job *job)
{
    return (job->row.life.state == STATE_QUEUED || job->row.life.state == STATE_WAITING) && !job->note.is_tried && !*job->row.data;
}

/* ---- what it says ---- */

/* The line that is an object, the last one: what is told about the data stands before it. */
static cJSON *read_plan(const char *output)
{
    struct bit_error ignored = {0};
    for (const char *line = output; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL)
        if (*line == '{')
            return bit_json_parse(line, strlen(line), &ignored);
    return NULL;
}

static void tell_change(struct job *job, const char *now)
{
    snprintf(job->row.notice, sizeof job->row.notice, "its data have changed since it was submitted: then %.100s; now %.100s", job->row.data, now);
    bit_log(BIT_LOG_WARNING, "job %lld: %s", (long long)job->row.id, job->row.notice);
    queue_tell(job, "data-changed", job->row.notice);
}

static void take_plan(struct job *job, const cJSON *plan)
{
    struct bit_error error = {0};
    const char *data = bit_json_string(plan, "data", "");
    uint64_t bytes = bit_json_whole(cJSON_GetObjectItemCaseSensitive(plan, "memory"), "total", 0);
    if (bytes > 0 && bytes < INT64_MAX)
        job->row.rank_bytes = (int64_t)bytes;
    if (*job->row.data && *data && strcmp(job->row.data, data) != 0)
        tell_change(job, data);
    if (*data)
        snprintf(job->row.data, sizeof job->row.data, "%s", data);
    if (store_set_note(job->daemon->store, &job->row, &error))
        daemon_give_up(job->daemon, &error);
}

static void planned(void *context, int code, const char *output, size_t size)
{
    struct daemon *d = context;
    struct job *job = queue_find(d, d->notes.job);
    cJSON *plan = code == 0 ? read_plan(output) : NULL;
    (void)size;
    d->notes.task = NULL;
    d->must_schedule = true;
    if (job) {
        job->note.is_tried = true; /* what is wrong with it, its start will tell */
        job->note.at = daemon_now();
        if (cJSON_IsObject(plan))
            take_plan(job, plan);
    }
    cJSON_Delete(plan);
}

/* ---- asking ---- */

static void ask(struct job *job)
{
    struct daemon *d = job->daemon;
    struct bit_error error = {0};
    char nice[PATH_MAX], bit[PATH_MAX + 8], file[PATH_MAX], ranks[16], threads[32];
    bool is_nice = environment_find(d, "nice", nice);
    snprintf(bit, sizeof bit, "%s/bit", d->config.programs);
    snprintf(file, sizeof file, "%.3900s/jobs/%lld.json", d->config.state, (long long)job->row.id);
    snprintf(ranks, sizeof ranks, "%d", job->row.least);
    snprintf(threads, sizeof threads, "threads=%d", job->row.threads);
    const char *const words[] = {nice, bit, "plan", file, "-n", ranks, "--set", threads, "--json", NULL};
    d->notes.job = job->row.id;
    if (engine_write_job(job, file, &error) == 0)
        d->notes.task = task_start(d, (char *const *)(uintptr_t)(words + !is_nice), PLAN_SECONDS, planned, d, &error);
    if (!d->notes.task)
        planned(d, TASK_KILLED, "", 0);
}

bool notes_ready(struct job *job)
{
    struct daemon *d = job->daemon;
    if (job->row.attempt.number > 0 && (job->row.rank_bytes > 0 || job->note.is_tried))
        return true; /* from here on bitrun compares the data with those of the checkpoint */
    if (job->note.is_tried && daemon_now() < job->note.at + FRESH_SECONDS)
        return true;
    if (!d->notes.task)
        ask(job);
    return !d->notes.task && job->note.is_tried; /* it could not even be asked: its start will tell why */
}

void notes_submitted(struct daemon *d)
{
    d->notes.quiet = daemon_now() + QUIET;
    d->notes.has_new = true;
}

void notes_tick(struct daemon *d, double now)
{
    if (!d->notes.has_new || d->notes.task || now < d->notes.quiet)
        return;
    d->notes.has_new = false;
    for (struct job *job = d->jobs; job && !d->notes.has_new; job = job->next)
        if (is_new(job)) {
            d->notes.has_new = true;
            ask(job);
        }
}

double notes_next_due(const struct daemon *d) { return d->notes.has_new && !d->notes.task ? d->notes.quiet : 0; }
