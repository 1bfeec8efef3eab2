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

/* Pixels between -1 and 1. */
static void draw(struct bit_random *random, float *pixels, size_t count)
{
    for (size_t i = 0; i < count; i++)
        pixels[i] = (float)(2 * bit_random_uniform(random) - 1);
}

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
    draw(&random, f->images, PIXELS);
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
    draw(&random, images, pixels);
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

/* Of all parameters the largest distance between two gradients, relative to that parameter's gradient; infinite if a number is none. */
static double gradients_apart(const struct bit_table *table, const float *truth, const float *found)
{
    double worst = 0;
    for (size_t n = 0; n < table->count; n++) {
        const struct bit_parameter *p = &table->items[n];
        double square = 0, difference = 0;
        for (size_t i = p->offset; i < p->offset + p->count; i++) {
            double d = (double)found[i] - (double)truth[i];
            square += (double)truth[i] * (double)truth[i];
            difference += d * d;
        }
        double apart = sqrt(difference / square);
        worst = isnan(apart) ? INFINITY : fmax(worst, apart);
    }
    return worst;
}

/* Whether two ways to one gradient, which may add in another order, agree. An order moves each parameter's gradient by 4e-7 to 5e-6 of itself, and
 * inputs moved by a unit in the last place move it by 3e-6: the bound is far above that. But if a ReLU stands at zero within rounding, it may
 * fall on either side, and a gradient jumps: by 4e-3 for one of 200 such inputs, another one on each processor. What is wrong in one
 * way is wrong for every input, so one input of four must agree; four with such a ReLU in a row come once in 10^9. */
enum { INPUTS = 4 };
static const double agreement = 1e-4;

static bool agree(double (*apart)(void *ways, uint64_t input), void *ways)
{
    double distance[INPUTS];
    for (int n = 0; n < INPUTS; n++) {
        distance[n] = apart(ways, 10 + (uint64_t)n);
        if (distance[n] < agreement)
            return true;
    }
    for (int n = 0; n < INPUTS; n++)
        printf("\n  input %d: gradients are %g apart", n, distance[n]);
    return false;
}

/* A model that packs kernels late needs less memory and finds the same numbers. */
struct packing { struct fixture f; struct bit_model *early, *late; float *gradients[2]; };

static double packings_apart(void *ways, uint64_t input)
{
    struct packing *p = ways;
    struct bit_random random;
    double losses[2];
    bit_random_init(&random, input, BIT_PURPOSE_TEST, 0, 0);
    draw(&random, p->f.images, PIXELS);
    for (int late = 0; late < 2; late++) {
        p->f.model = late ? p->late : p->early;
        p->f.gradient = p->gradients[late];
        losses[late] = run(&p->f, true);
    }
    CHECK(fabs(losses[1] - losses[0]) < 1e-5); /* no ReLU makes a loss jump */
    return gradients_apart(p->f.table, p->gradients[0], p->gradients[1]);
}

static void test_late_packing(void)
{
    static struct packing p;
    struct bit_error error = {0};
    struct bit_model_memory memory, late;
    REQUIRE(setup(&p.f, BIT_GROUP_NORM, true, BIT_SOFTMAX, 2));
    REQUIRE(bit_model_estimate(&p.f.options, &memory, &error) == 0);
    p.f.options.packed_limit = 1;
    REQUIRE(bit_model_estimate(&p.f.options, &late, &error) == 0);
    p.early = p.f.model;
    p.late = bit_model_create(&p.f.options, &error);
    p.gradients[0] = p.f.gradient;
    p.gradients[1] = bit_allocate(p.f.table->elements, sizeof(float), "gradient", &error);
    REQUIRE(p.late && p.gradients[1]);
    CHECK(agree(packings_apart, &p));
    CHECK(memory.packed_weights > 60000000 && late.packed_weights == 0 && late.scratch > memory.scratch);
    bit_model_destroy(p.early);
    bit_free(p.gradients[0]);
    p.f.model = p.late;
    p.f.gradient = p.gradients[1];
    teardown(&p.f);
    bit_compute_threads(1);
}

/* Large images go through the first blocks one by one, and weight gradients are added up: a batch must do what its images
 * do alone. */
enum { LARGE = 160, LARGE_PIXELS = LARGE * LARGE * 3, BOTH = 0, FIRST, SECOND, RUNS };
struct chunks {
    struct bit_model_options options;
    struct bit_classify head;
    struct bit_table *table;
    float *weights, *images, *gradients[RUNS];
};

static bool chunk_run(struct chunks *c, int which)
{
    static const int32_t classes_of[2] = {1, 3};
    struct bit_error error = {0};
    double losses[2];
    c->options.micro_batch = which == BOTH ? 2 : 1;
    struct bit_model *model = bit_model_create(&c->options, &error);
    struct block_sink sink = {{sink_begin, sink_done}, c->table, c->gradients[which], c->table->count, true};
    struct bit_targets classes = {.labels = classes_of + (which == SECOND)};
    bool good = model && !bit_model_set_weights(model, c->weights, &error) &&
                !bit_model_forward(model, c->images + (which == SECOND) * LARGE_PIXELS, true, &error);
    if (good) {
        c->head.head.operations->loss(&c->head.head, bit_model_call(model), &classes, c->options.micro_batch, 1, losses);
        good = !bit_model_backward(model, &sink.sink, &error) && sink.good && sink.next == 0;
    }
    bit_model_destroy(model);
    return good;
}

static double chunks_apart(void *ways, uint64_t input)
{
    struct chunks *c = ways;
    struct bit_random random;
    bit_random_init(&random, input, BIT_PURPOSE_TEST, 0, 0);
    draw(&random, c->images, 2 * LARGE_PIXELS);
    for (int which = BOTH; which < RUNS; which++)
        if (!chunk_run(c, which))
            return INFINITY;
    for (size_t i = 0; i < c->table->elements; i++)
        c->gradients[FIRST][i] += c->gradients[SECOND][i];
    return gradients_apart(c->table, c->gradients[FIRST], c->gradients[BOTH]);
}

static void test_chunks(void)
{
    struct bit_error error = {0};
    struct bit_random random;
    struct chunks c = {.options = {
        .depth = 14, .width = 1, .head = &c.head.head, .norm = BIT_GROUP_NORM, .weight_standardization = true, .image_size = LARGE,
        .micro_batch = 2, .micro_batches = 1, .training = true, .backend = bit_backend_find("openblas", NULL)}};
    bit_compute_threads(1); /* with two, both images would be one chunk */
    bit_classify_init(&c.head, CLASSES, BIT_SOFTMAX, NAN);
    struct bit_model *model = bit_model_create(&c.options, &error);
    c.table = bit_model_make_table(&c.options, &error);
    REQUIRE(model && c.table);
    c.images = bit_allocate(2 * LARGE_PIXELS, sizeof *c.images, "images", &error);
    c.weights = bit_allocate(c.table->elements, sizeof *c.weights, "weights", &error);
    for (int which = BOTH; which < RUNS; which++)
        c.gradients[which] = bit_allocate(c.table->elements, sizeof(float), "gradient", &error);
    REQUIRE(c.images && c.weights && c.gradients[BOTH] && c.gradients[FIRST] && c.gradients[SECOND]);
    REQUIRE(bit_model_initialise(model, BIT_LECUN_NORMAL, 5, c.weights, &error) == 0);
    bit_model_destroy(model);
    const struct bit_parameter *head = &c.table->items[c.table->count - 2];
    bit_random_init(&random, 4, BIT_PURPOSE_TEST, 0, 0);
    for (size_t i = 0; i < head->count; i++)
        c.weights[head->offset + i] = (float)(0.05 * bit_random_normal(&random));
    CHECK(agree(chunks_apart, &c));
    for (int which = BOTH; which < RUNS; which++)
        bit_free(c.gradients[which]);
    bit_free(c.weights), bit_free(c.images);
    bit_table_destroy(c.table);
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
