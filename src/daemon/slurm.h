/* The engine of Slurm's jobs: what its files share. Slurm is spoken to by its commands, in their text formats, which have been the same for
 * many versions (JSON and the library have not). */
#ifndef DAEMON_SLURM_H
#define DAEMON_SLURM_H

#include "daemon/daemon.h"

/* ---- slurm_text.c: pure; what Slurm says may be cut, garbled or of another version ---- */

/* For squeue -o; what may hold anything comes last. */
#define SLURM_FORMAT "%A|%T|%k|%j|%N|%r"

struct slurm_line {
    int64_t number;              /* of Slurm's job */
    char state[24];              /* its word: PENDING, RUNNING ... */
    int attempt;                 /* its comment; 0: it has none of ours */
    int64_t job;                 /* of bitd, by its name */
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
/* Whether a word is an option that may be passed on to sbatch: of a list of those that change what a job gets, and nothing else. */
bool slurm_option_is_known(const char *word);
/* -1 (usage) names the word that may not be passed on. */
int slurm_options_check(const char *words, struct bit_error *error);

/* ---- slurm_record.c ---- */

/* OUT/slurm-NUMBER.end, written by the batch script. False: it is not there, or not whole. */
bool slurm_read_record(const char *out, int64_t number, struct slurm_record *record);

#endif
