/* MPI behind small objects: start and end, the world group, and the bucketed tree reduction. */
#ifndef BIT_COMM_H
#define BIT_COMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

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
/* Ends all ranks at once with this exit code: for broken invariants and lost peers only. */
void bit_comm_abort(int code) __attribute__((noreturn));
/* All ranks; before bit_comm_init this process alone. Valid until bit_comm_fini. */
struct bit_group *bit_comm_world(void);

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

/* ---- benchmark ---- */

struct bit_bench_reduce_options {
    size_t elements;        /* of the gradient */
    size_t bucket_elements; /* 0: default */
    int rounds;
    int threads;            /* that compute in a rank; 0: one */
    double compute_seconds; /* length of the backward pass that the reduction is to hide behind */
};
enum { BIT_BENCH_POINTS = 6 };
struct bit_bench_reduce {
    int ranks, threads, node_ranks; /* node_ranks: on the caller's machine */
    double reduce_seconds, gather_seconds; /* nothing else going on; medians, the slowest rank's, as all times here */
    double bytes, rate;    /* a rank sends, a round; over the time */
    double ceiling;        /* plain messages between neighbours, all at once: bytes a second that each sends */
    double compute_seconds, step_seconds; /* computing alone; computing, reduce and gather */
    double cpu_seconds;    /* of a core, that a rank's reduction takes from computing */
    double exposed_share;  /* of step_seconds: what is longer than computing alone */
    double latency, bandwidth; /* of plain messages to the farthest rank: seconds = latency + bytes / bandwidth */
    struct { double bytes, seconds; } point[BIT_BENCH_POINTS]; /* what that was fitted to */
    bool correct;
    double peak_bytes;    /* resident memory of the largest rank */
};
/* Collective; at least two ranks. Every rank gets the same figures. */
int bit_bench_reduce(struct bit_group *world, const struct bit_bench_reduce_options *options,
                     struct bit_bench_reduce *result, struct bit_error *error);
/* Lines for a person; the last are "GB/s: X" and "peak memory: Y GB". */
void bit_bench_reduce_print(const struct bit_bench_reduce *result, FILE *stream);
/* The same as one JSON object on a line. */
void bit_bench_reduce_print_json(const struct bit_bench_reduce *result, FILE *stream);

#endif
