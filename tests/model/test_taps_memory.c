/* The outputs of blocks that a head takes: memory, and what does not run. Sees the model's inside to poison what nobody owns. */
#include "model/taps.h"

/* ---- memory ---- */

static size_t total(const struct bit_model_memory *memory)
{
    return memory->packed_weights + memory->activations + memory->scratch + memory->other;
}

static size_t planned(const struct bit_head *head, bool training, enum bit_type type)
{
    struct bit_model_memory memory = {0};
    struct bit_error error = {0};
    struct bit_model_options options = options_of(head, BIT_GROUP_NORM, type, 26);
    options.training = training;
    bit_compute_threads(1);
    CHECK(bit_model_estimate(&options, &memory, &error) == 0);
    return memory.activations;
}

/* Bytes that a model takes beside its plan: the convolutions' own, which the plan leaves out. */
static size_t unplanned(const struct bit_head *head, enum bit_type type)
{
    struct bit_model_memory memory = {0};
    struct bit_error error = {0};
    const struct bit_model_options options = options_of(head, BIT_GROUP_NORM, type, 26);
    const size_t before = bit_memory_used();
    struct bit_model *model = bit_model_create(&options, &error);
    const size_t used = bit_memory_used() - before;
    CHECK(model && bit_model_estimate(&options, &memory, &error) == 0);
    bit_model_destroy(model);
    return used - total(&memory);
}

/* What taps add to the plan, exactly: while training their gradients, in an evaluation all but the last output. */
static void check_memory(enum bit_type type)
{
    struct fixture f;
    const size_t slack = 64; /* pieces are rounded up to it */
    const struct bit_model_options options = options_of(&both, BIT_GROUP_NORM, type, 26);
    REQUIRE(setup(&f, &options));
    const size_t two = tap_bytes(&f.model->call, 2), four = tap_bytes(&f.model->call, 4);
    teardown(&f);
    CHECK(two && four && unplanned(&both, type) == unplanned(&plain, type));
    const size_t training = planned(&both, true, type) - planned(&plain, true, type);
    const size_t evaluation = planned(&both, false, type) - planned(&plain, false, type);
    CHECK(training >= two + four && training < two + four + 2 * slack);
    CHECK(evaluation >= two && evaluation < two + slack);
    CHECK(planned(&taps_only, true, type) < planned(&both, true, type));
    CHECK(planned(&low_only, true, type) < planned(&plain, true, type));
}

static void test_memory(void)
{
    struct fixture f;
    const struct bit_model_options options = options_of(&plain, BIT_GROUP_NORM, BIT_FLOAT32, 14);
    check_memory(BIT_FLOAT32);
    check_memory(BIT_BFLOAT16);
    REQUIRE(setup(&f, &options));
    for (int block = 0; block <= BIT_BLOCKS; block++)
        CHECK(!f.model->call.tap[block] && !f.model->call.d_tap[block] && !f.model->d_tap[block]);
    teardown(&f);
}

static void fill_nan(struct bit_model *m, size_t offset, size_t bytes)
{
    memset(at(m, offset), 0xFF, bytes);
}

/* Fills with NaN what nobody may read before it is written: all buffers that units share, and gradients of the head's input;
 * before a forward pass (`activations`) also what it is to keep. */
static void poison(struct bit_model *m, bool activations)
{
    const struct network *n = &m->network;
    const size_t images = (size_t)m->images, size = bit_type_size(m->options.precision);
    const size_t features = images * (size_t)n->input.channels * sizeof(float);
    size_t middle = 0;
    for (int i = 0; i < n->units; i++) {
        const struct unit *u = &n->unit[i];
        const size_t a = images * (size_t)u->norm_b.norm.rows * (size_t)u->norm_b.norm.channels * size;
        const size_t b = images * (size_t)u->norm_c.norm.rows * (size_t)u->norm_c.norm.channels * size;
        middle = b > middle ? b : middle;
        if (activations)
            fill_nan(m, u->a_out, a), fill_nan(m, u->b_out, b), fill_nan(m, u->out, 4 * b);
        if (u->tapped)
            fill_nan(m, m->d_tap[u->block], 4 * b);
        if (u->tapped && activations)
            fill_nan(m, m->tap[u->block], 4 * b);
    }
    for (int i = 0; i < 2; i++)
        fill_nan(m, m->wide[i], 4 * middle), fill_nan(m, m->narrow[i], middle);
    fill_nan(m, m->h, middle), fill_nan(m, m->h_b, middle), fill_nan(m, m->h_c, middle);
    if (n->pools)
        fill_nan(m, m->d_pooled, features), fill_nan(m, m->d_pooled_typed, features);
    if (activations && n->pools)
        fill_nan(m, m->pooled, features);
}

/* The gradients have the same bits when all memory that a pass does not own is NaN before it. */
static void check_poison(const struct bit_head *head, enum bit_norm norm, enum bit_type type)
{
    struct fixture clean, poisoned;
    const struct bit_model_options options = options_of(head, norm, type, 26);
    REQUIRE(setup(&clean, &options) && setup(&poisoned, &options));
    for (int step = 0; step < 2; step++) { /* the second one finds what the first has left */
        const double expected = run(&clean, true);
        poison(poisoned.model, true);
        REQUIRE(look(&poisoned, true));
        poison(poisoned.model, false);
        CHECK(equal_taps(clean.model, poisoned.model, head->taps));
        CHECK(sum_of_losses(&poisoned) == expected);
        REQUIRE(learn(&poisoned));
        CHECK(!memcmp(clean.gradient, poisoned.gradient, clean.table->elements * sizeof(float)));
    }
    teardown(&clean), teardown(&poisoned);
}

static void test_poison(void)
{
    check_poison(&both, BIT_GROUP_NORM, BIT_FLOAT32);
    check_poison(&taps_only, BIT_GROUP_NORM, BIT_BFLOAT16);
    check_poison(&low_only, BIT_BATCH_NORM, BIT_FLOAT32);
    check_poison(&activated, BIT_GROUP_NORM, BIT_FLOAT32);
    check_poison(&activated, BIT_BATCH_NORM, BIT_FLOAT32);
}

/* ---- what does not run ---- */

/* Above the highest tap nothing runs, and gradients are zero; below, all have some. */
static void test_above_the_highest_tap(void)
{
    struct fixture f, whole;
    const struct bit_model_options options = options_of(&low_only, BIT_GROUP_NORM, BIT_FLOAT32, 14);
    const struct bit_model_options other = options_of(&both, BIT_GROUP_NORM, BIT_FLOAT32, 14);
    struct bit_error error = {0};
    float none[1];
    REQUIRE(setup(&f, &options) && setup(&whole, &other));
    memset(f.gradient, 0xFF, f.table->elements * sizeof(float));
    REQUIRE(!isnan(run(&f, true)) && look(&whole, true));
    CHECK(equal_taps(f.model, whole.model, BIT_TAP(2)));
    for (size_t n = 0; n < f.table->count; n++) {
        const struct bit_parameter *p = &f.table->items[n];
        CHECK(p->head || p->block <= 2 ? norm_of(&f, n) > 0 : norm_of(&f, n) == 0);
    }
    CHECK(bit_model_flops(&options) < 0.6 * bit_model_flops(&other));
    CHECK(!bit_model_call(f.model)->pooled && !bit_model_call(f.model)->d_pooled && !bit_model_call(f.model)->input.channels);
    CHECK(bit_model_features(f.model, f.typed, none, &error) == -1 && error.code == BIT_EINTERNAL);
    teardown(&f), teardown(&whole);
}

/* A frozen backbone gets zeros, the head what it gets otherwise. */
static void test_frozen(void)
{
    struct fixture f, frozen;
    struct bit_model_options options = options_of(&both, BIT_GROUP_NORM, BIT_FLOAT32, 14);
    REQUIRE(setup(&f, &options));
    for (int part = 0; part < BIT_PART_HEAD; part++)
        options.roles.frozen[part] = true;
    REQUIRE(setup(&frozen, &options));
    memset(frozen.gradient, 0xFF, frozen.table->elements * sizeof(float));
    REQUIRE(run(&f, true) == run(&frozen, true));
    for (size_t n = 0; n < f.table->count; n++) {
        const struct bit_parameter *p = &f.table->items[n];
        if (p->head)
            CHECK(!memcmp(f.gradient + p->offset, frozen.gradient + p->offset, p->count * sizeof(float)));
        else
            CHECK(norm_of(&frozen, n) == 0 && norm_of(&f, n) > 0);
    }
    teardown(&f), teardown(&frozen);
}

static void test_bad_taps(void)
{
    static const struct { unsigned taps; bool unpooled, activated; int depth; enum bit_code code; } bad[] = {
        {BIT_TAP(3), false, false, 8, BIT_EUSAGE}, {0, true, false, 14, BIT_EINTERNAL}, {BIT_TAP(5), false, false, 14, BIT_EINTERNAL},
        {BIT_TAP(0), false, false, 14, BIT_EINTERNAL}, {BIT_TAP(3), true, true, 14, BIT_EINTERNAL},
        {BIT_TAP(4), false, true, 14, BIT_EINTERNAL}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct bit_error error = {0};
        const struct bit_head head = {.operations = &operations, .taps = bad[i].taps, .unpooled = bad[i].unpooled,
                                      .activated = bad[i].activated};
        const struct bit_model_options options = options_of(&head, BIT_GROUP_NORM, BIT_FLOAT32, bad[i].depth);
        CHECK(bit_model_create(&options, &error) == NULL && error.code == bad[i].code);
    }
}

/* Features are those of a network without a head, and need none. */
static void test_features(void)
{
    struct fixture f, headless;
    struct bit_error error = {0};
    const struct bit_model_options options = options_of(&both, BIT_GROUP_NORM, BIT_FLOAT32, 14);
    const struct bit_model_options bare = options_of(NULL, BIT_GROUP_NORM, BIT_FLOAT32, 14);
    REQUIRE(setup(&f, &options) && setup(&headless, &bare));
    const size_t count = (size_t)(2 * bit_model_call(headless.model)->input.channels);
    float *one = bit_allocate(count, sizeof *one, "features", &error), *two = bit_allocate(count, sizeof *two, "features", &error);
    REQUIRE(one && two && count == 2 * 2048);
    REQUIRE(!bit_model_features(f.model, f.typed, one, &error) && !bit_model_features(headless.model, f.typed, two, &error));
    CHECK(!memcmp(one, two, count * sizeof *one));
    REQUIRE(look(&headless, false));
    CHECK(!memcmp(one, bit_model_call(headless.model)->pooled, count * sizeof *one));
    CHECK(bit_model_backward(f.model, NULL, &error) == -1 && error.code == BIT_EINTERNAL);
    bit_free(one), bit_free(two);
    teardown(&f), teardown(&headless);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"memory", test_memory},
        {"poison", test_poison},
        {"above the highest tap", test_above_the_highest_tap},
        {"frozen", test_frozen},
        {"bad taps", test_bad_taps},
        {"features", test_features},
    };
    return unit_main("memory of taps", tests, sizeof tests / sizeof *tests, argc, argv);
}
