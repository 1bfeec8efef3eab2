/* What stands between convolutions without a norm, against plain loops; and the same bits on any number of threads. */
#include "unit.h"

#include <math.h>

#include "bit/kernels.h"
#include "bit/memory.h"
#include "bit/random.h"

enum { ROWS = 2500, CHANNELS = 37, COUNT = ROWS * CHANNELS };

struct fixture { float *x, *y; void *typed_x, *typed_y; enum bit_type type; };

static void put(const struct fixture *f, const float *values, void *typed)
{
    bit_cast_from_float(f->type, values, COUNT, typed, 1);
}

static void get(const struct fixture *f, const void *typed, float *values)
{
    bit_cast_to_float(f->type, typed, COUNT, values, 1);
}

static bool setup(struct fixture *f, enum bit_type type)
{
    struct bit_random random;
    *f = (struct fixture){.type = type, .x = bit_allocate(COUNT, 4, "x", NULL), .y = bit_allocate(COUNT, 4, "y", NULL),
                          .typed_x = bit_allocate(COUNT, 4, "x", NULL), .typed_y = bit_allocate(COUNT, 4, "y", NULL)};
    if (!f->x || !f->y || !f->typed_x || !f->typed_y)
        return false;
    bit_random_init(&random, 1, BIT_PURPOSE_TEST, 0, 0);
    for (size_t i = 0; i < COUNT; i++) {
        f->x[i] = (float)(2 * bit_random_uniform(&random) - 1);
        f->y[i] = (float)(2 * bit_random_uniform(&random) - 1);
    }
    put(f, f->x, f->typed_x), put(f, f->y, f->typed_y);
    get(f, f->typed_x, f->x), get(f, f->typed_y, f->y); /* as rounded */
    return true;
}

static void teardown(struct fixture *f)
{
    bit_free(f->x), bit_free(f->y), bit_free(f->typed_x), bit_free(f->typed_y);
}

/* Equal but for one rounding of the type. */
static bool is(const struct fixture *f, float found, double expected)
{
    return fabs((double)found - expected) <= fabs(expected) * (f->type == BIT_FLOAT32 ? 1e-6 : 4e-3) + 1e-6;
}

static void check_bias(enum bit_type type, bool relu)
{
    struct fixture f;
    float bias[CHANNELS];
    int wrong = 0;
    REQUIRE(setup(&f, type));
    for (int c = 0; c < CHANNELS; c++)
        bias[c] = (float)(c - 18) / 16;
    bit_bias_add(type, ROWS, CHANNELS, bias, relu, f.typed_x, 2);
    get(&f, f.typed_x, f.y);
    for (size_t i = 0; i < COUNT; i++) {
        const double sum = (double)f.x[i] + (double)bias[i % CHANNELS];
        wrong += !is(&f, f.y[i], relu ? fmax(sum, 0) : sum);
    }
    CHECK(wrong == 0);
    teardown(&f);
}

static void check_sums(enum bit_type type)
{
    struct fixture f;
    double sums[CHANNELS], again[CHANNELS], expected[CHANNELS] = {0};
    REQUIRE(setup(&f, type));
    void *scratch = bit_allocate(1, bit_channel_sums_scratch_bytes(ROWS, CHANNELS), "scratch", NULL);
    REQUIRE(scratch);
    for (size_t i = 0; i < COUNT; i++)
        expected[i % CHANNELS] += (double)f.x[i];
    bit_channel_sums(type, ROWS, CHANNELS, f.typed_x, sums, false, scratch, 1);
    bit_channel_sums(type, ROWS, CHANNELS, f.typed_x, again, false, scratch, 3);
    CHECK(!memcmp(sums, again, sizeof sums));
    for (int c = 0; c < CHANNELS; c++)
        CHECK(fabs(sums[c] - expected[c]) < 1e-4);
    bit_channel_sums(type, ROWS, CHANNELS, f.typed_x, again, true, scratch, 2);
    for (int c = 0; c < CHANNELS; c++)
        CHECK(fabs(again[c] - 2 * sums[c]) < 1e-9);
    bit_free(scratch);
    teardown(&f);
}

static void check_relu(enum bit_type type)
{
    struct fixture f;
    int wrong = 0;
    REQUIRE(setup(&f, type));
    float *found = bit_allocate(COUNT, sizeof *found, "result", NULL);
    void *typed = bit_allocate(COUNT, 4, "result", NULL);
    REQUIRE(found && typed);
    bit_relu_forward(type, COUNT, f.typed_x, typed, 2);
    get(&f, typed, found);
    for (size_t i = 0; i < COUNT; i++)
        wrong += found[i] != fmaxf(f.x[i], 0);
    bit_relu_backward(type, COUNT, f.typed_x, f.typed_y, false, typed, 2);
    get(&f, typed, found);
    for (size_t i = 0; i < COUNT; i++)
        wrong += found[i] != (f.x[i] > 0 ? f.y[i] : 0);
    bit_relu_backward(type, COUNT, f.typed_x, f.typed_x, true, typed, 2);
    get(&f, typed, found);
    for (size_t i = 0; i < COUNT; i++)
        wrong += !is(&f, found[i], f.x[i] > 0 ? (double)f.y[i] + (double)f.x[i] : 0);
    CHECK(wrong == 0);
    bit_free(found), bit_free(typed);
    teardown(&f);
}

/* x is the coarse map, y the fine one. */
static void check_double(enum bit_type type)
{
    const struct bit_maps maps = {.images = 2, .height = 3, .width = 5, .channels = CHANNELS, .type = type};
    struct fixture f;
    int wrong = 0;
    REQUIRE(setup(&f, type));
    float *found = bit_allocate(COUNT, sizeof *found, "result", NULL);
    REQUIRE(found);
    bit_double_backward(&maps, f.typed_y, f.typed_x, 2);
    get(&f, f.typed_x, found);
    for (int i = 0; i < 2 * 3 * 5 * CHANNELS; i++) {
        const int c = i % CHANNELS, x = i / CHANNELS % 5, row = i / CHANNELS / 5;
        double sum = (double)f.x[i];
        for (int k = 0; k < 4; k++)
            sum += (double)f.y[((2 * row + k / 2) * 10 + 2 * x + k % 2) * CHANNELS + c];
        wrong += !is(&f, found[i], sum);
    }
    put(&f, f.x, f.typed_x);
    bit_double_add(&maps, f.typed_x, f.typed_y, 2);
    get(&f, f.typed_y, found);
    for (int i = 0; i < 2 * 6 * 10 * CHANNELS; i++) {
        const int c = i % CHANNELS, x = i / CHANNELS % 10, row = i / CHANNELS / 10;
        wrong += !is(&f, found[i], (double)f.y[i] + (double)f.x[(row / 2 * 5 + x / 2) * CHANNELS + c]);
    }
    CHECK(wrong == 0);
    bit_free(found);
    teardown(&f);
}

static void test_bias(void)
{
    for (int i = 0; i < 4; i++)
        check_bias(i % 2 ? BIT_BFLOAT16 : BIT_FLOAT32, i / 2);
}

static void test_sums(void) { check_sums(BIT_FLOAT32), check_sums(BIT_BFLOAT16); }
static void test_relu(void) { check_relu(BIT_FLOAT32), check_relu(BIT_BFLOAT16); }
static void test_double(void) { check_double(BIT_FLOAT32), check_double(BIT_BFLOAT16); }

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {{"bias", test_bias}, {"channel sums", test_sums}, {"ReLU", test_relu}, {"doubling", test_double}};
    return unit_main("map", tests, sizeof tests / sizeof *tests, argc, argv);
}
