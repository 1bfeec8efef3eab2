/* The store from the folders of runs, should it be lost. */
#ifndef DAEMON_REBUILD_H
#define DAEMON_REBUILD_H

#include "daemon/daemon.h"

/* Writes what is needed into the run's folder (bitd.json): at each start and end of a job. */
void rebuild_note(struct job *job);
/* Fills an empty store with the jobs of these folders and of those below them; what cannot be used is told and left aside. */
int rebuild_run(struct store *store, const char *const *folders, size_t count, struct bit_error *error);

#endif
