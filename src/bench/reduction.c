/* How fast gradients and weights move between ranks, and how much of it a computing rank does not notice. */
#include <math.h>
#include <omp.h>
#include <sys/resource.h>

#include "bench/reduction.h"
#include "bit/clock.h"
#include "bit/comm.h"
#include "bit/memory.h"
#include "bit/statistics.h"
#include "bit/text.h"

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

/* Multiply-adds in registers: the same work every time. `seed` ties each call to the one before, so that the compiler
 * cannot make one of many. */
static float multiply(long rounds, float seed)
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

/* In place of a backward pass: all threads of a rank compute, and meet after each slice as they do after each operation
 * of a network. */
static float compute(int threads, long rounds, float seed)
{
    float sum = 0;
#pragma omp parallel num_threads(threads) reduction(+ : sum)
    sum += multiply(rounds, seed + (float)omp_get_thread_num());
    return sum;
}

enum { SLICES = 64 }; /* parameters that a backward pass finishes one after another */

struct bench {
    struct bit_group *world;
    struct bit_reducer *reducer;
    const struct reduction_options *options;
    float *block;
    size_t elements;       /* of the block */
    int threads;
    long work;             /* multiply-adds of a slice */
    volatile float sink;
};

static double processor_seconds(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec +
           1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* One step: computing when `work`, reduction and gather when `move`. Everybody leaves together. seconds: until the sum is
 * there, to the end, and the processor's for the former. */
static int run_round(struct bench *b, bool work, bool move, double seconds[3], struct bit_error *error)
{
    if (bit_group_barrier(b->world, error))
        return -1;
    double start = bit_clock_seconds(), processor = processor_seconds();
    if (move && bit_reducer_start(b->reducer, b->block, error))
        return -1;
    for (size_t slice = SLICES; work && slice-- > 0;) {
        b->sink = compute(b->threads, b->work, b->sink);
        if (move)
            bit_reducer_ready(b->reducer, b->elements * slice / SLICES);
    }
    if (move && bit_reducer_finish(b->reducer, error))
        return -1;
    double middle = bit_clock_seconds();
    seconds[2] = processor_seconds() - processor;
    if (move ? bit_reducer_gather(b->reducer, b->block, error) : bit_group_barrier(b->world, error))
        return -1;
    seconds[0] = middle - start;
    seconds[1] = bit_clock_seconds() - middle;
    return 0;
}

/* How much work fills the wanted time? Rank 0's answer, for all. Collective. */
static int calibrate(struct bench *b, struct bit_error *error)
{
    enum { TRIES = 3 }; /* a single slow one is a disturbance */
    double wanted = b->options->compute_seconds / SLICES, seconds = 0;
    b->work = 100;
    while (b->world->rank == 0 && seconds < wanted) {
        seconds = INFINITY;
        for (int i = 0; i < TRIES; i++) {
            double start = bit_clock_seconds();
            b->sink = compute(b->threads, b->work, b->sink);
            seconds = fmin(seconds, bit_clock_seconds() - start);
        }
        if (seconds < wanted)
            b->work = seconds < wanted / 4 ? 4 * b->work : (long)((double)b->work * 1.02 * wanted / seconds) + 1;
    }
    return bit_group_broadcast(b->world, &b->work, sizeof b->work, 0, error);
}

/* The network alone; then computing with and without it in turns, so that both meet the same disturbances. */
static int measure(struct bench *b, struct reduction_result *result, struct bit_error *error)
{
    int rounds = b->options->rounds;
    double reduce[rounds], gather[rounds], alone[rounds], together[rounds], cpu[rounds], seconds[3];
    struct bit_reducer_times before, after;

    fill(b->block, b->elements, b->world->rank);
    if (run_round(b, false, true, seconds, error)) /* warm-up, and the check */
        return -1;
    result->correct = correct(b->block, b->options->elements, b->world->size);
    bit_reducer_time(b->reducer, &before);
    for (int i = 0; i < rounds; i++) {
        if (run_round(b, false, true, seconds, error))
            return -1;
        reduce[i] = seconds[0];
        gather[i] = seconds[1];
    }
    bit_reducer_time(b->reducer, &after);
    result->bytes = (after.bytes - before.bytes) / rounds;
    result->reduce_seconds = bit_median(reduce, (size_t)rounds);
    result->gather_seconds = bit_median(gather, (size_t)rounds);
    if (calibrate(b, error))
        return -1;
    for (int i = 0; i < rounds; i++) {
        if (run_round(b, true, false, seconds, error))
            return -1;
        alone[i] = seconds[0] + seconds[1];
        cpu[i] = -seconds[2];
        if (run_round(b, true, true, seconds, error))
            return -1;
        together[i] = seconds[0] + seconds[1];
        cpu[i] += seconds[2];
    }
    result->cpu_seconds = fmax(0, bit_median(cpu, (size_t)rounds));
    result->compute_seconds = bit_median(alone, (size_t)rounds);
    result->step_seconds = bit_median(together, (size_t)rounds);
    return 0;
}

/* The slowest rank speaks for all. */
static int agree_on_worst(struct bit_group *world, struct reduction_result *result, struct bit_error *error)
{
    double *const figures[] = {&result->reduce_seconds, &result->gather_seconds, &result->compute_seconds,
                               &result->step_seconds, &result->bytes, &result->peak_bytes, &result->cpu_seconds};
    enum { N = sizeof figures / sizeof *figures + 2 };
    double mine[N], all[N * world->size];
    for (int i = 0; i < N - 2; i++)
        mine[i] = *figures[i];
    mine[N - 2] = !result->correct;
    mine[N - 1] = -result->ceiling;
    if (bit_group_gather(world, mine, sizeof mine, all, error))
        return -1;
    for (int i = 0; i < N * world->size; i++)
        mine[i % N] = fmax(mine[i % N], all[i]);
    for (int i = 0; i < N - 2; i++)
        *figures[i] = mine[i];
    result->correct = mine[N - 2] == 0;
    result->ceiling = -mine[N - 1];
    return 0;
}

static int check_options(const struct bit_group *world, const struct reduction_options *o, struct bit_error *error)
{
    if (world->size < 2)
        return bit_fail(error, BIT_EUSAGE, "nothing to reduce with one rank: mpirun -n 2 or more");
    if (o->rounds < 1 || o->rounds > 1000 || o->elements < 64 || !(o->compute_seconds > 0) || o->threads < 0)
        return bit_fail(error, BIT_EUSAGE, "reduction benchmark: expected at least 64 elements, 1 to 1000 rounds and some time "
                        "to compute");
    return 0;
}

int reduction_measure(struct bit_group *world, const struct reduction_options *options, struct reduction_result *result,
                      struct bit_error *error)
{
    struct bit_table *table = NULL;
    struct bit_reducer_options how = {.bucket_elements = options->bucket_elements};
    struct bench b = {.world = world, .options = options, .threads = options->threads > 0 ? options->threads : 1};
    int status = -1;

    *result = (struct reduction_result){.ranks = world->size, .threads = b.threads, .node_ranks = world->node_size};
    if (!check_options(world, options, error) && (table = bit_table_create(error)) &&
        bit_table_add(table, "gradient", BIT_KERNEL, 0, 1, &options->elements, error) >= 0) {
        b.elements = table->elements;
        b.block = bit_allocate(b.elements, sizeof *b.block, "gradients", error);
    }
    if (bit_group_agree(world, error) || !(b.reducer = bit_reducer_create(world, table, &how, error)))
        goto out;
    if (reduction_measure_messages(world, b.block, b.elements, result, error) || measure(&b, result, error))
        goto out;
    result->peak_bytes = (double)bit_memory_resident_peak();
    if (agree_on_worst(world, result, error))
        goto out;
    result->rate = result->bytes / (result->reduce_seconds + result->gather_seconds);
    result->exposed_share = fmax(0, result->step_seconds - result->compute_seconds) / result->step_seconds;
    status = result->correct ? 0 : bit_fail(error, BIT_EINTERNAL, "the reduction's sums are wrong");
out:
    bit_reducer_destroy(b.reducer);
    bit_free(b.block);
    bit_table_destroy(table);
    return status;
}

void reduction_print(const struct reduction_result *r, FILE *stream)
{
    char bytes[32];
    bit_text_bytes(r->bytes, bytes, sizeof bytes);
    fprintf(stream, "%d ranks, %d on a machine, each sends %s a step: %.1f ms reducing, %.1f ms gathering\n", r->ranks,
            r->node_ranks, bytes, 1e3 * r->reduce_seconds, 1e3 * r->gather_seconds);
    fprintf(stream, "plain messages between neighbours: %.3f GB/s, ratio %.2f\n", 1e-9 * r->ceiling, r->rate / r->ceiling);
    fprintf(stream, "messages: latency %.1f us, bandwidth %.3f GB/s (over sizes of %g to %g bytes)\n", 1e6 * r->latency,
            1e-9 * r->bandwidth, r->point[0].bytes, r->point[REDUCTION_POINTS - 1].bytes);
    fprintf(stream, "%.1f ms of computing on %d thread%s: %.1f ms with reduction and gather, exposed share %.2f %%\n",
            1e3 * r->compute_seconds, r->threads, r->threads == 1 ? "" : "s", 1e3 * r->step_seconds, 100 * r->exposed_share);
    fprintf(stream, "processor time of the reduction behind it: %.1f ms a rank\n", 1e3 * r->cpu_seconds);
    fprintf(stream, "sums: %s\n", r->correct ? "correct" : "WRONG");
    fprintf(stream, "GB/s: %.3f\n", 1e-9 * r->rate);
    fprintf(stream, "peak memory: %.2f GB\n", 1e-9 * r->peak_bytes);
}

void reduction_print_json(const struct reduction_result *r, FILE *stream)
{
    fprintf(stream, "{\"kind\": \"reduce\", \"ranks\": %d, \"node_ranks\": %d, \"threads\": %d, \"bytes\": %.0f, "
            "\"reduce_seconds\": %.9g, \"gather_seconds\": %.9g, \"compute_seconds\": %.9g, \"step_seconds\": %.9g, "
            "\"cpu_seconds\": %.6g, \"exposed_share\": %.6g, \"ceiling_gbs\": %.6g, \"ratio\": %.6g, \"latency_seconds\": %.6g, "
            "\"bandwidth_gbs\": %.6g, \"correct\": %s,\n \"messages\": [", r->ranks, r->node_ranks, r->threads, r->bytes,
            r->reduce_seconds, r->gather_seconds, r->compute_seconds, r->step_seconds, r->cpu_seconds, r->exposed_share, 1e-9 * r->ceiling,
            r->rate / r->ceiling, r->latency, 1e-9 * r->bandwidth, r->correct ? "true" : "false");
    for (int i = 0; i < REDUCTION_POINTS; i++)
        fprintf(stream, "%s{\"bytes\": %.0f, \"seconds\": %.6g}", i ? ", " : "", r->point[i].bytes, r->point[i].seconds);
    fprintf(stream, "],\n \"gbs\": %.6g, \"peak_memory_gb\": %.6g}\n", 1e-9 * r->rate, 1e-9 * r->peak_bytes);
}
