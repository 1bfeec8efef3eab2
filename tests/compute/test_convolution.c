/* Every backend and type against the reference on awkward shapes, and the reference against finite differences. One body
 * runs for all: memory that a call must not read, and memory that it must write, is NaN before the call, and guards
 * behind every buffer must survive it. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>

#include "bit/bfloat16.h"
#include "bit/compute.h"
#include "bit/memory.h"
#include "bit/random.h"
#include "compute/amx_kernels.h"
#include "unit.h"

enum { GUARD = 256 /* bytes behind each buffer */, GUARD_BYTE = 0xA5 };

struct buffer { void *data; size_t count, bytes; enum bit_type type; };

static struct buffer buffer_bytes(size_t bytes)
{
    struct buffer b = {.count = bytes, .bytes = bytes};
    b.data = bit_allocate(bytes + GUARD, 1, "a test buffer", NULL);
    memset((char *)b.data + bytes, GUARD_BYTE, GUARD);
    return b;
}

static struct buffer buffer_of(enum bit_type type, size_t count)
{
    struct buffer b = buffer_bytes(count * bit_type_size(type));
    b.count = count;
    b.type = type;
    return b;
}

/* All ones: NaN in both types. */
static void poison(struct buffer *b)
{
    memset(b->data, 0xFF, b->bytes);
}

static int guard_stands(const struct buffer *b)
{
    for (int i = 0; i < GUARD; i++)
        if (((unsigned char *)b->data)[b->bytes + i] != GUARD_BYTE)
            return 0;
    return 1;
}

static float value(const struct buffer *b, size_t i)
{
    return b->type == BIT_FLOAT32 ? ((float *)b->data)[i] : bit_bfloat16_to_float(((bit_bfloat16 *)b->data)[i]);
}

static void set(struct buffer *b, size_t i, float x)
{
    if (b->type == BIT_FLOAT32)
        ((float *)b->data)[i] = x;
    else
        ((bit_bfloat16 *)b->data)[i] = bit_bfloat16_from_float(x);
}

static void fill(struct buffer *b, uint64_t seed)
{
    struct bit_random random;
    bit_random_init(&random, seed, BIT_PURPOSE_TEST, 0, b->count);
    for (size_t i = 0; i < b->count; i++)
        set(b, i, (float)bit_random_uniform(&random) * 2 - 1);
}

static void copy(struct buffer *to, const struct buffer *from)
{
    memcpy(to->data, from->data, from->bytes);
}

/* Largest difference over the root mean square of `truth`. */
static double distance(const struct buffer *got, const struct buffer *truth)
{
    double worst = 0, square = 0;
    for (size_t i = 0; i < truth->count; i++) {
        double x = value(got, i), y = value(truth, i);
        if (!isfinite(x))
            return INFINITY;
        worst = fmax(worst, fabs(x - y));
        square += y * y;
    }
    return worst / fmax(sqrt(square / (double)truth->count), 1e-30);
}

/* What one backend computes for one geometry; everything on the same inputs. */
struct results { struct buffer forward, forward_added, data, data_added, weights; };

static void results_free(struct results *r)
{
    bit_free(r->forward.data);
    bit_free(r->forward_added.data);
    bit_free(r->data.data);
    bit_free(r->data_added.data);
    bit_free(r->weights.data);
}

struct problem { struct bit_geometry g; enum bit_type type; struct buffer source, destination, kernel; };

static void problem_make(struct problem *p, const struct bit_geometry *g, enum bit_type type)
{
    size_t pixels = (size_t)g->images * bit_geometry_out_height(g) * bit_geometry_out_width(g);
    p->g = *g;
    p->type = type;
    p->source = buffer_of(type, (size_t)g->images * g->height * g->width * g->channels);
    p->destination = buffer_of(type, pixels * g->outputs);
    p->kernel = buffer_of(BIT_FLOAT32, (size_t)g->kernel * g->kernel * g->channels * g->outputs);
    fill(&p->source, 1);
    fill(&p->destination, 2);
    fill(&p->kernel, 3);
}

static void problem_free(struct problem *p)
{
    bit_free(p->source.data);
    bit_free(p->destination.data);
    bit_free(p->kernel.data);
}

/* Runs all directions; 1 when every call worked and no guard was touched. */
static int run(const struct bit_backend *backend, const struct problem *p, struct results *r)
{
    struct bit_error error = {0};
    *r = (struct results){0};
    struct bit_convolution *c = bit_convolution_create(backend, &p->g, p->type, true, &error);
    if (!c) {
        printf("\n  %s\n", error.text);
        return 0;
    }
    struct buffer scratch = buffer_bytes(bit_convolution_scratch_bytes(c));
    struct buffer packed[2] = {buffer_bytes(bit_convolution_packed_bytes(c, BIT_FORWARD)),
                               buffer_bytes(bit_convolution_packed_bytes(c, BIT_BACKWARD_DATA))};
    r->forward = buffer_of(p->type, p->destination.count);
    r->forward_added = buffer_of(p->type, p->destination.count);
    r->data = buffer_of(p->type, p->source.count);
    r->data_added = buffer_of(p->type, p->source.count);
    r->weights = buffer_of(BIT_FLOAT32, p->kernel.count);
    copy(&r->forward_added, &p->destination);
    copy(&r->data_added, &p->source);
    poison(&r->forward);
    poison(&r->data);
    poison(&r->weights);

    int bad = 0;
    for (int d = 0; d < 2; d++) {
        poison(&packed[d]);
        bad |= bit_convolution_pack(c, (enum bit_direction)d, p->kernel.data, packed[d].data, &error);
    }
    poison(&scratch);
    bad |= bit_convolution_forward(c, p->source.data, packed[0].data, false, r->forward.data, scratch.data, &error);
    poison(&scratch);
    bad |= bit_convolution_forward(c, p->source.data, packed[0].data, true, r->forward_added.data, scratch.data, &error);
    poison(&scratch);
    bad |= bit_convolution_backward_data(c, p->destination.data, packed[1].data, false, r->data.data, scratch.data, &error);
    poison(&scratch);
    bad |= bit_convolution_backward_data(c, p->destination.data, packed[1].data, true, r->data_added.data, scratch.data,
                                         &error);
    poison(&scratch);
    bad |= bit_convolution_backward_weights(c, p->source.data, p->destination.data, r->weights.data, scratch.data, &error);
    if (bad)
        printf("\n  %s\n", error.text);
    int good = !bad && guard_stands(&scratch) && guard_stands(&packed[0]) && guard_stands(&packed[1]) &&
               guard_stands(&r->forward) && guard_stands(&r->forward_added) && guard_stands(&r->data) &&
               guard_stands(&r->data_added) && guard_stands(&r->weights);
    bit_free(scratch.data);
    bit_free(packed[0].data);
    bit_free(packed[1].data);
    bit_convolution_destroy(c);
    return good;
}

/* images, height, width, channels, outputs, kernel, stride, padding */
static const struct bit_geometry shapes[] = {
    {2, 13, 14, 64, 64, 3, 1, 1}, {1, 16, 12, 128, 64, 3, 1, 1}, {9, 12, 13, 64, 128, 3, 1, 1}, /* Winograd */
    {17, 7, 7, 64, 128, 3, 1, 1}, {16, 4, 4, 128, 64, 3, 1, 1}, {21, 3, 6, 64, 64, 3, 1, 1},       /* Winograd on narrow images */
    {5, 7, 8, 64, 96, 3, 2, 1}, {5, 3, 2, 64, 64, 3, 1, 1}, {9, 4, 7, 64, 32, 1, 2, 0},             /* few pixels: tiles of ours */
    {3, 21, 7, 32, 64, 3, 1, 1}, {2, 11, 10, 64, 32, 3, 2, 1}, {2, 40, 37, 32, 32, 1, 2, 0},     /* tiles of 32 */
    {1, 1, 1, 1, 1, 1, 1, 0},     /* the smallest */
    {2, 1, 1, 40, 24, 1, 1, 0},   /* the head */
    {1, 1, 1, 16, 16, 3, 1, 1},   /* padding all around */
    {3, 5, 7, 1, 1, 3, 1, 1},     /* one channel */
    {3, 75, 75, 3, 4, 7, 2, 3},   /* root, odd size, odd batch */
    {2, 2, 3, 3, 5, 7, 2, 3},     /* root on less than its kernel */
    {1, 32, 32, 3, 64, 7, 2, 3},  /* root */
    {2, 9, 11, 3, 32, 7, 2, 3},   /* root, odd, fewer outputs */
    {3, 9, 11, 13, 17, 3, 1, 1},  /* channels beside multiples of 16 */
    {2, 9, 11, 19, 33, 3, 2, 1},  /* stride 2, odd sizes */
    {2, 8, 10, 19, 33, 3, 2, 1},  /* stride 2, even sizes */
    {1, 1, 2, 7, 9, 3, 2, 1},     /* stride 2, nearly nothing */
    {2, 9, 7, 24, 40, 1, 2, 0},   /* projection, odd size */
    {2, 8, 8, 32, 48, 1, 2, 0},   /* projection, even size */
    {3, 14, 14, 64, 1, 1, 1, 0},  /* one output */
    {4, 14, 14, 64, 64, 3, 1, 1}, /* as in a network */
    {4, 7, 7, 96, 128, 1, 1, 0},
    {1, 4, 6, 5, 6, 2, 3, 0},     /* stride above the kernel: pixels that no output sees */
    {1, 5, 5, 4, 4, 3, 3, 2},
    {64, 3, 3, 16, 32, 3, 1, 1},  /* a micro-batch of 64 */
    {4, 32, 32, 64, 64, 1, 1, 0}, {3, 64, 64, 32, 64, 3, 2, 1}, /* chunks of pixels in split float32 weight gradients */
    {1, 257, 256, 32, 32, 1, 1, 0}, /* more of them, for not to be too long */
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* What rounding to float32 may do to a sum of `length` terms, relative to the root mean square of such sums, whatever adds them up. Each
 * addition (or multiply-add) rounds by at most u = 2^-24 of the sum s so far, evenly within that: u |s| / sqrt(3) in the mean. Terms are
 * random, so |s| grows with the root of their number, and a chain of n additions is off by u sqrt(n / 6) of the last sum. Products in three
 * bfloat16 parts (AMX) are six terms each, of which pairs are added at once: n = 3 length; without multiply-adds products round, too, which is
 * less. Sums in lanes, tiles or chunks are shorter chains. The largest of a million results is five such deviations away, and its s twice the
 * usual: 10 u sqrt(length / 2), or 7 u sqrt(length), and 8 u for the additions of what was there, which is no larger than five such sums. */
static double rounding(size_t length)
{
    return 0x1p-24 * (8 + 7 * sqrt((double)length));
}

/* How many terms the longest sum of either direction has. */
static size_t longest(const struct bit_geometry *g)
{
    size_t taps = (size_t)g->kernel * g->kernel;
    return taps * (g->channels > g->outputs ? g->channels : g->outputs);
}

static size_t pixels_of(const struct bit_geometry *g)
{
    return (size_t)g->images * bit_geometry_out_height(g) * bit_geometry_out_width(g);
}

/* Winograd's transforms for tiles of 4x4 add up numbers ten times the size of the results. */
static int size_of_sums(const struct bit_backend *backend, const struct problem *p, enum bit_direction direction)
{
    struct bit_convolution *c = bit_convolution_create(backend, &p->g, p->type, true, NULL);
    const char *kernel = c ? bit_convolution_kernel(c, direction) : NULL;
    bool winograd = kernel && strstr(kernel, "winograd");
    bit_convolution_destroy(c);
    return winograd ? 10 : 1;
}

static void compare(const struct bit_backend *backend, const struct problem *p, const struct results *truth, int threads)
{
    /* bfloat16: where both have rounded, results of up to six times the root mean square may end one step, 2^-8 of themselves, apart, and who
     * adds in bfloat16 has rounded once more, by 2^-9: 3.5e-2. Weight gradients are float32 in both types. */
    struct results got;
    bit_compute_threads(threads);
    const bool exact = p->type == BIT_FLOAT32;
    double forward = exact ? size_of_sums(backend, p, BIT_FORWARD) * rounding(longest(&p->g)) : 4e-2;
    double data = exact ? size_of_sums(backend, p, BIT_BACKWARD_DATA) * rounding(longest(&p->g)) : 4e-2;
    double weights = size_of_sums(backend, p, BIT_BACKWARD_WEIGHTS) * rounding(pixels_of(&p->g));
    CHECK(run(backend, p, &got));
    const struct { const char *name; const struct buffer *got, *truth; double tolerance; } pairs[] = {
        {"forward", &got.forward, &truth->forward, forward},
        {"forward, added", &got.forward_added, &truth->forward_added, forward},
        {"backward data", &got.data, &truth->data, data},
        {"backward data, added", &got.data_added, &truth->data_added, data},
        {"backward weights", &got.weights, &truth->weights, weights},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        double d = got.weights.data ? distance(pairs[i].got, pairs[i].truth) : INFINITY;
        const struct bit_geometry *g = &p->g;
        if (!(d <= pairs[i].tolerance))
            printf("\n  %s, type %d, threads %d, %dx%dx%dx%d to %d, kernel %d, stride %d, padding %d, %s: distance %g, bound %g\n",
                   bit_backend_name(backend), p->type, threads, g->images, g->height, g->width, g->channels, g->outputs,
                   g->kernel, g->stride, g->padding, pairs[i].name, d, pairs[i].tolerance);
        CHECK(d <= pairs[i].tolerance);
    }
    results_free(&got);
}

static void check_against_reference(enum bit_type type)
{
    const struct bit_backend *reference = bit_backend_find("reference", NULL);
    for (size_t s = 0; s < SHAPES; s++) {
        struct problem p;
        struct results truth;
        bit_compute_threads(2);
        problem_make(&p, &shapes[s], type);
        CHECK(run(reference, &p, &truth));
        for (size_t b = 0; bit_backend_at(b); b++)
            for (int threads = 1; threads <= 3 && bit_backend_at(b) != reference; threads += 2)
                compare(bit_backend_at(b), &p, &truth, threads);
        results_free(&truth);
        problem_free(&p);
    }
}

static void test_float32(void)
{
    check_against_reference(BIT_FLOAT32);
}

/* Largest difference relative to the result itself; a result that is 0 must be 0. */
static double relative(const struct buffer *got, const struct buffer *truth)
{
    double worst = 0;
    for (size_t i = 0; i < truth->count; i++) {
        double x = value(got, i), y = value(truth, i);
        double off = x == y ? 0 : isfinite(x) && y != 0 ? fabs(x - y) / fabs(y) : INFINITY;
        worst = fmax(worst, off);
    }
    return worst;
}

/* Sums of one product each: in the kernel an output has one channel, and in the gradient of the destination one pixel. */
static void keep_single_products(struct problem *p)
{
    size_t channels = (size_t)p->g.channels, outputs = (size_t)p->g.outputs;
    for (size_t c = 0; c < channels; c++)
        for (size_t o = 0; o < outputs; o++)
            if (c != o * 37 % channels)
                set(&p->kernel, c * outputs + o, 0);
    for (size_t i = 0; i < p->destination.count; i++)
        if (i / outputs != i % outputs * 29 % (p->destination.count / outputs))
            set(&p->destination, i, 0);
}

/* All 24 bits of the numbers count, on every processor: of sums of one product each nothing is lost but by roundings, at most eight of
 * u = 2^-24. A multiply-add rounds once. Products in three bfloat16 parts round once a term kept, six times, and leave out terms below u / 2;
 * without those of the smallest parts they are off by 64 u. */
static void test_all_bits(void)
{
    const struct bit_geometry g = {3, 7, 8, 256, 64, 1, 1, 0};
    struct problem p;
    struct results truth, got;
    bit_compute_threads(2);
    problem_make(&p, &g, BIT_FLOAT32);
    keep_single_products(&p);
    CHECK(run(bit_backend_find("reference", NULL), &p, &truth));
    for (size_t b = 0; bit_backend_at(b); b++) {
        CHECK(run(bit_backend_at(b), &p, &got));
        CHECK(relative(&got.forward, &truth.forward) <= 8 * 0x1p-24);
        CHECK(relative(&got.data, &truth.data) <= 8 * 0x1p-24);
        CHECK(relative(&got.weights, &truth.weights) <= 8 * 0x1p-24);
        results_free(&got);
    }
    results_free(&truth);
    problem_free(&p);
}

static void test_bfloat16(void)
{
    check_against_reference(BIT_BFLOAT16);
}

/* <destination, convolution(source)> is linear in source and in the kernel, so central differences are exact but for
 * rounding; the reference in float32 must agree with them. */
static double product(const struct bit_backend *backend, struct problem *p)
{
    struct results r;
    double sum = NAN;
    if (run(backend, p, &r)) {
        sum = 0;
        for (size_t i = 0; i < r.forward.count; i++)
            sum += (double)value(&r.forward, i) * value(&p->destination, i);
    }
    results_free(&r);
    return sum;
}

static void test_finite_differences(void)
{
    const struct bit_backend *reference = bit_backend_find("reference", NULL);
    bit_compute_threads(1);
    for (size_t s = 0; s < SHAPES; s++) {
        const struct bit_geometry *g = &shapes[s];
        if ((size_t)g->images * g->height * g->width * g->channels * g->outputs > 20000)
            continue;
        struct problem p;
        struct results r;
        problem_make(&p, g, BIT_FLOAT32);
        CHECK(run(reference, &p, &r));
        struct { struct buffer *at, *gradient; } sides[] = {{&p.source, &r.data}, {&p.kernel, &r.weights}};
        for (int side = 0; side < 2; side++)
            for (size_t probe = 0; probe < 12; probe++) {
                size_t i = probe * 7919 % sides[side].at->count;
                float kept = value(sides[side].at, i);
                set(sides[side].at, i, kept + 0.5f);
                double above = product(reference, &p);
                set(sides[side].at, i, kept - 0.5f);
                double below = product(reference, &p);
                set(sides[side].at, i, kept);
                CHECK(fabs(above - below - value(sides[side].gradient, i)) < 1e-4);
            }
        results_free(&r);
        problem_free(&p);
    }
}

static int equal(const struct buffer *a, const struct buffer *b)
{
    return a->bytes == b->bytes && !memcmp(a->data, b->data, a->bytes);
}

/* Same shape, same threads: same bits, run after run and object after object. */
static void test_repeated_bits(void)
{
    const struct bit_geometry repeated[] = {{5, 12, 14, 32, 48, 3, 1, 1}, {5, 13, 13, 96, 64, 1, 1, 0},
                                            {3, 33, 33, 3, 16, 7, 2, 3}, {3, 15, 15, 16, 32, 3, 2, 1}};
    for (int threads = 1; threads <= 3; threads++)
        for (size_t s = 0; s < sizeof repeated / sizeof *repeated; s++)
            for (int type = 0; type < 2; type++)
                for (size_t b = 0; bit_backend_at(b + 1); b++) { /* the reference is sequential in every sum */
                    struct problem p;
                    struct results first, next;
                    bit_compute_threads(threads);
                    problem_make(&p, &repeated[s], (enum bit_type)type);
                    CHECK(run(bit_backend_at(b), &p, &first));
                    for (int i = 0; i < 2; i++) {
                        CHECK(run(bit_backend_at(b), &p, &next));
                        CHECK(equal(&first.forward, &next.forward));
                        CHECK(equal(&first.forward_added, &next.forward_added));
                        CHECK(equal(&first.data, &next.data));
                        CHECK(equal(&first.data_added, &next.data_added));
                        CHECK(equal(&first.weights, &next.weights));
                        results_free(&next);
                    }
                    results_free(&first);
                    problem_free(&p);
                }
}

/* Float32 numbers in parts, on tile units, and our own kernels of narrow images: the number of threads changes no bit. The root, 3 to 64,
 * is no such convolution. */
static void test_bits_at_any_threads(void)
{
    const struct bit_geometry several[] = {{17, 7, 7, 64, 64, 3, 1, 1}, {5, 7, 8, 64, 96, 3, 2, 1}, /* from here on tile units only */
                                           {4, 32, 32, 64, 64, 1, 1, 0}, {3, 64, 64, 32, 64, 3, 2, 1}, {5, 12, 9, 96, 32, 1, 1, 0}};
    const size_t everywhere = 2, count = bit_amx_available() ? sizeof several / sizeof *several : everywhere;
    for (size_t s = 0; s < count; s++)
        for (size_t b = 0; bit_backend_at(b + 1); b++) { /* the reference has its own sums */
            struct problem p;
            struct results one, more;
            problem_make(&p, &several[s], BIT_FLOAT32);
            bit_compute_threads(1);
            CHECK(run(bit_backend_at(b), &p, &one));
            for (int threads = 2; threads <= 3; threads++) {
                bit_compute_threads(threads);
                CHECK(run(bit_backend_at(b), &p, &more));
                CHECK(equal(&one.forward, &more.forward));
                CHECK(equal(&one.forward_added, &more.forward_added));
                CHECK(equal(&one.data, &more.data));
                CHECK(equal(&one.data_added, &more.data_added));
                CHECK(equal(&one.weights, &more.weights));
                results_free(&more);
            }
            results_free(&one);
            problem_free(&p);
        }
}

/* Micro-batches are summed up by others: an image's result must not depend on its neighbours in the batch. */
static void test_images_are_independent(void)
{
    struct bit_geometry g = {3, 9, 9, 16, 24, 3, 1, 1}, one = g;
    one.images = 1;
    bit_compute_threads(2);
    for (size_t b = 0; bit_backend_at(b); b++) {
        struct problem many, single;
        struct results all, last;
        problem_make(&many, &g, BIT_FLOAT32);
        problem_make(&single, &one, BIT_FLOAT32);
        size_t each = single.source.count;
        for (size_t i = 0; i < each; i++)
            set(&single.source, i, value(&many.source, 2 * each + i));
        CHECK(run(bit_backend_at(b), &many, &all));
        CHECK(run(bit_backend_at(b), &single, &last));
        struct buffer tail = {.data = (float *)all.forward.data + 2 * last.forward.count, .count = last.forward.count,
                              .bytes = last.forward.bytes, .type = BIT_FLOAT32};
        CHECK(distance(&tail, &last.forward) <= 2 * rounding(longest(&g)));
        results_free(&all);
        results_free(&last);
        problem_free(&many);
        problem_free(&single);
    }
}

static void test_no_data_gradient(void)
{
    struct bit_geometry g = {1, 8, 8, 3, 8, 7, 2, 3};
    for (size_t b = 0; bit_backend_at(b); b++) {
        struct bit_error error = {0};
        struct bit_convolution *c = bit_convolution_create(bit_backend_at(b), &g, BIT_FLOAT32, false, &error);
        REQUIRE(c != NULL);
        CHECK(bit_convolution_packed_bytes(c, BIT_BACKWARD_DATA) == 0);
        CHECK(bit_convolution_backward_data(c, NULL, NULL, false, NULL, NULL, &error) == -1);
        CHECK(error.code == BIT_EINTERNAL);
        bit_convolution_destroy(c);
    }
}

/* Packing scale w + offset gives the bytes of packing that kernel; the numbers are exact in all types. */
static void test_pack_scaled(void)
{
    const struct bit_geometry shapes[] = {{1, 6, 6, 64, 128, 1, 1, 0}, {1, 6, 6, 128, 64, 1, 2, 0}, {1, 7, 7, 64, 64, 3, 1, 1},
                                          {1, 7, 7, 64, 128, 3, 2, 1}, {1, 7, 7, 24, 40, 3, 1, 1}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (size_t b = 0; bit_backend_at(b); b++)
            for (int which = 0; which < 4; which++) {
                const int d = which % 2 ? BIT_BACKWARD_DATA : BIT_FORWARD;
                const enum bit_type type = which / 2 ? BIT_FLOAT32 : BIT_BFLOAT16;
                const struct bit_geometry *g = &shapes[s];
                struct bit_error error = {0};
                struct bit_convolution *c = bit_convolution_create(bit_backend_at(b), g, type, true, &error);
                REQUIRE(c != NULL);
                const size_t rows = (size_t)(g->kernel * g->kernel * g->channels), outputs = (size_t)g->outputs;
                const size_t bytes = bit_convolution_packed_bytes(c, (enum bit_direction)d);
                struct buffer plain = buffer_of(BIT_FLOAT32, rows * outputs), mapped = buffer_of(BIT_FLOAT32, rows * outputs);
                struct buffer scale = buffer_of(BIT_FLOAT32, outputs), offset = buffer_of(BIT_FLOAT32, outputs);
                struct buffer expected = buffer_bytes(bytes), packed = buffer_bytes(bytes);
                for (size_t o = 0; o < outputs; o++) {
                    set(&scale, o, o % 3 ? 0.5f : -2.0f);
                    set(&offset, o, (float)(o % 5) * 0.25f - 0.5f);
                }
                for (size_t i = 0; i < rows * outputs; i++) {
                    set(&plain, i, (float)((int)(i * 7919 % 61) - 30) / 4);
                    set(&mapped, i, value(&scale, i % outputs) * value(&plain, i) + value(&offset, i % outputs));
                }
                if (bit_convolution_scales(c, (enum bit_direction)d)) {
                    CHECK(bit_convolution_pack(c, (enum bit_direction)d, mapped.data, expected.data, &error) == 0);
                    bit_convolution_pack_scaled(c, (enum bit_direction)d, plain.data, scale.data, offset.data, packed.data);
                    CHECK(!memcmp(expected.data, packed.data, bytes));
                    CHECK(guard_stands(&packed));
                    bit_convolution_pack_scaled(c, (enum bit_direction)d, mapped.data, NULL, NULL, packed.data);
                    CHECK(!memcmp(expected.data, packed.data, bytes));
                }
                struct buffer *all[] = {&plain, &mapped, &scale, &offset, &expected, &packed};
                for (size_t i = 0; i < sizeof all / sizeof *all; i++)
                    bit_free(all[i]->data);
                bit_convolution_destroy(c);
            }
}

static void test_impossible(void)
{
    const struct bit_geometry bad[] = {{0, 8, 8, 3, 8, 3, 1, 1}, {1, 2, 2, 3, 8, 7, 2, 1}, {1, 8, 8, 3, 8, 3, 0, 1},
                                       {1, 8, 8, 3, 8, 3, 1, 3}, {1, 8, 8, -3, 8, 3, 1, 1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct bit_error error = {0};
        CHECK(bit_convolution_create(bit_backend_at(0), &bad[i], BIT_FLOAT32, true, &error) == NULL);
        CHECK(error.code == BIT_EUSAGE);
    }
}

/* Where the packed kernel of one size is said to serve another, both have the same bytes; and our own ways always say so. */
static void test_packs_alike(void)
{
    static const int kernels[] = {1, 3};
    int alike = 0;
    for (size_t b = 0; bit_backend_at(b); b++)
        for (int i = 0; i < 8; i++) {
            const int k = kernels[i % 2], stride = 1 + i / 2 % 2;
            const enum bit_type type = i / 4 ? BIT_BFLOAT16 : BIT_FLOAT32;
            const struct bit_geometry one = {1, 9, 9, 64, 32, k, stride, k / 2}, two = {3, 40, 32, 64, 32, k, stride, k / 2};
            struct bit_error error = {0};
            struct bit_convolution *c = bit_convolution_create(bit_backend_at(b), &one, type, true, &error);
            struct bit_convolution *d = bit_convolution_create(bit_backend_at(b), &two, type, true, &error);
            float kernel[9 * 64 * 32];
            REQUIRE(c && d);
            for (size_t w = 0; w < sizeof kernel / sizeof *kernel; w++)
                kernel[w] = (float)(w * 7 % 31) - 15;
            for (enum bit_direction direction = BIT_FORWARD; direction <= BIT_BACKWARD_DATA; direction++) {
                const size_t bytes = bit_convolution_packed_bytes(c, direction);
                void *packed[2] = {bit_allocate(1, bytes, "kernel", &error), bit_allocate(1, bytes, "kernel", &error)};
                REQUIRE(packed[0] && packed[1]);
                if (bit_convolution_packs_alike(c, d, direction)) {
                    alike++;
                    CHECK(!bit_convolution_pack(c, direction, kernel, packed[0], &error));
                    CHECK(!bit_convolution_pack(d, direction, kernel, packed[1], &error));
                    CHECK(!memcmp(packed[0], packed[1], bytes));
                }
                bit_free(packed[0]), bit_free(packed[1]);
            }
            bit_convolution_destroy(c), bit_convolution_destroy(d);
        }
    CHECK(alike >= 2 * 8); /* at least the reference's */
}

/* A failing allocation anywhere in create fails cleanly. */
static void test_allocation_failures(void)
{
    struct bit_geometry g = {2, 9, 9, 16, 24, 3, 2, 1};
    for (size_t b = 0; bit_backend_at(b); b++) {
        size_t n = 1, used = bit_memory_used();
        struct bit_convolution *c = NULL;
        for (; !c && n < 100; n++) {
            struct bit_error error = {0};
            bit_memory_fail_at(n);
            c = bit_convolution_create(bit_backend_at(b), &g, BIT_FLOAT32, true, &error);
            CHECK(c || error.code == BIT_EENVIRONMENT);
        }
        bit_memory_fail_at(0);
        CHECK(c != NULL && n > 3);
        bit_convolution_destroy(c);
        CHECK(bit_memory_used() == used);
    }
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"float32", test_float32},
        {"all_bits", test_all_bits},
        {"bfloat16", test_bfloat16},
        {"finite_differences", test_finite_differences},
        {"repeated_bits", test_repeated_bits},
        {"bits_at_any_threads", test_bits_at_any_threads},
        {"images_are_independent", test_images_are_independent},
        {"no_data_gradient", test_no_data_gradient},
        {"pack_scaled", test_pack_scaled},
        {"impossible", test_impossible},
        {"packs_alike", test_packs_alike},
        {"allocation_failures", test_allocation_failures},
    };
    if (argc == 2 && !strcmp(argv[1], "--isa"))
        return puts(bit_compute_isa()) < 0;
    return unit_main("convolution", tests, sizeof tests / sizeof *tests, argc, argv);
}
