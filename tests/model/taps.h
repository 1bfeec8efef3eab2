/* What tests of taps share: a head that takes the outputs of blocks, and a model with it. */
#ifndef BIT_TESTS_MODEL_TAPS_H
#define BIT_TESTS_MODEL_TAPS_H

#include "unit.h"

#include <math.h>

#include "bit/kernels.h"
#include "bit/memory.h"
#include "bit/random.h"
#include "model/network.h"

enum { MOST_IMAGES = 2, SIZE = 19, BATCH_NORM_SIZE = 35 };

/* ---- the head: out = sum of slope x pattern of the pixel x tap + sum of slope x pooled feature, loss = (out - label)^2 / 2 ---- */

struct work { double out[MOST_IMAGES], d_out[MOST_IMAGES]; };

static inline int describe(const struct bit_head *head, const struct bit_head_input *input, struct bit_table *table,
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

static inline void initialise(const struct bit_head *head, const struct bit_table *table, size_t first, uint64_t seed, float *weights)
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

static inline size_t bytes(const struct bit_head *head, const struct bit_head_input *input, int images, bool training)
{
    (void)head, (void)input, (void)training;
    return images <= MOST_IMAGES ? sizeof(struct work) : 0;
}

static inline double flops(const struct bit_head *head, const struct bit_head_input *input)
{
    double sum = 2.0 * input->channels;
    (void)head;
    for (int block = 1; block <= BIT_BLOCKS; block++)
        sum += 2.0 * input->tap[block].channels * input->tap[block].height * input->tap[block].width;
    return sum;
}

/* What the head takes of an image from one place: rows of channels, weighted by a pattern that tells pixels apart. */
struct part { int rows, channels; size_t slope; const void *x; void *d; enum bit_type type; };

static inline struct part part_of(const struct bit_head_call *call, int block, size_t slope)
{
    const struct bit_tap_shape *tap = &call->input.tap[block];
    if (!block)
        return (struct part){1, call->input.channels, slope, call->pooled, call->d_pooled, BIT_FLOAT32};
    return (struct part){tap->height * tap->width, tap->channels, slope, call->tap[block], call->d_tap[block], call->input.type};
}

static inline double pattern(const struct part *part, int row)
{
    return part->rows == 1 ? 1 : (1 + 0.5 * (row % 3)) / part->rows;
}

static inline float read_value(const struct part *part, size_t i)
{
    float value;
    if (part->type == BIT_FLOAT32)
        return ((const float *)part->x)[i];
    bit_cast_to_float(part->type, (const char *)part->x + i * bit_type_size(part->type), 1, &value, 1);
    return value;
}

static inline int forward(const struct bit_head *head, const struct bit_head_call *call, struct bit_error *error)
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

static inline void loss(const struct bit_head *head, const struct bit_head_call *call, const struct bit_targets *targets, int images,
                 double scale, double *losses)
{
    struct work *work = call->work;
    (void)head;
    for (int i = 0; i < images; i++) {
        work->d_out[i] = scale * (work->out[i] - targets->labels[i]);
        losses[i] = pow(work->out[i] - targets->labels[i], 2) / 2;
    }
}

static inline void part_backward(const struct bit_head_call *call, const struct part *part, struct bit_gradient_sink *sink)
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

static inline int backward(const struct bit_head *head, const struct bit_head_call *call, struct bit_gradient_sink *sink,
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

static inline float *sink_begin(struct bit_gradient_sink *sink, size_t parameter)
{
    struct block_sink *s = (struct block_sink *)sink;
    s->good &= parameter + 1 == s->next;
    return s->block + s->table->items[parameter].offset;
}

static inline void sink_done(struct bit_gradient_sink *sink, size_t parameter)
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

static inline struct bit_model_options options_of(const struct bit_head *head, enum bit_norm norm, enum bit_type type, int depth)
{
    return (struct bit_model_options){
        .depth = depth, .width = 1, .head = head, .norm = norm, .weight_standardization = true,
        .image_size = norm == BIT_BATCH_NORM ? BATCH_NORM_SIZE : SIZE, .micro_batch = 2, .micro_batches = 1, .precision = type,
        .training = true, .backend = bit_backend_find(type == BIT_FLOAT32 ? "openblas" : "auto", NULL)};
}

static inline bool setup(struct fixture *f, const struct bit_model_options *options)
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

static inline void teardown(struct fixture *f)
{
    bit_free(f->weights), bit_free(f->gradient), bit_free(f->images), bit_free(f->typed);
    bit_model_destroy(f->model);
}

static const int32_t numbers[MOST_IMAGES] = {3, -2};
static const struct bit_targets targets = {.labels = numbers};

static inline bool look(struct fixture *f, bool training)
{
    struct bit_error error = {0};
    return !bit_model_set_weights(f->model, f->weights, &error) && !bit_model_forward(f->model, f->typed, training, &error);
}

static inline double sum_of_losses(struct fixture *f)
{
    double losses[MOST_IMAGES] = {0};
    loss(f->options.head, bit_model_call(f->model), &targets, f->options.micro_batch, 1, losses);
    return losses[0] + losses[1];
}

static inline bool learn(struct fixture *f)
{
    struct bit_error error = {0};
    struct block_sink sink = {{sink_begin, sink_done}, f->table, f->gradient, f->table->count, true};
    return !bit_model_backward(f->model, &sink.sink, &error) && sink.good && sink.next == 0;
}

static inline double run(struct fixture *f, bool with_gradient)
{
    if (!look(f, true))
        return NAN;
    const double sum = sum_of_losses(f);
    return with_gradient && !learn(f) ? NAN : sum;
}

static inline size_t tap_bytes(const struct bit_head_call *call, int block)
{
    const struct bit_tap_shape *tap = &call->input.tap[block];
    return (size_t)call->images * (size_t)tap->height * (size_t)tap->width * (size_t)tap->channels * bit_type_size(call->input.type);
}

/* Both models give these taps, with the same bits. */
static inline bool equal_taps(const struct bit_model *a, const struct bit_model *b, unsigned taps)
{
    const struct bit_head_call *one = bit_model_call(a), *two = bit_model_call(b);
    for (int block = 1; block <= BIT_BLOCKS; block++)
        if (taps & BIT_TAP(block) &&
            (!one->tap[block] || !two->tap[block] || tap_bytes(one, block) != tap_bytes(two, block) ||
             memcmp(one->tap[block], two->tap[block], tap_bytes(one, block))))
            return false;
    return true;
}

static inline double norm_of(const struct fixture *f, size_t parameter)
{
    const struct bit_parameter *p = &f->table->items[parameter];
    double square = 0;
    for (size_t i = 0; i < p->count; i++)
        square += pow((double)f->gradient[p->offset + i], 2);
    return sqrt(square);
}

#endif
