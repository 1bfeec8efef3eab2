/* MPI behind small objects: start and end, the world group, and the bucketed tree reduction. */
#ifndef BIT_COMM_H
#define BIT_COMM_H

#include <stdbool.h>
#include <stddef.h>

#include "bit/error.h"
#include "bit/group.h"
#include "bit/share.h"
#include "bit/table.h"

/* MPI_Init_thread (MPI_THREAD_MULTIPLE; with less, reducers have no thread of their own and the calling thread moves the
 * data; an error below FUNNELED). MPI's failures are returned as errors of class environment. A process that has not
 * found the others within BIT_START_SECONDS of the environment (1800; 0: no limit) ends with BIT_ELATE; SIGALRM is used for that.
 * A process that is alone although the program that started it began several (a launcher of another MPI) gets an error of class environment.
 * Collective over the job's processes. */
int bit_comm_init(int *argc, char ***argv, struct bit_error *error);
/* For the handlers of signals that ask a program to stop; does nothing outside bit_comm_init, where a program cannot look at such wishes.
 * Inside, the first call gives MPI ten seconds more to start, after which the process ends with BIT_EAGAIN; a second TERM or INT ends it at
 * once. USR2, which bit-launch repeats, always counts as the first. Async-signal-safe. Local. */
void bit_comm_hurry(int signal);
void bit_comm_fini(void);
/* All ranks; before bit_comm_init this process alone. Valid until bit_comm_fini. */
struct bit_group *bit_comm_world(void);

/* One plain message each way, as fast as MPI moves it: `count` numbers to rank `to`, as many from rank `from`, which call this, too. Keeps the
 * core busy; for measurements. `out` and `in` do not overlap. */
int bit_comm_swap(struct bit_group *world, const float *out, int to, float *in, int from, size_t count, struct bit_error *error);

struct bit_reducer;
struct bit_reducer_options {
    size_t bucket_elements; /* 0: default */
    bool no_thread;         /* move the data in ready, finish and gather only */
};
/* `options` may be NULL. All ranks get one, or all get NULL and the same error. Collective. */
struct bit_reducer *bit_reducer_create(struct bit_group *world, const struct bit_table *table,
                                       const struct bit_reducer_options *options, struct bit_error *error);
void bit_reducer_destroy(struct bit_reducer *reducer);
const struct bit_share *bit_reducer_share(const struct bit_reducer *reducer);

/* One step: start(gradient), ready(from) as the backward pass finishes parameters from the end, finish(). After finish
 * this rank's share of `gradient` holds the sum over ranks, added in a fixed binary tree over rank numbers (neighbours
 * first: (0+1)+(2+3)), and the rest of `gradient` is dead. A thread of the reducer's moves the data meanwhile.
 * start and finish are collective; ready is local, called with descending `from`, finally 0. */
int bit_reducer_start(struct bit_reducer *reducer, float *gradient, struct bit_error *error);
void bit_reducer_ready(struct bit_reducer *reducer, size_t from);
int bit_reducer_finish(struct bit_reducer *reducer, struct bit_error *error);

/* All ranks' shares of `block` to all ranks. Collective. */
int bit_reducer_gather(struct bit_reducer *reducer, float *block, struct bit_error *error);

struct bit_reducer_times { double busy, exposed; /* seconds since creation: moving data; the caller waiting */
                           double bytes; /* sent by this rank */ };
/* Local; between steps, not while a reduction is on. */
void bit_reducer_time(struct bit_reducer *reducer, struct bit_reducer_times *times);

#endif
