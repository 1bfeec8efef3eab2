/* SGD against a plain loop (bits) and doubles (rounding), over shares and threads; the norms' exact sums. */
#include "tests/unit.h"

#include <math.h>
#include <omp.h>

#include "bit/memory.h"
#include "bit/random.h"
#include "bit/optimise.h"
#include "bit/share.h"
#include "bit/squares.h"

static const enum bit_parameter_kind kinds[] = {BIT_KERNEL, BIT_GAMMA, BIT_BETA, BIT_KERNEL, BIT_BIAS};

static struct bit_table *make_table(void)
{
    const size_t sizes[] = {40007, 33, 33, 70000, 10};
    struct bit_error error = {0};
    struct bit_table *table = bit_table_create(&error);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char name[16];
        snprintf(name, sizeof name, "p%zu", i);
        bit_table_add(table, name, kinds[i], 0, 1, &sizes[i], &error);
    }
    return table;
}

static float *fill(const struct bit_table *table, uint64_t stream, double size)
{
    struct bit_random random;
    float *block = bit_allocate(table->elements, sizeof *block, "test", NULL);
    bit_random_init(&random, 5, BIT_PURPOSE_TEST, stream, 0);
    for (size_t p = 0; p < table->count; p++)
        for (size_t i = 0; i < table->items[p].count; i++)
            block[table->items[p].offset + i] = (float)(size * bit_random_normal(&random));
    return block;
}

enum { STEPS = 6 };
static const double rates[STEPS] = {0.0006, 0.0012, 0.48, 0.48, 0.048, 0.0048}; /* warm-up, peak, decays */

/* The formula of the recipe, an element at a time. */
static void plain(const struct bit_table *table, bool kernels_only, float *w, double *exact_w)
{
    float *v = bit_allocate(table->elements, sizeof *v, "test", NULL);
    double *exact_v = bit_allocate(table->elements, sizeof *exact_v, "test", NULL);
    for (int step = 0; step < STEPS; step++) {
        float *g = fill(table, 100 + (uint64_t)step, 0.1);
        for (size_t p = 0; p < table->count; p++) {
            float decay = kernels_only && table->items[p].kind != BIT_KERNEL ? 0.0f : 1e-4f;
            float rate = (float)rates[step];
            for (size_t i = 0; i < table->items[p].count; i++) {
                size_t e = table->items[p].offset + i;
                volatile float decayed = decay * w[e], sum = g[e] + decayed, kept = 0.9f * v[e], next = kept + sum;
                volatile float change = rate * next;
                v[e] = next;
                w[e] = w[e] - change;
                exact_v[e] = 0.9 * exact_v[e] + ((double)g[e] + (decay ? 1e-4 : 0) * exact_w[e]);
                exact_w[e] -= rates[step] * exact_v[e];
            }
        }
        bit_free(g);
    }
    bit_free(v);
    bit_free(exact_v);
}

static void update_all(struct bit_table *table, bool kernels_only, int ranks, size_t bucket, bool watched, float *w)
{
    struct bit_error error = {0};
    for (int rank = 0; rank < ranks; rank++) {
        struct bit_share share;
        REQUIRE(bit_share_create(table, bucket, rank, ranks, &share, &error) == 0);
        float *v = bit_allocate(share.elements, sizeof *v, "test", &error);
        struct bit_guard *guard = bit_guard_create(table, &share, &error);
        struct bit_harm harm;
        REQUIRE(guard != NULL);
        bit_table_assign(table, &(struct bit_roles_rule){.decay_kernels_only = kernels_only});
        if (watched)
            bit_guard_note(guard, w, v);
        for (int step = 0; step < STEPS; step++) {
            float *g = fill(table, 100 + (uint64_t)step, 0.1);
            struct bit_sgd sgd = {.rate = rates[step], .momentum = 0.9, .weight_decay = 1e-4, .gradient_scale = 1};
            bit_sgd_update(&sgd, guard, g, w, v);
            bit_free(g);
        }
        bit_guard_harm(guard, &harm);
        CHECK(harm.kind == BIT_HARM_NONE);
        bit_guard_destroy(guard);
        bit_free(v);
        bit_share_destroy(&share);
    }
}

static void test_update(void)
{
    struct bit_table *table = make_table();
    for (int kernels_only = 0; kernels_only < 2; kernels_only++) {
        float *expected = fill(table, 1, 1.0), *start = fill(table, 1, 1.0);
        double *exact = bit_allocate(table->elements, sizeof *exact, "test", NULL), worst = 0;
        for (size_t i = 0; i < table->elements; i++)
            exact[i] = start[i];
        plain(table, kernels_only, expected, exact);
        for (size_t i = 0; i < table->elements; i++)
            worst = fmax(worst, fabs(expected[i] - exact[i]) / (1 + fabs(exact[i])));
        CHECK(worst < 1e-6);
        const int ranks[] = {1, 2, 3, 4};
        for (size_t r = 0; r < 4; r++)
            for (int threads = 1; threads <= 3; threads += 2) {
                float *w = fill(table, 1, 1.0);
                omp_set_num_threads(threads);
                update_all(table, kernels_only, ranks[r], r ? 30000 : 0, (threads > 1) ^ (r & 1), w);
                CHECK(!memcmp(w, expected, table->elements * sizeof *w));
                bit_free(w);
            }
        bit_free(expected);
        bit_free(start);
        bit_free(exact);
    }
    bit_table_destroy(table);
}

static void test_decay_moves_only_what_it_should(void)
{
    struct bit_table *table = make_table();
    struct bit_error error = {0};
    struct bit_share share;
    REQUIRE(bit_share_create(table, 0, 0, 1, &share, &error) == 0);
    float *w = fill(table, 1, 1.0), *before = fill(table, 1, 1.0);
    float *g = bit_allocate(table->elements, sizeof *g, "test", NULL);
    float *v = bit_allocate(table->elements, sizeof *v, "test", NULL);
    struct bit_sgd sgd = {.rate = 0.5, .momentum = 0.9, .weight_decay = 0.1, .gradient_scale = 1};
    bit_table_assign(table, &(struct bit_roles_rule){.decay_kernels_only = true});
    struct bit_guard *guard = bit_guard_create(table, &share, &error);
    REQUIRE(guard != NULL);
    bit_sgd_update(&sgd, guard, g, w, v);
    bit_guard_destroy(guard);
    for (size_t p = 0; p < table->count; p++) {
        size_t e = table->items[p].offset + table->items[p].count - 1;
        if (kinds[p] == BIT_KERNEL)
            CHECK(fabsf(w[e] - 0.95f * before[e]) < 1e-6f);
        else
            CHECK(w[e] == before[e]);
    }
    for (size_t e = table->items[1].offset + 33; e < table->items[2].offset; e++)
        CHECK(w[e] == 0 && v[e] == 0); /* padding stays zero */
    bit_free(w), bit_free(before), bit_free(g), bit_free(v);
    bit_share_destroy(&share);
    bit_table_destroy(table);
}

/* A frozen parameter keeps weight and momentum; one with a rate factor moves by that much of a step. */
static void test_roles(void)
{
    struct bit_table *table = make_table();
    struct bit_error error = {0};
    struct bit_share share;
    REQUIRE(bit_share_create(table, 0, 0, 1, &share, &error) == 0);
    float *w = fill(table, 1, 1.0), *before = fill(table, 1, 1.0), *g = fill(table, 2, 0.1);
    float *v = bit_allocate(table->elements, sizeof *v, "test", NULL);
    struct bit_sgd sgd = {.rate = 0.5, .momentum = 0.9, .gradient_scale = 1};
    const size_t last = table->count - 1;
    table->items[last].head = true;
    bit_table_assign(table, &(struct bit_roles_rule){.rate = {0.25f, 0.25f, 0.25f, 0.25f, 0.25f}});
    table->items[1].trains = false;
    struct bit_guard *guard = bit_guard_create(table, &share, &error);
    REQUIRE(guard != NULL);
    bit_sgd_update(&sgd, guard, g, w, v);
    bit_guard_destroy(guard);
    for (size_t p = 0; p < table->count; p++) {
        size_t e = table->items[p].offset + table->items[p].count - 1;
        float factor = p == last ? 0.5f : p == 1 ? 0 : 0.125f;
        CHECK(fabsf(w[e] - (before[e] - factor * g[e])) < 1e-6f && (p == 1 ? v[e] == 0 && w[e] == before[e] : v[e] == g[e]));
    }
    bit_free(w), bit_free(before), bit_free(g), bit_free(v);
    bit_share_destroy(&share);
    bit_table_destroy(table);
}

/* A scaled gradient, and a pull towards other weights on what decays; over shares of several ranks, with and without the guard. */
static void test_scale_and_start(void)
{
    struct bit_table *table = make_table();
    struct bit_error error = {0};
    float *before = fill(table, 1, 1.0), *start = fill(table, 3, 1.0), *g = fill(table, 2, 0.1);
    bit_table_assign(table, &(struct bit_roles_rule){.decay_kernels_only = true});
    for (int ranks = 1; ranks <= 4; ranks *= 2)
        for (int rank = 0; rank < ranks; rank++) {
            struct bit_share share;
            float *w = fill(table, 1, 1.0), *changed = fill(table, 2, 0.1);
            REQUIRE(bit_share_create(table, ranks > 1 ? 30000 : 0, rank, ranks, &share, &error) == 0);
            float *v = bit_allocate(share.elements, sizeof *v, "test", NULL), *own = bit_allocate(share.elements, sizeof *own, "test", NULL);
            for (size_t i = 0, at = 0; i < share.count; at += share.pieces[i++].count)
                memcpy(own + at, start + share.pieces[i].offset, share.pieces[i].count * sizeof *own);
            struct bit_guard *guard = bit_guard_create(table, &share, &error);
            REQUIRE(guard != NULL);
            if (rank % 2)
                bit_guard_note(guard, w, v);
            const struct bit_sgd sgd = {.rate = 0.5, .momentum = 0.9, .weight_decay = 0.01, .start_decay = 0.25, .gradient_scale = 0.125, .start = own};
            bit_sgd_update(&sgd, guard, changed, w, v);
            double worst = 0;
            for (size_t i = 0; i < share.count; i++)
                for (size_t e = share.pieces[i].offset; e < share.pieces[i].offset + share.pieces[i].count; e++) {
                    bool decays = kinds[bit_table_at(table, e)] == BIT_KERNEL;
                    double b = (double)before[e], pull = decays ? 0.25 * (b - (double)start[e]) + 0.01 * b : 0;
                    worst = fmax(worst, fabs((double)w[e] - (b - 0.5 * (0.125 * (double)g[e] + pull))));
                }
            CHECK(worst < 1e-6);
            bit_guard_destroy(guard);
            bit_free(w), bit_free(changed), bit_free(v), bit_free(own);
            bit_share_destroy(&share);
        }
    bit_free(before), bit_free(start), bit_free(g);
    bit_table_destroy(table);
}

/* One bit of a word changes between two updates: found whichever it is, and the place is named. */
static void test_guard(void)
{
    struct bit_table *table = make_table();
    struct bit_error error = {0};
    struct bit_sgd sgd = {.rate = 0.1, .momentum = 0.9, .weight_decay = 1e-4, .gradient_scale = 1};
    struct bit_random random;
    bit_random_init(&random, 8, BIT_PURPOSE_TEST, 0, 0);
    float *g = fill(table, 2, 0.1), *start = fill(table, 1, 1.0), *w = fill(table, 1, 1.0);
    for (int trial = 0; trial < 128; trial++) {
        int ranks = 1 + trial % 4, rank = (int)(bit_random_u32(&random) % (uint32_t)ranks);
        struct bit_share share;
        struct bit_harm harm;
        REQUIRE(bit_share_create(table, 30000, rank, ranks, &share, &error) == 0);
        float *v = bit_allocate(share.elements, sizeof *v, "test", &error);
        struct bit_guard *guard = bit_guard_create(table, &share, &error);
        REQUIRE(guard != NULL);
        memcpy(w, start, table->elements * sizeof *w);
        bit_guard_note(guard, w, v);
        bit_sgd_update(&sgd, guard, g, w, v);
        bit_guard_check(guard, w, v, &harm);
        CHECK(harm.kind == BIT_HARM_NONE);
        size_t at = bit_random_u32(&random) % share.elements, element = 0, before = 0;
        for (size_t i = 0; i < share.count && at >= before; before += share.pieces[i++].count)
            element = share.pieces[i].offset + at - before;
        uint32_t *word = (uint32_t *)(trial % 2 ? &v[at] : &w[element]);
        *word ^= 1u << trial % 32;
        enum bit_harm_kind kind = trial % 2 ? BIT_HARM_MOMENTUM : BIT_HARM_WEIGHTS;
        bit_guard_check(guard, w, v, &harm);
        CHECK(harm.kind == (int)kind && harm.parameter == bit_table_at(table, element));
        bit_guard_note(guard, w, v);
        *word ^= 1u << trial % 32;
        bit_sgd_update(&sgd, guard, g, w, v);
        bit_guard_harm(guard, &harm);
        CHECK(harm.kind == (int)kind && harm.parameter == bit_table_at(table, element));
        CHECK(harm.element <= element && element - harm.element < 16384);
        bit_guard_destroy(guard);
        bit_free(v);
        bit_share_destroy(&share);
    }
    bit_free(g), bit_free(start), bit_free(w);
    bit_table_destroy(table);
}

/* What the owners wrote is what the others must hold: sums over any shares are those of the whole, and words that change places
 * are seen. */
static void test_guard_of_copies(void)
{
    enum { RANKS = 3 };
    struct bit_table *table = make_table();
    struct bit_error error = {0};
    struct bit_share share[RANKS];
    struct bit_guard *guard[RANKS];
    struct bit_sum sum[RANKS];
    struct bit_harm harm;
    float *w = fill(table, 1, 1.0), *v = bit_allocate(table->elements, sizeof *v, "test", &error);
    for (int r = 0; r < RANKS; r++) {
        REQUIRE(bit_share_create(table, 5000, r, RANKS, &share[r], &error) == 0);
        REQUIRE((guard[r] = bit_guard_create(table, &share[r], &error)) != NULL);
        bit_guard_note(guard[r], w, v);
        sum[r] = bit_guard_sum(guard[r]);
    }
    for (int r = 0; r < RANKS; r++) {
        struct bit_sum others[RANKS - 1] = {sum[(r + 1) % RANKS], sum[(r + 2) % RANKS]};
        bit_guard_expect(guard[r], others, RANKS - 1);
        bit_guard_check_others(guard[r], w, &harm);
        CHECK(harm.kind == BIT_HARM_NONE);
    }
    int seen[RANKS] = {0};
    for (size_t at = 0; at + 1000 < table->numbers; at += 2997) {
        size_t to = at + 1 + at % 700, elements[] = {at, to};
        float kept = w[at];
        w[at] = w[to], w[to] = kept;
        for (int r = 0; r < RANKS; r++) {
            bool owns = true;
            for (int k = 0; k < 2; k++) {
                bool mine = false;
                for (size_t i = 0; i < share[r].count; i++)
                    mine |= elements[k] - share[r].pieces[i].offset < share[r].pieces[i].count;
                owns &= mine;
            }
            bit_guard_check_others(guard[r], w, &harm);
            CHECK((harm.kind == BIT_HARM_COPY) == (!owns && w[at] != w[to]));
            seen[r] += harm.kind == BIT_HARM_COPY;
        }
        kept = w[at], w[at] = w[to], w[to] = kept;
    }
    for (int r = 0; r < RANKS; r++) {
        CHECK(seen[r] > 10);
        bit_guard_destroy(guard[r]);
        bit_share_destroy(&share[r]);
    }
    bit_free(w), bit_free(v);
    bit_table_destroy(table);
}

static void test_norm(void)
{
    struct bit_table *table = make_table();
    struct bit_error error = {0};
    float *x = fill(table, 9, 1.0);
    long double sum = 0;
    for (size_t i = 0; i < table->elements; i++) {
        x[i] = ldexpf(x[i], (int)(i % 61) - 40);
        sum += (long double)x[i] * x[i];
    }
    struct bit_squares one = {.nonfinite = 0};
    omp_set_num_threads(1);
    bit_squares_add(&one, x, table->elements);
    double value = bit_squares_value(&one);
    CHECK(fabsl(value - sum) < 1e-14L * sum);
    for (int ranks = 2; ranks <= 5; ranks++) {
        struct bit_squares all = {.nonfinite = 0};
        omp_set_num_threads(ranks);
        for (int rank = ranks - 1; rank >= 0; rank--) {
            struct bit_share share;
            struct bit_squares part = {.nonfinite = 0};
            REQUIRE(bit_share_create(table, 5000, rank, ranks, &share, &error) == 0);
            for (size_t i = 0; i < share.count; i++)
                bit_squares_add(&part, x + share.pieces[i].offset, share.pieces[i].count);
            bit_squares_merge(&all, &part);
            bit_share_destroy(&share);
        }
        CHECK(bit_squares_value(&all) == value);
    }
    float extremes[16] = {3.4e38f, 1e-45f, -3.4e38f, 0, 1e-30f};
    struct bit_squares large = {.nonfinite = 0}, small = {.nonfinite = 0};
    bit_squares_add(&large, extremes, 16);
    CHECK(bit_squares_value(&large) == 2 * ((double)3.4e38f * 3.4e38f));
    memset(extremes, 0, sizeof extremes);
    extremes[3] = 1e-45f;
    bit_squares_add(&small, extremes, 16);
    CHECK(bit_squares_value(&small) == 0x1p-298);
    float strange[] = {NAN, -NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 4; i++) {
        struct bit_squares guarded[2] = {{.nonfinite = 0}, {.nonfinite = 0}}; /* the sign of a NaN led beyond the sum */
        extremes[7] = strange[i];
        bit_squares_add(&guarded[0], extremes, 16);
        CHECK(guarded[0].nonfinite == 1 && isnan(bit_squares_value(&guarded[0])));
        CHECK(guarded[1].nonfinite == 0 && bit_squares_value(&guarded[1]) == 0);
    }
    CHECK(bit_floats_finite(x, table->elements));
    x[table->elements - 20] = -INFINITY;
    CHECK(!bit_floats_finite(x, table->elements));
    bit_free(x);
    bit_table_destroy(table);
}

int main(int argc, char **argv)
{
    const struct unit_test tests[] = {
        {"update", test_update},
        {"decay moves only what it should", test_decay_moves_only_what_it_should}, {"roles", test_roles}, {"scale and start", test_scale_and_start},
        {"guard", test_guard},
        {"guard of copies", test_guard_of_copies},
        {"norm", test_norm},
    };
    return unit_main("train sgd", tests, sizeof tests / sizeof *tests, argc, argv);
}
