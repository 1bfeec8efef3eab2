/* mpirun -n N ranks: the world group's operations and the reducer against sums computed serially on every rank.
 * Prints a line on success; exits 1 with the first differences otherwise. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bit/comm.h"
#include "bit/memory.h"
#include "bit/random.h"

static int failures, checks;
static struct bit_group *world;

static void expect(int condition, const char *format, ...)
{
    checks++;
    if (condition)
        return;
    if (failures++ < 5) {
        char text[512];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        fprintf(stderr, "rank %d: %s\n", world->rank, text);
    }
}

static void check_group(void)
{
    struct bit_error error = {0};
    int n = world->size, mine = 100 + world->rank, *all = calloc((size_t)n, sizeof *all);
    expect(world->node_size == n && world->node_rank == world->rank, "node ranks");
    expect(bit_group_gather(world, &mine, sizeof mine, all, &error) == 0, "gather: %s", error.text);
    for (int r = 0; r < n; r++)
        expect(all[r] == 100 + r, "gather brought %d from rank %d", all[r], r);
    for (int root = 0; root < n; root++) {
        char text[3000];
        memset(text, world->rank == root ? 'a' + root : 0, sizeof text);
        expect(bit_group_broadcast(world, text, sizeof text, root, &error) == 0, "broadcast: %s", error.text);
        expect(text[0] == 'a' + root && text[2999] == 'a' + root, "broadcast from %d", root);
    }
    expect(bit_group_broadcast(world, NULL, 0, 0, &error) == 0, "empty broadcast");
    expect(bit_group_barrier(world, &error) == 0, "barrier");
    if (world->rank == n - 1)
        bit_fail(&error, BIT_EDATA, "no more images");
    expect(bit_group_agree(world, &error) == -1 && error.code == BIT_EDATA, "agreement");
    expect(strstr(error.text, "no more images") != NULL, "agreement's text: %s", error.text);
    double sum = 0.1 * (world->rank + 1), expected[64];
    struct bit_error none = {0};
    for (int r = 0; r < n; r++)
        expected[r] = 0.1 * (r + 1);
    for (int d = 1; d < n; d *= 2)
        for (int r = 0; r + d < n; r += 2 * d)
            expected[r] += expected[r + d];
    expect(bit_group_sum(world, &sum, 1, &none) == 0 && sum == expected[0], "sum %.17g", sum);
    free(all);
}

/* Values of many magnitudes, so that every other order of additions shows; integers to prove completeness. */
static void fill(float *block, size_t count, int rank, int round, int integers)
{
    struct bit_random random;
    bit_random_init(&random, 1, BIT_PURPOSE_TEST, (uint64_t)rank, (uint64_t)round);
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = bit_random_u32(&random);
        float value = (float)(int)(bits & 0xFFFF) - 32768.0f;
        block[i] = integers ? value : ldexpf(value, (int)(bits >> 16 & 15) - 8);
    }
}

static void expected_sum(float *sum, size_t count, int round, int integers)
{
    int n = world->size;
    float *parts = malloc((size_t)n * count * sizeof *parts);
    for (int r = 0; r < n; r++)
        fill(parts + (size_t)r * count, count, r, round, integers);
    for (int d = 1; d < n; d *= 2)
        for (int r = 0; r + d < n; r += 2 * d)
            for (size_t i = 0; i < count; i++)
                parts[(size_t)r * count + i] += parts[(size_t)(r + d) * count + i];
    memcpy(sum, parts, count * sizeof *sum);
    free(parts);
}

static struct bit_table *table_of(size_t elements)
{
    struct bit_error error = {0};
    struct bit_table *table = bit_table_create(&error);
    int number = 0;
    while (elements) {
        char name[16];
        size_t count = elements < 700 ? elements : 700;
        snprintf(name, sizeof name, "p%d", number++);
        bit_table_add(table, name, BIT_KERNEL, 0, 1, &count, &error);
        elements -= count;
    }
    return table;
}

static void pause_a_little(struct bit_random *random)
{
    struct timespec t = {0, (long)bit_random_below(random, 300000)};
    nanosleep(&t, NULL);
}

static void check_reducer(size_t elements, size_t bucket, int no_thread)
{
    struct bit_error error = {0};
    struct bit_table *table = table_of(elements);
    size_t count = table->elements;
    struct bit_reducer_options options = {.bucket_elements = bucket, .no_thread = no_thread};
    struct bit_reducer *reducer = bit_reducer_create(world, table, &options, &error);
    expect(reducer != NULL, "create: %s", error.text);
    if (!reducer)
        exit(1);
    float *block = malloc(count * sizeof *block), *sum = malloc(count * sizeof *sum);
    const struct bit_share *share = bit_reducer_share(reducer);
    struct bit_share same;
    expect(bit_share_create(table, bucket, world->rank, world->size, &same, &error) == 0 &&
           same.count == share->count && !memcmp(same.pieces, share->pieces, same.count * sizeof *same.pieces),
           "the reducer's share is not bit_share_create's");
    bit_share_destroy(&same);
    struct bit_random random;
    bit_random_init(&random, 2, BIT_PURPOSE_TEST, (uint64_t)world->rank, elements);
    for (int round = 0; round < 4; round++) {
        int integers = round % 2;
        fill(block, count, world->rank, round, integers);
        expected_sum(sum, count, round, integers);
        expect(bit_reducer_start(reducer, block, &error) == 0, "start: %s", error.text);
        for (size_t p = table->count; round < 3 && p-- > 0;) { /* round 3: all at once, by finish */
            if (p % 8 == 0)
                pause_a_little(&random);
            bit_reducer_ready(reducer, table->items[p].offset);
        }
        expect(bit_reducer_finish(reducer, &error) == 0, "finish: %s", error.text);
        for (size_t i = 0; i < share->count; i++)
            expect(!memcmp(block + share->pieces[i].offset, sum + share->pieces[i].offset,
                           share->pieces[i].count * sizeof *sum),
                   "%zu elements, buckets of %zu, round %d: the sum differs in the piece at %zu", elements, bucket, round,
                   share->pieces[i].offset);
        expect(bit_reducer_gather(reducer, block, &error) == 0, "gather: %s", error.text);
        expect(!memcmp(block, sum, count * sizeof *sum), "%zu elements, buckets of %zu, round %d: gather differs",
               elements, bucket, round);
    }
    struct bit_reducer_times times;
    bit_reducer_time(reducer, &times);
    expect(world->size == 1 || times.bytes > 0, "bytes are not counted");
    bit_reducer_destroy(reducer);
    bit_table_destroy(table);
    free(block);
    free(sum);
}

int main(int argc, char **argv)
{
    struct bit_error error = {0};
    const size_t sizes[] = {1, 16, 17, 700, 4999, 70001}, buckets[] = {16, 100, 1024, 16384, 0};
    if (bit_comm_init(&argc, &argv, &error)) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    world = bit_comm_world();
    check_group();
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (size_t b = 0; b < sizeof buckets / sizeof *buckets; b++) {
            if (sizes[s] / (buckets[b] ? buckets[b] : 1 << 20) > 60)
                continue; /* thousands of tiny messages prove nothing more */
            check_reducer(sizes[s], buckets[b], 0);
            check_reducer(sizes[s], buckets[b], 1);
        }
    double bad = failures;
    bit_group_sum(world, &bad, 1, &error);
    if (world->rank == 0 && bad == 0)
        printf("%d ranks: %d checks passed\n", world->size, checks);
    bit_comm_fini();
    return bad != 0;
}
