/* What the engine's files share: the files and the process of an attempt. */
#ifndef DAEMON_ENGINE_H
#define DAEMON_ENGINE_H

#include "daemon/daemon.h"

/* The end record that bit-keeper writes. */
struct end_record {
    bool ran, asked;
    int code, orphans;
    char why[STORE_WHY];
};

/* PATH/attempts/ID-N and `suffix` (".log"). */
void attempt_path(const struct daemon *d, int64_t job, int number, const char *suffix, char path[PATH_MAX]);
/* False when it is not there, or none (that is told in the log). */
bool attempt_read_end(const struct job *job, struct end_record *record);
/* Whether somebody holds the attempt's lock: its keeper, or what that started. */
bool attempt_is_locked(const struct job *job);
/* Of the process that the keeper started, from the lock file; 0: not known, or it is not the same any more. */
pid_t attempt_program(const struct job *job);
/* Start time of a process in clock ticks since the boot; 0: there is none, or it has ended and waits to be reaped. */
int64_t process_start_ticks(pid_t pid);
void process_boot(char *boot, size_t size);

#endif
