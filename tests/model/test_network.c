/* The whole network: finite differences of every parameter, thread counts, padding, losses, initialisation, profile. */
#include "unit.h"

#include <math.h>

#include "bit/classify.h"
#include "bit/memory.h"
#include "bit/model.h"
#include "bit/random.h"

/* Batch norm needs several pixels a channel at the end of the network: two values only know their sign. */
enum { IMAGES = 2, SIZE = 19, BATCH_NORM_SIZE = 35, CLASSES = 5, PIXELS = IMAGES * BATCH_NORM_SIZE * BATCH_NORM_SIZE * 3 };

/* A sink that keeps the block and the order. */
struct block_sink { struct bit_gradient_sink sink; const struct bit_table *table; float *block; size_t next; bool good; };

static float *sink_begin(struct bit_gradient_sink *sink, size_t parameter)
{
    struct block_sink *s = (struct block_sink *)sink;
    s->good &= parameter + 1 == s->next;
    return s->block + s->table->items[parameter].offset;
}

static void sink_done(struct bit_gradient_sink *sink, size_t parameter)
{
    struct block_sink *s = (struct block_sink *)sink;
    s->next = parameter;
}

struct fixture {
    struct bit_model_options options;
    struct bit_classify head;
    struct bit_model *model;
    const struct bit_table *table;
    float *weights, *gradient;
    float images[PIXELS];
};

static const int32_t labels[] = {1, 3, 4}, label_start[] = {0, 2, 3};
static const struct bit_targets targets = {.labels = labels, .label_start = label_start};

static bool setup(struct fixture *f, enum bit_norm norm, bool standardise, enum bit_loss loss, int threads)
{
    struct bit_error error = {0};
    struct bit_random random;
    bit_compute_threads(threads);
    bit_classify_init(&f->head, CLASSES, loss, NAN);
    f->options = (struct bit_model_options){
        .depth = 14, .width = 1, .head = &f->head.head, .norm = norm, .weight_standardization = standardise,
        .image_size = norm == BIT_BATCH_NORM ? BATCH_NORM_SIZE : SIZE, .micro_batch = IMAGES, .micro_batches = 1, .training = true,
        .backend = bit_backend_find("openblas", NULL)};
    f->model = bit_model_create(&f->options, &error);
    if (!f->model)
        return false;
    f->table = bit_model_table(f->model);
    f->weights = bit_allocate(f->table->elements, sizeof(float), "weights", &error);
    f->gradient = bit_allocate(f->table->elements, sizeof(float), "gradient", &error);
    bit_random_init(&random, 3, BIT_PURPOSE_TEST, 0, 0);
    for (int i = 0; i < PIXELS; i++)
        f->images[i] = (float)(2 * bit_random_uniform(&random) - 1);
    if (!f->weights || !f->gradient ||
        bit_model_initialise(f->model, BIT_LECUN_NORMAL, 5, f->weights, &error))
        return false;
    const struct bit_parameter *head = &f->table->items[f->table->count - 2]; /* zero would hide everything */
    for (size_t i = 0; i < head->count; i++)
        f->weights[head->offset + i] = (float)(0.05 * bit_random_normal(&random));
    for (int i = 0; i < CLASSES; i++)
        f->weights[f->table->items[f->table->count - 1].offset + (size_t)i] = 0.1f * (float)i;
    return true;
}

static void teardown(struct fixture *f)
{
    bit_free(f->weights);
    bit_free(f->gradient);
    bit_model_destroy(f->model);
}

static const float *logits_of(const struct bit_model *model)
{
    return bit_classify_logits(bit_model_call(model));
}

/* Loss of the whole batch; gradients too when asked for. */
static double run(struct fixture *f, bool backward)
{
    struct bit_error error = {0};
    double losses[IMAGES];
    if (bit_model_set_weights(f->model, f->weights, &error) || bit_model_forward(f->model, f->images, true, &error))
        return NAN;
    f->head.head.operations->loss(&f->head.head, bit_model_call(f->model), &targets, IMAGES, 1.0 / IMAGES, losses);
    if (backward) {
        struct block_sink sink = {{sink_begin, sink_done}, f->table, f->gradient, f->table->count, true};
        if (bit_model_backward(f->model, &sink.sink, &error) || !sink.good || sink.next)
            return NAN;
    }
    return (losses[0] + losses[1]) / IMAGES;
}

/* Along a parameter's own gradient the loss must change by that gradient's square norm: every third parameter from `first` on. */
static void check_differences(enum bit_norm norm, bool standardise, enum bit_loss loss, size_t first)
{
    struct fixture f;
    REQUIRE(setup(&f, norm, standardise, loss, 1));
    CHECK(!isnan(run(&f, true)));
    int bad = 0;
    for (size_t n = first; n < f.table->count; n += 3) {
        const struct bit_parameter *p = &f.table->items[n];
        float *w = f.weights + p->offset, *d = f.gradient + p->offset, *keep = bit_allocate(p->count, 4, "copy", NULL);
        double square = 0, size = 0;
        REQUIRE(keep != NULL);
        memcpy(keep, w, p->count * sizeof *w);
        for (size_t i = 0; i < p->count; i++) {
            square += (double)d[i] * (double)d[i];
            size += (double)w[i] * (double)w[i];
        }
        double length = sqrt(square), move = 1e-2 / length; /* the loss should change by about 2e-2 */
        double most = 2e-2 * fmax(sqrt(size), 1);           /* but nothing moves far */
        if (move > most)
            move = most;
        double side[2];
        for (int s = 0; s < 2; s++) {
            for (size_t i = 0; i < p->count; i++)
                w[i] = (float)((double)keep[i] + (s ? -1 : 1) * move * (double)d[i] / length);
            side[s] = run(&f, false);
        }
        memcpy(w, keep, p->count * sizeof *w);
        bit_free(keep);
        double slope = (side[0] - side[1]) / (2 * move);
        if (!(fabs(slope - length) <= 0.03 * length)) {
            bad++;
            printf("\n  %s: slope %g, gradient %g", p->name, slope, length);
        }
    }
    CHECK(bad == 0);
    teardown(&f);
}

static void test_differences(void)
{
    check_differences(BIT_GROUP_NORM, true, BIT_SOFTMAX, 0);
    check_differences(BIT_GROUP_NORM, false, BIT_SIGMOID, 1);
    check_differences(BIT_BATCH_NORM, true, BIT_SIGMOID, 2);
}

/* The norms give the same bits whatever the threads; the backends promise that only for one number. */
static void test_repeatable(void)
{
    for (int threads = 1; threads <= 3; threads++) {
        struct fixture f;
        REQUIRE(setup(&f, BIT_GROUP_NORM, true, BIT_SOFTMAX, threads));
        double first = run(&f, true);
        float *keep = bit_allocate(f.table->elements, sizeof *keep, "copy", NULL);
        REQUIRE(keep != NULL);
        memcpy(keep, f.gradient, f.table->elements * sizeof *keep);
        memset(f.gradient, 0xFF, f.table->elements * sizeof *keep);
        double second = run(&f, true);
        CHECK(first == second && bit_table_hash(f.table, keep).low == bit_table_hash(f.table, f.gradient).low);
        bit_free(keep);
        teardown(&f);
    }
    bit_compute_threads(1);
}

/* Evaluation: the same logits as training with group norm; images do not meet; running statistics move. */
static void test_evaluation(void)
{
    struct fixture f;
    struct bit_error error = {0};
    float training[IMAGES * CLASSES], other[PIXELS];
    REQUIRE(setup(&f, BIT_GROUP_NORM, true, BIT_SOFTMAX, 1));
    REQUIRE(bit_model_set_weights(f.model, f.weights, &error) == 0);
    REQUIRE(bit_model_forward(f.model, f.images, true, &error) == 0);
    memcpy(training, logits_of(f.model), sizeof training);
    REQUIRE(bit_model_forward(f.model, f.images, false, &error) == 0);
    CHECK(!memcmp(training, logits_of(f.model), sizeof training));
    memcpy(other, f.images, sizeof other);
    memset(other + SIZE * SIZE * 3, 0, SIZE * SIZE * 3 * sizeof *other);
    REQUIRE(bit_model_forward(f.model, other, false, &error) == 0);
    CHECK(!memcmp(training, logits_of(f.model), sizeof training / 2));
    CHECK(memcmp(training + CLASSES, logits_of(f.model) + CLASSES, sizeof training / 2) != 0);
    CHECK(bit_model_backward(f.model, NULL, &error) == -1 && error.code == BIT_EINTERNAL);
    CHECK(bit_model_statistics_table(f.model) == NULL && bit_model_statistics(f.model) == NULL);

    struct bit_model_options options = f.options; /* a model made for evaluation has less memory and the same logits */
    error = (struct bit_error){0};
    options.training = false;
    struct bit_model *evaluator = bit_model_create(&options, &error);
    REQUIRE(evaluator != NULL);
    REQUIRE(bit_model_set_weights(evaluator, f.weights, &error) == 0);
    REQUIRE(bit_model_forward(evaluator, f.images, false, &error) == 0);
    CHECK(!memcmp(training, logits_of(evaluator), sizeof training));
    CHECK(bit_model_forward(evaluator, f.images, true, &error) == -1);
    bit_model_destroy(evaluator);
    teardown(&f);
}

/* More images than go through a block together, and several units a block: a model for evaluation, which keeps no unit's
 * output, must give the logits of one for training. */
static void test_evaluation_in_chunks(void)
{
    enum { MANY = 28, SIDE = 65 };
    struct bit_error error = {0};
    struct bit_random random;
    struct bit_classify classes;
    bit_classify_init(&classes, CLASSES, BIT_SOFTMAX, NAN);
    struct bit_model_options o = {.depth = 26, .width = 1, .head = &classes.head, .weight_standardization = true,
                                  .image_size = SIDE, .micro_batch = MANY, .micro_batches = 1, .training = true,
                                  .backend = bit_backend_find("auto", NULL)};
    const size_t pixels = (size_t)MANY * SIDE * SIDE * 3;
    bit_compute_threads(1);
    struct bit_model *training = bit_model_create(&o, &error);
    o.training = false;
    struct bit_model *evaluation = bit_model_create(&o, &error);
    float *images = bit_allocate(pixels, sizeof *images, "images", &error);
    REQUIRE(training && evaluation && images);
    float *weights = bit_allocate(bit_model_table(training)->elements, sizeof *weights, "weights", &error);
    REQUIRE(weights && !bit_model_initialise(training, BIT_LECUN_NORMAL, 5, weights, &error));
    const struct bit_parameter *head = &bit_model_table(training)->items[bit_model_table(training)->count - 2];
    bit_random_init(&random, 4, BIT_PURPOSE_TEST, 0, 0);
    for (size_t i = 0; i < head->count; i++)
        weights[head->offset + i] = (float)(0.05 * bit_random_normal(&random));
    for (size_t i = 0; i < pixels; i++)
        images[i] = (float)(2 * bit_random_uniform(&random) - 1);
    REQUIRE(!bit_model_set_weights(training, weights, &error) && !bit_model_set_weights(evaluation, weights, &error));
    REQUIRE(!bit_model_forward(training, images, false, &error) &&
            !bit_model_forward(evaluation, images, false, &error));
    CHECK(!memcmp(logits_of(training), logits_of(evaluation), (size_t)MANY * CLASSES * sizeof(float)));
    bit_free(weights);
    bit_free(images);
    bit_model_destroy(evaluation);
    bit_model_destroy(training);
}

static void test_running_statistics(void)
{
    struct fixture f;
    struct bit_error error = {0};
    float training[IMAGES * CLASSES];
    REQUIRE(setup(&f, BIT_BATCH_NORM, true, BIT_SOFTMAX, 1));
    REQUIRE(bit_model_statistics_table(f.model) != NULL);
    REQUIRE(bit_model_set_weights(f.model, f.weights, &error) == 0);
    for (int i = 0; i < 50; i++) /* 0.9^50 of the initial values is left */
        REQUIRE(bit_model_forward(f.model, f.images, true, &error) == 0);
    memcpy(training, logits_of(f.model), sizeof training);
    REQUIRE(bit_model_forward(f.model, f.images, false, &error) == 0);
    for (int i = 0; i < IMAGES * CLASSES; i++) /* all but equal: the running variance has Bessel's correction */
        CHECK(fabsf(training[i] - logits_of(f.model)[i]) < 0.6f);
    const float *statistics = bit_model_statistics(f.model);
    const struct bit_table *table = bit_model_statistics_table(f.model);
    CHECK(table->count == 2 * 13 && strstr(table->items[1].name, "moving_variance"));
    CHECK(statistics[table->items[1].offset] != 1 && statistics[table->items[1].offset] > 0);
    teardown(&f);
}

/* A model that packs kernels late needs less memory and finds the same numbers. */
static void test_late_packing(void)
{
    struct fixture f;
    struct bit_error error = {0};
    REQUIRE(setup(&f, BIT_GROUP_NORM, true, BIT_SOFTMAX, 2));
    double loss = run(&f, true), worst = 0;
    struct bit_model *kept = f.model;
    float *gradient = f.gradient;
    struct bit_model_memory memory, late;
    f.options.packed_limit = 1;
    REQUIRE(bit_model_estimate(&f.options, &late, &error) == 0);
    f.model = bit_model_create(&f.options, &error);
    f.gradient = bit_allocate(f.table->elements, sizeof(float), "gradient", &error);
    REQUIRE(f.model && f.gradient);
    CHECK(fabs(run(&f, true) - loss) < 1e-5);
    for (size_t n = 0; n < f.table->count; n++) {
        const struct bit_parameter *p = &f.table->items[n];
        double square = 0, difference = 0;
        for (size_t i = p->offset; i < p->offset + p->count; i++) {
            square += (double)gradient[i] * (double)gradient[i];
            difference += ((double)gradient[i] - (double)f.gradient[i]) * ((double)gradient[i] - (double)f.gradient[i]);
        }
        worst = fmax(worst, sqrt(difference / square));
    }
    CHECK(worst < 2e-2); /* a ReLU may fall on its other side */
    f.options.packed_limit = 0;
    REQUIRE(bit_model_estimate(&f.options, &memory, &error) == 0);
    CHECK(memory.packed_weights > 60000000 && late.packed_weights == 0 && late.scratch > memory.scratch);
    bit_model_destroy(kept);
    bit_free(gradient);
    f.table = NULL;
    teardown(&f);
    bit_compute_threads(1);
}

/* Large images go through the first blocks one by one, and weight gradients are added up: a batch must do what its images
 * do alone. */
static void test_chunks(void)
{
    enum { LARGE = 160, IMAGE = LARGE * LARGE * 3 };
    struct bit_error error = {0};
    struct bit_classify classes;
    bit_classify_init(&classes, CLASSES, BIT_SOFTMAX, NAN);
    struct bit_model_options options = {
        .depth = 14, .width = 1, .head = &classes.head, .norm = BIT_GROUP_NORM, .weight_standardization = true,
        .image_size = LARGE, .micro_batches = 1, .training = true, .backend = bit_backend_find("openblas", NULL)};
    struct bit_random random;
    float *images = bit_allocate(2 * IMAGE, sizeof *images, "images", &error);
    bit_random_init(&random, 4, BIT_PURPOSE_TEST, 0, 0);
    for (int i = 0; i < 2 * IMAGE; i++)
        images[i] = (float)(2 * bit_random_uniform(&random) - 1);
    static const int32_t classes_of[2] = {1, 3};
    double losses[2];
    struct bit_table *table = NULL;
    float *weights = NULL, *gradients[3] = {NULL};
    for (int run = 0; run < 3; run++) { /* both, the first, the second */
            options.micro_batch = run ? 1 : 2;
        struct bit_model *model = bit_model_create(&options, &error);
        REQUIRE(model != NULL);
        if (!run) {
            table = bit_model_make_table(&options, &error);
            weights = bit_allocate(table->elements, sizeof *weights, "weights", &error);
            REQUIRE(bit_model_initialise(model, BIT_LECUN_NORMAL, 5, weights, &error) == 0);
            const struct bit_parameter *head = &table->items[table->count - 2];
            for (size_t i = 0; i < head->count; i++)
                weights[head->offset + i] = (float)(0.05 * bit_random_normal(&random));
        }
        gradients[run] = bit_allocate(table->elements, sizeof(float), "gradient", &error);
        struct block_sink sink = {{sink_begin, sink_done}, table, gradients[run], table->count, true};
        REQUIRE(bit_model_set_weights(model, weights, &error) == 0);
        REQUIRE(bit_model_forward(model, images + (run == 2) * IMAGE, true, &error) == 0);
        classes.head.operations->loss(&classes.head, bit_model_call(model), &(struct bit_targets){.labels = classes_of + (run == 2)},
                                      options.micro_batch, 1, losses);
        REQUIRE(bit_model_backward(model, &sink.sink, &error) == 0);
        CHECK(sink.good && sink.next == 0);
        bit_model_destroy(model);
    }
    for (size_t n = 0; n < table->count; n++) {
        const struct bit_parameter *p = &table->items[n];
        double square = 0, difference = 0;
        for (size_t i = p->offset; i < p->offset + p->count; i++) {
            double sum = (double)gradients[1][i] + (double)gradients[2][i], d = (double)gradients[0][i] - sum;
            square += sum * sum;
            difference += d * d;
        }
        CHECK(sqrt(difference / square) < 1e-2); /* a ReLU may fall on its other side */
    }
    for (int run = 0; run < 3; run++)
        bit_free(gradients[run]);
    bit_free(weights), bit_free(images);
    bit_table_destroy(table);
}

/* First losses of the recipe, deviations and cut of the initial kernels, and independence of threads. */
static void test_initialise(void)
{
    struct fixture f;
    struct bit_error error = {0};
    double losses[IMAGES];
    REQUIRE(setup(&f, BIT_GROUP_NORM, true, BIT_SOFTMAX, 1));
    REQUIRE(bit_model_initialise(f.model, BIT_LECUN_NORMAL, 9, f.weights, &error) == 0);
    struct bit_hash one = bit_table_hash(f.table, f.weights);
    bit_compute_threads(3);
    REQUIRE(bit_model_initialise(f.model, BIT_LECUN_NORMAL, 9, f.weights, &error) == 0);
    bit_compute_threads(1);
    CHECK(bit_table_hash(f.table, f.weights).low == one.low);
    REQUIRE(bit_model_set_weights(f.model, f.weights, &error) == 0);
    REQUIRE(bit_model_forward(f.model, f.images, false, &error) == 0);
    bit_loss_compute(BIT_SOFTMAX, logits_of(f.model), IMAGES, CLASSES, &targets, 1, losses, NULL);
    CHECK(fabs(losses[0] - log(CLASSES)) < 1e-12);
    for (int how = 0; how < 2; how++) {
        const struct bit_parameter *p =
            &f.table->items[bit_table_find(f.table, "resnet/block3/unit01/b/standardized_conv2d/kernel")];
        REQUIRE(bit_model_initialise(f.model, how ? BIT_HE_FAN_OUT : BIT_LECUN_NORMAL, 9, f.weights, &error) == 0);
        double square = 0, largest = 0, expected = (how ? 2.0 : 1.0) / (9 * 256);
        for (size_t i = 0; i < p->count; i++) {
            square += (double)f.weights[p->offset + i] * (double)f.weights[p->offset + i];
            largest = fmax(largest, fabs((double)f.weights[p->offset + i]));
        }
        CHECK(fabs(square / (double)p->count / expected - 1) < 0.01);
        CHECK(how ? largest > 4 * sqrt(expected) : largest < 2.3 * sqrt(expected));
    }
    teardown(&f);
}

static void test_profile(void)
{
    struct fixture f;
    struct bit_model_profile_row rows[40];
    REQUIRE(setup(&f, BIT_GROUP_NORM, true, BIT_SOFTMAX, 1));
    run(&f, true);
    size_t count = bit_model_profile(f.model, rows, 40);
    double kinds = 0, blocks = 0, flops = 0;
    CHECK(count > 15);
    for (size_t i = 0; i < count; i++) {
        CHECK(rows[i].seconds >= 0 && rows[i].calls > 0);
        *(strncmp(rows[i].name, "block", 5) ? &kinds : &blocks) += rows[i].seconds;
        flops += strncmp(rows[i].name, "block", 5) ? rows[i].flops : 0;
    }
    CHECK(kinds > 0 && fabs(kinds - blocks) < 1e-6 + 1e-6 * kinds);
    double forward = bit_model_flops(&f.options) * IMAGES;
    CHECK(flops > 2.5 * forward && flops < 3.0001 * forward);
    bit_model_profile_reset(f.model);
    CHECK(bit_model_profile(f.model, rows, 40) == 0);
    teardown(&f);
}

/* No allocation that fails may leak or crash. */
static void test_lack_of_memory(void)
{
    struct bit_classify classes;
    bit_classify_init(&classes, 3, BIT_SOFTMAX, NAN);
    struct bit_model_options o = {.depth = 14, .width = 1, .head = &classes.head, .norm = BIT_BATCH_NORM, .image_size = 9,
                                  .micro_batch = 1, .micro_batches = 1, .training = true,
                                  .weight_standardization = true, .backend = bit_backend_find("openblas", NULL)};
    size_t before = bit_memory_used();
    int failed = 0;
    for (size_t n = 1; n < 400; n++) {
        struct bit_error error = {0};
        bit_memory_fail_at(n);
        struct bit_model *m = bit_model_create(&o, &error);
        bit_memory_fail_at(0);
        failed += !m;
        CHECK(m || error.code == BIT_EENVIRONMENT);
        bit_model_destroy(m);
        CHECK(bit_memory_used() == before);
        if (m)
            break;
    }
    CHECK(failed > 10 && failed < 399);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"differences", test_differences}, {"repeatable", test_repeatable}, {"evaluation", test_evaluation},
        {"evaluation in chunks", test_evaluation_in_chunks}, {"running statistics", test_running_statistics},
        {"late packing", test_late_packing}, {"chunks", test_chunks}, {"initialise", test_initialise},
        {"profile", test_profile}, {"lack of memory", test_lack_of_memory},
    };
    return unit_main("network", tests, sizeof tests / sizeof *tests, argc, argv);
}
