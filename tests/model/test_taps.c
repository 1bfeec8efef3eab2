/* The outputs of blocks that a head takes: their values and gradients. Links no head of src/heads. */
#include "model/taps.h"

enum { LARGE = 192 };

/* ---- gradients ---- */

/* The loss on both sides of a parameter, along its gradient, must differ by that gradient's length. Bounds as in test_network.c. */
static bool right_slope(struct fixture *f, size_t parameter)
{
    const struct bit_parameter *p = &f->table->items[parameter];
    const double length = norm_of(f, parameter);
    float *w = f->weights + p->offset, *d = f->gradient + p->offset, *keep = bit_allocate(p->count, sizeof *keep, "copy", NULL);
    double size = 0, side[2];
    if (!keep)
        return false;
    memcpy(keep, w, p->count * sizeof *w);
    for (size_t i = 0; i < p->count; i++)
        size += (double)w[i] * (double)w[i];
    const double move = fmin(1e-2 / length, 2e-2 * fmax(sqrt(size), 1));
    for (int s = 0; s < 2; s++) {
        for (size_t i = 0; i < p->count; i++)
            w[i] = (float)((double)keep[i] + (s ? -1 : 1) * move * (double)d[i] / length);
        side[s] = run(f, false);
    }
    memcpy(w, keep, p->count * sizeof *w);
    bit_free(keep);
    const double slope = (side[0] - side[1]) / (2 * move);
    const bool right = fabs(slope - length) <= 0.03 * length;
    if (!right)
        printf("\n  %s: slope %g, gradient %g", p->name, slope, length);
    return right;
}

/* Every fourth parameter, of all blocks, and the head's. */
static void check_differences(const struct bit_head *head, enum bit_norm norm)
{
    struct fixture f;
    const struct bit_model_options options = options_of(head, norm, BIT_FLOAT32, 14);
    const int highest = head->unpooled && !(head->taps & BIT_TAP(4)) ? 2 : 5;
    int wrong = 0, tried[6] = {0};
    REQUIRE(setup(&f, &options));
    CHECK(!isnan(run(&f, true)));
    for (size_t n = 0; n < f.table->count; n++) {
        const struct bit_parameter *p = &f.table->items[n];
        if (!p->head && (n % 4 || p->block > highest))
            continue;
        tried[p->block]++;
        wrong += !right_slope(&f, n);
    }
    CHECK(wrong == 0);
    for (int block = 0; block < 6; block++)
        CHECK(tried[block] > 0 || (block > highest && block < 5));
    teardown(&f);
}

static void test_differences(void) { check_differences(&both, BIT_GROUP_NORM); }
static void test_differences_unpooled(void) { check_differences(&taps_only, BIT_GROUP_NORM); }
static void test_differences_low(void) { check_differences(&low_only, BIT_GROUP_NORM); }
static void test_differences_batch_norm(void) { check_differences(&both, BIT_BATCH_NORM); }
static void test_differences_activated(void) { check_differences(&activated, BIT_GROUP_NORM); }

/* bfloat16 points where float32 points, block by block. Its own noise takes the cosine to 0.95 at the root in a head without
 * taps; here it is 0.97 and more. */
static void check_bfloat16(const struct bit_head *head)
{
    struct fixture exact, rough;
    const struct bit_model_options one = options_of(head, BIT_GROUP_NORM, BIT_FLOAT32, 14);
    const struct bit_model_options two = options_of(head, BIT_GROUP_NORM, BIT_BFLOAT16, 14);
    double dot[6] = {0}, a[6] = {0}, b[6] = {0};
    REQUIRE(setup(&exact, &one) && setup(&rough, &two));
    const double first = run(&exact, true), second = run(&rough, true);
    CHECK(fabs(first - second) < 0.05 * first);
    CHECK(bit_model_call(rough.model)->input.type == BIT_BFLOAT16);
    for (size_t n = 0; n < exact.table->count; n++) {
        const struct bit_parameter *p = &exact.table->items[n];
        for (size_t i = p->offset; i < p->offset + p->count; i++) {
            dot[p->block] += (double)exact.gradient[i] * (double)rough.gradient[i];
            a[p->block] += pow((double)exact.gradient[i], 2);
            b[p->block] += pow((double)rough.gradient[i], 2);
        }
    }
    for (int block = 0; block < 6; block++)
        CHECK(dot[block] > 0.93 * sqrt(a[block] * b[block]) && b[block] > 0.8 * a[block] && b[block] < 1.25 * a[block]);
    teardown(&exact), teardown(&rough);
}

static void test_bfloat16(void)
{
    check_bfloat16(&both);
    check_bfloat16(&taps_only);
    check_bfloat16(&activated);
}

/* Large images go through the first blocks one by one: the gradients of two are the sum of those of networks that see one each. */
static void check_chunks(const struct bit_head *head)
{
    struct fixture f[3];
    const size_t image = (size_t)LARGE * LARGE * 3;
    double losses[MOST_IMAGES];
    for (int i = 0; i < 3; i++) { /* both, the first, the second */
        struct bit_model_options options = options_of(head, BIT_GROUP_NORM, BIT_FLOAT32, 14);
        const struct bit_targets own = {.labels = numbers + (i == 2)};
        options.image_size = LARGE;
        options.micro_batch = i ? 1 : 2;
        REQUIRE(setup(&f[i], &options));
        if (i)
            memcpy(f[i].typed, f[0].images + (size_t)(i - 1) * image, image * sizeof(float));
        REQUIRE(look(&f[i], true));
        loss(head, bit_model_call(f[i].model), &own, options.micro_batch, 1, losses);
        REQUIRE(learn(&f[i]));
    }
    /* the gradient of block 1's tap is added by the unit above it, which has to go by chunks, too */
    CHECK(f[0].model->network.unit[0].gathers && f[0].model->network.unit[1].chunk == 1);
    int bad = 0;
    for (size_t n = 0; n < f[0].table->count; n++) {
        const struct bit_parameter *p = &f[0].table->items[n];
        double square = 0, difference = 0;
        for (size_t i = p->offset; i < p->offset + p->count; i++) {
            const double sum = (double)f[1].gradient[i] + (double)f[2].gradient[i];
            square += sum * sum;
            difference += pow((double)f[0].gradient[i] - sum, 2);
        }
        bad += !(sqrt(difference) <= 1e-2 * sqrt(square)); /* a ReLU may fall on its other side */
    }
    CHECK(bad == 0);
    for (int i = 0; i < 3; i++)
        teardown(&f[i]);
}

static void test_chunks(void)
{
    check_chunks(&all);
    check_chunks(&activated);
}

/* ---- values ---- */

/* Blocks 1 and 2 of a deeper network, of the same weights, give what those of a shallower one give. */
static void test_shallower(void)
{
    struct fixture deep, shallow;
    static const struct bit_head second = {.operations = &operations, .taps = BIT_TAP(2)};
    const struct bit_model_options one = options_of(&both, BIT_GROUP_NORM, BIT_FLOAT32, 14);
    const struct bit_model_options two = options_of(&second, BIT_GROUP_NORM, BIT_FLOAT32, 8);
    REQUIRE(setup(&deep, &one) && setup(&shallow, &two));
    for (int training = 0; training < 2; training++) {
        REQUIRE(look(&deep, training) && look(&shallow, training));
        CHECK(equal_taps(deep.model, shallow.model, BIT_TAP(2)));
    }
    CHECK(bit_model_call(deep.model)->tap[1] == NULL && bit_model_call(deep.model)->tap[3] == NULL);
    teardown(&deep), teardown(&shallow);
}

/* The last tap, through group norm (gamma 1, beta 0), ReLU and mean in plain loops, is the pooled feature. */
static void test_plain_reference(void)
{
    struct fixture f;
    const struct bit_model_options options = options_of(&both, BIT_GROUP_NORM, BIT_FLOAT32, 14);
    REQUIRE(setup(&f, &options) && look(&f, true));
    const struct bit_head_call *call = bit_model_call(f.model);
    const int channels = call->input.tap[4].channels, rows = call->input.tap[4].height * call->input.tap[4].width;
    const int wide = channels / MODEL_GROUPS;
    double worst = 0;
    REQUIRE(channels == call->input.channels && rows >= 1);
    for (int i = 0; i < call->images; i++)
        for (int c = 0; c < channels; c++) {
            const float *x = (const float *)call->tap[4] + (size_t)(i * rows) * (size_t)channels;
            double sum = 0, square = 0, pooled = 0;
            for (int r = 0; r < rows; r++)
                for (int k = c / wide * wide; k < c / wide * wide + wide; k++) {
                    sum += (double)x[r * channels + k];
                    square += (double)x[r * channels + k] * (double)x[r * channels + k];
                }
            const double mean = sum / (rows * wide), variance = square / (rows * wide) - mean * mean;
            for (int r = 0; r < rows; r++)
                pooled += fmax(0, ((double)x[r * channels + c] - mean) / sqrt(variance + 1e-5)) / rows;
            worst = fmax(worst, fabs(pooled - (double)call->pooled[i * channels + c]));
        }
    CHECK(worst < 1e-4);
    teardown(&f);
}

/* Group norm (gamma 1, beta 0) and ReLU of an image in plain loops against a tap behind them: the largest difference. */
static double activation_error(const float *x, const float *found, int rows, int channels)
{
    const int wide = channels / MODEL_GROUPS;
    double worst = 0;
    for (int first = 0; first < channels; first += wide) {
        double sum = 0, square = 0;
        for (int i = 0; i < rows * wide; i++) {
            const double v = (double)x[i / wide * channels + first + i % wide];
            sum += v;
            square += v * v;
        }
        const double mean = sum / (rows * wide), scale = 1 / sqrt(square / (rows * wide) - mean * mean + 1e-5);
        for (int i = 0; i < rows * wide; i++) {
            const int at = i / wide * channels + first + i % wide;
            worst = fmax(worst, fabs(fmax(0, ((double)x[at] - mean) * scale) - (double)found[at]));
        }
    }
    return worst;
}

/* Taps behind norm and ReLU are just that of those before them. */
static void test_activated(void)
{
    struct fixture f, sums;
    const struct bit_model_options options = options_of(&activated, BIT_GROUP_NORM, BIT_FLOAT32, 26);
    const struct bit_model_options plain_options = options_of(&all, BIT_GROUP_NORM, BIT_FLOAT32, 26);
    REQUIRE(setup(&f, &options) && setup(&sums, &plain_options));
    for (int training = 0; training < 2; training++) {
        REQUIRE(look(&f, training) && look(&sums, training));
        for (int block = 2; block <= 4; block++) {
            const struct bit_tap_shape *tap = &f.model->call.input.tap[block];
            const int rows = tap->height * tap->width;
            for (int i = 0; i < 2; i++) {
                const size_t at = (size_t)i * (size_t)rows * (size_t)tap->channels;
                const double error = activation_error((const float *)sums.model->call.tap[block] + at,
                                                      (const float *)f.model->call.tap[block] + at, rows, tap->channels);
                CHECK(error < 1e-4);
            }
        }
    }
    teardown(&f), teardown(&sums);
}

/* A model for evaluation, in which units share memory, and one for training give the same taps in an evaluation; with group
 * norm those of training, too. Two units a block, so that taps are followed and preceded by others. */
static void check_evaluation(const struct bit_head *head, enum bit_norm norm, enum bit_type type)
{
    struct fixture training, evaluation;
    struct bit_model_options options = options_of(head, norm, type, 26);
    REQUIRE(setup(&training, &options));
    options.training = false;
    REQUIRE(setup(&evaluation, &options));
    REQUIRE(look(&training, true) && training.model->call.d_tap[2] && !evaluation.model->call.d_tap[2]);
    if (norm == BIT_BATCH_NORM) /* one training pass has moved them */
        memcpy(bit_model_statistics(evaluation.model), bit_model_statistics(training.model),
               bit_model_statistics_table(training.model)->elements * sizeof(float));
    REQUIRE(look(&evaluation, false));
    CHECK(equal_taps(training.model, evaluation.model, head->taps) == (norm == BIT_GROUP_NORM));
    REQUIRE(look(&training, false));
    CHECK(equal_taps(training.model, evaluation.model, head->taps));
    teardown(&training), teardown(&evaluation);
}

static void test_evaluation(void)
{
    check_evaluation(&all, BIT_GROUP_NORM, BIT_FLOAT32);
    check_evaluation(&taps_only, BIT_GROUP_NORM, BIT_BFLOAT16);
    check_evaluation(&activated, BIT_GROUP_NORM, BIT_FLOAT32);
}

static void test_evaluation_batch_norm(void) { check_evaluation(&both, BIT_BATCH_NORM, BIT_FLOAT32); }

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"differences", test_differences},
        {"differences without pooled features", test_differences_unpooled},
        {"differences of low blocks", test_differences_low},
        {"differences with batch norm", test_differences_batch_norm},
        {"bfloat16", test_bfloat16},
        {"differences behind the norm", test_differences_activated},
        {"activated", test_activated},
        {"chunks", test_chunks},
        {"a shallower network", test_shallower},
        {"plain reference", test_plain_reference},
        {"evaluation", test_evaluation},
        {"evaluation with batch norm", test_evaluation_batch_norm},
    };
    return unit_main("taps", tests, sizeof tests / sizeof *tests, argc, argv);
}
