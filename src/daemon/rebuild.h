/* The store from the folders of runs, should it be lost. */
#ifndef DAEMON_REBUILD_H
#define DAEMON_REBUILD_H

#include "daemon/daemon.h"

/* Writes down what a job is, once that is in the store: from its first start on in its run's folder (bitd.json), before that, and of sweeps until their
 * end, in queued.jsonl of the state folder. */
void rebuild_note(struct job *job);
/* Fills an empty store with the jobs of these folders and of those below them, and of `state`/queued.jsonl; what cannot be used is told and left aside. */
int rebuild_run(struct store *store, const char *state, const char *const *folders, size_t count, struct bit_error *error);

#endif
