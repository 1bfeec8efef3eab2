/* The jobs that have not ended: transitions, and what follows from them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bit/log.h"
#include "bit/memory.h"
#include "daemon/daemon.h"
#include "daemon/points.h"
#include "daemon/queued.h"
#include "daemon/rebuild.h"
#include "daemon/task.h"

enum { ROOM_SECONDS = 30 };      /* between looks at a disk that was full */
enum { LONGEST_PAUSE = 60 };     /* until a job that failed is started again: see next.c */
static const double LOOK = 2;    /* seconds between looks at what runs have written */
static const double LOOK_AT_LOCK = 1;

/* ---- the lists ---- */

static struct job **bucket_of(struct daemon *d, int64_t id) { return &d->bucket[(uint64_t)id % DAEMON_BUCKETS]; }

struct job *queue_find(struct daemon *d, int64_t id)
{
    struct job *job = *bucket_of(d, id);
    while (job && job->row.id != id)
        job = job->next_in_bucket;
    return job;
}

/* Something is to be done for it after the commit, or it leaves memory then. */
static void pend(struct job *job)
{
    if (job->is_pending)
        return;
    job->is_pending = true;
    job->next_pending = job->daemon->pending;
    job->daemon->pending = job;
}

void queue_note(struct job *job)
{
    job->must_note = true;
    pend(job);
}

/* Whether the record of a job has to tell of an event: it knows of no wishes, and of progress the run's folder tells. */
static bool is_noted(const struct job *job, enum daemon_event event)
{
    return !daemon_is_live(job->row.life.state) || event == EVENT_STARTED || event == EVENT_HANDED_OVER || event == EVENT_PRIORITY;
}

/* Whether the clock is looked at for it. */
static bool has_time(const struct job *job)
{
    const struct daemon_life *life = &job->row.life;
    return life->due > 0 || daemon_is_live(life->state) || (life->state == STATE_HELD && life->cause == CAUSE_DISK_FULL);
}

static void watch_clock(struct job *job)
{
    if (job->is_timed || !has_time(job))
        return;
    job->is_timed = true;
    job->next_timed = job->daemon->timed;
    job->daemon->timed = job;
}

/* Takes those out that have no time any more, and `gone`. */
static void prune_timed(struct daemon *d, const struct job *gone)
{
    for (struct job **place = &d->timed; *place;) {
        struct job *job = *place;
        if (job != gone && has_time(job)) {
            place = &job->next_timed;
            continue;
        }
        *place = job->next_timed;
        job->is_timed = false;
    }
}

/* New jobs have the highest number; those of the store are read from the newest on. */
static void link_job(struct daemon *d, struct job *job)
{
    struct job *before = d->last_job, **bucket = bucket_of(d, job->row.id);
    if (before && d->jobs->row.id > job->row.id)
        before = NULL;
    while (before && before->row.id > job->row.id)
        before = before->previous;
    job->previous = before;
    job->next = before ? before->next : d->jobs;
    *(before ? &before->next : &d->jobs) = job;
    *(job->next ? &job->next->previous : &d->last_job) = job;
    job->next_in_bucket = *bucket;
    *bucket = job;
    d->job_count++;
}

static struct job *insert(struct daemon *d, const struct store_job *row, struct bit_error *error)
{
    struct job *job = bit_allocate(1, sizeof *job, "a job", error);
    if (!job)
        return NULL;
    job->row = *row;
    job->daemon = d;
    job->go = job->keeper.fd = -1;
    job->progress.seconds_left = job->progress.speed = job->progress.loss = NAN;
    link_job(d, job);
    watch_clock(job);
    sweep_join(job);
    return job;
}

/* One that has ended leaves memory; the store has it. */
static void drop(struct job *job)
{
    struct daemon *d = job->daemon;
    struct job **place = bucket_of(d, job->row.id);
    while (*place != job)
        place = &(*place)->next_in_bucket;
    *place = job->next_in_bucket;
    *(job->previous ? &job->previous->next : &d->jobs) = job->next;
    *(job->next ? &job->next->previous : &d->last_job) = job->previous;
    if (job->is_timed)
        prune_timed(d, job);
    d->job_count--;
    sweep_leave(job);
    store_job_free(&job->row);
    bit_free(job);
}

bool queue_is_slurm(const struct job *job) { return job->row.engine == ENGINE_SLURM; }

/* ---- transitions ---- */

/* The last reasons of a job that made no progress. */
static void tell_reasons(struct job *job, const char *last)
{
    struct bit_error ignored = {0};
    struct store_attempt attempt;
    char text[STORE_WHY];
    size_t used = (size_t)snprintf(text, sizeof text, "%d starts in a row brought no new checkpoint; the last: %.150s", job->row.life.fruitless, last);
    for (int n = job->row.attempt.number - 1; n > 0 && n > job->row.attempt.number - 3 && used < sizeof text; n--)
        if (store_read_attempt(job->daemon->store, job->row.id, n, &attempt, &ignored) == 0)
            used += (size_t)snprintf(text + used, sizeof text - used, "; before: %.120s", attempt.why);
    memcpy(job->row.why, text, sizeof text);
}

static void explain(struct job *job, const char *why)
{
    if (job->row.life.cause == CAUSE_NO_PROGRESS && job->row.life.fruitless >= job->row.life.budget)
        tell_reasons(job, why);
    else if (job->row.life.cause == CAUSE_NONE && !daemon_is_final(job->row.life.state))
        *job->row.why = 0;
    else
        snprintf(job->row.why, sizeof job->row.why, "%s", *why ? why : job->row.life.cause ? daemon_cause_meaning(job->row.life.cause) : "");
}

static int write_event(struct job *job, const char *name, const char *why, struct bit_error *error)
{
    struct bit_text t = {0};
    bit_text_add(&t, "{\"state\":\"%s\",\"cause\":\"%s\",\"wish\":\"%s\",\"why\":", daemon_state_name(job->row.life.state),
                 daemon_cause_name(job->row.life.cause), daemon_wish_name(job->row.life.wish));
    bit_text_add_json(&t, why);
    bit_text_add(&t, ",\"attempt\":%d}", job->row.attempt.number);
    int64_t id = t.failed ? -1 : store_add_event(job->daemon->store, job->row.id, daemon_now(), name, t.data, error);
    bit_text_free(&t);
    return id < 0 ? -1 : 0;
}

static int write_transition(struct job *job, enum daemon_event event, unsigned actions, const char *why, struct bit_error *error)
{
    struct store *store = job->daemon->store;
    if (event == EVENT_PLACED && store_add_attempt(store, job->row.id, &job->row.attempt, error))
        return -1;
    if ((event == EVENT_STARTED || event == EVENT_HANDED_OVER || actions & ACTION_CLOSE) && store_set_attempt(store, job->row.id, &job->row.attempt, error))
        return -1;
    return store_set_job(store, &job->row, error) || write_event(job, daemon_event_name(event), why, error) ? -1 : 0;
}

void queue_tell(struct job *job, const char *name, const char *why)
{
    struct bit_error error = {0};
    if (write_event(job, name, why, &error))
        daemon_give_up(job->daemon, &error);
}

/* Whether a live job has so little priority that it would make room for this one. */
static bool could_displace(const struct daemon *d, const struct job *job)
{
    for (const struct job *other = d->timed; other && d->config.margin > 0; other = other->next_timed)
        if (daemon_is_live(other->row.life.state) && other->row.priority <= job->row.priority - d->config.margin)
            return true;
    return false;
}

/* Whether a job in the queue may start now, or have others make room. */
static bool could_start(const struct job *job)
{
    return job->row.engine != ENGINE_LOCAL || hosts_have_room(job->daemon, job) || could_displace(job->daemon, job);
}

/* Whether somebody may start, or have to make room, because of a transition. One more job in the queue changes nothing for the others: it
 * is only asked whether it can start itself, so that handing in costs the same however many wait. */
static bool changes_plan(const struct job *job, const struct daemon_life *before)
{
    enum daemon_state state = job->row.life.state;
    if (state == STATE_QUEUED && !daemon_is_live(before->state))
        return could_start(job);
    if (before->state == STATE_QUEUED)
        return state != STATE_STARTING; /* what was placed has its place */
    return daemon_is_live(before->state) && (!daemon_is_live(state) || before->wish != job->row.life.wish);
}

/* An event that moves the job: when that was is on record, and why. */
static void note_move(struct job *job, double now, const char *why)
{
    job->row.changed = now;
    explain(job, why);
}

enum daemon_answer queue_feed(struct job *job, enum daemon_event event, enum daemon_end end, bool progressed, const char *why)
{
    struct daemon *d = job->daemon;
    struct bit_error error = {0};
    struct daemon_input input = {.event = event, .now = daemon_now(), .end = end, .has_progressed = progressed};
    struct daemon_step step = daemon_next(&job->row.life, &input);
    if (step.answer != ANSWER_TAKEN)
        return step.answer;
    if (event == EVENT_PROGRESS && step.life.fruitless == job->row.life.fruitless)
        return ANSWER_TAKEN; /* nothing to write */
    struct daemon_life before = job->row.life;
    job->row.life = step.life;
    if (event != EVENT_PRIORITY) /* it has waited as long as before, and for the same reason */
        note_move(job, input.now, why);
    if (step.actions & ACTION_CLOSE) {
        job->row.attempt.ended = input.now;
        if (*why)
            snprintf(job->row.attempt.why, sizeof job->row.attempt.why, "%s", why);
        queue_is_slurm(job) ? slurm_forget(job) : engine_forget(job);
        hosts_give_back(d, job);
    }
    if (write_transition(job, event, step.actions, event == EVENT_PRIORITY ? why : job->row.why, &error))
        daemon_give_up(d, &error);
    daemon_point(POINT_written);
    job->due |= step.actions;
    job->must_note |= is_noted(job, event);
    if (job->due || job->must_note)
        pend(job);
    watch_clock(job);
    d->must_schedule |= event == EVENT_PRIORITY || changes_plan(job, &before);
    d->must_look_at_needs |= daemon_is_final(step.life.state);
    d->must_look_at_sweeps |= job->parent || (step.life.has_children && step.life.state == STATE_WAITING);
    return ANSWER_TAKEN;
}

enum daemon_answer queue_set_priority(struct job *job, int priority)
{
    char why[64];
    int before = job->row.priority;
    snprintf(why, sizeof why, "%d, it was %d", priority, before);
    job->row.priority = priority;
    enum daemon_answer answer = queue_feed(job, EVENT_PRIORITY, 0, false, why);
    if (answer != ANSWER_TAKEN)
        job->row.priority = before;
    return answer;
}

struct job *queue_add(struct daemon *d, struct store_job *row, const char *event, struct bit_error *error)
{
    if (store_add_job(d->store, row, error) || store_add_event(d->store, row->id, row->submitted, event, "{}", error) < 0)
        return NULL;
    struct job *job = insert(d, row, error);
    daemon_point(POINT_submitted);
    if (!job)
        return NULL;
    queue_note(job);
    d->must_schedule |= row->life.state == STATE_QUEUED && could_start(job);
    notes_submitted(d);
    return job;
}

/* ---- at the start of bitd ---- */

static void adopt(struct daemon *d, struct job *job)
{
    if (!daemon_is_live(job->row.life.state))
        return;
    if (queue_is_slurm(job)) {
        slurm_look(job);
        return;
    }
    hosts_take_again(d, job);
    engine_look(job);
}

int queue_load(struct daemon *d, struct bit_error *error)
{
    const unsigned active = (1U << STATE_DONE) - 1; /* all before the ends */
    int64_t ids[256], before = 0;
    int count;
    while ((count = store_list(d->store, active, before, 256, ids, error)) > 0) {
        for (int i = 0; i < count; i++) {
            struct bit_error broken = {0};
            struct store_job row;
            if (store_read_job(d->store, ids[i], false, &row, &broken)) {
                bit_log(BIT_LOG_ERROR, "job %lld is left aside: %s", (long long)ids[i], broken.text);
                continue;
            }
            if (!insert(d, &row, error))
                return -1;
        }
        before = ids[count - 1];
    }
    for (struct job *job = d->jobs; job && count == 0; job = job->next) {
        if (job->row.life.due > daemon_now() + LONGEST_PAUSE) /* the clock was set back since */
            job->row.life.due = daemon_now();
        adopt(d, job);
    }
    notes_submitted(d);
    d->must_schedule = d->must_look_at_needs = true;
    return count < 0 ? -1 : 0;
}

/* ---- jobs that follow others ---- */

enum need { NEED_OPEN, NEED_MET, NEED_FAILED };

static enum need look_at_need(struct daemon *d, const struct store_need *need)
{
    struct bit_error error = {0};
    struct store_job other;
    struct job *job = queue_find(d, need->on);
    enum daemon_state state = STATE_FAILED;
    if (job)
        state = job->row.life.state;
    else if (store_read_job(d->store, need->on, false, &other, &error) == 0) {
        state = other.life.state;
        store_job_free(&other);
    }
    if (!daemon_is_final(state))
        return NEED_OPEN;
    return need->any || state == STATE_DONE ? NEED_MET : NEED_FAILED;
}

static void look_at_needs_of(struct job *job)
{
    enum need all = NEED_MET;
    char why[STORE_WHY] = "";
    if (job->row.life.state != STATE_WAITING || job->row.life.has_children)
        return;
    for (int i = 0; i < job->row.needs; i++) {
        enum need one = look_at_need(job->daemon, &job->row.need[i]);
        if (one == NEED_FAILED)
            snprintf(why, sizeof why, "job %lld, which it was to follow, has not ended well", (long long)job->row.need[i].on);
        all = one == NEED_FAILED || all == NEED_FAILED ? NEED_FAILED : one == NEED_OPEN ? NEED_OPEN : all;
    }
    if (all != NEED_OPEN)
        queue_feed(job, all == NEED_MET ? EVENT_NEEDS_MET : EVENT_NEEDS_FAILED, 0, false, why);
}

/* Puts on what waits no longer: of all when some job has ended, else of those that began to wait. */
static void look_at_needs(struct daemon *d)
{
    if (d->must_look_at_needs)
        for (struct job *job = d->jobs; job; job = job->next)
            look_at_needs_of(job);
    else
        for (struct job *job = d->pending; job; job = job->next_pending)
            look_at_needs_of(job);
    d->must_look_at_needs = false;
}

/* ---- commit and act ---- */

static void act_by_slurm(struct job *job, unsigned due)
{
    if (due & ACTION_SPAWN && job->row.life.state == STATE_STARTING)
        slurm_spawn(job);
    if (due & ACTION_STOP && job->row.life.state == STATE_STOPPING)
        slurm_stop(job);
    if (due & ACTION_SAVE)
        slurm_save(job);
}

static void act_here(struct job *job, unsigned due)
{
    if (due & ACTION_SPAWN && job->row.life.state == STATE_STARTING)
        engine_spawn(job);
    if (due & ACTION_GO)
        engine_go(job);
    if (due & ACTION_ABANDON)
        engine_abandon(job);
    if (due & ACTION_STOP && job->row.life.state == STATE_STOPPING)
        engine_stop(job);
    if (due & ACTION_SAVE)
        engine_save(job);
}

static void act(struct job *job)
{
    unsigned due = job->due;
    job->due = 0;
    if (due & ACTION_TELL)
        notify_job(job->daemon, job);
    if (queue_is_slurm(job))
        act_by_slurm(job, due);
    else
        act_here(job, due);
}

/* Does what was put off until the commit; those that have ended then leave memory. */
static void act_all(struct daemon *d)
{
    struct job *list = d->pending, *next;
    d->pending = NULL;
    for (struct job *job = list; job; job = next) {
        next = job->next_pending;
        job->is_pending = false;
        if (job->due)
            act(job);
        if (job->must_note)
            rebuild_note(job);
        job->must_note = false;
        if (daemon_is_final(job->row.life.state) && !job->is_pending)
            drop(job);
    }
    queued_flush(d);
}

void queue_settle(struct daemon *d)
{
    struct bit_error error = {0};
    for (;;) {
        look_at_needs(d);
        if (d->must_look_at_sweeps)
            sweep_look(d);
        if (d->must_schedule && !d->is_ending)
            order_start(d);
        if (!store_is_dirty(d->store) && !d->pending)
            break;
        daemon_point(POINT_committing);
        if (store_commit(d->store, &error))
            daemon_give_up(d, &error);
        daemon_point(POINT_committed);
        http_committed(d);
        daemon_point(POINT_told);
        act_all(d);
    }
}

/* ---- time ---- */

static double due_of(const struct job *job, double now)
{
    if (job->row.life.due > 0)
        return job->row.life.due;
    if (job->row.life.state == STATE_HELD && job->row.life.cause == CAUSE_DISK_FULL)
        return (job->looked > 0 ? job->looked : now) + ROOM_SECONDS;
    if (daemon_is_live(job->row.life.state))
        return job->looked + (job->is_orphan ? LOOK_AT_LOCK : LOOK);
    return 0;
}

double queue_next_due(const struct daemon *d)
{
    double now = daemon_now(), next = 0;
    for (const struct job *job = d->timed; job; job = job->next_timed) {
        double due = due_of(job, now);
        if (daemon_is_live(job->row.life.state) && due > job->looked + LOOK)
            due = job->looked + LOOK; /* one that is being stopped is looked at, too */
        if (due > 0 && (next == 0 || due < next))
            next = due;
    }
    const double others[] = {slurm_next_due(d), task_next_due(d), notes_next_due(d), retention_next_due(d)};
    for (int i = 0; i < 4; i++)
        if (others[i] > 0 && (next == 0 || others[i] < next))
            next = others[i];
    return next;
}

static void look(struct job *job, double now)
{
    bool was_known = !isnan(job->progress.seconds_left);
    job->looked = now;
    if (queue_is_slurm(job))
        slurm_look_at_record(job);
    else if (job->is_orphan)
        engine_look(job);
    if (daemon_is_live(job->row.life.state) && engine_progress(job))
        stream_progress(job->daemon, job);
    if (!was_known && !isnan(job->progress.seconds_left))
        job->daemon->must_schedule = true; /* others may fit beside it now */
}

void queue_tick(struct daemon *d, double now)
{
    task_tick(d, now);
    slurm_tick(d, now);
    notes_tick(d, now);
    retention_tick(d, now);
    prune_timed(d, NULL);
    for (struct job *job = d->timed; job; job = job->next_timed) { /* new ones come before the first */
        if (job->row.life.due > 0 && job->row.life.due <= now)
            queue_feed(job, job->row.life.state == STATE_BACKOFF ? EVENT_DUE : EVENT_NUDGE, 0, false, "");
        if (daemon_is_live(job->row.life.state) && now >= job->looked + (job->is_orphan ? LOOK_AT_LOCK : LOOK))
            look(job, now);
        if (job->row.life.state == STATE_HELD && job->row.life.cause == CAUSE_DISK_FULL && now >= job->looked + ROOM_SECONDS) {
            job->looked = now;
            if (engine_has_room(job))
                queue_feed(job, EVENT_ROOM, 0, false, "");
        }
    }
}

void queue_shift_clock(struct daemon *d, double seconds)
{
    for (struct job *job = d->timed; job; job = job->next_timed) {
        if (job->row.life.due > 0)
            job->row.life.due += seconds;
        if (job->looked > 0)
            job->looked += seconds;
    }
}
