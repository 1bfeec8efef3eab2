/* queued.jsonl in the state folder: a second copy of what jobs are that were never started, and sweeps until their end, should the store be lost. A line each
 * time that one changes, {"id":N,"record":{...}}, or {"id":N,"record":null} when it has begun or ended; the last line of a number counts. Written after the
 * commit and not flushed to the disk. Local. */
#ifndef DAEMON_QUEUED_H
#define DAEMON_QUEUED_H

#include "daemon/daemon.h"

/* At the start of bitd, all jobs being in memory: writes the file anew with what they are; the former one stays as queued.jsonl.old. -1 (data): the store is
 * empty and the file is not, so that the store was lost; environment. */
int queued_start(struct daemon *d, struct bit_error *error);
/* Adds a line, which goes out by queued_flush. record NULL: it waits no longer. */
void queued_add(struct daemon *d, int64_t id, const struct bit_text *record);
void queued_flush(struct daemon *d);
/* Gives `take` the records of a state folder's file, in no order; a line that is torn is left out. No file: nothing. */
void queued_read(const char *state, void (*take)(void *context, const char *record), void *context);

#endif
