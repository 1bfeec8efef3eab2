/* What bitd remembers: jobs, needs, attempts, events and hosts in one SQLite file. One connection in one thread, which nobody else may have.
 * Changes gather in a transaction that begins by itself; they are on disk when store_commit returns 0, and not before. When it fails, the
 * process has to end: what it believes is no longer what is written. All local. */
#ifndef DAEMON_STORE_H
#define DAEMON_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "bit/error.h"
#include "daemon/next.h"

struct store;

enum { STORE_NAME = 101, STORE_WHY = 512, STORE_NEEDS = 32 };
#define STORE_UNKNOWN (-1) /* of numbers that are not known: NULL in the file */

enum daemon_engine { ENGINE_LOCAL, ENGINE_SLURM, ENGINE_SWEEP /* a sweep: its children run, it does not */ };

struct store_attempt {
    int number;                  /* 0: there was none yet */
    enum daemon_engine engine;
    char hosts[512];             /* "a:2,b:2" */
    char cores[256];             /* on this host: "0-3,8"; Slurm: the most ranks a node may get, from the next start on, "": as many as fit */
    int ranks;
    int64_t pid, start_ticks;    /* of its keeper; pid 0: not known, so nothing was ever told to go */
    char boot[40];
    int64_t slurm_id;            /* or unknown */
    double begun, ended;         /* Unix seconds; ended 0: it lives */
    int code;                    /* exit code, or unknown */
    int64_t step_before, step_after; /* of its newest generation, or unknown */
    char why[STORE_WHY];
    char mark[128];              /* bit_outcome_mark before its start */
    /* In memory only: how Slurm's job was seen. */
    char slurm_state[24], slurm_reason[128];
    double slurm_seen, slurm_silent; /* Unix seconds: 0: not yet; since when Slurm does not answer, 0: it does */
};

struct store_need { int64_t on; bool any; /* any end will do */ };

struct store_job {
    int64_t id;
    char token[STORE_NAME], name[STORE_NAME];
    char *out, *file, *spec;     /* spec: the frozen job; NULL where it was not asked for */
    int least, most, threads, parts, priority;
    enum daemon_engine engine;
    struct daemon_life life;
    char why[STORE_WHY];
    double submitted, changed;
    int64_t parent;              /* or unknown */
    int index;                   /* among its parent's children */
    char version[32];            /* of the bit that submitted it */
    char options[STORE_WHY];     /* of sbatch, with blanks between them */
    char data[128];              /* fingerprint of its data when that was first looked at; "": not known */
    char notice[STORE_WHY];      /* what its user is to know beside all that: its data have changed; "" */
    int64_t rank_bytes;          /* memory of a rank, as planned; or unknown */
    struct store_need need[STORE_NEEDS];
    int needs;
    struct store_attempt attempt; /* the newest */
};
void store_job_free(struct store_job *job); /* what it points to */

/* Opens `folder`/state.db, made if it is not there, for this process alone. Refused on network file systems, where SQLite's locks do not
 * hold (environment; the text names the key `state`), for a store of a newer bitd (data), and when it is damaged (data). */
struct store *store_open(const char *folder, struct bit_error *error);
void store_close(struct store *store);
/* Whether a folder lies on a file system that SQLite can trust; -1 names it. */
int store_check_folder(const char *folder, struct bit_error *error);

/* Whether something waits for store_commit. */
bool store_is_dirty(const struct store *store);
int store_commit(struct store *store, struct bit_error *error);
/* Gives back what waits: of one request that failed. */
void store_rollback(struct store *store);
/* Work that need not be done at once: moves the log into the file. */
void store_rest(struct store *store);
/* A copy in `path`, on disk and whole when it is there; one that is there already is replaced. */
int store_backup(struct store *store, const char *path, struct bit_error *error);
int64_t store_bytes(const struct store *store);

/* ---- jobs ---- */

/* Gives it an id. Everything but the attempt is written. */
int store_add_job(struct store *store, struct store_job *job, struct bit_error *error);
/* Its needs alone, of a job that was added without. */
int store_add_needs(struct store *store, const struct store_job *job, struct bit_error *error);
int64_t store_next_id(struct store *store); /* which the next job will get */
int store_set_next_id(struct store *store, int64_t id, struct bit_error *error); /* no job may have it, or a larger one */
/* Life, why, changed and priority of a job. */
int store_set_job(struct store *store, const struct store_job *job, struct bit_error *error);
/* What was noted of a job beside its life: data, notice, rank_bytes. */
int store_set_note(struct store *store, const struct store_job *job, struct bit_error *error);
/* With its needs and its newest attempt; `with_spec`: the frozen job, too. no-input when there is none. */
int store_read_job(struct store *store, int64_t id, bool with_spec, struct store_job *job, struct bit_error *error);
/* The id of a job with this token; 0: none. -1 on failure. */
int64_t store_find_token(struct store *store, const char *token, struct bit_error *error);
/* A job that has not ended and uses this folder; 0: none. */
int64_t store_find_out(struct store *store, const char *out, struct bit_error *error);
/* Jobs with one of the states of `states` (bits), numbers below `before` (0: from the newest), newest first, at most `limit`, into `ids`.
 * Returns how many, -1 on failure. */
int store_list(struct store *store, unsigned states, int64_t before, int limit, int64_t *ids, struct bit_error *error);
/* Of jobs that have ended, that last changed after `after` and before `before` (Unix seconds), the oldest first. */
int store_list_ended(struct store *store, double after, double before, int limit, int64_t *ids, struct bit_error *error);
int store_children(struct store *store, int64_t parent, int limit, int64_t *ids, struct bit_error *error);
int store_dependents(struct store *store, int64_t on, int limit, int64_t *ids, struct bit_error *error);
/* Those that were to follow `from` follow `to`. */
int store_move_needs(struct store *store, int64_t from, int64_t to, struct bit_error *error);
int store_count_states(struct store *store, int64_t counts[DAEMON_STATES], struct bit_error *error);

/* ---- attempts and events ---- */

int store_add_attempt(struct store *store, int64_t job, const struct store_attempt *attempt, struct bit_error *error);
int store_set_attempt(struct store *store, int64_t job, const struct store_attempt *attempt, struct bit_error *error);
/* 0: read; no-input when there is none of that number. */
int store_read_attempt(struct store *store, int64_t job, int number, struct store_attempt *attempt, struct bit_error *error);

/* context: a JSON object. Returns its number, -1 on failure. */
int64_t store_add_event(struct store *store, int64_t job, double time, const char *name, const char *context, struct bit_error *error);
struct store_event { int64_t id, job; double time; const char *name, *context; };
/* Events after number `after` of one job (0: of all), oldest first, at most `limit`. `take` gets each; its texts live during the call. */
int store_events(struct store *store, int64_t job, int64_t after, int limit, void (*take)(void *context, const struct store_event *event),
                 void *context, struct bit_error *error);
int64_t store_last_event(struct store *store);

/* ---- hosts and single values ---- */

int store_set_host(struct store *store, const char *name, const char *state, double since, struct bit_error *error);
/* state: at least 16 bytes; "" when nothing is known. */
int store_get_host(struct store *store, const char *name, char *state, size_t size, double *since, struct bit_error *error);
int store_set_meta(struct store *store, const char *key, const char *value, struct bit_error *error);
int store_get_meta(struct store *store, const char *key, char *value, size_t size, struct bit_error *error);

#endif
