/* bit-keeper's parts: the files of an attempt, and the processes that it has to look after. libc only; errors are told on standard error,
 * which is the log once the job was told to go. The contract with bitd is in README.md. */
#ifndef BIT_DAEMON_KEEPER_H
#define BIT_DAEMON_KEEPER_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

/* ---- keeper_files.c: PREFIX.start, .end, .log ---- */

struct keeper_files {
    char start[PATH_MAX], end[PATH_MAX], temporary[PATH_MAX], log[PATH_MAX], folder[PATH_MAX];
    int lock;    /* PREFIX.start, flock'ed */
    int reserve; /* PREFIX.end.tmp, with room for the end record */
    int output;  /* PREFIX.log */
};

/* A process, told from another of the same number: start time in clock ticks since the boot (field 22 of /proc/PID/stat). */
struct keeper_identity {
    pid_t pid;
    unsigned long long start_ticks;
};

/* How the attempt ended; what README.md says of each member. */
struct keeper_end {
    bool ran, killed, asked;
    int code;
    double begun, ended; /* seconds since 1970 */
    int orphans;
    char why[256];
};

enum { KEEPER_RECORD_BYTES = 4096 };

/* Opens and locks PREFIX.start, opens the log, reserves the end record. 0, or an exit code: 75 where the attempt is another's or over. */
int keeper_files_open(struct keeper_files *files, const char *prefix);
/* Writes PREFIX.start in place: the keeper and, unless its pid is 0, the program. 0 or -1. */
int keeper_files_start(const struct keeper_files *files, const struct keeper_identity *keeper,
                       const struct keeper_identity *program);
/* Writes the end record durably, however long the disk takes to accept it. 0; -1 when the folder is gone. */
int keeper_files_end(struct keeper_files *files, const struct keeper_identity *keeper, const struct keeper_end *end);
/* Gives the disk the middle of a log back that takes more than `limit` bytes (0: no limit). Its first lines and its last limit / 2 bytes
 * stay at their offsets; what is between reads as zeros. */
void keeper_files_trim_log(const struct keeper_files *files, off_t limit);

/* ---- keeper_family.c: the processes below this one ---- */

/* Of a process that is there; start_ticks 0 when it is not. */
struct keeper_identity keeper_identity(pid_t pid);
/* Whether a process has a handler for a signal, and whether it would survive the signal without one. */
bool keeper_catches(pid_t pid, int signal_number);
/* Sends the signal to all processes below this one, and CONT after a TERM, as a stopped process would not see it. Gives how many live. */
int keeper_signal_family(int signal_number);
/* Remembers which segments of shared memory the processes below this one have mapped; forget removes these files. MPI libraries leave
 * them behind when their ranks are killed. */
void keeper_segments_note(void);
void keeper_segments_remove(void);

#endif
