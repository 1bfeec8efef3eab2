/* How fast plain messages are: the reduction's ceiling, and what a prediction for other numbers of ranks needs. */
#include <math.h>

#include "bench/reduction.h"
#include "bit/clock.h"
#include "bit/comm.h"
#include "bit/statistics.h"

/* Everybody sends `count` numbers to the rank `distance` further on, `rounds` times: seconds each. */
static int exchange(struct bit_group *world, float *block, size_t elements, size_t count, int distance, int rounds,
                    double *seconds, struct bit_error *error)
{
    int to = (world->rank + distance) % world->size, from = (world->rank + world->size - distance) % world->size;
    if (bit_group_barrier(world, error) || /* in which ranks may sleep: the first message wakes the last of them */
        bit_comm_swap(world, block, to, block + elements - count, from, count, error))
        return -1;
    double start = bit_clock_seconds();
    for (int i = 0; i < rounds; i++)
        if (bit_comm_swap(world, block, to, block + elements - count, from, count, error))
            return -1;
    *seconds = (bit_clock_seconds() - start) / rounds;
    return 0;
}

/* Seconds = latency + bytes / bandwidth, with the least sum of squares of the relative errors. */
static void fit(struct reduction_result *r)
{
    double w = 0, x = 0, y = 0, xx = 0, xy = 0;
    for (int i = 0; i < REDUCTION_POINTS; i++) {
        double n = r->point[i].bytes, t = r->point[i].seconds, weight = 1 / (t * t);
        w += weight;
        x += weight * n;
        y += weight * t;
        xx += weight * n * n;
        xy += weight * n * t;
    }
    double slope = (w * xy - x * y) / (w * xx - x * x);
    r->bandwidth = slope > 1e-15 ? 1 / slope : 1e15; /* disturbed: more than any line; JSON knows no infinity */
    r->latency = fmax(0, (y - slope * x) / w);
}

/* The slowest rank's time of the median of five runs. */
static int measure_point(struct bit_group *world, float *block, size_t elements, size_t count, int distance, int rounds,
                         double *seconds, struct bit_error *error)
{
    enum { RUNS = 5 };
    double runs[RUNS], all[world->size];
    for (int i = 0; i < RUNS; i++)
        if (exchange(world, block, elements, count, distance, rounds, &runs[i], error))
            return -1;
    double mine = bit_median(runs, (size_t)RUNS);
    if (bit_group_gather(world, &mine, sizeof mine, all, error))
        return -1;
    *seconds = 0;
    for (int r = 0; r < world->size; r++)
        *seconds = fmax(*seconds, all[r]);
    return 0;
}

int reduction_measure_messages(struct bit_group *world, float *block, size_t elements, struct reduction_result *result,
                               struct bit_error *error)
{
    size_t half = elements / 2, bucket = half < BIT_BUCKET_DEFAULT / 2 ? half : BIT_BUCKET_DEFAULT / 2;
    double seconds;
    /* The largest as large as half a bucket, what partners exchange; each other a quarter of the next. To the farthest rank:
     * between machines where there are several. */
    for (int i = REDUCTION_POINTS - 1; i >= 0; i--) {
        size_t count = bucket >> 2 * (REDUCTION_POINTS - 1 - i);
        int rounds = 1 << (REDUCTION_POINTS + 1 - i);
        count = count > 0 ? count : 1;
        if (measure_point(world, block, elements, count, world->size / 2, rounds, &seconds, error))
            return -1;
        result->point[i].bytes = (double)count * sizeof *block;
        result->point[i].seconds = seconds;
    }
    fit(result);
    if (measure_point(world, block, elements, bucket, 1, 6, &seconds, error))
        return -1;
    result->ceiling = (double)bucket * sizeof *block / seconds;
    return 0;
}
