/* The gradient tree against a recursive sum written here, and its independence of the number of ranks. */
#include "tests/unit.h"

#include <math.h>
#include <omp.h>

#include "bit/memory.h"
#include "bit/random.h"
#include "bit/optimise.h"
#include "bit/tree.h"

static struct bit_table *table;

static void make_table(void)
{
    const size_t sizes[] = {5, 40000, 333, 16, 257};
    struct bit_error error = {0};
    table = bit_table_create(&error);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char name[16];
        snprintf(name, sizeof name, "p%zu", i);
        bit_table_add(table, name, BIT_KERNEL, 0, 1, &sizes[i], &error);
    }
}

/* Micro-batch `micro`'s gradient of a parameter: magnitudes so different that any other order of additions shows. */
static void leaf(int micro, size_t parameter, float *out)
{
    struct bit_random random;
    bit_random_init(&random, 3, BIT_PURPOSE_TEST, (uint64_t)micro, parameter);
    for (size_t i = 0; i < table->items[parameter].count; i++) {
        uint32_t bits = bit_random_u32(&random);
        out[i] = ldexpf((float)(bits & 0xFFFFF) - 500000.0f, (int)(bits >> 20 & 15) - 20);
    }
}

static void tree(int first, int count, size_t parameter, float *out)
{
    size_t size = table->items[parameter].count;
    if (count == 1) {
        leaf(first, parameter, out);
        return;
    }
    float *right = malloc(size * sizeof *right);
    int left = count - count / 2;
    tree(first, left, parameter, out);
    tree(first + left, count / 2, parameter, right);
    for (size_t i = 0; i < size; i++)
        out[i] = out[i] + right[i];
    free(right);
}

/* Runs micro-batches [first, first + count) through a gradient. */
static struct bit_gradient *run(int first, int count)
{
    struct bit_error error = {0};
    struct bit_gradient *g = bit_gradient_create(table, count, &error);
    for (int step = 0; g && step < 2; step++) { /* twice: the second must not see the first */
        bit_gradient_start(g, NULL, NULL);
        for (int m = 0; m < count; m++) {
            struct bit_gradient_sink *sink = bit_gradient_sink(g, m);
            for (size_t p = table->count; p-- > 0;) {
                leaf(first + m, p, sink->begin(sink, p));
                sink->done(sink, p);
            }
        }
    }
    return g;
}

static void test_against_recursion(void)
{
    make_table();
    float *expected = malloc(table->elements * sizeof *expected);
    for (int count = 1; count <= 17; count++) {
        struct bit_gradient *g = run(0, count);
        REQUIRE(g != NULL);
        const float *block = bit_gradient_block(g);
        for (size_t p = 0; p < table->count; p++) {
            size_t offset = table->items[p].offset;
            tree(0, count, p, expected);
            CHECK(!memcmp(block + offset, expected, table->items[p].count * sizeof *expected));
        }
        CHECK(bit_gradient_bad(g) == -1);
        bit_gradient_destroy(g);
    }
    free(expected);
    bit_table_destroy(table);
}

static void test_any_number_of_ranks(void)
{
    make_table();
    const int micro_batches[] = {4, 8, 12, 20};
    for (size_t k = 0; k < sizeof micro_batches / sizeof *micro_batches; k++) {
        int all = micro_batches[k];
        struct bit_gradient *one = run(0, all);
        REQUIRE(one != NULL);
        for (int ranks = 2; ranks <= 4; ranks *= 2) {
            struct bit_gradient *g[4] = {0};
            for (int r = 0; r < ranks; r++)
                REQUIRE((g[r] = run(r * all / ranks, all / ranks)) != NULL);
            for (int distance = 1; distance < ranks; distance *= 2)
                for (int r = 0; r + distance < ranks; r += 2 * distance)
                    for (size_t i = 0; i < table->elements; i++)
                        bit_gradient_block(g[r])[i] += bit_gradient_block(g[r + distance])[i];
            CHECK(!memcmp(bit_gradient_block(g[0]), bit_gradient_block(one), table->elements * sizeof(float)));
            for (int r = 0; r < ranks; r++)
                bit_gradient_destroy(g[r]);
        }
        bit_gradient_destroy(one);
    }
    bit_table_destroy(table);
}

static void test_threads(void)
{
    make_table();
    omp_set_num_threads(1);
    struct bit_gradient *one = run(0, 8);
    omp_set_num_threads(3);
    struct bit_gradient *three = run(0, 8);
    REQUIRE(one && three);
    CHECK(!memcmp(bit_gradient_block(one), bit_gradient_block(three), table->elements * sizeof(float)));
    bit_gradient_destroy(one);
    bit_gradient_destroy(three);
    bit_table_destroy(table);
}

static void test_finds_what_is_not_finite(void)
{
    make_table();
    struct bit_error error = {0};
    for (int count = 1; count <= 3; count++) {
        struct bit_gradient *g = bit_gradient_create(table, count, &error);
        REQUIRE(g != NULL);
        bit_gradient_start(g, NULL, NULL);
        for (int m = 0; m < count; m++) {
            struct bit_gradient_sink *sink = bit_gradient_sink(g, m);
            for (size_t p = table->count; p-- > 0;) {
                float *out = sink->begin(sink, p);
                leaf(m, p, out);
                if (p == 1 && m == 0)
                    out[39999] = count == 1 ? NAN : INFINITY;
                sink->done(sink, p);
            }
        }
        CHECK(bit_gradient_bad(g) == 1);
        bit_gradient_start(g, NULL, NULL);
        CHECK(bit_gradient_bad(g) == -1);
        bit_gradient_destroy(g);
    }
    bit_table_destroy(table);
}

static void test_memory(void)
{
    make_table();
    size_t before = bit_memory_used();
    for (int count = 1; count <= 17; count++) {
        struct bit_error error = {0};
        struct bit_gradient *g = bit_gradient_create(table, count, &error);
        REQUIRE(g != NULL);
        size_t used = bit_memory_used() - before, promised = bit_gradient_bytes(table, count);
        CHECK(used >= promised && used < promised + 512);
        bit_gradient_destroy(g);
        bit_memory_fail_at(2);
        CHECK(bit_gradient_create(table, count, &error) == NULL && error.code == BIT_EENVIRONMENT);
        bit_memory_fail_at(0);
    }
    CHECK(bit_memory_used() == before);
    CHECK(bit_tree_blocks(1) == 1 && bit_tree_blocks(2) == 1 && bit_tree_blocks(4) == 2 && bit_tree_blocks(16) == 4);
    bit_table_destroy(table);
}

static double recursive(const double *x, int n)
{
    return n == 1 ? x[0] : recursive(x, n - n / 2) + recursive(x + n - n / 2, n / 2);
}

static void test_sum_of_numbers(void)
{
    double x[40];
    for (int i = 0; i < 40; i++)
        x[i] = ldexp(1.0 / (i + 3), i % 7 * 5);
    for (int n = 1; n <= 40; n++)
        CHECK(bit_tree_sum(x, n) == recursive(x, n));
    double quarters[4];
    for (int r = 0; r < 4; r++)
        quarters[r] = bit_tree_sum(x + 10 * r, 10);
    CHECK(bit_tree_sum(quarters, 4) == bit_tree_sum(x, 40));
}

int main(int argc, char **argv)
{
    const struct unit_test tests[] = {
        {"against recursion", test_against_recursion},
        {"any number of ranks", test_any_number_of_ranks},
        {"threads", test_threads},
        {"finds what is not finite", test_finds_what_is_not_finite},
        {"memory", test_memory},
        {"sum of numbers", test_sum_of_numbers},
    };
    return unit_main("train gradient", tests, sizeof tests / sizeof *tests, argc, argv);
}
