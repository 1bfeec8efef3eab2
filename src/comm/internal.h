/* What the files of src/comm share. */
#ifndef BIT_COMM_INTERNAL_H
#define BIT_COMM_INTERNAL_H

#include <mpi.h>
#include <stdbool.h>
#include <stddef.h>

#include "bit/comm.h"
#include "bit/share.h"

/* 0 when `result` is MPI_SUCCESS; else fails (environment) with `what` and MPI's text. */
int bit_comm_check(int result, const char *what, struct bit_error *error);
/* The communicator behind a group; MPI_COMM_NULL when it is not MPI's. */
MPI_Comm bit_comm_of(const struct bit_group *group);
/* Whether a second thread may call MPI (MPI_THREAD_MULTIPLE). */
bool bit_comm_threaded(void);

/* ---- exchange: moves all buckets of a block, several at a time; never blocks ---- */

enum bit_exchange_mode { BIT_EXCHANGE_REDUCE, BIT_EXCHANGE_GATHER };

struct bit_flight { /* one bucket on its way */
    bool active;
    size_t bucket;
    int step;
    double started;        /* for the timeline, with a row of its own: flights overlap */
    struct bit_trace_row *row;
    float *scratch;        /* what partners sent, before it is added */
    MPI_Request *requests; /* BIT_EXCHANGE's request count */
};

struct bit_exchange {
    MPI_Comm comm;
    struct bit_buckets buckets;
    int rank, ranks, levels, position;
    int steps, requests;   /* a bucket's; a step's */
    enum bit_exchange_mode mode;
    float *block;
    size_t next, done;     /* buckets started, finished */
    double bytes;          /* sent since creation */
    struct bit_flight flights[BIT_BUCKET_WINDOW];
    float *scratch;
    MPI_Request *request_memory;
};

/* Allocates; `comm` is set by the caller. */
int bit_exchange_init(struct bit_exchange *x, const struct bit_buckets *buckets, int rank, struct bit_error *error);
void bit_exchange_free(struct bit_exchange *x);
void bit_exchange_start(struct bit_exchange *x, enum bit_exchange_mode mode, float *block);
/* Starts what may start (buckets whose elements are all >= from), completes what has arrived. *progress: something
 * happened. */
int bit_exchange_advance(struct bit_exchange *x, size_t from, bool *progress, struct bit_error *error);
bool bit_exchange_finished(const struct bit_exchange *x);
/* Whether advance could do anything with this `from`. */
bool bit_exchange_has_work(const struct bit_exchange *x, size_t from);

/* sum[i] += more[i]. */
void bit_add(float *restrict sum, const float *restrict more, size_t count);

#endif
