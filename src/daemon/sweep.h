/* Sweeps in the daemon: what the interface asks of them. sweep_join and its kin, which the queue calls, are in daemon.h. */
#ifndef DAEMON_SWEEP_H
#define DAEMON_SWEEP_H

#include "daemon/api.h"

/* Takes a sweep's row, which it owns from then on, and makes its jobs like it: engine, options, ranks, priority, needs and token are the row's. Answers
 * the request. Nothing is kept where one of the jobs is wrong. */
void sweep_submit(struct request *r, struct store_job *row);
/* The same for a sweep that has ended; its jobs go on in their old folders. Returns its number, 0 where it is refused. */
int64_t sweep_rerun(struct request *r, struct store_job *row);
/* A wish for a sweep is one for each of its jobs. True: somebody took it. */
bool sweep_wish(struct job *job, enum daemon_event event);
/* The priority of a sweep is that of each of its jobs that has not ended. */
void sweep_set_priority(struct job *job, int priority);
/* GET .../sweep */
void api_sweep(struct request *r, int64_t id);

#endif
