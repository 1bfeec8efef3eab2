/* Commands that run beside bitd, without a shell: squeue, sbatch, bit plan. What they print is gathered; their end is heard of in the loop. */
#ifndef DAEMON_TASK_H
#define DAEMON_TASK_H

#include <stddef.h>
#include <sys/types.h>

#include "bit/error.h"
#include "daemon/daemon.h"

/* Variables that programs get which bitd starts: only what is named. */
enum { ENVIRONMENT_WORDS = 16 + CONFIG_WORDS };
struct environment { char *variable[ENVIRONMENT_WORDS + 1]; int count; };
int environment_build(const struct daemon *d, struct environment *environment, struct bit_error *error);
void environment_free(struct environment *environment);
/* A program of PATH as the configuration has it. False: there is none. */
bool environment_find(const struct daemon *d, const char *name, char path[PATH_MAX]);

enum { TASK_KILLED = -1 }; /* instead of an exit code: a signal ended it, or it took too long */

/* The end of a command: its exit code, and the first bytes that it printed on both streams, with a 0 behind them. */
typedef void task_done(void *context, int code, const char *output, size_t size);

/* Starts words[0] (an absolute path; the list ends with NULL), which has `seconds`; `done` is called from the loop, once, unless task_forget
 * comes first. NULL: it could not be started. */
struct task *task_start(struct daemon *d, char *const *words, double seconds, task_done *done, void *context, struct bit_error *error);
/* Lets it run to its end, of which nobody is to hear; NULL is fine. */
void task_forget(struct task *task);
/* What has ended goes; what takes too long is killed. */
void task_tick(struct daemon *d, double now);
double task_next_due(const struct daemon *d); /* Unix seconds; 0: never */

#endif
