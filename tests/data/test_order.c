#include "tests/unit.h"

#include <stdio.h>

#include "bit/data.h"

/* Every position once, every image once. */
static int is_bijection(uint64_t seed, uint64_t epoch, uint64_t n)
{
    unsigned char *seen = calloc(n, 1);
    int good = 1;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t at = bit_order_at(seed, epoch, i, n);
        good &= at < n && !seen[at];
        if (at < n)
            seen[at] = 1;
    }
    free(seen);
    return good;
}

static void test_bijection(void)
{
    for (uint64_t n = 1; n <= 70; n++)
        for (uint64_t epoch = 0; epoch < 3; epoch++)
            CHECK(is_bijection(7, epoch, n));
    for (uint64_t k = 7; k <= 14; k++)
        for (int d = -1; d <= 1; d++)
            CHECK(is_bijection(1, k, ((uint64_t)1 << k) + (uint64_t)d));
    CHECK(is_bijection(3, 0, 1797));
    CHECK(is_bijection(~0ull, 4000000000u, 50021));
}

static void test_epochs_and_seeds_differ(void)
{
    enum { N = 1797 };
    uint64_t same_epoch = 0, same_seed = 0, in_place = 0;
    for (uint64_t i = 0; i < N; i++) {
        uint64_t at = bit_order_at(1, 0, i, N);
        same_epoch += at == bit_order_at(1, 1, i, N);
        same_seed += at == bit_order_at(2, 0, i, N);
        in_place += at == i;
    }
    /* Each is Poisson with mean 1. */
    CHECK(same_epoch < 9 && same_seed < 9 && in_place < 9);
}

/* Over many epochs every image is as likely as any other at a position, and neighbours are independent. */
static double chi_square(uint64_t n, uint64_t position, uint64_t next, int trials)
{
    uint64_t cells = next == position ? n : n * n;
    int *count = calloc(cells, sizeof *count);
    double sum = 0, expected;
    for (int e = 0; e < trials; e++) {
        uint64_t a = bit_order_at(11, (uint64_t)e, position, n), b = bit_order_at(11, (uint64_t)e, next, n);
        count[next == position ? a : a * n + b]++;
    }
    expected = next == position ? (double)trials / (double)n : (double)trials / (double)(n * (n - 1));
    for (uint64_t i = 0; i < cells; i++) {
        if (next != position && i / n == i % n)
            continue;
        sum += (count[i] - expected) * (count[i] - expected) / expected;
    }
    free(count);
    return sum;
}

static void test_uniformity(void)
{
    /* Bounds: mean + 5 standard deviations of chi-square with k degrees of freedom, k + 5 sqrt(2 k). */
    CHECK(chi_square(100, 0, 0, 20000) < 99 + 5 * 14.1);
    CHECK(chi_square(100, 57, 57, 20000) < 99 + 5 * 14.1);
    CHECK(chi_square(1000, 999, 999, 30000) < 999 + 5 * 44.7);
    CHECK(chi_square(21, 3, 4, 40000) < 419 + 5 * 29);
    CHECK(chi_square(5, 0, 1, 20000) < 19 + 5 * 6.2);
}

static void test_large(void)
{
    enum { SPOTS = 20000 };
    uint64_t n = 300000000, *seen = calloc(SPOTS, sizeof *seen), low = 0, collisions = 0;
    for (int i = 0; i < SPOTS; i++) {
        seen[i] = bit_order_at(5, 39, (uint64_t)i * 14983, n);
        CHECK(seen[i] < n);
        low += seen[i] < n / 2;
    }
    for (int i = 0; i < SPOTS; i++)
        for (int j = i + 1; j < i + 200 && j < SPOTS; j++)
            collisions += seen[i] == seen[j];
    free(seen);
    CHECK(collisions == 0);
    CHECK(low > SPOTS / 2 - 400 && low < SPOTS / 2 + 400);
    CHECK(bit_order_at(5, 0, ((uint64_t)1 << 40) - 1, (uint64_t)1 << 40) < (uint64_t)1 << 40);
}

/* The order is part of what a checkpoint means: it must never change silently. */
static void test_golden(void)
{
    static const struct { uint64_t seed, epoch, position, count, image; } golden[] = {
        {0, 0, 0, 1797, 1471},
        {0, 0, 1, 1797, 1794},
        {0, 1, 0, 1797, 206},
        {1, 0, 0, 1797, 1761},
        {42, 0, 1796, 1797, 306},
        {42, 89, 640583, 1281167, 269360},
        {42, 89, 640584, 1281167, 851265},
        {7, 39, 299999999, 300000000, 60332399},
        {7, 3, 123456789012, 1000000000000, 568929301590},
        {3, 2, 1, 3, 1},
        {3, 2, 0, 2, 0},
    };
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
        uint64_t image = bit_order_at(golden[i].seed, golden[i].epoch, golden[i].position, golden[i].count);
        CHECK(image == golden[i].image);
        if (image != golden[i].image)
            printf("    {%llu, %llu, %llu, %llu, %llu},\n", (unsigned long long)golden[i].seed,
                   (unsigned long long)golden[i].epoch, (unsigned long long)golden[i].position,
                   (unsigned long long)golden[i].count, (unsigned long long)image);
    }
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"bijection", test_bijection}, {"epochs and seeds differ", test_epochs_and_seeds_differ},
        {"uniformity", test_uniformity}, {"large", test_large}, {"golden", test_golden},
    };
    return unit_main("data/order", tests, sizeof tests / sizeof *tests, argc, argv);
}
