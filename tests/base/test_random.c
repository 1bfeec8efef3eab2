#include "bit/random.h"

#include <math.h>

#include "tests/unit.h"

/* Known answers published with Random123 for philox4x32, 10 rounds. */
static void known_answers(void)
{
    static const struct { uint32_t counter[4], key[2], out[4]; } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct bit_random r = {.used = 4};
        memcpy(r.counter, known[i].counter, sizeof r.counter);
        memcpy(r.key, known[i].key, sizeof r.key);
        for (int j = 0; j < 4; j++)
            CHECK(bit_random_u32(&r) == known[i].out[j]);
    }
}

static void counter_carries(void)
{
    struct bit_random r = {.counter = {0xffffffff, 5, 0, 0}, .used = 4};
    bit_random_u32(&r);
    CHECK(r.counter[0] == 0 && r.counter[1] == 6);
}

/* Runs are repeatable across versions only while these streams stay what they are. */
static void streams_are_frozen(void)
{
    struct bit_random r;
    bit_random_init(&r, 0, BIT_PURPOSE_TEST, 0, 0);
    uint64_t a = bit_random_u64(&r);
    bit_random_init(&r, 0x123456789abcdefull, BIT_PURPOSE_AUGMENT, 17, 300000000ull << 20);
    uint64_t b = bit_random_u64(&r);
    CHECK(a == 0x603b12a3d095d246ull);
    CHECK(b == 0x9e27be9496326ffbull);
}

static void streams_differ(void)
{
    static const struct { uint64_t seed; enum bit_purpose purpose; uint64_t a, b; } keys[] = {
        {1, BIT_PURPOSE_TEST, 1, 1},       {2, BIT_PURPOSE_TEST, 1, 1},  {1ull << 32 | 1, BIT_PURPOSE_TEST, 1, 1},
        {1, BIT_PURPOSE_AUGMENT, 1, 1},    {1, BIT_PURPOSE_TEST, 2, 1},  {1, BIT_PURPOSE_TEST, 1, 2},
        {1, BIT_PURPOSE_TEST, 1, 1ull << 40}, {1, BIT_PURPOSE_TEST, 0, 0},
    };
    enum { KEYS = sizeof keys / sizeof *keys };
    uint64_t first[KEYS], again;
    struct bit_random r;
    for (int i = 0; i < KEYS; i++) {
        bit_random_init(&r, keys[i].seed, keys[i].purpose, keys[i].a, keys[i].b);
        first[i] = bit_random_u64(&r);
        for (int j = 0; j < i; j++)
            CHECK(first[i] != first[j]);
        bit_random_init(&r, keys[i].seed, keys[i].purpose, keys[i].a, keys[i].b);
        again = bit_random_u64(&r);
        CHECK(again == first[i]);
    }
}

/* Chi-square of `count` equal bins; p below 1e-6 fails (Wilson-Hilferty). */
static int is_even(const long *bins, int count, double draws)
{
    double expected = draws / count, chi = 0, n = count - 1;
    for (int i = 0; i < count; i++)
        chi += (bins[i] - expected) * (bins[i] - expected) / expected;
    double z = (cbrt(chi / n) - (1 - 2 / (9 * n))) / sqrt(2 / (9 * n));
    return fabs(z) < 4.9;
}

static void uniform_is_even(void)
{
    enum { DRAWS = 400000, BINS = 100 };
    long bins[BINS] = {0};
    double least = 1, most = 0, sum = 0;
    struct bit_random r;
    bit_random_init(&r, 3, BIT_PURPOSE_TEST, 0, 0);
    for (int i = 0; i < DRAWS; i++) {
        double x = bit_random_uniform(&r);
        least = x < least ? x : least;
        most = x > most ? x : most;
        sum += x;
        if (x >= 0 && x < 1)
            bins[(int)(x * BINS)]++;
    }
    CHECK(least >= 0 && least < 1e-4 && most < 1 && most > 1 - 1e-4);
    CHECK(fabs(sum / DRAWS - 0.5) < 5 * sqrt(1.0 / 12 / DRAWS));
    CHECK(is_even(bins, BINS, DRAWS));
}

/* First draws of neighbouring streams (samples of an epoch) must be as good as draws of one stream. */
static void neighbouring_streams_are_even(void)
{
    enum { DRAWS = 200000, BINS = 64 };
    long bins[BINS] = {0};
    for (int i = 0; i < DRAWS; i++) {
        struct bit_random r;
        bit_random_init(&r, 0, BIT_PURPOSE_AUGMENT, 0, (uint64_t)i);
        bins[bit_random_below(&r, BINS)]++;
    }
    CHECK(is_even(bins, BINS, DRAWS));
}

static void below_is_unbiased(void)
{
    enum { DRAWS = 300000 };
    long bins[7] = {0}, thirds[3] = {0};
    struct bit_random r;
    bit_random_init(&r, 4, BIT_PURPOSE_TEST, 0, 0);
    for (int i = 0; i < DRAWS; i++) {
        uint64_t x = bit_random_below(&r, 7);
        REQUIRE(x < 7);
        bins[x]++;
    }
    CHECK(is_even(bins, 7, DRAWS));
    /* With a plain remainder the lower half of this bound would come up twice as often. */
    uint64_t bound = 3ull << 62;
    for (int i = 0; i < DRAWS; i++) {
        uint64_t x = bit_random_below(&r, bound);
        REQUIRE(x < bound);
        thirds[x >> 62]++;
    }
    CHECK(is_even(thirds, 3, DRAWS));
    for (int i = 0; i < 100; i++)
        CHECK(bit_random_below(&r, 1) == 0);
}

static void normal_has_its_moments(void)
{
    enum { DRAWS = 400000 };
    double sum[5] = {0};
    struct bit_random r;
    bit_random_init(&r, 5, BIT_PURPOSE_TEST, 0, 0);
    for (int i = 0; i < DRAWS; i++) {
        double x = bit_random_normal(&r), p = 1;
        REQUIRE(isfinite(x));
        for (int k = 0; k < 5; k++, p *= x)
            sum[k] += p;
    }
    CHECK(fabs(sum[1] / DRAWS) < 5 / sqrt(DRAWS));
    CHECK(fabs(sum[2] / DRAWS - 1) < 5 * sqrt(2.0 / DRAWS));
    CHECK(fabs(sum[3] / DRAWS) < 5 * sqrt(15.0 / DRAWS));
    CHECK(fabs(sum[4] / DRAWS - 3) < 5 * sqrt(96.0 / DRAWS));
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"known answers", known_answers}, {"counter carries", counter_carries},
        {"streams are frozen", streams_are_frozen}, {"streams differ", streams_differ},
        {"uniform is even", uniform_is_even}, {"neighbouring streams are even", neighbouring_streams_are_even},
        {"below is unbiased", below_is_unbiased}, {"normal has its moments", normal_has_its_moments},
    };
    return unit_main("random", tests, sizeof tests / sizeof *tests, argc, argv);
}
