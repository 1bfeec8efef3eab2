/* Pairs of hashes by every function of the instruction set in use, against bits counted one by one. "--bench": how many a second. */
#include "tests/unit.h"

#include <stdbool.h>

#include "bit/clock.h"
#include "compute/hamming_kernels.h"

enum { A = 203, B = 5011 };
static uint64_t a[A], b[B];

static uint64_t draw(void)
{
    static uint64_t state = 88172645463325252u;
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state;
}

/* Strangers, and every so often one that differs from a known one in 0 to 16 bits. */
static void fill(void)
{
    for (int i = 0; i < A; i++)
        a[i] = draw();
    for (int j = 0; j < B; j++) {
        b[j] = draw();
        if (j % 7)
            continue;
        b[j] = a[j % A];
        for (int flips = j / 7 % 17; flips > 0; flips--)
            b[j] ^= (uint64_t)1 << draw() % 64;
    }
}

static int differing(uint64_t x)
{
    int count = 0;
    for (; x; x >>= 1)
        count += (int)(x & 1);
    return count;
}

static bool is_right(const struct bit_near *found, size_t got, size_t a_count, size_t b_count, int most)
{
    static bool seen[A][B];
    size_t wanted = 0, wrong = 0;
    memset(seen, 0, sizeof seen);
    for (size_t i = 0; i < got; i++) {
        wrong += found[i].a >= a_count || found[i].b >= b_count || seen[found[i].a][found[i].b];
        if (!wrong)
            seen[found[i].a][found[i].b] = true;
    }
    for (size_t i = 0; i < a_count; i++)
        for (size_t j = 0; j < b_count; j++) {
            bool near = differing(a[i] ^ b[j]) <= most;
            wanted += near;
            wrong += near != seen[i][j];
        }
    return !wrong && wanted == got;
}

static void check_all(bool counting)
{
    static struct bit_near found[A * B];
    static const int limits[] = {0, 1, 5, 10, 16, 31, 63};
    static const size_t sizes[][2] = {{A, B}, {200, 5000}, {0, B}, {A, 0}, {1, 1}, {3, 7}, {4, 8}, {5, 9}, {7, 16}};
    const struct hamming_kernels *kernels = BIT_PICK(hamming_kernels);
    for (size_t l = 0; l < sizeof limits / sizeof *limits; l++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            if (limits[l] > 20 && s < 2)
                continue;
            size_t got = hamming_near(kernels, counting, a, sizes[s][0], b, sizes[s][1], limits[l], found, A * B);
            CHECK(is_right(found, got, sizes[s][0], sizes[s][1], limits[l]));
        }
}

static void test_plain(void)
{
    fill();
    check_all(false);
}

static void test_counting(void)
{
    if (hamming_can_count())
        check_all(true);
}

/* The whole: longer lists than a part, and less room than there are pairs. */
static void test_whole(void)
{
    static struct bit_near all[A * B], some[A * B];
    fill();
    size_t got = bit_hamming_near(a, A, b, B, 10, all, A * B);
    CHECK(is_right(all, got, A, B, 10) && got > 300);
    memset(some, 0xFF, sizeof some);
    CHECK(bit_hamming_near(a, A, b, B, 10, some, 100) == got && !memcmp(all, some, 100 * sizeof *all) && some[100].a == UINT32_MAX);
    CHECK(bit_hamming_near(a, A, b, B, 10, NULL, 0) == got);
}

static int bench(void)
{
    enum { UPSTREAM = 20000, TESTS = 100000 };
    static uint64_t upstream[UPSTREAM], tests[TESTS];
    static struct bit_near found[1000];
    const struct hamming_kernels *kernels = BIT_PICK(hamming_kernels);
    for (int i = 0; i < UPSTREAM; i++)
        upstream[i] = draw();
    for (int i = 0; i < TESTS; i++)
        tests[i] = draw();
    for (int counting = 0; counting <= hamming_can_count(); counting++) {
        double best = 1e9;
        size_t got = 0;
        for (int repeat = 0; repeat < 5; repeat++) {
            double start = bit_clock_seconds();
            for (size_t from = 0; from < TESTS; from += 2000)
                got = hamming_near(kernels, counting, upstream, UPSTREAM, tests + from, 2000, 10, found, 1000);
            double seconds = bit_clock_seconds() - start;
            best = seconds < best ? seconds : best;
        }
        printf("%s, %s: %.3g pairs/s on one core (%zu near ones at the end)\n", bit_isa() == BIT_ISA_AVX512 ? "avx512" :
               bit_isa() == BIT_ISA_AVX2 ? "avx2" : "generic", counting ? "counting instructions" : "plain",
               (double)UPSTREAM * TESTS / best, got);
    }
    return 0;
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {{"plain", test_plain}, {"counting", test_counting}, {"whole", test_whole}};
    if (argc == 2 && !strcmp(argv[1], "--bench"))
        return bench();
    return unit_main("compute/hamming", tests, sizeof tests / sizeof *tests, argc, argv);
}
