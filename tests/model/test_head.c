/* A second task through the same interface: a head without classes, which regresses each image's number by one weight a
 * channel. And no head at all. Links the model and the floors below, no head of src/heads. */
#include "unit.h"

#include <math.h>

#include "bit/kernels.h"
#include "bit/memory.h"
#include "bit/model.h"
#include "bit/random.h"

enum { IMAGES = 2, SIZE = 19, PIXELS = IMAGES * SIZE * SIZE * 3 };

/* ---- the head: out = sum of weight x feature, loss = (out - label)^2 / 2, score = sum of squared distances ---- */

struct work { float out[IMAGES], d_out[IMAGES]; };

static int describe(const struct bit_head *head, const struct bit_head_input *input, struct bit_table *table, struct bit_error *error)
{
    const size_t shape[1] = {(size_t)input->channels};
    (void)head;
    return bit_table_add(table, "resnet/head/slope", BIT_KERNEL, 5, 1, shape, error) < 0 ? -1 : 0;
}

static void initialise(const struct bit_head *head, const struct bit_table *table, size_t first, uint64_t seed, float *weights)
{
    (void)head, (void)seed;
    for (size_t i = 0; i < table->items[first].count; i++)
        weights[table->items[first].offset + i] = 0.01f;
}

static size_t bytes(const struct bit_head *head, const struct bit_head_input *input, int images, bool training)
{
    (void)head, (void)input, (void)training;
    return images == IMAGES ? sizeof(struct work) : 0;
}

static double flops(const struct bit_head *head, const struct bit_head_input *input)
{
    (void)head;
    return 2.0 * input->channels;
}

static int forward(const struct bit_head *head, const struct bit_head_call *call, struct bit_error *error)
{
    const float *slope = call->weights + call->table->items[call->first].offset;
    struct work *work = call->work;
    (void)head, (void)error;
    for (int i = 0; i < call->images; i++) {
        work->out[i] = 0;
        for (int c = 0; c < call->input.channels; c++)
            work->out[i] += slope[c] * call->pooled[i * call->input.channels + c];
    }
    return 0;
}

static void loss(const struct bit_head *head, const struct bit_head_call *call, const struct bit_targets *targets, int images,
                 double scale, double *losses)
{
    struct work *work = call->work;
    (void)head;
    for (int i = 0; i < call->images; i++) {
        double distance = i < images ? (double)work->out[i] - targets->labels[i] : 0;
        if (i < images)
            losses[i] = distance * distance / 2;
        work->d_out[i] = (float)(scale * distance);
    }
}

static int backward(const struct bit_head *head, const struct bit_head_call *call, struct bit_gradient_sink *sink,
                    struct bit_error *error)
{
    const float *slope = call->weights + call->table->items[call->first].offset;
    const struct work *work = call->work;
    float *d_slope = sink->begin(sink, call->first);
    (void)head, (void)error;
    for (int c = 0; c < call->input.channels; c++) {
        d_slope[c] = 0;
        for (int i = 0; i < call->images; i++) {
            d_slope[c] += work->d_out[i] * call->pooled[i * call->input.channels + c];
            call->d_pooled[i * call->input.channels + c] = work->d_out[i] * slope[c];
        }
    }
    sink->done(sink, call->first);
    return 0;
}

static void score(const struct bit_head *head, const struct bit_head_call *call, const struct bit_targets *targets, int images,
                  void *sum)
{
    const struct work *work = call->work;
    (void)head;
    for (int i = 0; i < images; i++)
        *(double *)sum += pow((double)work->out[i] - targets->labels[i], 2);
}

static void merge(const struct bit_head *head, void *sum, const void *other)
{
    (void)head;
    *(double *)sum += *(const double *)other;
}

static void report(const struct bit_head *head, const void *sum, uint64_t images, struct bit_metrics *metrics)
{
    (void)head;
    *metrics = (struct bit_metrics){.count = 1, .item = {
        {.name = "distance", .title = "distance", .form = BIT_METRIC_NUMBER, .count = BIT_METRIC_UNCOUNTED,
         .value = sum ? sqrt(*(const double *)sum / (double)images) : NAN}}};
}

static const struct bit_head_operations operations = {
    .describe = describe, .initialise = initialise, .bytes = bytes, .flops = flops, .forward = forward, .loss = loss,
    .backward = backward, .score_bytes = sizeof(double), .score = score, .merge = merge, .report = report,
};
static const struct bit_head regression = {.operations = &operations};

/* ---- */

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

struct fixture { struct bit_model *model; const struct bit_table *table; float *weights, *gradient, images[PIXELS]; };

static bool setup(struct fixture *f, const struct bit_head *head)
{
    struct bit_error error = {0};
    struct bit_random random;
    const struct bit_model_options options = {
        .depth = 8, .width = 1, .head = head, .weight_standardization = true, .image_size = SIZE, .micro_batch = IMAGES,
        .micro_batches = 1, .training = true, .backend = bit_backend_find("openblas", NULL)};
    bit_compute_threads(1);
    if (!(f->model = bit_model_create(&options, &error)))
        return false;
    f->table = bit_model_table(f->model);
    f->weights = bit_allocate(f->table->elements, sizeof(float), "weights", &error);
    f->gradient = bit_allocate(f->table->elements, sizeof(float), "gradient", &error);
    bit_random_init(&random, 3, BIT_PURPOSE_TEST, 0, 0);
    for (int i = 0; i < PIXELS; i++)
        f->images[i] = (float)(2 * bit_random_uniform(&random) - 1);
    return f->weights && f->gradient && !bit_model_initialise(f->model, BIT_LECUN_NORMAL, 5, f->weights, &error) &&
           !bit_model_set_weights(f->model, f->weights, &error);
}

static void teardown(struct fixture *f)
{
    bit_free(f->weights), bit_free(f->gradient);
    bit_model_destroy(f->model);
}

static const int32_t numbers[IMAGES] = {3, -2};
static const struct bit_targets targets = {.labels = numbers};

/* Some steps of plain descent bring the outputs to the numbers: gradients reach head and backbone in the right order. */
static void test_second_task(void)
{
    struct fixture f;
    struct bit_error error = {0};
    struct bit_metrics metrics;
    double losses[IMAGES], first = 0, last = 0, sum = 0;
    REQUIRE(setup(&f, &regression));
    CHECK(f.table->items[f.table->count - 1].head && !f.table->items[f.table->count - 2].head);
    for (int step = 0; step < 40; step++) {
        struct block_sink sink = {{sink_begin, sink_done}, f.table, f.gradient, f.table->count, true};
        REQUIRE(!bit_model_set_weights(f.model, f.weights, &error) && !bit_model_forward(f.model, f.images, true, &error));
        operations.loss(&regression, bit_model_call(f.model), &targets, IMAGES, 1.0 / IMAGES, losses);
        REQUIRE(!bit_model_backward(f.model, &sink.sink, &error) && sink.good && sink.next == 0);
        last = losses[0] + losses[1];
        first = step ? first : last;
        for (size_t e = 0; e < f.table->elements; e++)
            f.weights[e] -= 0.003f * f.gradient[e];
    }
    CHECK(last < 0.05 * first);
    operations.score(&regression, bit_model_call(f.model), &targets, IMAGES, &sum);
    operations.report(&regression, &sum, IMAGES, &metrics);
    CHECK(metrics.item[0].value < 1 && bit_metric_is_better(&metrics.item[0], metrics.item[0].value, 1));
    teardown(&f);
}

/* Without a head the features are those that a head would see, and their gradients come from the caller. */
static void test_features(void)
{
    struct fixture with, without;
    struct bit_error error = {0};
    REQUIRE(setup(&with, &regression) && setup(&without, NULL));
    CHECK(bit_model_head(without.model) == NULL && without.table->count + 1 == with.table->count);
    CHECK(!memcmp(with.weights, without.weights, without.table->elements * sizeof(float)));
    REQUIRE(!bit_model_forward(with.model, with.images, true, &error));
    REQUIRE(!bit_model_forward(without.model, without.images, true, &error));
    const struct bit_head_call *a = bit_model_call(with.model), *b = bit_model_call(without.model);
    REQUIRE(a->input.channels == b->input.channels && a->images == IMAGES && b->images == IMAGES);
    const size_t features = (size_t)(IMAGES * a->input.channels);
    CHECK(!memcmp(a->pooled, b->pooled, features * sizeof(float)) && b->pooled[0] >= 0);
    double losses[IMAGES];
    struct block_sink one = {{sink_begin, sink_done}, with.table, with.gradient, with.table->count, true};
    struct block_sink two = {{sink_begin, sink_done}, without.table, without.gradient, without.table->count, true};
    operations.loss(&regression, a, &targets, IMAGES, 1, losses);
    for (size_t i = 0; i < features; i++)
        b->d_pooled[i] = ((const struct work *)a->work)->d_out[i / (size_t)a->input.channels] * 0.01f;
    REQUIRE(!bit_model_backward(with.model, &one.sink, &error) && !bit_model_backward(without.model, &two.sink, &error));
    CHECK(one.good && two.good && two.next == 0);
    CHECK(!memcmp(with.gradient, without.gradient, without.table->elements * sizeof(float)));
    teardown(&with);
    teardown(&without);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {{"a second task", test_second_task}, {"features without a head", test_features}};
    return unit_main("head", tests, sizeof tests / sizeof *tests, argc, argv);
}
