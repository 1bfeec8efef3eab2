/* Jobs that Slurm runs: bit-launch --slurm submits a batch script that keeps the run going within Slurm, one squeue an interval shows how all of
 * them stand, and the script's end record tells how it ended. That Slurm does not answer is never taken for an end. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "bit/file.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "daemon/rebuild.h"
#include "daemon/slurm.h"
#include "daemon/task.h"

bool slurm_is_here(const struct job *job) { return job->row.engine == ENGINE_SLURM && daemon_is_live(job->row.life.state); }

/* The next question comes within `seconds`, and those after it are close again. */
void slurm_ask_soon(struct daemon *d, double seconds)
{
    double due = daemon_now() + seconds;
    if (d->slurm.due <= 0 || due < d->slurm.due)
        d->slurm.due = due;
    d->slurm.pace = SLURM_SOON;
}

int slurm_start(struct daemon *d, struct bit_error *error)
{
    unsigned char random[4];
    char *instance = d->slurm.instance;
    d->slurm.pace = SLURM_SOON;
    if (store_get_meta(d->store, "instance", instance, sizeof d->slurm.instance, error))
        return -1;
    if (*instance)
        return 0;
    if (getrandom(random, sizeof random, 0) != sizeof random)
        return bit_fail_errno(error, BIT_EENVIRONMENT, "random numbers");
    for (int i = 0; i < 4; i++)
        snprintf(instance + 2 * i, 3, "%02x", random[i]);
    return store_set_meta(d->store, "instance", instance, error);
}

/* ---- what is known ---- */

/* Of a job that Slurm has ended for want of memory: the next start gets fewer ranks a node, once. False: it had so before, or a node has one. */
static bool spread(struct job *job)
{
    struct store_attempt *a = &job->row.attempt;
    int nodes = job->slurm.nodes > 0 ? job->slurm.nodes : 1, here = (a->ranks + nodes - 1) / nodes;
    if (*a->cores || here < 2 || slurm_options_have(job->row.options, "--nodes") || slurm_options_have(job->daemon->config.slurm_options, "--nodes"))
        return false;
    snprintf(a->cores, sizeof a->cores, "%d", here / 2);
    return true;
}

static void tell_memory(const struct job *job, bool goes_on, char *text, size_t size)
{
    char need[64] = "";
    size_t used = strlen(text);
    if (job->row.rank_bytes > 0)
        snprintf(need, sizeof need, "a rank needs about %.0f MB (bit plan): ", (double)job->row.rank_bytes / 1e6);
    snprintf(text + used, size - used, "; %s%s%s", need, goes_on ? "once more with fewer ranks a node, at most " :
             "more memory (--sbatch --mem-per-cpu=...), fewer ranks, or a smaller micro_batch", goes_on ? job->row.attempt.cores : "");
}

static void finish(struct job *job, const struct slurm_record *record)
{
    char why[STORE_WHY], text[STORE_WHY];
    const char *state = job->row.attempt.slurm_state;
    enum slurm_view view;
    if (!slurm_view_of(state, &view) || view != SLURM_ENDED)
        state = "";
    enum daemon_end judged = engine_judge(job, record ? record->code : -1, record && record->by_slurm, !record, why);
    enum daemon_end end = daemon_end_of_slurm(state, record, judged);
    if (*state && end != END_DONE)
        snprintf(text, sizeof text, "Slurm's job %lld: %s%s%.240s", (long long)job->row.attempt.slurm_id, state, *why ? "; " : "", why);
    else
        memcpy(text, why, sizeof text);
    if (end == END_NO_MEMORY) {
        bool goes_on = spread(job);
        tell_memory(job, goes_on, text, sizeof text);
        end = goes_on ? END_ENVIRONMENT : END_NO_MEMORY;
    }
    queue_feed(job, EVENT_ENDED, end, engine_has_progressed(job), text);
}

/* Slurm will not start it again unless somebody tells it to: neither shall we. Its own job goes, for that one could start beside ours. */
static bool has_given_up(struct job *job)
{
    char text[STORE_WHY];
    int64_t id = job->row.id, number = job->row.attempt.slurm_id;
    const char *reason = job->row.attempt.slurm_reason;
    if (!slurm_is_held(reason, job->slurm.has_run) || job->row.life.state == STATE_STOPPING)
        return false;
    snprintf(text, sizeof text, "Slurm holds its job %lld: %.200s; once that is mended, bit resume %lld hands it over anew", (long long)number, reason, (long long)id);
    queue_feed(job, EVENT_ENDED, END_OPERATOR, engine_has_progressed(job), text);
    slurm_cancel(job->daemon, id, number);
    return true;
}

/* A job that nobody knows any more: what accounting says of it, where there is any. */
static void take_witness(void *context, int code, const char *output, size_t size)
{
    struct slurm_witness w = *(struct slurm_witness *)context;
    struct job *job = queue_find(w.daemon, w.job);
    struct slurm_record record;
    (void)size;
    bit_free(context);
    if (!job || !slurm_is_here(job) || job->row.attempt.number != w.attempt || !job->slurm.witness)
        return;
    job->slurm.witness = NULL;
    if (job->slurm.absences < DAEMON_ABSENCES)
        return; /* it was seen again */
    if (code == 0)
        slurm_accounted(output, w.daemon->slurm.instance, w.job, job->row.attempt.slurm_state, sizeof job->row.attempt.slurm_state);
    finish(job, slurm_read_record(job->row.out, job->row.attempt.slurm_id, &record) ? &record : NULL);
}

/* False: there is nobody to ask. */
static bool ask_witness(struct job *job)
{
    struct daemon *d = job->daemon;
    struct bit_error ignored = {0};
    struct slurm_command c;
    char since[32];
    struct tm local;
    const time_t begun = (time_t)job->row.attempt.begun - 3600; /* its clock may differ from ours */
    if (job->slurm.witness)
        return true;
    if (!slurm_begin_command(d, &c, "sacct") || !localtime_r(&begun, &local) || !strftime(since, sizeof since, "%Y-%m-%dT%H:%M:%S", &local))
        return false;
    /* Without a start it looks at jobs since midnight only. */
    slurm_add_word(&c, "--starttime=%s", since);
    slurm_add_word(&c, "--jobs=%lld", (long long)job->row.attempt.slurm_id);
    static const char *const words[] = {"--noheader", "--parsable2", "--allocations", "--format=JobName,State"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        slurm_add_word(&c, "%s", words[i]);
    struct slurm_witness *w = bit_allocate(1, sizeof *w, "a command", &ignored);
    if (w) {
        *w = (struct slurm_witness){d, job->row.id, job->row.attempt.number};
        job->slurm.witness = task_start(d, c.word, SLURM_ASK_SECONDS, take_witness, w, &ignored);
        if (!job->slurm.witness)
            bit_free(w);
    }
    return job->slurm.witness != NULL;
}

static void take_sight(struct job *job, const struct slurm_record *record)
{
    struct daemon *d = job->daemon;
    struct daemon_slurm_sight sight = {.has_number = job->row.attempt.slurm_id > 0, .has_answer = job->slurm.has_answer, .view = job->slurm.view,
                                       .absences = job->slurm.absences, .has_record = record != NULL,
                                       .unsure = job->slurm.unsure != 0 ? d->slurm.answered - job->slurm.unsure : 0};
    switch (daemon_find_slurm(&sight)) {
    case SLURM_FOUND_NOTHING:
        break;
    case SLURM_FOUND_WAITING:
        if (has_given_up(job))
            break;
        if (queue_feed(job, EVENT_REQUEUED, 0, false, "") == ANSWER_TAKEN)
            bit_outcome_mark(job->row.out, job->slurm.mark, sizeof job->slurm.mark);
        if (job->row.life.state == STATE_STOPPING) /* it was queued again while it was asked to stop */
            slurm_stop(job);
        break;
    case SLURM_FOUND_RUNNING:
        job->slurm.has_run = true;
        if (job->row.life.state == STATE_PENDING)
            queue_feed(job, EVENT_STARTED, 0, false, "");
        break;
    case SLURM_FOUND_OVER:
        if (record || job->slurm.view != SLURM_ABSENT || !ask_witness(job))
            finish(job, record);
        break;
    case SLURM_FOUND_NEVER:
        queue_feed(job, EVENT_NOT_STARTED, *job->slurm.refusal ? END_LOST : END_NEVER_RAN, false,
                   *job->slurm.refusal ? job->slurm.refusal : "its submission did not arrive");
        break;
    }
    if (slurm_is_here(job) && (job->slurm.absences == 1 || job->row.attempt.slurm_id <= 0 || job->row.life.state == STATE_STOPPING))
        slurm_ask_soon(d, SLURM_SOON);
}

/* The run's own word that it runs comes sooner than squeue's. */
static void look_at_run(struct job *job)
{
    char mark[sizeof job->slurm.mark];
    if (job->row.life.state != STATE_PENDING || job->row.attempt.slurm_id <= 0)
        return;
    bit_outcome_mark(job->row.out, mark, sizeof mark);
    if (!*mark || !strcmp(mark, job->slurm.mark))
        return;
    memcpy(job->slurm.mark, mark, sizeof mark);
    job->slurm.known = daemon_now(); /* that it waits, a question of before may still say */
    job->slurm.has_run = true;
    queue_feed(job, EVENT_STARTED, 0, false, "");
    slurm_ask_soon(job->daemon, 1);
}

void slurm_look_at_record(struct job *job)
{
    struct slurm_record record;
    look_at_run(job);
    if (slurm_is_here(job) && job->row.attempt.slurm_id > 0 && slurm_read_record(job->row.out, job->row.attempt.slurm_id, &record))
        take_sight(job, &record);
}

void slurm_look(struct job *job)
{
    job->slurm = (struct job_slurm){.known = daemon_now(), .has_run = job->row.life.state == STATE_RUNNING};
    bit_outcome_mark(job->row.out, job->slurm.mark, sizeof job->slurm.mark);
    /* A submission that the former bitd began may still be on its way. */
    job->slurm.unsure = job->row.attempt.slurm_id > 0 ? 0 : job->slurm.known;
    slurm_ask_soon(job->daemon, 0);
    slurm_look_at_record(job);
    if (slurm_is_here(job))
        bit_log(BIT_LOG_INFO, "job %lld: adopted, Slurm's job %lld", (long long)job->row.id, (long long)job->row.attempt.slurm_id);
}

void slurm_forget(struct job *job)
{
    task_forget(job->slurm.submitting);
    job->slurm = (struct job_slurm){0};
    job->progress.seconds_left = NAN;
}

/* ---- squeue ---- */

static bool is_on_record(struct daemon *d, int64_t id)
{
    struct store_job row;
    if (store_read_job(d->store, id, false, &row, NULL))
        return false;
    store_job_free(&row);
    return true;
}

/* A job of ours in Slurm that no live attempt knows: of a submission whose answer was lost. It is cancelled, unless it is what is looked for. Of a
 * job that the store does not hold, as after a rebuild from some of the folders only, it may be a healthy run: it is left alone. */
static void take_stray(struct daemon *d, struct job *job, const struct slurm_line *line, enum slurm_view view)
{
    if (view == SLURM_ENDED || !strcmp(line->state, "COMPLETING"))
        return;
    if (job && slurm_is_here(job) && job->row.attempt.slurm_id <= 0 && line->attempt == job->row.attempt.number)
        return; /* its number will be known, by sbatch's answer or by ours */
    if (!job && !is_on_record(d, line->job)) {
        if (line->number > d->slurm.unknown)
            bit_log(BIT_LOG_WARNING, "Slurm's job %lld says that it is job %lld of this bitd, which is not known here: it is left alone (was its folder missing "
                    "when bitd --rebuild ran? scancel ends it)", (long long)line->number, (long long)line->job);
        d->slurm.unknown = line->number > d->slurm.unknown ? line->number : d->slurm.unknown;
        return;
    }
    bit_log(BIT_LOG_WARNING, "Slurm's job %lld of job %lld is none that is waited for: it is cancelled", (long long)line->number, (long long)line->job);
    slurm_cancel(d, line->job, line->number);
}

static void see(struct job *job, const struct slurm_line *line, enum slurm_view view)
{
    struct store_attempt *a = &job->row.attempt;
    snprintf(a->slurm_state, sizeof a->slurm_state, "%s", line->state);
    snprintf(a->slurm_reason, sizeof a->slurm_reason, "%s", strcmp(line->reason, "None") ? line->reason : "");
    a->slurm_seen = job->daemon->slurm.asked;
    if (line->node_count > 0 && view != SLURM_PENDING)
        job->slurm.nodes = line->node_count;
    if (*line->nodes && view == SLURM_RUNNING)
        snprintf(a->hosts, sizeof a->hosts, "%s", line->nodes);
    job->slurm.view = view;
    job->slurm.shown = SLURM_SHOWN;
    job->slurm.absences = view == SLURM_ENDED ? job->slurm.absences + 1 : 0;
}

/* Those that are looked for by name and comment; of two the older. */
static void adopt_by_name(struct daemon *d, const char *text)
{
    struct slurm_line line;
    for (struct job *job = d->jobs; job; job = job->next) {
        job->slurm.shown = SLURM_NOT_SHOWN;
        job->slurm.found = 0;
    }
    while (slurm_next_line(&text, d->slurm.instance, &line)) {
        struct job *job = queue_find(d, line.job);
        if (job && slurm_is_here(job) && !job->slurm.submitting && job->row.attempt.slurm_id <= 0 && line.attempt == job->row.attempt.number &&
            (job->slurm.found == 0 || line.number < job->slurm.found))
            job->slurm.found = line.number;
    }
    for (struct job *job = d->jobs; job; job = job->next)
        if (job->slurm.found > 0)
            slurm_number_known(job, job->slurm.found);
}

static void take_answer(struct daemon *d, const char *text)
{
    struct slurm_line line;
    enum slurm_view view;
    adopt_by_name(d, text);
    while (slurm_next_line(&text, d->slurm.instance, &line)) {
        struct job *job = queue_find(d, line.job);
        bool known = slurm_view_of(line.state, &view);
        if (job && slurm_is_here(job) && job->row.attempt.slurm_id == line.number) {
            job->slurm.shown = SLURM_STRANGE;
            if (known)
                see(job, &line, view);
        } else if (known) {
            take_stray(d, job, &line, view);
        }
    }
}

/* Of a job that the answer could have shown. */
static void take_news(struct job *job)
{
    if (job->slurm.shown == SLURM_STRANGE)
        return;
    if (job->slurm.shown == SLURM_NOT_SHOWN && job->row.attempt.slurm_id > 0) {
        job->slurm.view = SLURM_ABSENT;
        job->slurm.absences++;
    }
    job->slurm.has_answer = true;
    take_sight(job, NULL);
}

static void set_silent(struct daemon *d, double since)
{
    d->slurm.silent = since;
    for (struct job *job = d->jobs; job; job = job->next)
        job->row.attempt.slurm_silent = slurm_is_here(job) ? since : 0;
}

static void answered(void *context, int code, const char *output, size_t size)
{
    struct daemon *d = context;
    struct slurm *s = &d->slurm;
    char line[256];
    double now = daemon_now();
    (void)size;
    s->asking = NULL;
    if (s->due <= 0 || now + s->pace < s->due)
        s->due = now + s->pace;
    s->pace = fmin(2 * s->pace, d->config.slurm_interval);
    if (code != 0) {
        slurm_last_line(output, line, sizeof line);
        if (s->silent <= 0) {
            set_silent(d, now);
            bit_log(BIT_LOG_WARNING, "Slurm does not answer (%s): its jobs stay as they were seen last", *line ? line : "it takes too long");
        }
        return;
    }
    if (s->silent > 0)
        bit_log(BIT_LOG_INFO, "Slurm answers again, after %.0f s", now - s->silent);
    d->must_schedule |= s->silent > 0 || s->answered <= 0;
    set_silent(d, 0);
    s->answered = s->asked;
    take_answer(d, output);
    for (struct job *job = d->jobs; job; job = job->next)
        if (slurm_is_here(job) && !job->slurm.submitting && s->answered >= job->slurm.known)
            take_news(job);
}

static bool has_questions(const struct daemon *d)
{
    for (const struct job *job = d->jobs; job; job = job->next)
        if (slurm_is_here(job) || (job->row.engine == ENGINE_SLURM && job->row.life.state == STATE_QUEUED && (d->slurm.answered <= 0 || d->slurm.silent > 0)))
            return true;
    return false;
}

static void ask(struct daemon *d)
{
    struct slurm_command c;
    struct bit_error error = {0};
    d->slurm.asked = daemon_now();
    if (slurm_begin_command(d, &c, "squeue")) {
        const char *const words[] = {"--noheader", "--states=all", "--me", "--format=" SLURM_FORMAT};
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            slurm_add_word(&c, "%s", words[i]);
        d->slurm.asking = task_start(d, c.word, SLURM_ASK_SECONDS, answered, d, &error);
    }
    if (!d->slurm.asking)
        answered(d, TASK_KILLED, *error.text ? error.text : "there is no squeue in PATH", 0);
}

void slurm_tick(struct daemon *d, double now)
{
    if (d->slurm.due > 0 && now >= d->slurm.due && !d->slurm.asking) {
        d->slurm.due = 0;
        if (has_questions(d))
            ask(d);
    }
    slurm_repeat_stops(d, now);
    slurm_renew_room(d, now);
}

double slurm_next_due(const struct daemon *d)
{
    const double all[] = {d->slurm.asking ? 0 : d->slurm.due, slurm_next_stop(d), slurm_next_room(d)};
    double next = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i] > 0 && (next <= 0 || all[i] < next))
            next = all[i];
    return next;
}
