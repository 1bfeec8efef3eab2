/* The life of a job as two tables: (state, event) -> rule, and end of an attempt -> what comes next. */
#include "daemon/next.h"

#include <string.h>

typedef void rule(struct daemon_step *step, const struct daemon_input *input);

bool daemon_is_live(enum daemon_state state)
{
    return state == STATE_STARTING || state == STATE_PENDING || state == STATE_RUNNING || state == STATE_STOPPING;
}

bool daemon_is_final(enum daemon_state state) { return state == STATE_DONE || state == STATE_FAILED || state == STATE_CANCELLED; }

struct daemon_life daemon_life_begin(bool has_needs, int budget)
{
    return (struct daemon_life){.state = has_needs ? STATE_WAITING : STATE_QUEUED, .has_needs = has_needs,
                                .budget = budget > 0 ? budget : DAEMON_BUDGET};
}

struct daemon_life daemon_life_begin_sweep(int budget)
{
    struct daemon_life life = daemon_life_begin(false, budget);
    life.state = STATE_WAITING;
    life.cause = CAUSE_CHILDREN;
    life.has_children = true;
    return life;
}

/* ---- where a job goes ---- */

/* Into a state without a live attempt: what was wished of the attempt is over with it. */
static void enter(struct daemon_step *step, enum daemon_state state, enum daemon_cause cause)
{
    if (daemon_is_live(step->life.state))
        step->actions |= ACTION_CLOSE;
    if (state == STATE_HELD || daemon_is_final(state))
        step->actions |= ACTION_TELL;
    step->life.state = state;
    step->life.cause = cause;
    step->life.wish = WISH_NONE;
    step->life.due = 0;
}

static void enter_backoff(struct daemon_step *step, enum daemon_cause cause, double until)
{
    enter(step, STATE_BACKOFF, cause);
    step->life.due = until;
}

/* A start that failed: again after 1, 2, 4 ... 60 s, while the budget lasts. */
static void fail_start(struct daemon_step *step, enum daemon_cause cause, double now)
{
    double pause = 1;
    step->life.fruitless++;
    if (step->life.fruitless >= step->life.budget) {
        enter(step, STATE_HELD, CAUSE_NO_PROGRESS);
        return;
    }
    for (int i = 1; i < step->life.fruitless && pause < 60; i++)
        pause *= 2;
    enter_backoff(step, cause, now + (pause < 60 ? pause : 60));
}

/* ---- the end of an attempt ---- */

/* What an end means for a job of which nobody wishes anything. */
static void settle(struct daemon_step *step, enum daemon_end end, double now)
{
    static const enum daemon_cause failed[DAEMON_ENDS] = {
        [END_BAD_JOB] = CAUSE_BAD_JOB, [END_BAD_DATA] = CAUSE_BAD_DATA, [END_MISSING_INPUT] = CAUSE_MISSING_INPUT,
        [END_INTERNAL] = CAUSE_INTERNAL};
    static const enum daemon_cause held[DAEMON_ENDS] = {
        [END_NO_CHECKPOINT] = CAUSE_NO_CHECKPOINT, [END_DISK_FULL] = CAUSE_DISK_FULL, [END_STOPPED] = CAUSE_BY_HAND,
        [END_OPERATOR] = CAUSE_OPERATOR, [END_GAVE_UP] = CAUSE_NO_PROGRESS, [END_NO_MEMORY] = CAUSE_NO_MEMORY};
    static const enum daemon_cause again[DAEMON_ENDS] = {
        [END_ENVIRONMENT] = CAUSE_ENVIRONMENT, [END_HUNG] = CAUSE_HUNG, [END_LOST] = CAUSE_LOST};
    if (end == END_DONE)
        enter(step, STATE_DONE, CAUSE_NONE);
    else if (end == END_IN_USE)
        enter_backoff(step, CAUSE_FOLDER_IN_USE, now + DAEMON_LOOK_AGAIN);
    else if (end == END_NEVER_RAN)
        enter(step, STATE_QUEUED, CAUSE_NONE);
    else if (end == END_PREEMPTED)
        enter(step, STATE_QUEUED, CAUSE_PREEMPTED);
    else if (failed[end] != CAUSE_NONE)
        enter(step, STATE_FAILED, failed[end]);
    else if (held[end] != CAUSE_NONE)
        enter(step, STATE_HELD, held[end]);
    else
        fail_start(step, again[end], now);
}

/* Whether a wish to stop for a while is fulfilled by this end: the job can go on later, as if it had been asked in time. */
static bool is_stop(enum daemon_end end)
{
    return end == END_STOPPED || end == END_NEVER_RAN || end == END_ENVIRONMENT || end == END_HUNG || end == END_LOST || end == END_IN_USE ||
           end == END_OPERATOR || end == END_PREEMPTED || end == END_GAVE_UP || end == END_NO_MEMORY;
}

/* The same of a wish that has it queued again at once: what failed then costs as ever. */
static bool is_pause(enum daemon_end end)
{
    return end == END_STOPPED || end == END_NEVER_RAN || end == END_OPERATOR || end == END_PREEMPTED;
}

static void take_end(struct daemon_step *step, const struct daemon_input *input)
{
    enum daemon_wish wish = step->life.wish;
    if (input->has_progressed)
        step->life.fruitless = 0;
    if (input->end == END_DONE)
        settle(step, END_DONE, input->now);
    else if (wish == WISH_CANCEL)
        enter(step, STATE_CANCELLED, CAUSE_CANCELLED);
    else if (wish == WISH_PAUSE && is_stop(input->end))
        enter(step, STATE_HELD, CAUSE_PAUSED);
    else if ((wish == WISH_PREEMPT || wish == WISH_DRAIN) && is_pause(input->end))
        enter(step, STATE_QUEUED, wish == WISH_DRAIN ? CAUSE_DRAINED : CAUSE_PREEMPTED);
    else
        settle(step, input->end, input->now);
}

static void take_failed_start(struct daemon_step *step, const struct daemon_input *input)
{
    if (step->life.wish != WISH_NONE || input->end == END_NEVER_RAN) {
        struct daemon_input never = *input;
        never.end = END_NEVER_RAN;
        take_end(step, &never);
        return;
    }
    fail_start(step, CAUSE_NOT_STARTED, input->now);
}

/* ---- rules ---- */

static void go_on(struct daemon_step *step, const struct daemon_input *input)
{
    (void)input;
    bool waits = step->life.has_needs || step->life.has_children;
    enter(step, waits ? STATE_WAITING : STATE_QUEUED, step->life.has_children ? CAUSE_CHILDREN : CAUSE_NONE);
}

/* A sweep's children have all ended; *failed: there is no result among them. */
static void children_ended(struct daemon_step *step, bool failed)
{
    if (!step->life.has_children)
        step->answer = ANSWER_STALE;
    else if (step->life.wish == WISH_CANCEL)
        enter(step, STATE_CANCELLED, CAUSE_CANCELLED);
    else
        enter(step, failed ? STATE_FAILED : STATE_DONE, failed ? CAUSE_NO_CHILD : CAUSE_NONE);
}

static void children_done(struct daemon_step *step, const struct daemon_input *input)
{
    (void)input;
    children_ended(step, false);
}

static void children_failed(struct daemon_step *step, const struct daemon_input *input)
{
    (void)input;
    children_ended(step, true);
}

static void needs_met(struct daemon_step *step, const struct daemon_input *input)
{
    step->life.has_needs = false;
    go_on(step, input);
}

static void needs_failed(struct daemon_step *step, const struct daemon_input *input)
{
    (void)input;
    if (step->life.has_children)
        step->answer = ANSWER_STALE;
    else
        enter(step, STATE_HELD, CAUSE_NEEDS);
}

static void no_memory(struct daemon_step *step, const struct daemon_input *input)
{
    (void)input;
    enter(step, STATE_HELD, CAUSE_NO_MEMORY);
}

static void needs_open(struct daemon_step *step, const struct daemon_input *input)
{
    if (step->life.cause == CAUSE_NEEDS)
        go_on(step, input);
    else
        step->answer = ANSWER_STALE;
}

static void place(struct daemon_step *step, const struct daemon_input *input)
{
    (void)input;
    step->life.state = STATE_STARTING;
    step->life.cause = CAUSE_NONE;
    step->life.wish = WISH_NONE;
    step->life.due = 0;
    step->actions = ACTION_SPAWN;
}

static void stop(struct daemon_step *step, double now, unsigned action)
{
    step->life.state = STATE_STOPPING;
    step->life.due = now + DAEMON_NUDGE;
    step->actions |= action;
}

/* The wish of a job that was taken back before it began is fulfilled when its keeper has gone. */
static void started(struct daemon_step *step, const struct daemon_input *input)
{
    if (step->life.wish != WISH_NONE) {
        stop(step, input->now, ACTION_ABANDON);
        return;
    }
    step->life.state = STATE_RUNNING;
    step->actions = ACTION_GO;
}

/* Slurm has it. A wish that came while it was handed over is told to Slurm. */
static void hand_over(struct daemon_step *step, const struct daemon_input *input)
{
    if (step->life.wish != WISH_NONE)
        stop(step, input->now, ACTION_STOP);
    else
        step->life.state = STATE_PENDING;
}

static void begin(struct daemon_step *step, const struct daemon_input *input)
{
    (void)input;
    step->life.state = STATE_RUNNING;
}

/* Slurm has queued it again. */
static void wait_again(struct daemon_step *step, const struct daemon_input *input)
{
    (void)input;
    step->life.state = STATE_PENDING;
}

static void progress(struct daemon_step *step, const struct daemon_input *input)
{
    (void)input;
    step->life.fruitless = 0;
}

static void hold(struct daemon_step *step, const struct daemon_input *input)
{
    (void)input;
    if ((step->life.state == STATE_HELD && step->life.cause == CAUSE_PAUSED) || step->life.wish == WISH_CANCEL)
        step->answer = ANSWER_REFUSED;
    else
        enter(step, STATE_HELD, CAUSE_PAUSED);
}

/* A sweep is cancelled when its children have ended. */
static void cancel(struct daemon_step *step, const struct daemon_input *input)
{
    (void)input;
    if (!step->life.has_children || step->life.cause == CAUSE_BROKEN) {
        enter(step, STATE_CANCELLED, CAUSE_CANCELLED);
    } else if (step->life.wish == WISH_CANCEL) {
        step->answer = ANSWER_REFUSED;
    } else {
        enter(step, STATE_WAITING, CAUSE_CHILDREN);
        step->life.wish = WISH_CANCEL;
    }
}

static enum daemon_wish wish_of(enum daemon_event event)
{
    switch (event) {
    case EVENT_CANCEL:
        return WISH_CANCEL;
    case EVENT_PAUSE:
        return WISH_PAUSE;
    case EVENT_DRAIN:
        return WISH_DRAIN;
    default:
        return WISH_PREEMPT;
    }
}

/* A wish of less weight than one that stands is stale, or refused to a person. */
static void wish(struct daemon_step *step, const struct daemon_input *input)
{
    enum daemon_wish wanted = wish_of(input->event);
    if (wanted <= step->life.wish)
        step->answer = input->event == EVENT_CANCEL || input->event == EVENT_PAUSE ? ANSWER_REFUSED : ANSWER_STALE;
    else
        step->life.wish = wanted;
}

static void wish_and_stop(struct daemon_step *step, const struct daemon_input *input)
{
    wish(step, input);
    if (step->answer == ANSWER_TAKEN)
        stop(step, input->now, ACTION_STOP);
}

/* What was asked for cannot be called back; the job is queued again as soon as it has stopped. */
static void take_back(struct daemon_step *step, const struct daemon_input *input)
{
    (void)input;
    if (step->life.wish == WISH_PAUSE)
        step->life.wish = step->life.state == STATE_STARTING ? WISH_NONE : WISH_PREEMPT;
    else
        step->answer = ANSWER_REFUSED;
}

static void nudge(struct daemon_step *step, const struct daemon_input *input) { stop(step, input->now, ACTION_STOP); }

static void save(struct daemon_step *step, const struct daemon_input *input)
{
    (void)input;
    step->actions = ACTION_SAVE;
}

/* Its place in the queue changes, and not its life. */
static void reorder(struct daemon_step *step, const struct daemon_input *input)
{
    (void)step;
    (void)input;
}

/* By a person: with a full budget, and though a job that it was to follow has failed. */
static void resume(struct daemon_step *step, const struct daemon_input *input)
{
    if (step->life.cause == CAUSE_NEEDS)
        step->life.has_needs = false;
    step->life.fruitless = 0;
    go_on(step, input);
}

static void room(struct daemon_step *step, const struct daemon_input *input)
{
    if (step->life.cause == CAUSE_DISK_FULL)
        go_on(step, input);
    else
        step->answer = ANSWER_STALE;
}

static void set_aside(struct daemon_step *step, const struct daemon_input *input)
{
    (void)input;
    if (step->life.state == STATE_HELD && step->life.cause == CAUSE_BROKEN)
        step->answer = ANSWER_STALE;
    else
        enter(step, STATE_HELD, CAUSE_BROKEN);
}

/* Pairs that are not here change nothing: see daemon_next. */
static rule *const rules[DAEMON_STATES][DAEMON_EVENTS] = {
    [STATE_WAITING] = {[EVENT_NEEDS_MET] = needs_met, [EVENT_NEEDS_FAILED] = needs_failed, [EVENT_CHILDREN_DONE] = children_done,
                       [EVENT_CHILDREN_FAILED] = children_failed, [EVENT_BROKEN] = set_aside, [EVENT_PAUSE] = hold,
                       [EVENT_CANCEL] = cancel, [EVENT_PRIORITY] = reorder},
    [STATE_QUEUED] = {[EVENT_PLACED] = place, [EVENT_NO_MEMORY] = no_memory, [EVENT_BROKEN] = set_aside, [EVENT_PAUSE] = hold,
                      [EVENT_CANCEL] = cancel, [EVENT_PRIORITY] = reorder},
    [STATE_STARTING] = {[EVENT_HANDED_OVER] = hand_over, [EVENT_STARTED] = started, [EVENT_NOT_STARTED] = take_failed_start, [EVENT_ENDED] = take_end,
                        [EVENT_PREEMPT] = wish, [EVENT_DRAIN] = wish, [EVENT_PAUSE] = wish, [EVENT_RESUME] = take_back,
                        [EVENT_CANCEL] = wish, [EVENT_PRIORITY] = reorder},
    [STATE_PENDING] = {[EVENT_STARTED] = begin, [EVENT_PROGRESS] = progress, [EVENT_ENDED] = take_end, [EVENT_PAUSE] = wish_and_stop,
                       [EVENT_CANCEL] = wish_and_stop, [EVENT_PRIORITY] = reorder},
    [STATE_RUNNING] = {[EVENT_REQUEUED] = wait_again, [EVENT_PROGRESS] = progress, [EVENT_ENDED] = take_end, [EVENT_PREEMPT] = wish_and_stop,
                       [EVENT_DRAIN] = wish_and_stop, [EVENT_CHECKPOINT] = save, [EVENT_PAUSE] = wish_and_stop,
                       [EVENT_CANCEL] = wish_and_stop, [EVENT_PRIORITY] = reorder},
    [STATE_STOPPING] = {[EVENT_PROGRESS] = progress, [EVENT_ENDED] = take_end, [EVENT_PREEMPT] = wish, [EVENT_DRAIN] = wish,
                        [EVENT_NUDGE] = nudge, [EVENT_PAUSE] = wish, [EVENT_RESUME] = take_back, [EVENT_CANCEL] = wish, [EVENT_PRIORITY] = reorder},
    [STATE_BACKOFF] = {[EVENT_DUE] = go_on, [EVENT_BROKEN] = set_aside, [EVENT_PAUSE] = hold, [EVENT_RESUME] = resume,
                       [EVENT_CANCEL] = cancel, [EVENT_PRIORITY] = reorder},
    [STATE_HELD] = {[EVENT_NEEDS_OPEN] = needs_open, [EVENT_ROOM] = room, [EVENT_BROKEN] = set_aside, [EVENT_PAUSE] = hold,
                    [EVENT_RESUME] = resume, [EVENT_CANCEL] = cancel, [EVENT_PRIORITY] = reorder},
};

static bool is_by_person(enum daemon_event event)
{
    return event == EVENT_PRIORITY || event == EVENT_CHECKPOINT || event == EVENT_PAUSE || event == EVENT_RESUME || event == EVENT_CANCEL;
}

struct daemon_step daemon_next(const struct daemon_life *life, const struct daemon_input *input)
{
    struct daemon_step step = {ANSWER_TAKEN, *life, 0};
    rule *apply = rules[life->state][input->event];
    if (apply)
        apply(&step, input);
    else
        step.answer = is_by_person(input->event) ? ANSWER_REFUSED : ANSWER_STALE;
    if (step.answer != ANSWER_TAKEN) {
        step.life = *life;
        step.actions = 0;
    }
    return step;
}

enum daemon_end daemon_end_of(const struct bit_end *end, bool disk_is_full)
{
    if (end->action == BIT_END_LATER && end->code != BIT_EAGAIN)
        return END_IN_USE;
    switch (end->code) {
    case BIT_OK:
        return END_DONE;
    case BIT_EUSAGE:
        return END_BAD_JOB;
    case BIT_EDATA:
        return END_BAD_DATA;
    case BIT_ENOINPUT:
        return END_MISSING_INPUT;
    case BIT_ENOGENERATION:
        return END_NO_CHECKPOINT;
    case BIT_EINTERNAL:
        return END_INTERNAL;
    case BIT_EAGAIN:
        return END_STOPPED;
    case BIT_ELATE:
        return END_HUNG;
    default:
        return disk_is_full ? END_DISK_FULL : END_ENVIRONMENT;
    }
}

enum daemon_found daemon_find(const struct daemon_sight *sight)
{
    if (!sight->has_identity)
        return FOUND_NEVER_RAN; /* it waits for a "go" that nobody can give it any more */
    if (sight->is_alive)
        return FOUND_ALIVE;
    if (!sight->has_record)
        return FOUND_LOST;
    return sight->ran ? FOUND_ENDED : FOUND_NEVER_RAN;
}

enum slurm_found daemon_find_slurm(const struct daemon_slurm_sight *sight)
{
    if (sight->has_record)
        return SLURM_FOUND_OVER;
    if (!sight->has_answer)
        return SLURM_FOUND_NOTHING;
    if (!sight->has_number)
        return sight->unsure >= DAEMON_UNSURE ? SLURM_FOUND_NEVER : SLURM_FOUND_NOTHING;
    switch (sight->view) {
    case SLURM_PENDING:
        return SLURM_FOUND_WAITING;
    case SLURM_RUNNING:
        return SLURM_FOUND_RUNNING;
    case SLURM_ENDED:
    case SLURM_ABSENT:
        break; /* the script's own word may be on its way: not at once */
    }
    return sight->absences >= DAEMON_ABSENCES ? SLURM_FOUND_OVER : SLURM_FOUND_NOTHING;
}

/* Slurm's words for an end that is nobody's fault here. */
static enum daemon_end end_of_state(const char *state)
{
    static const struct { const char *state; enum daemon_end end; } known[] = {
        {"CANCELLED", END_OPERATOR}, {"PREEMPTED", END_PREEMPTED}, {"REVOKED", END_PREEMPTED}, {"TIMEOUT", END_ENVIRONMENT},
        {"DEADLINE", END_ENVIRONMENT}, {"NODE_FAIL", END_ENVIRONMENT}, {"BOOT_FAIL", END_ENVIRONMENT}, {"OUT_OF_MEMORY", END_NO_MEMORY}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(state, known[i].state))
            return known[i].end;
    return END_LOST;
}

/* Whether the run itself has settled the matter, whatever ended its job in Slurm. */
static bool is_settled(enum daemon_end end)
{
    return end == END_DONE || end == END_BAD_JOB || end == END_BAD_DATA || end == END_MISSING_INPUT || end == END_INTERNAL ||
           end == END_NO_CHECKPOINT;
}

enum daemon_end daemon_end_of_slurm(const char *state, const struct slurm_record *record, enum daemon_end judged)
{
    enum daemon_end by_state = end_of_state(state);
    if (is_settled(judged))
        return judged;
    if (by_state == END_OPERATOR || by_state == END_PREEMPTED)
        return by_state;
    if (by_state == END_NO_MEMORY || (record && record->gave_up && record->no_memory))
        return END_NO_MEMORY;
    if (record && record->gave_up)
        return END_GAVE_UP;
    if (judged == END_STOPPED && ((record && record->by_slurm) || by_state == END_ENVIRONMENT))
        return END_PREEMPTED; /* it has saved in time */
    return judged == END_LOST ? by_state : judged;
}
