/* What a run leaves in its folder, and who may read it: the names of its files, how it stands or ended (outcome.json), what that means
 * for another start, and the lock. bitrun writes it; the watchdog, bit, bit-launch and the daemon read it or amend it. All local. */
#ifndef BIT_RECORD_H
#define BIT_RECORD_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bit/error.h"
#include "bit/metric.h"
#include "bit/phase.h"

/* ---- names below a run's folder ---- */

#define BIT_RECORD_OUTCOME "outcome.json"
#define BIT_RECORD_EVALUATION "evaluation.json"
#define BIT_RECORD_METRICS "metrics.jsonl"
#define BIT_RECORD_PREDICTIONS "predictions.jsonl" /* where bit report and bit compare look for them */
#define BIT_RECORD_JOB "job.json"
#define BIT_RECORD_LOG "log.txt"
#define BIT_RECORD_QUARANTINE "quarantine.tsv"
#define BIT_RECORD_CHECKPOINTS "checkpoints"
#define BIT_RECORD_CACHE "cache"
#define BIT_RECORD_LOCK "lock"
#define BIT_RECORD_HEARTBEAT "heartbeat"    /* a file a rank, and those two: */
#define BIT_RECORD_VERDICT "heartbeat/late" /* the rank that timed out */
#define BIT_RECORD_LEASE "heartbeat/judge"  /* who looks at all ranks just now */
#define BIT_RECORD_EVALUATING "evaluating"  /* heartbeat and lock of bitrun --evaluate */

/* ---- outcome.json ---- */

enum bit_run_state { BIT_RUN_UNKNOWN, BIT_RUN_RUNNING, BIT_RUN_FINISHED, BIT_RUN_STOPPED, BIT_RUN_FAILED };
enum { BIT_RUN_STATES = 5 };
/* "running", "finished", "stopped", "failed"; "unknown" is never written. */
const char *bit_run_state_name(enum bit_run_state state);

#define BIT_RECORD_UNKNOWN UINT64_MAX /* of steps and counts that are not known: null in the file */

/* Where the training stands. */
struct bit_outcome_progress {
    uint64_t step, steps;          /* done; of the whole schedule */
    uint64_t checkpoint_step;      /* of the newest generation */
    uint64_t resumes, rollbacks, bad_images;
    double epoch, seconds;         /* seconds: of all invocations */
    double invocation_seconds;
    char weights_hash[33];         /* at `step`; "": not known */
};

/* The newest evaluation and the best. */
struct bit_outcome_evaluation {
    struct bit_metrics metrics;    /* count 0: none yet */
    double loss;
    uint64_t images, step;
    double best;                   /* of metrics.item[0] */
    uint64_t best_step;
};

struct bit_outcome_machine {
    uint64_t ranks, threads, process, peak_memory_bytes;
    char backend[32], instruction_set[32], version[32], host[256];
};

/* The rank that timed out, in an outcome with the reason "late". */
struct bit_outcome_late {
    int rank;                      /* -1: none */
    char host[64], phase[16];
    uint64_t process;
    double seconds;
};

struct bit_outcome {
    enum bit_run_state state;
    enum bit_code code;            /* how it ended; state running: BIT_OK */
    char message[2048], signal[16], job[256];
    char started[32];              /* of the invocation */
    char written[32];              /* when it ended or, of a running one, when this was written */
    struct bit_outcome_progress progress;
    struct bit_outcome_evaluation evaluation;
    struct bit_outcome_machine machine;
    struct bit_outcome_late late;
};

/* All unknown. */
void bit_outcome_init(struct bit_outcome *outcome);
/* Reads DIR/outcome.json. -1: no-input when there is none, data when it is not one (doubled keys, wrong types, states that do not
 * exist); keys of newer versions are passed over, and keys of older ones may be missing. On failure *outcome is as by init. */
int bit_outcome_read(const char *folder, struct bit_outcome *outcome, struct bit_error *error);
/* Writes DIR/outcome.json whole and atomically; durable unless it is of a running run. */
int bit_outcome_write(const char *folder, const struct bit_outcome *outcome, struct bit_error *error);
/* Makes a failure of what is there, which may be nothing, keeping where the run stands: for a watchdog, which knows no more than the
 * verdict (or NULL). Durable. */
int bit_outcome_fail(const char *folder, enum bit_code code, const char *message, const struct bit_outcome_late *late, uint64_t step,
                     struct bit_error *error);
/* The state alone; unknown when it cannot be read. */
enum bit_run_state bit_outcome_state(const char *folder);
static inline bool bit_run_has_ended(enum bit_run_state state)
{
    return state == BIT_RUN_FINISHED || state == BIT_RUN_STOPPED || state == BIT_RUN_FAILED;
}

/* ---- evaluation.json ---- */

/* The result of bitrun --evaluate. `data`: the validation data's path. */
struct bit_evaluation_record {
    uint64_t step, images, bad_images;
    double epoch, loss, seconds;
    struct bit_metrics metrics;
    const char *data;
    struct bit_outcome_machine machine;
};
/* Writes DIR/evaluation.json, durably and atomically. */
int bit_evaluation_record_write(const char *folder, const struct bit_evaluation_record *record, struct bit_error *error);
/* Reads it, without `data` and machine. -1: no-input when there is none, data when it is not one. A file of an older version has no metrics. */
int bit_evaluation_record_read(const char *folder, struct bit_evaluation_record *record, struct bit_error *error);

/* ---- what an end means ---- */

/* Whether another start makes sense, and who decides: nothing is left to do; at once; later, when what stands in the way is gone
 * (another run in the folder) or when somebody who stopped the run wants it back; not before somebody has looked. */
enum bit_end_action { BIT_END_DONE, BIT_END_AGAIN, BIT_END_LATER, BIT_END_HELD };
const char *bit_end_action_name(enum bit_end_action action);

struct bit_end {
    enum bit_end_action action;
    int code;                      /* the run's exit code, whatever its starter's was */
    bool is_news;                  /* the run itself has not said so: it was cut off, or never began */
    char why[512];                 /* a sentence without a full stop */
};

struct bit_end_facts {
    int code;                      /* exit code of what started the run (mpirun, srun), > 128: died of a signal; -1: not known */
    bool is_evaluation;            /* bitrun --evaluate: it leaves outcome.json alone */
    bool asked;                    /* the starter was asked to stop the run, and did so */
    bool ended;                    /* a watcher ended it from outside */
    double patience;               /* seconds that the last holder of the folder may take to die */
    const char *before;            /* bit_outcome_mark before the start; NULL: whatever stands there counts */
};

/* What tells a file from what stood there before: another machine's clock may have set its time. Of a missing file "". */
void bit_outcome_mark(const char *folder, char *mark, size_t size);
/* Judges the end of a start. mpirun's exit code says little, as it collides with MPI's error classes: where this start has written an
 * outcome, that counts. An outcome that still says "running" though nobody holds the folder becomes a failure (environment). */
int bit_end_judge(const char *folder, const struct bit_end_facts *facts, struct bit_end *end, struct bit_error *error);

/* What an exit code of bitrun or bit-launch means by itself. -1 (usage) for others. */
int bit_end_of_code(int code, struct bit_end *end, struct bit_error *error);

/* ---- the lock of a folder ---- */

struct bit_lock;

/* Takes the lock file `path` or fails (environment) naming the host and process that hold it. The kernel gives it up with the
 * process, so a killed holder leaves nothing to clear away. A holder that is dying is waited for (5 s), and one on another host
 * whose heartbeat (beside the lock) has stopped, up to 100 s. On a file system without locks the text in the file decides: a holder
 * on this host that is gone is passed over, one on another host is believed. Local. */
struct bit_lock *bit_lock_take(const char *path, struct bit_error *error);
/* False on a file system without locks, where somebody who does not look may be at work, too. */
bool bit_lock_is_kept(const struct bit_lock *lock);
/* Gives it up and removes the file, or leaves it, for a folder whose list of files is specified. NULL is fine. */
void bit_lock_release(struct bit_lock *lock);
void bit_lock_leave(struct bit_lock *lock);
/* Whether a process holds the lock, also when it goes within `patience` seconds. Where it cannot be told: false. Local. */
bool bit_lock_is_held(const char *path, double patience);

#endif
