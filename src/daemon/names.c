/* Names and meanings of states, causes, wishes and events: what the store, the interface and `bit help states` say. */
#include <string.h>

#include "daemon/next.h"

struct word { const char *name, *meaning; };

static const struct word states[DAEMON_STATES] = {
    [STATE_WAITING] = {"waiting", "other jobs have to end first"},
    [STATE_QUEUED] = {"queued", "waits for cores"},
    [STATE_STARTING] = {"starting", "is being started"},
    [STATE_PENDING] = {"pending", "was handed to Slurm, and waits there"},
    [STATE_RUNNING] = {"running", "runs"},
    [STATE_STOPPING] = {"stopping", "was asked to save and to stop"},
    [STATE_BACKOFF] = {"backoff", "starts again by itself after a while"},
    [STATE_HELD] = {"held", "somebody, or a condition, has to act first: the cause says which; resume goes on"},
    [STATE_DONE] = {"done", "has ended well"},
    [STATE_FAILED] = {"failed", "cannot go on as it is: mend what the cause says, then rerun"},
    [STATE_CANCELLED] = {"cancelled", "was cancelled; rerun goes on from its last checkpoint as a new job"},
};

static const struct word causes[DAEMON_CAUSES] = {
    [CAUSE_NONE] = {"none", "nothing to explain"},
    [CAUSE_CHILDREN] = {"children", "a sweep: its jobs have not all ended"},
    [CAUSE_NEEDS] = {"needs", "a job that this one was to follow has not ended well; rerun that one, or resume this one all the same"},
    [CAUSE_PAUSED] = {"paused", "by pause"},
    [CAUSE_BY_HAND] = {"stopped-by-hand", "the run was asked to stop, and not by bitd"},
    [CAUSE_NO_PROGRESS] = {"no-progress", "as many starts in a row as its budget allows brought no new checkpoint"},
    [CAUSE_NO_CHECKPOINT] = {"no-whole-checkpoint", "checkpoints are there, and none of them is whole: see bit-recovery(7)"},
    [CAUSE_DISK_FULL] = {"disk-full", "too little room on its disk; goes on by itself when there is room again"},
    [CAUSE_NO_MEMORY] = {"memory", "its ranks need more memory than there is: fewer ranks a host, or a smaller micro_batch"},
    [CAUSE_OPERATOR] = {"operator", "its Slurm job was cancelled by somebody else, or is held in Slurm"},
    [CAUSE_BROKEN] = {"broken", "its record could not be read when bitd started"},
    [CAUSE_FOLDER_IN_USE] = {"folder-in-use", "another run uses its folder; looked at again every 30 s, at no cost"},
    [CAUSE_ENVIRONMENT] = {"environment", "disk, memory, network or a host failed (exit code 74)"},
    [CAUSE_HUNG] = {"hung", "a rank hung, was stopped or was lost (exit code 76)"},
    [CAUSE_LOST] = {"lost", "nobody saw how it ended"},
    [CAUSE_NOT_STARTED] = {"not-started", "it could not be started"},
    [CAUSE_PREEMPTED] = {"preempted", "stopped by checkpoint for a job of higher priority"},
    [CAUSE_DRAINED] = {"drained", "stopped by checkpoint because its host is to be free"},
    [CAUSE_BAD_JOB] = {"bad-job", "the job is wrong (exit code 64)"},
    [CAUSE_BAD_DATA] = {"bad-data", "the data cannot be used (exit code 65)"},
    [CAUSE_MISSING_INPUT] = {"missing-input", "something that the job names is missing (exit code 66)"},
    [CAUSE_INTERNAL] = {"internal", "a fault in the program: please report it (exit code 70)"},
    [CAUSE_NO_CHILD] = {"no-result", "a sweep: none of its jobs, or not the last, has ended well; rerun goes on with those that have not"},
    [CAUSE_CANCELLED] = {"cancelled", "by cancel"},
};

static const char *const wishes[DAEMON_WISHES] = {"none", "preempt", "drain", "pause", "cancel"};

static const char *const events[DAEMON_EVENTS] = {
    [EVENT_SUBMITTED] = "submitted", [EVENT_NEEDS_MET] = "needs-met", [EVENT_NEEDS_FAILED] = "needs-failed",
    [EVENT_NEEDS_OPEN] = "needs-open", [EVENT_CHILDREN_DONE] = "children-done", [EVENT_CHILDREN_FAILED] = "children-failed",
    [EVENT_PLACED] = "placed", [EVENT_HANDED_OVER] = "handed-over", [EVENT_STARTED] = "started", [EVENT_REQUEUED] = "requeued",
    [EVENT_NOT_STARTED] = "not-started", [EVENT_NO_MEMORY] = "no-memory",
    [EVENT_PROGRESS] = "progress", [EVENT_ENDED] = "ended", [EVENT_DUE] = "due", [EVENT_ROOM] = "room", [EVENT_BROKEN] = "broken",
    [EVENT_PREEMPT] = "preempt", [EVENT_DRAIN] = "drain", [EVENT_NUDGE] = "nudge", [EVENT_PRIORITY] = "priority",
    [EVENT_CHECKPOINT] = "checkpoint",
    [EVENT_PAUSE] = "pause", [EVENT_RESUME] = "resume", [EVENT_CANCEL] = "cancel",
};

const char *daemon_state_name(enum daemon_state state) { return states[state].name; }
const char *daemon_state_meaning(enum daemon_state state) { return states[state].meaning; }
const char *daemon_cause_name(enum daemon_cause cause) { return causes[cause].name; }
const char *daemon_cause_meaning(enum daemon_cause cause) { return causes[cause].meaning; }
const char *daemon_wish_name(enum daemon_wish wish) { return wishes[wish]; }
const char *daemon_event_name(enum daemon_event event) { return events[event]; }

int daemon_state_parse(const char *name)
{
    for (int i = 0; i < DAEMON_STATES; i++)
        if (name && !strcmp(states[i].name, name))
            return i;
    return -1;
}

int daemon_cause_parse(const char *name)
{
    for (int i = 0; i < DAEMON_CAUSES; i++)
        if (name && !strcmp(causes[i].name, name))
            return i;
    return -1;
}

int daemon_wish_parse(const char *name)
{
    for (int i = 0; i < DAEMON_WISHES; i++)
        if (name && !strcmp(wishes[i], name))
            return i;
    return -1;
}

int daemon_event_parse(const char *name)
{
    for (int i = 0; i < DAEMON_EVENTS; i++)
        if (name && !strcmp(events[i], name))
            return i;
    return -1;
}
