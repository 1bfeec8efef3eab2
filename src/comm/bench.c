/* How fast gradients and weights move between ranks, and how much of it a computing rank does not notice. */
#include <math.h>
#include <string.h>

#include "bit/clock.h"
#include "bit/memory.h"
#include "bit/text.h"
#include "comm/internal.h"

/* Small integers: every order of additions gives the same sum, which each rank can predict. */
static float value_at(size_t i, int rank)
{
    return (float)((i * 7 + (size_t)rank * 13) % 101);
}

static void fill(float *block, size_t count, int rank)
{
    for (size_t i = 0; i < count; i++)
        block[i] = value_at(i, rank);
}

static bool correct(const float *block, size_t count, int ranks)
{
    for (size_t i = 0; i < count; i++) {
        float sum = 0;
        for (int r = 0; r < ranks; r++)
            sum += value_at(i, r);
        if (block[i] != sum)
            return false;
    }
    return true;
}

/* Multiply-adds in registers, in place of a backward pass: the same work every time. `seed` ties each call to the one
 * before, so that the compiler cannot make one of many. */
static float compute(long rounds, float seed)
{
    float x[64];
    for (int i = 0; i < 64; i++)
        x[i] = seed + (float)i;
    for (long n = 0; n < rounds; n++)
        for (int i = 0; i < 64; i++)
            x[i] = x[i] * 0.999f + 0.001f;
    float sum = 0;
    for (int i = 0; i < 64; i++)
        sum += x[i];
    return sum;
}

/* What plain messages of a bucket's size reach between neighbours in a ring: bytes a rank sends, over time. */
static int measure_ceiling(MPI_Comm comm, float *block, size_t elements, double *rate, struct bit_error *error)
{
    int rank, ranks, count = (int)(elements / 2 < BIT_BUCKET_DEFAULT ? elements / 2 : BIT_BUCKET_DEFAULT), rounds = 0;
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &ranks);
    if (bit_comm_check(MPI_Barrier(comm), "meet", error))
        return -1;
    double start = bit_clock_seconds();
    for (; rounds < 64; rounds++)
        if (bit_comm_check(MPI_Sendrecv(block, count, MPI_FLOAT, (rank + 1) % ranks, 0, block + elements - (size_t)count,
                                        count, MPI_FLOAT, (rank + ranks - 1) % ranks, 0, comm, MPI_STATUS_IGNORE),
                           "exchange messages", error))
            return -1;
    *rate = (double)rounds * count * sizeof *block / (bit_clock_seconds() - start);
    return 0;
}

static int run_round(struct bit_reducer *reducer, float *block, size_t elements, long work, volatile float *sink,
                     struct bit_error *error)
{
    enum { SLICES = 64 }; /* parameters that a backward pass finishes one after another */
    if (bit_reducer_start(reducer, block, error))
        return -1;
    for (size_t slice = SLICES; work && slice-- > 0;) {
        *sink = compute(work / SLICES, *sink);
        bit_reducer_ready(reducer, elements * slice / SLICES);
    }
    if (bit_reducer_finish(reducer, error))
        return -1;
    return bit_reducer_gather(reducer, block, error);
}

static int measure(struct bit_group *world, struct bit_reducer *reducer, float *block,
                   const struct bit_bench_reduce_options *options, struct bit_bench_reduce *result,
                   struct bit_error *error)
{
    struct bit_reducer_times before, after;
    volatile float sink = 0;
    size_t elements = options->elements;
    long work = 1000;
    double start, alone = 0;

    fill(block, elements, world->rank);
    if (run_round(reducer, block, elements, 0, &sink, error)) /* warm-up, and the check */
        return -1;
    result->correct = correct(block, elements, world->size);

    bit_reducer_time(reducer, &before);
    start = bit_clock_seconds();
    for (int i = 0; i < options->rounds; i++)
        if (run_round(reducer, block, elements, 0, &sink, error))
            return -1;
    result->seconds = (bit_clock_seconds() - start) / options->rounds;
    bit_reducer_time(reducer, &after);
    result->bytes = (after.bytes - before.bytes) / options->rounds;

    while (alone < options->compute_seconds) { /* how much work is that? */
        start = bit_clock_seconds();
        sink = compute(work, sink);
        alone = bit_clock_seconds() - start;
        work = alone < options->compute_seconds / 4 ? 4 * work
             : (long)((double)work * 1.02 * options->compute_seconds / alone);
    }
    if (bit_group_barrier(world, error))
        return -1;
    start = bit_clock_seconds();
    for (int i = 0; i < options->rounds && work > 1000; i++)
        for (int slice = 0; slice < 64; slice++)
            sink = compute(work / 64, sink);
    alone = (bit_clock_seconds() - start) / options->rounds;
    if (bit_group_barrier(world, error))
        return -1;
    start = bit_clock_seconds();
    for (int i = 0; i < options->rounds; i++)
        if (run_round(reducer, block, elements, work, &sink, error))
            return -1;
    double together = (bit_clock_seconds() - start) / options->rounds;
    result->exposed_share = fmax(0, together - alone) / together;
    result->step_seconds = together;
    return 0;
}

/* The slowest rank speaks for all. */
static int agree_on_worst(struct bit_group *world, struct bit_bench_reduce *result, struct bit_error *error)
{
    enum { N = 4 };
    double worst[N] = {-result->rate, result->exposed_share, result->correct ? 0 : 1, -result->ceiling};
    double all[N * world->size];
    if (bit_group_gather(world, worst, sizeof worst, all, error))
        return -1;
    for (int i = 0; i < N * world->size; i++)
        worst[i % N] = fmax(worst[i % N], all[i]);
    result->rate = -worst[0];
    result->exposed_share = worst[1];
    result->correct = worst[2] == 0;
    result->ceiling = -worst[3];
    return 0;
}

int bit_bench_reduce(struct bit_group *world, const struct bit_bench_reduce_options *options,
                     struct bit_bench_reduce *result, struct bit_error *error)
{
    struct bit_table *table = NULL;
    struct bit_reducer *reducer = NULL;
    struct bit_reducer_options how = {.bucket_elements = options->bucket_elements};
    float *block = NULL;
    int status = -1;

    *result = (struct bit_bench_reduce){.ranks = world->size};
    if (world->size < 2)
        bit_fail(error, BIT_EUSAGE, "nothing to reduce with one rank: mpirun -n 2 or more");
    else if (options->rounds < 1 || options->elements < 64 || !(options->compute_seconds > 0))
        bit_fail(error, BIT_EUSAGE, "reduction benchmark: at least 64 elements, one round and some time to compute");
    else if ((table = bit_table_create(error)) &&
             bit_table_add(table, "gradient", BIT_KERNEL, 0, 1, &options->elements, error) >= 0)
        block = bit_allocate(table->elements, sizeof *block, "gradients", error);
    if (bit_group_agree(world, error) || !(reducer = bit_reducer_create(world, table, &how, error)))
        goto out;
    if (measure(world, reducer, block, options, result, error) ||
        measure_ceiling(bit_comm_of(world), block, table->elements, &result->ceiling, error))
        goto out;
    result->rate = result->bytes / result->seconds;
    if (agree_on_worst(world, result, error))
        goto out;
    status = result->correct ? 0 : bit_fail(error, BIT_EINTERNAL, "the reduction's sums are wrong");
out:
    bit_reducer_destroy(reducer);
    bit_free(block);
    bit_table_destroy(table);
    return status;
}

void bit_bench_reduce_print(const struct bit_bench_reduce *result, FILE *stream)
{
    char bytes[32];
    bit_text_bytes(result->bytes, bytes, sizeof bytes);
    fprintf(stream, "%d ranks, each sends %s a step: %.1f ms\n", result->ranks, bytes, 1e3 * result->seconds);
    fprintf(stream, "plain messages between neighbours: %.2f GB/s, ratio %.2f\n", 1e-9 * result->ceiling,
            result->rate / result->ceiling);
    fprintf(stream, "behind %.2f s of computing: exposed share %.2f %%\n", result->step_seconds,
            100 * result->exposed_share);
    fprintf(stream, "sums: %s\n", result->correct ? "correct" : "WRONG");
    fprintf(stream, "GB/s: %.2f\n", 1e-9 * result->rate);
}
