/* A head that takes the outputs of blocks: their values, their gradients, their memory. Links no head of src/heads; sees the
 * model's inside (model/network.h) to poison what nobody owns. */
#include "unit.h"

#include <math.h>

#include "bit/kernels.h"
#include "bit/memory.h"
#include "bit/random.h"
#include "model/network.h"

enum { MOST_IMAGES = 2, SIZE = 19, BATCH_NORM_SIZE = 35, LARGE = 192 };

/* ---- the head: out = sum of slope x pattern of the pixel x tap + sum of slope x pooled feature, loss = (out - label)^2 / 2 ---- */

struct work { double out[MOST_IMAGES], d_out[MOST_IMAGES]; };

static int describe(const struct bit_head *head, const struct bit_head_input *input, struct bit_table *table,
                    struct bit_error *error)
{
    char name[BIT_PARAMETER_NAME];
    (void)head;
    for (int block = 0; block <= BIT_BLOCKS; block++) { /* block 0: the pooled features */
        const size_t shape[1] = {(size_t)(block ? input->tap[block].channels : input->channels)};
        snprintf(name, sizeof name, "head/slope%d", block);
        if (*shape && bit_table_add(table, name, BIT_KERNEL, 5, 1, shape, error) < 0)
            return -1;
    }
    return 0;
}

/* The taps below the last weigh more: what comes down from the last norm would hide their gradients otherwise. */
static const float LOW_TAP = 32;

static void initialise(const struct bit_head *head, const struct bit_table *table, size_t first, uint64_t seed, float *weights)
{
    (void)head, (void)seed;
    for (size_t n = first; n < table->count; n++) {
        const struct bit_parameter *p = &table->items[n];
        const char block = p->name[strlen(p->name) - 1];
        const float scale = (block >= '1' && block <= '3' ? LOW_TAP : 1) / (float)p->count;
        for (size_t i = 0; i < p->count; i++)
            weights[p->offset + i] = scale * (i % 2 ? -1.0f : 1.0f) * (float)(1 + i % 3);
    }
}

static size_t bytes(const struct bit_head *head, const struct bit_head_input *input, int images, bool training)
{
    (void)head, (void)input, (void)training;
    return images <= MOST_IMAGES ? sizeof(struct work) : 0;
}

static double flops(const struct bit_head *head, const struct bit_head_input *input)
{
    double sum = 2.0 * input->channels;
    (void)head;
    for (int block = 1; block <= BIT_BLOCKS; block++)
        sum += 2.0 * input->tap[block].channels * input->tap[block].height * input->tap[block].width;
    return sum;
}

/* What the head takes of an image from one place: rows of channels, weighted by a pattern that tells pixels apart. */
struct part { int rows, channels; size_t slope; const void *x; void *d; enum bit_type type; };

static struct part part_of(const struct bit_head_call *call, int block, size_t slope)
{
    const struct bit_tap_shape *tap = &call->input.tap[block];
    if (!block)
        return (struct part){1, call->input.channels, slope, call->pooled, call->d_pooled, BIT_FLOAT32};
    return (struct part){tap->height * tap->width, tap->channels, slope, call->tap[block], call->d_tap[block], call->input.type};
}

static double pattern(const struct part *part, int row)
{
    return part->rows == 1 ? 1 : (1 + 0.5 * (row % 3)) / part->rows;
}

static float read_value(const struct part *part, size_t i)
{
    float value;
    if (part->type == BIT_FLOAT32)
        return ((const float *)part->x)[i];
    bit_cast_to_float(part->type, (const char *)part->x + i * bit_type_size(part->type), 1, &value, 1);
    return value;
}

static int forward(const struct bit_head *head, const struct bit_head_call *call, struct bit_error *error)
{
    struct work *work = call->work;
    size_t slope = call->first;
    (void)head, (void)error;
    memset(work, 0, sizeof *work);
    for (int block = 0; block <= BIT_BLOCKS; block++) {
        const struct part part = part_of(call, block, slope);
        if (!part.channels)
            continue;
        const float *w = call->weights + call->table->items[slope++].offset;
        size_t at = 0;
        for (int i = 0; i < call->images; i++)
            for (int row = 0; row < part.rows; row++)
                for (int c = 0; c < part.channels; c++)
                    work->out[i] += pattern(&part, row) * (double)w[c] * (double)read_value(&part, at++);
    }
    return 0;
}

static void loss(const struct bit_head *head, const struct bit_head_call *call, const struct bit_targets *targets, int images,
                 double scale, double *losses)
{
    struct work *work = call->work;
    (void)head;
    for (int i = 0; i < images; i++) {
        work->d_out[i] = scale * (work->out[i] - targets->labels[i]);
        losses[i] = pow(work->out[i] - targets->labels[i], 2) / 2;
    }
}

static void part_backward(const struct bit_head_call *call, const struct part *part, struct bit_gradient_sink *sink)
{
    const struct work *work = call->work;
    const float *w = call->weights + call->table->items[part->slope].offset;
    float *d_slope = sink->begin(sink, part->slope);
    size_t at = 0;
    memset(d_slope, 0, (size_t)part->channels * sizeof *d_slope);
    for (int i = 0; i < call->images; i++)
        for (int row = 0; row < part->rows; row++)
            for (int c = 0; c < part->channels; c++, at++) {
                const double d = work->d_out[i] * pattern(part, row);
                const float value = (float)(d * (double)w[c]);
                d_slope[c] += (float)(d * (double)read_value(part, at));
                if (part->type == BIT_FLOAT32)
                    ((float *)part->d)[at] = value;
                else
                    bit_cast_from_float(part->type, &value, 1, (char *)part->d + at * bit_type_size(part->type), 1);
            }
    sink->done(sink, part->slope);
}

static int backward(const struct bit_head *head, const struct bit_head_call *call, struct bit_gradient_sink *sink,
                    struct bit_error *error)
{
    size_t slope = call->table->count;
    (void)head, (void)error;
    for (int block = BIT_BLOCKS; block >= 0; block--) {
        if (!(block ? call->input.tap[block].channels : call->input.channels))
            continue;
        const struct part part = part_of(call, block, --slope);
        part_backward(call, &part, sink);
    }
    return 0;
}

static const struct bit_head_operations operations = {
    .describe = describe, .initialise = initialise, .bytes = bytes, .flops = flops, .forward = forward, .loss = loss,
    .backward = backward,
};
static const struct bit_head
    both = {.operations = &operations, .taps = BIT_TAP(2) | BIT_TAP(4)},
    taps_only = {.operations = &operations, .taps = BIT_TAP(2) | BIT_TAP(4), .unpooled = true},
    low_only = {.operations = &operations, .taps = BIT_TAP(2), .unpooled = true},
    all = {.operations = &operations, .taps = BIT_TAP(1) | BIT_TAP(2) | BIT_TAP(3) | BIT_TAP(4)},
    plain = {.operations = &operations},
    activated = {.operations = &operations, .taps = BIT_TAP(2) | BIT_TAP(3) | BIT_TAP(4), .unpooled = true, .activated = true};

/* ---- a model, its weights, its images ---- */

struct block_sink { struct bit_gradient_sink sink; const struct bit_table *table; float *block; size_t next; bool good; };

static float *sink_begin(struct bit_gradient_sink *sink, size_t parameter)
{
    struct block_sink *s = (struct block_sink *)sink;
    s->good &= parameter + 1 == s->next;
    return s->block + s->table->items[parameter].offset;
}

static void sink_done(struct bit_gradient_sink *sink, size_t parameter)
{
    ((struct block_sink *)sink)->next = parameter;
}

struct fixture {
    struct bit_model_options options;
    struct bit_model *model;
    const struct bit_table *table;
    float *weights, *gradient;
    float *images; /* float32, cast to typed */
    void *typed;
};

static struct bit_model_options options_of(const struct bit_head *head, enum bit_norm norm, enum bit_type type, int depth)
{
    return (struct bit_model_options){
        .depth = depth, .width = 1, .head = head, .norm = norm, .weight_standardization = true,
        .image_size = norm == BIT_BATCH_NORM ? BATCH_NORM_SIZE : SIZE, .micro_batch = 2, .micro_batches = 1, .precision = type,
        .training = true, .backend = bit_backend_find(type == BIT_FLOAT32 ? "openblas" : "auto", NULL)};
}

static bool setup(struct fixture *f, const struct bit_model_options *options)
{
    struct bit_error error = {0};
    struct bit_random random;
    const size_t pixels = (size_t)(options->micro_batch * options->image_size * options->image_size * 3);
    memset(f, 0, sizeof *f);
    f->options = *options;
    bit_compute_threads(1);
    if (!(f->model = bit_model_create(options, &error)))
        return false;
    f->table = bit_model_table(f->model);
    f->weights = bit_allocate(f->table->elements, sizeof(float), "weights", &error);
    f->gradient = bit_allocate(f->table->elements, sizeof(float), "gradient", &error);
    f->images = bit_allocate(pixels, sizeof(float), "images", &error);
    f->typed = bit_allocate(pixels, sizeof(float), "images", &error);
    if (!f->weights || !f->gradient || !f->images || !f->typed)
        return false;
    bit_random_init(&random, 3, BIT_PURPOSE_TEST, 0, 0);
    for (size_t i = 0; i < pixels; i++)
        f->images[i] = (float)(2 * bit_random_uniform(&random) - 1);
    bit_cast_from_float(options->precision, f->images, pixels, f->typed, 1);
    return !bit_model_initialise(f->model, BIT_LECUN_NORMAL, 5, f->weights, &error) &&
           !bit_model_set_weights(f->model, f->weights, &error);
}

static void teardown(struct fixture *f)
{
    bit_free(f->weights), bit_free(f->gradient), bit_free(f->images), bit_free(f->typed);
    bit_model_destroy(f->model);
}

static const int32_t numbers[MOST_IMAGES] = {3, -2};
static const struct bit_targets targets = {.labels = numbers};

static bool look(struct fixture *f, bool training)
{
    struct bit_error error = {0};
    return !bit_model_set_weights(f->model, f->weights, &error) && !bit_model_forward(f->model, f->typed, training, &error);
}

static double sum_of_losses(struct fixture *f)
{
    double losses[MOST_IMAGES] = {0};
    loss(f->options.head, bit_model_call(f->model), &targets, f->options.micro_batch, 1, losses);
    return losses[0] + losses[1];
}

static bool learn(struct fixture *f)
{
    struct bit_error error = {0};
    struct block_sink sink = {{sink_begin, sink_done}, f->table, f->gradient, f->table->count, true};
    return !bit_model_backward(f->model, &sink.sink, &error) && sink.good && sink.next == 0;
}

static double run(struct fixture *f, bool with_gradient)
{
    if (!look(f, true))
        return NAN;
    const double sum = sum_of_losses(f);
    return with_gradient && !learn(f) ? NAN : sum;
}

static size_t tap_bytes(const struct bit_head_call *call, int block)
{
    const struct bit_tap_shape *tap = &call->input.tap[block];
    return (size_t)call->images * (size_t)tap->height * (size_t)tap->width * (size_t)tap->channels * bit_type_size(call->input.type);
}

/* Both models give these taps, with the same bits. */
static bool equal_taps(const struct bit_model *a, const struct bit_model *b, unsigned taps)
{
    const struct bit_head_call *one = bit_model_call(a), *two = bit_model_call(b);
    for (int block = 1; block <= BIT_BLOCKS; block++)
        if (taps & BIT_TAP(block) &&
            (!one->tap[block] || !two->tap[block] || tap_bytes(one, block) != tap_bytes(two, block) ||
             memcmp(one->tap[block], two->tap[block], tap_bytes(one, block))))
            return false;
    return true;
}

static double norm_of(const struct fixture *f, size_t parameter)
{
    const struct bit_parameter *p = &f->table->items[parameter];
    double square = 0;
    for (size_t i = 0; i < p->count; i++)
        square += pow((double)f->gradient[p->offset + i], 2);
    return sqrt(square);
}

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
    options.roles.freeze_backbone = true;
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
        {"differences", test_differences}, {"differences without pooled features", test_differences_unpooled},
        {"differences of low blocks", test_differences_low}, {"differences with batch norm", test_differences_batch_norm},
        {"bfloat16", test_bfloat16}, {"differences behind the norm", test_differences_activated}, {"activated", test_activated}, {"chunks", test_chunks}, {"a shallower network", test_shallower},
        {"plain reference", test_plain_reference}, {"evaluation", test_evaluation},
        {"evaluation with batch norm", test_evaluation_batch_norm}, {"memory", test_memory}, {"poison", test_poison},
        {"above the highest tap", test_above_the_highest_tap}, {"frozen", test_frozen}, {"bad taps", test_bad_taps},
        {"features", test_features},
    };
    return unit_main("taps", tests, sizeof tests / sizeof *tests, argc, argv);
}
