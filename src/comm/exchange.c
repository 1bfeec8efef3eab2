/* Reduce-scatter and all-gather of buckets.
 *
 * Ranks a power of two: recursive halving, neighbours first. In step j a rank and its partner rank ^ 2^j hold the same
 * run of positions; each sends the half it gives up and adds what it receives to the half it keeps. After log2 R steps
 * each rank is left with its own position, summed as ((0+1)+(2+3))+...: addition commutes, so both partners' sums have
 * the same bits. The gather goes the same way back. R - 1 R-ths of a bucket are sent, which is the least possible.
 *
 * Other numbers of ranks: the owner of a position receives it from everybody and adds in the tree 0+1, 2+3, ..., of
 * bit_group_sum. The same bytes, more messages. */
#include <limits.h>
#include <string.h>

#include "bit/memory.h"
#include "bit/trace.h"
#include "comm/internal.h"

void bit_add(float *restrict sum, const float *restrict more, size_t count)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        sum[i] += more[i];
}

struct range { size_t from, count; };

static struct range range_of(const struct bit_exchange *x, size_t bucket, int position, int length)
{
    size_t from = bit_bucket_edge(&x->buckets, bucket, position);
    return (struct range){from, bit_bucket_edge(&x->buckets, bucket, position + length) - from};
}

int bit_exchange_init(struct bit_exchange *x, const struct bit_buckets *buckets, int rank, struct bit_error *error)
{
    if (buckets->size > INT_MAX / 2)
        return bit_fail(error, BIT_EUSAGE, "buckets of %zu elements: at most %d", buckets->size, INT_MAX / 2);
    *x = (struct bit_exchange){.comm = MPI_COMM_NULL, .buckets = *buckets, .rank = rank, .ranks = buckets->ranks};
    x->levels = bit_bucket_levels(x->ranks);
    x->position = bit_bucket_position(rank, x->ranks);
    x->steps = x->levels < 0 ? 1 : x->levels;
    x->requests = x->levels < 0 ? 2 * (x->ranks - 1) : 2;
    x->done = x->next = x->buckets.count;
    if (x->ranks == 1)
        return 0;
    size_t scratch = bit_bucket_scratch(buckets);
    x->scratch = bit_allocate(BIT_BUCKET_WINDOW * scratch, sizeof *x->scratch, "the reduction's buffers", error);
    x->request_memory = bit_allocate(BIT_BUCKET_WINDOW * (size_t)x->requests, sizeof *x->request_memory,
                                     "the reduction's requests", error);
    if (!x->scratch || !x->request_memory)
        return -1;
    for (int i = 0; i < BIT_BUCKET_WINDOW; i++) {
        x->flights[i].scratch = x->scratch + (size_t)i * scratch;
        x->flights[i].requests = x->request_memory + i * x->requests;
    }
    return 0;
}

void bit_exchange_free(struct bit_exchange *x)
{
    bit_free(x->scratch);
    bit_free(x->request_memory);
    x->scratch = NULL;
    x->request_memory = NULL;
}

void bit_exchange_start(struct bit_exchange *x, enum bit_exchange_mode mode, float *block)
{
    x->mode = mode;
    x->block = block;
    x->next = x->done = x->ranks == 1 ? x->buckets.count : 0;
}

bool bit_exchange_finished(const struct bit_exchange *x)
{
    return x->done == x->buckets.count;
}

static bool may_start(const struct bit_exchange *x, size_t from)
{
    return x->next < x->buckets.count && bit_bucket_edge(&x->buckets, x->next, 0) >= from;
}

bool bit_exchange_has_work(const struct bit_exchange *x, size_t from)
{
    return x->next > x->done || may_start(x, from);
}

/* Two messages between the same ranks never share a tag while both are on their way: the window is far below 512. */
static int tag_of(const struct bit_exchange *x, const struct bit_flight *f)
{
    return (int)(f->bucket % 512) * 64 + (x->mode == BIT_EXCHANGE_GATHER ? 32 : 0) + f->step;
}

static int post_send(struct bit_exchange *x, const struct bit_flight *f, const float *data, size_t count, int to,
                     MPI_Request *request, struct bit_error *error)
{
    *request = MPI_REQUEST_NULL;
    if (count == 0)
        return 0;
    x->bytes += (double)(count * sizeof *data);
    return bit_comm_check(MPI_Isend(data, (int)count, MPI_FLOAT, to, tag_of(x, f), x->comm, request),
                          "send gradients or weights", error);
}

static int post_receive(struct bit_exchange *x, const struct bit_flight *f, float *data, size_t count, int source,
                        MPI_Request *request, struct bit_error *error)
{
    *request = MPI_REQUEST_NULL;
    if (count == 0)
        return 0;
    return bit_comm_check(MPI_Irecv(data, (int)count, MPI_FLOAT, source, tag_of(x, f), x->comm, request),
                          "receive gradients or weights", error);
}

/* The halving's geometry at a flight's step: the half that this rank keeps (or brings, in a gather) and the partner's. */
struct halves { int partner; struct range kept, other; };

static struct halves halves_of(const struct bit_exchange *x, const struct bit_flight *f)
{
    int j = x->mode == BIT_EXCHANGE_REDUCE ? f->step : x->levels - 1 - f->step;
    int half = x->ranks >> (j + 1), kept = x->position & ~(half - 1), other = kept ^ half;
    return (struct halves){.partner = x->rank ^ (1 << j), .kept = range_of(x, f->bucket, kept, half),
                           .other = range_of(x, f->bucket, other, half)};
}

static int post_halving(struct bit_exchange *x, struct bit_flight *f, struct bit_error *error)
{
    struct halves h = halves_of(x, f);
    bool reduce = x->mode == BIT_EXCHANGE_REDUCE;
    struct range sent = reduce ? h.other : h.kept, received = reduce ? h.kept : h.other;
    float *to = reduce ? f->scratch : x->block + received.from;
    return post_receive(x, f, to, received.count, h.partner, &f->requests[0], error) ||
           post_send(x, f, x->block + sent.from, sent.count, h.partner, &f->requests[1], error) ? -1 : 0;
}

static int post_direct(struct bit_exchange *x, struct bit_flight *f, struct bit_error *error)
{
    struct range own = range_of(x, f->bucket, x->position, 1);
    bool reduce = x->mode == BIT_EXCHANGE_REDUCE;
    int bad = 0;
    for (int k = 0; k < x->requests; k++)
        f->requests[k] = MPI_REQUEST_NULL;
    /* Rank r starts with its successor, so that not everybody sends to rank 0 first. */
    for (int k = 1; k < x->ranks && !bad; k++) {
        int from = (x->rank + x->ranks - k) % x->ranks;
        struct range theirs = range_of(x, f->bucket, from, 1);
        int slot = from < x->rank ? from : from - 1;
        bad = reduce ? post_receive(x, f, f->scratch + (size_t)slot * own.count, own.count, from, &f->requests[k - 1],
                                    error)
                     : post_receive(x, f, x->block + theirs.from, theirs.count, from, &f->requests[k - 1], error);
    }
    for (int k = 1; k < x->ranks && !bad; k++) {
        int to = (x->rank + k) % x->ranks;
        struct range theirs = reduce ? range_of(x, f->bucket, to, 1) : own;
        bad = post_send(x, f, x->block + theirs.from, theirs.count, to, &f->requests[x->ranks - 2 + k], error);
    }
    return bad ? -1 : 0;
}

/* The parts of all ranks, this rank's in the block and the others' in scratch, added up in the tree. A stretch at a time,
 * so that it stays in cache. */
static void add_direct(struct bit_exchange *x, struct bit_flight *f)
{
    enum { STRETCH = 4096 };
    struct range own = range_of(x, f->bucket, x->position, 1);
    float *mine = x->block + own.from;
    for (size_t at = 0; at < own.count; at += STRETCH) {
        size_t count = own.count - at < STRETCH ? own.count - at : STRETCH;
#define PART(r) ((r) == x->rank ? mine + at : f->scratch + (size_t)((r) < x->rank ? (r) : (r) - 1) * own.count + at)
        for (int distance = 1; distance < x->ranks; distance *= 2)
            for (int r = 0; r + distance < x->ranks; r += 2 * distance)
                bit_add(PART(r), PART(r + distance), count);
        if (x->rank != 0)
            memcpy(mine + at, PART(0), count * sizeof *mine);
#undef PART
    }
}

static int post(struct bit_exchange *x, struct bit_flight *f, struct bit_error *error)
{
    return x->levels < 0 ? post_direct(x, f, error) : post_halving(x, f, error);
}

/* What the step's messages brought is in; go on to the next step or end the flight. */
static int land(struct bit_exchange *x, struct bit_flight *f, struct bit_error *error)
{
    if (x->mode == BIT_EXCHANGE_REDUCE && x->levels < 0) {
        add_direct(x, f);
    } else if (x->mode == BIT_EXCHANGE_REDUCE) {
        struct halves h = halves_of(x, f);
        bit_add(x->block + h.kept.from, f->scratch, h.kept.count);
    }
    if (++f->step < x->steps)
        return post(x, f, error);
    f->active = false;
    x->done++;
    if (f->started > 0 && (f->row || (f->row = bit_trace_row("buckets", (int)(f - x->flights)))))
        bit_trace_record(f->row, x->mode == BIT_EXCHANGE_REDUCE ? "reduce bucket" : "gather bucket", (long)f->bucket, f->started);
    return 0;
}

int bit_exchange_advance(struct bit_exchange *x, size_t from, bool *progress, struct bit_error *error)
{
    *progress = false;
    for (int i = 0; i < BIT_BUCKET_WINDOW; i++) {
        struct bit_flight *f = &x->flights[i];
        if (f->active) {
            int arrived = 0;
            if (bit_comm_check(MPI_Testall(x->requests, f->requests, &arrived, MPI_STATUSES_IGNORE),
                               "exchange gradients or weights", error))
                return -1;
            if (!arrived)
                continue;
            *progress = true;
            if (land(x, f, error))
                return -1;
        }
        if (!f->active && may_start(x, from)) {
            f->active = *progress = true;
            f->bucket = x->next++;
            f->step = 0;
            f->started = bit_trace_start();
            if (post(x, f, error))
                return -1;
        }
    }
    return 0;
}
