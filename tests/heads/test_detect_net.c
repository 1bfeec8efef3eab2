/* The detection head by itself, over taps that are plain numbers: gradients against differences, memory, threads, initial weights. */
#include "unit.h"

#include <math.h>

#include "bit/detect.h"
#include "bit/memory.h"
#include "golden/golden_stream.h"

enum { IMAGES = 2, SIZE = 32 /* cells of C3 */, CLASSES = 3 };

struct fixture {
    struct bit_detect detect;
    struct bit_table *table;
    struct bit_head_call call;
    float *weights, *gradient;
    size_t bytes;
};

static const struct bit_box boxes[] = {{4.3, 8.1, 30.2, 28.7}, {30.5, 20.25, 62.5, 60.75}, {10, 40, 21, 47}};
static const int32_t labels[] = {0, 2, 1}, label_start[] = {0, 2, 3};
static const struct bit_targets targets = {.labels = labels, .label_start = label_start, .boxes = boxes};

static size_t tap_count(const struct fixture *f, int block)
{
    const struct bit_tap_shape *tap = &f->call.input.tap[block];
    return (size_t)IMAGES * (size_t)tap->height * (size_t)tap->width * (size_t)tap->channels;
}

static bool setup(struct fixture *f, const struct bit_detect *detect, int threads)
{
    struct bit_error error = {0};
    *f = (struct fixture){.detect = *detect};
    bit_compute_threads(threads);
    f->call = (struct bit_head_call){.images = IMAGES, .training = true, .backend = bit_backend_find("openblas", NULL)};
    for (int block = 2; block <= 4; block++)
        f->call.input.tap[block] = (struct bit_tap_shape){SIZE >> (block - 2), SIZE >> (block - 2), 5 + block};
    const struct bit_head *head = &f->detect.head;
    if (!(f->table = bit_table_create(&error)) || head->operations->describe(head, &f->call.input, f->table, &error))
        return false;
    f->weights = bit_allocate(f->table->elements, sizeof(float), "weights", &error);
    f->gradient = bit_allocate(f->table->elements, sizeof(float), "gradient", &error);
    f->call.state = head->operations->create(head, &f->call.input, IMAGES, true, f->call.backend, &f->bytes, &error);
    f->call.work = bit_allocate(1, f->bytes, "work", &error);
    if (!f->weights || !f->gradient || !f->call.state || !f->call.work)
        return false;
    head->operations->initialise(head, f->table, 0, 7, f->weights);
    for (size_t n = 0; n < f->table->count; n++) { /* larger than in the beginning, where gradients hardly reach the taps */
        const struct bit_parameter *p = &f->table->items[n];
        if (p->kind == BIT_KERNEL)
            fill(p->name, p->count, 0, sqrt(3.0 / (double)(p->shape[0] * p->shape[1] * p->shape[2])), f->weights + p->offset);
    }
    for (int block = 2; block <= 4; block++) {
        float *tap = bit_allocate(tap_count(f, block), sizeof *tap, "tap", &error);
        f->call.d_tap[block] = bit_allocate(tap_count(f, block), sizeof(float), "gradient", &error);
        if (!tap || !f->call.d_tap[block])
            return false;
        fill("tap", tap_count(f, block), 0.5, 1, tap);
        f->call.tap[block] = tap;
    }
    f->call.table = f->table;
    f->call.weights = f->weights;
    return true;
}

static void teardown(struct fixture *f)
{
    f->detect.head.operations->destroy(f->call.state);
    for (int block = 2; block <= 4; block++)
        bit_free((void *)f->call.tap[block]), bit_free(f->call.d_tap[block]);
    bit_free(f->call.work), bit_free(f->weights), bit_free(f->gradient);
    bit_table_destroy(f->table);
}

struct block_sink { struct bit_gradient_sink sink; struct fixture *f; size_t next; bool good; };

static float *sink_begin(struct bit_gradient_sink *sink, size_t parameter)
{
    struct block_sink *s = (struct block_sink *)sink;
    s->good &= parameter + 1 == s->next;
    return s->f->gradient + s->f->table->items[parameter].offset;
}

static void sink_done(struct bit_gradient_sink *sink, size_t parameter)
{
    ((struct block_sink *)sink)->next = parameter;
}

static double run(struct fixture *f, int images, bool with_gradient)
{
    const struct bit_head_operations *o = f->detect.head.operations;
    struct bit_error error = {0};
    struct block_sink sink = {{sink_begin, sink_done}, f, f->table->count, true};
    double losses[IMAGES] = {0};
    if (o->forward(&f->detect.head, &f->call, &error))
        return NAN;
    o->loss(&f->detect.head, &f->call, &targets, images, 1, losses);
    if (with_gradient && (o->backward(&f->detect.head, &f->call, &sink.sink, &error) || !sink.good || sink.next != 0))
        return NAN;
    return losses[0] + losses[1];
}

/* The loss on both sides of some values, along their gradient, must differ by that gradient's length. */
static bool right_slope(struct fixture *f, const char *name, float *values, const float *gradient, size_t count)
{
    float *keep = bit_allocate(count, sizeof *keep, "copy", NULL), *along = bit_allocate(count, sizeof *along, "copy", NULL);
    double length = 0, side[2];
    if (!keep || !along)
        return false;
    for (size_t i = 0; i < count; i++)
        length += pow((double)gradient[i], 2);
    length = sqrt(length);
    memcpy(keep, values, count * sizeof *values);
    memcpy(along, gradient, count * sizeof *gradient);
    const double move = fmin(3e-3 / length, 2e-4 * sqrt((double)count));
    for (int s = 0; s < 2 && length > 0; s++) {
        for (size_t i = 0; i < count; i++)
            values[i] = (float)((double)keep[i] + (s ? -1 : 1) * move * (double)along[i] / length);
        side[s] = run(f, IMAGES, false);
    }
    memcpy(values, keep, count * sizeof *values);
    bit_free(keep), bit_free(along);
    const double slope = length > 0 ? (side[0] - side[1]) / (2 * move) : 0;
    const bool right = fabs(slope - length) <= 0.03 * length + 1e-4;
    if (!right)
        printf("\n  %s: slope %g, gradient %g", name, slope, length);
    return right;
}

static void check_differences(const struct bit_detect *detect)
{
    struct fixture f;
    int wrong = 0;
    REQUIRE(setup(&f, detect, 1));
    CHECK(!isnan(run(&f, IMAGES, true)));
    CHECK(detect->head.operations->positives(&f.detect.head, &f.call, IMAGES) >= 3);
    for (size_t n = 0; n < f.table->count; n++) {
        const struct bit_parameter *p = &f.table->items[n];
        wrong += !right_slope(&f, p->name, f.weights + p->offset, f.gradient + p->offset, p->count);
    }
    for (int block = 2; block <= 4; block++) {
        char name[] = "tap 0";
        name[4] = (char)('0' + block);
        wrong += !right_slope(&f, name, (float *)f.call.tap[block], f.call.d_tap[block], tap_count(&f, block));
    }
    CHECK(wrong == 0);
    teardown(&f);
}

static struct bit_detect usual(void)
{
    struct bit_detect detect;
    bit_detect_init(&detect, CLASSES);
    detect.channels = 64;
    detect.layers = 2;
    detect.anchor_scale = 2;
    detect.prior = 0.1;
    return detect;
}

static struct bit_detect unusual(void)
{
    struct bit_detect detect = usual();
    detect.channels = 20;
    detect.layers = 1;
    detect.group_norm = false;
    detect.p6 = BIT_P6_FROM_C5;
    detect.octaves = 2;
    detect.ratio_count = 1;
    detect.ratios[0] = 1.3;
    detect.box_beta = 0;
    return detect;
}

static void test_differences(void)
{
    struct bit_detect detect = usual();
    check_differences(&detect);
    detect.p6 = BIT_P6_FROM_C5;
    check_differences(&detect);
}

static void test_differences_without_norm(void)
{
    struct bit_detect detect = unusual();
    check_differences(&detect);
    detect.p6 = BIT_P6_FROM_P5;
    check_differences(&detect);
}

/* Memory full of NaN before changes no bit. */
static void test_poison(void)
{
    const struct bit_detect detect = usual();
    struct fixture one, two;
    double sums[2];
    for (int k = 0; k < 2; k++) {
        struct fixture *f = k ? &two : &one;
        REQUIRE(setup(f, &detect, 1));
        memset(f->call.work, k ? 0xFF : 0, f->bytes);
        sums[k] = run(f, IMAGES, true);
    }
    CHECK(sums[0] == sums[1]);
    CHECK(!memcmp(one.gradient, two.gradient, one.table->elements * sizeof(float)));
    for (int block = 2; block <= 4; block++)
        CHECK(!memcmp(one.call.d_tap[block], two.call.d_tap[block], tap_count(&one, block) * sizeof(float)));
    teardown(&one), teardown(&two);
}

/* Images beyond those of the loss have no part in it. */
static void test_fewer_images(void)
{
    const struct bit_detect detect = usual();
    struct fixture f;
    REQUIRE(setup(&f, &detect, 2));
    const double both = run(&f, IMAGES, true), one = run(&f, 1, true);
    CHECK(one > 0 && one < both);
    for (int block = 2; block <= 4; block++) {
        const float *d = f.call.d_tap[block];
        const size_t image = tap_count(&f, block) / IMAGES;
        double first = 0, second = 0;
        for (size_t i = 0; i < image; i++) {
            first += fabs((double)d[i]);
            second += fabs((double)d[image + i]);
        }
        CHECK(first > 0 && second == 0);
    }
    teardown(&f);
}

/* Deviations, and a first loss that has the prior in it. */
static void test_initial_weights(void)
{
    struct bit_detect detect = usual();
    struct fixture f;
    detect.prior = 0.01;
    REQUIRE(setup(&f, &detect, 1));
    detect.head.operations->initialise(&detect.head, f.table, 0, 3, f.weights);
    for (size_t n = 0; n < f.table->count; n++) {
        const struct bit_parameter *p = &f.table->items[n];
        const float *w = f.weights + p->offset;
        double square = 0;
        for (size_t i = 0; i < p->count; i++)
            square += (double)w[i] * (double)w[i];
        const double deviation = sqrt(square / (double)p->count), place = (double)(p->shape[0] * p->shape[1]);
        if (p->kind == BIT_KERNEL && p->name[0] == 'f')
            CHECK(fabs(deviation - sqrt(2 / (place * (double)p->shape[2] + place * (double)p->shape[3]))) < 0.05 * deviation);
        else if (p->kind == BIT_KERNEL)
            CHECK(fabs(deviation - 0.01) < 5e-4);
        else
            CHECK(deviation == (p->kind == BIT_GAMMA) || !strcmp(p->name, "class_net/predict/bias"));
    }
    const float *bias = f.weights + f.table->items[bit_table_find(f.table, "class_net/predict/bias")].offset;
    CHECK(fabs((double)bias[0] + 4.59511985) < 1e-6);
    run(&f, IMAGES, false);
    const struct bit_detect_loss *losses = bit_detect_losses(&f.call);
    const double focal = (losses[0].focal + losses[1].focal) / (double)(losses[0].positives + losses[1].positives + 1);
    CHECK(focal > 0.7 && focal < 1.25);
    teardown(&f);
}

/* Records hold boxes of the image as it is stored, and none of what lies beyond it in the input. */
static void test_records(void)
{
    const struct bit_detect detect = usual();
    const struct bit_frame frames[IMAGES] = {{200, 160, 0.5, 0.25}, {256, 256, 1, 1}};
    const struct bit_targets with_frames = {.labels = labels, .label_start = label_start, .boxes = boxes, .frames = frames};
    struct bit_error error = {0};
    struct fixture f;
    REQUIRE(setup(&f, &detect, 1));
    const struct bit_head_operations *o = detect.head.operations;
    const size_t bytes = o->record_bytes(&f.detect.head);
    struct bit_detect_record *whole = bit_allocate(1, bytes, "record", &error), *framed = bit_allocate(1, bytes, "record", &error);
    REQUIRE(whole && framed && bytes % 8 == 0 && o->needs_records(&f.detect.head));
    REQUIRE(!o->forward(&f.detect.head, &f.call, &error));
    double right = 0, lower = 0;
    o->keep(&f.detect.head, &f.call, &targets, 1, whole);
    o->keep(&f.detect.head, &f.call, &with_frames, 1, framed);
    CHECK(whole->count > 0 && whole->count <= 100 && !memcmp(whole, framed, sizeof *whole + whole->count * sizeof *whole->found));
    o->keep(&f.detect.head, &f.call, &with_frames, 0, framed);
    CHECK(framed->count > 0);
    for (uint64_t i = 0; i < framed->count && framed->count <= 100; i++) {
        right = fmax(right, framed->found[i].box.x2);
        lower = fmax(lower, framed->found[i].box.y2);
    }
    CHECK(right == 200 / 0.5 && lower == 160 / 0.25);
    bit_free(whole), bit_free(framed);
    teardown(&f);
}

static bool refused(const struct bit_detect *detect, const struct bit_head_input *input)
{
    struct bit_error error = {0};
    struct bit_table *table = bit_table_create(&error);
    const int result = table ? detect->head.operations->describe(&detect->head, input, table, &error) : 0;
    bit_table_destroy(table);
    return result == -1 && error.code == BIT_EUSAGE;
}

static void test_refusals(void)
{
    struct bit_head_input input = {.tap = {{0, 0, 0}, {0, 0, 0}, {8, 8, 4}, {4, 4, 8}, {2, 2, 16}}};
    struct bit_detect detect = usual();
    CHECK(!refused(&detect, &input));
    input.tap[3].height = 5;
    CHECK(refused(&detect, &input));
    input.tap[3].height = 4;
    detect.channels = 100;
    CHECK(refused(&detect, &input));
    detect = usual();
    detect.layers = 9;
    CHECK(refused(&detect, &input));
    detect = usual();
    detect.classes = 0;
    CHECK(refused(&detect, &input));
    detect = usual();
    detect.octaves = 30;
    CHECK(refused(&detect, &input));
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"differences", test_differences}, {"differences without norm", test_differences_without_norm},
        {"poison", test_poison}, {"fewer images", test_fewer_images}, {"initial weights", test_initial_weights}, {"records", test_records},
        {"refusals", test_refusals},
    };
    return unit_main("detect net", tests, sizeof tests / sizeof *tests, argc, argv);
}
