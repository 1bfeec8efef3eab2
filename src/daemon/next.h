/* The life of a job, without any input or output: (job, event) -> job, actions. See README.md for the tables. Pure and local: the daemon, the
 * tests and the simulation call the same functions. */
#ifndef DAEMON_NEXT_H
#define DAEMON_NEXT_H

#include <stdbool.h>

#include "bit/record.h"

enum daemon_state {
    STATE_WAITING, STATE_QUEUED, STATE_STARTING, STATE_PENDING, STATE_RUNNING, STATE_STOPPING, STATE_BACKOFF, STATE_HELD, STATE_DONE, STATE_FAILED,
    STATE_CANCELLED,
    DAEMON_STATES
};

enum daemon_cause {
    CAUSE_NONE, CAUSE_CHILDREN, CAUSE_NEEDS, CAUSE_PAUSED, CAUSE_BY_HAND, CAUSE_NO_PROGRESS, CAUSE_NO_CHECKPOINT, CAUSE_DISK_FULL, CAUSE_NO_MEMORY, CAUSE_OPERATOR,
    CAUSE_BROKEN, CAUSE_FOLDER_IN_USE, CAUSE_ENVIRONMENT, CAUSE_HUNG, CAUSE_LOST, CAUSE_NOT_STARTED, CAUSE_PREEMPTED, CAUSE_DRAINED,
    CAUSE_BAD_JOB, CAUSE_BAD_DATA, CAUSE_MISSING_INPUT, CAUSE_INTERNAL, CAUSE_NO_CHILD, CAUSE_CANCELLED,
    DAEMON_CAUSES
};

/* What somebody wants of a job with a live attempt, and is not done yet; of more weight from left to right. */
enum daemon_wish { WISH_NONE, WISH_PREEMPT, WISH_DRAIN, WISH_PAUSE, WISH_CANCEL, DAEMON_WISHES };

enum daemon_event {
    EVENT_SUBMITTED, EVENT_NEEDS_MET, EVENT_NEEDS_FAILED, EVENT_NEEDS_OPEN, EVENT_CHILDREN_DONE, EVENT_CHILDREN_FAILED, EVENT_PLACED,
    EVENT_HANDED_OVER, EVENT_STARTED, EVENT_REQUEUED, EVENT_NOT_STARTED, EVENT_NO_MEMORY, EVENT_PROGRESS,
    EVENT_ENDED, EVENT_DUE, EVENT_ROOM, EVENT_BROKEN, EVENT_PREEMPT, EVENT_DRAIN, EVENT_NUDGE, EVENT_PRIORITY, EVENT_CHECKPOINT, EVENT_PAUSE, EVENT_RESUME,
    EVENT_CANCEL,
    DAEMON_EVENTS
};

/* How an attempt ended. */
enum daemon_end {
    END_DONE, END_BAD_JOB, END_BAD_DATA, END_MISSING_INPUT, END_INTERNAL, END_NO_CHECKPOINT, END_DISK_FULL, END_IN_USE, END_ENVIRONMENT,
    END_HUNG, END_LOST, END_STOPPED,
    END_OPERATOR,                                  /* Slurm's job was cancelled by somebody else */
    END_PREEMPTED,                                 /* Slurm took its place away: costs nothing */
    END_GAVE_UP,                                   /* the batch script has started it again and again without a new checkpoint */
    END_NO_MEMORY,                                 /* Slurm has ended it for want of memory */
    END_NEVER_RAN,                                 /* its keeper was never told to go: costs nothing */
    DAEMON_ENDS
};

/* What follows from a step, to be done once it is on disk. All may be repeated. */
enum daemon_action {
    ACTION_SPAWN = 1 << 0,   /* make the keeper of a new attempt, or hand it over to Slurm */
    ACTION_GO = 1 << 1,      /* tell the keeper to begin */
    ACTION_ABANDON = 1 << 2, /* tell it that it will not begin */
    ACTION_STOP = 1 << 3,    /* ask the run to save and to stop */
    ACTION_SAVE = 1 << 4,    /* ask it to save */
    ACTION_CLOSE = 1 << 5,   /* the attempt is over: its end goes on record, its cores are free */
    ACTION_TELL = 1 << 6,    /* the job has ended or is held: jobs that need it, and the user, are to know */
};

enum { DAEMON_BUDGET = 5 };  /* starts in a row without a new generation, unless the job says otherwise */
enum { DAEMON_NUDGE = 30 };  /* seconds after which a stop is asked for again */
enum { DAEMON_LOOK_AGAIN = 30 }; /* seconds until a folder in use is looked at again */

struct daemon_life {
    enum daemon_state state;
    enum daemon_cause cause;
    enum daemon_wish wish;
    bool has_needs;          /* other jobs have to end first, and have not */
    bool has_children;       /* a sweep: it waits for its children from the beginning to its end, and has no attempts of its own */
    int fruitless, budget;   /* failed starts in a row without a new generation; how many of them hold the job */
    double due;              /* BACKOFF: when it starts again; STOPPING: when the stop is asked for again; else 0 (Unix seconds) */
};

struct daemon_input {
    enum daemon_event event;
    double now;              /* Unix seconds */
    enum daemon_end end;     /* ENDED, NOT_STARTED */
    bool has_progressed;     /* ENDED: a new generation since its start */
};

enum daemon_answer {
    ANSWER_TAKEN,
    ANSWER_STALE,            /* it no longer matters (an event that has crossed another): nothing changes */
    ANSWER_REFUSED,          /* somebody asked for what makes no sense in this state */
};

struct daemon_step {
    enum daemon_answer answer;
    struct daemon_life life;
    unsigned actions;        /* of enum daemon_action */
};

/* A job that begins. */
struct daemon_life daemon_life_begin(bool has_needs, int budget);
/* A sweep that begins. */
struct daemon_life daemon_life_begin_sweep(int budget);
/* What an event makes of a job. Total: every (state, event) has an answer. */
struct daemon_step daemon_next(const struct daemon_life *life, const struct daemon_input *input);
/* What bit_end_judge found, in the words of this module. `disk_is_full`: the folder's disk has too little room now. */
enum daemon_end daemon_end_of(const struct bit_end *end, bool disk_is_full);

/* What is there of a live attempt when bitd looks for it: after its own start, or when a keeper has gone. */
struct daemon_sight {
    bool has_identity;       /* its keeper's pid, start time and boot are in the store, so it may have been told to go */
    bool is_alive;           /* of this boot, and its lock is held, or its keeper's process is there */
    bool has_record;         /* its end record is there */
    bool ran;                /* which says that something was started */
};
enum daemon_found {
    FOUND_ALIVE,             /* to be followed */
    FOUND_ENDED,             /* by its record */
    FOUND_LOST,              /* without one */
    FOUND_NEVER_RAN,         /* nothing was ever started */
};
enum daemon_found daemon_find(const struct daemon_sight *sight);

/* The same of a job of Slurm's. A new submission needs proof that the former one is gone: that Slurm cannot be asked is none. */
enum slurm_view { SLURM_ABSENT, SLURM_PENDING, SLURM_RUNNING, SLURM_ENDED }; /* in squeue's answer */
struct daemon_slurm_sight {
    bool has_number;         /* of Slurm's job: it is in the store, or squeue shows a job of this attempt */
    bool has_answer;         /* squeue has answered to a question that was asked when the number was known or the submission was over */
    enum slurm_view view;    /* in its newest answer */
    int absences;            /* answers in a row in which it was absent or had ended */
    double unsure;           /* seconds from a submission that may have arrived to the newest question that was answered */
    bool has_record;         /* the batch script's word that it has ended for good */
};
enum slurm_found {
    SLURM_FOUND_NOTHING,     /* nothing new is known: all stays */
    SLURM_FOUND_WAITING, SLURM_FOUND_RUNNING,
    SLURM_FOUND_OVER,
    SLURM_FOUND_NEVER,       /* the submission has not arrived */
};
enum { DAEMON_UNSURE = 60 }; /* seconds for which a submission without an answer may still arrive */
enum { DAEMON_ABSENCES = 2 };
enum slurm_found daemon_find_slurm(const struct daemon_slurm_sight *sight);

/* How an attempt of Slurm's ended. `state`: Slurm's word for it, "" when nobody saw it. `record`: what the batch script has written, or
 * NULL. `judged`: what bit_end_judge says of the run's folder, END_LOST when it knows nothing. */
struct slurm_record {
    int code;
    bool gave_up;            /* several starts of Slurm's job in a row made no checkpoint */
    bool no_memory;          /* the kernel has killed ranks for want of memory in its last start */
    bool by_slurm;           /* stopped by the time limit or by Slurm's TERM, and not by a person */
};
enum daemon_end daemon_end_of_slurm(const char *state, const struct slurm_record *record, enum daemon_end judged);

/* Whether the state has a live attempt (an attempt's row that is not closed), and whether it is the job's end. */
bool daemon_is_live(enum daemon_state state);
bool daemon_is_final(enum daemon_state state);

/* Names as in the store and the interface; parse: -1 when there is no such name. */
const char *daemon_state_name(enum daemon_state state);
const char *daemon_cause_name(enum daemon_cause cause);
const char *daemon_wish_name(enum daemon_wish wish);
const char *daemon_event_name(enum daemon_event event);
int daemon_state_parse(const char *name);
int daemon_cause_parse(const char *name);
int daemon_wish_parse(const char *name);
int daemon_event_parse(const char *name);
/* A sentence for people. */
const char *daemon_state_meaning(enum daemon_state state);
const char *daemon_cause_meaning(enum daemon_cause cause);

#endif
