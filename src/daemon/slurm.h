/* The engine of Slurm's jobs: what its files share. Slurm is spoken to by its commands, in their text formats, which have been the same for
 * many versions (JSON and the library have not). */
#ifndef DAEMON_SLURM_H
#define DAEMON_SLURM_H

#include "daemon/daemon.h"

/* ---- slurm_text.c: pure; what Slurm says may be cut, garbled or of another version ---- */

/* For squeue -o; what may hold anything comes last. */
#define SLURM_FORMAT "%A|%T|%k|%j|%D|%N|%r"

struct slurm_line {
    int64_t number;              /* of Slurm's job */
    char state[24];              /* its word: PENDING, RUNNING ... */
    int attempt;                 /* its comment; 0: it has none of ours */
    int64_t job;                 /* of bitd, by its name */
    int node_count;              /* 0: not told */
    char nodes[256], reason[128]; /* control characters have become '?' */
};
/* The next line of squeue's answer that is a job of this instance; lines of other jobs, headings and what cannot be understood are passed
 * over. *text moves on; false at its end. */
bool slurm_next_line(const char **text, const char *instance, struct slurm_line *line);
/* The number that sbatch gives: "Submitted batch job N ...", or a line "N" or "N;CLUSTER" (--parsable). -1: there is none. */
int64_t slurm_submitted(const char *text);
/* Whether a submission that failed has certainly not arrived: bit-launch never came to it, or Slurm refused it. */
bool slurm_was_refused(int code, const char *text);
/* The last line that says anything, for people. */
void slurm_last_line(const char *text, char *line, size_t size);
/* What squeue's word means; false: a word that is not known. */
bool slurm_view_of(const char *state, enum slurm_view *view);
/* Whether the reason of a job that waits says that it is held until somebody releases it: because its start failed again and again, or, of one
 * that has run, by an administrator. One that an administrator holds before its first start just waits. */
bool slurm_is_held(const char *reason, bool has_run);
/* sacct's answer ("NAME|STATE", a line a job) of a job of this instance: the word of its end, into `state`, which is left alone when there is none. */
void slurm_accounted(const char *text, const char *instance, int64_t job, char *state, size_t size);
/* Whether an option is among `words`, by its name alone or with a value. */
bool slurm_options_have(const char *words, const char *name);
/* Whether a word is an option that may be passed on to sbatch: of a list of those that change what a job gets, and nothing else. */
bool slurm_option_is_known(const char *word);
/* -1 (usage) names the word that may not be passed on. */
int slurm_options_check(const char *words, struct bit_error *error);

/* ---- slurm_record.c ---- */

/* OUT/slurm-NUMBER.end, written by the batch script. False: it is not there, or not whole. */
bool slurm_read_record(const char *out, int64_t number, struct slurm_record *record);

/* ---- slurm_command.c ---- */

enum { SLURM_WORDS = 64, SLURM_ASK_SECONDS = 60, SLURM_SOON = 5 };
struct slurm_command { char *word[SLURM_WORDS + 1]; int words; char program[PATH_MAX], text[2048]; size_t used; };

/* Begins with one of Slurm's own programs, for the cluster that the configuration names. False: it is not in PATH. */
bool slurm_begin_command(const struct daemon *d, struct slurm_command *command, const char *name);
void slurm_add_word(struct slurm_command *command, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* At once and without saving: one that nobody waits for. */
void slurm_cancel(struct daemon *d, int64_t job, int64_t number);
/* Tells those again that were told to stop and are still there. */
void slurm_repeat_stops(struct daemon *d, double now);
double slurm_next_stop(const struct daemon *d);  /* Unix seconds; 0: there is none */

/* ---- slurm_submit.c ---- */

void slurm_number_known(struct job *job, int64_t number);
void slurm_renew_room(struct daemon *d, double now);
double slurm_next_room(const struct daemon *d);  /* when there may be submissions again; 0: now */

/* ---- slurm.c ---- */

/* Of whom sacct was asked. */
struct slurm_witness { struct daemon *daemon; int64_t job; int attempt; };
bool slurm_is_here(const struct job *job);       /* a live job of this engine */
/* The next question comes within `seconds`, and those after it are close again. */
void slurm_ask_soon(struct daemon *d, double seconds);

#endif
