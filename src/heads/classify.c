/* The linear layer over pooled features, its losses and its metrics. */
#include "bit/classify.h"

#include <math.h>
#include <string.h>

#include "bit/random.h"
#include "heads/metrics.h"

enum { KERNEL, BIAS, ALIGN = 16 /* floats */ };

static const struct bit_classify *settings(const struct bit_head *head)
{
    return (const struct bit_classify *)head;
}

/* ---- parameters ---- */

static int describe(const struct bit_head *head, const struct bit_head_input *input, struct bit_table *table,
                    struct bit_error *error)
{
    const int classes = settings(head)->classes;
    const size_t kernel[4] = {1, 1, (size_t)input->channels, (size_t)classes}, bias[1] = {(size_t)classes};
    if (classes < 1)
        return bit_fail(error, BIT_EUSAGE, "model with %d classes: expected at least 1", classes);
    if (!isfinite(settings(head)->bias))
        return bit_fail(error, BIT_EUSAGE, "head bias %g: expected a finite number", settings(head)->bias);
    if (bit_table_add(table, "resnet/head/conv2d/kernel", BIT_KERNEL, 5, 4, kernel, error) < 0 ||
        bit_table_add(table, "resnet/head/conv2d/bias", BIT_BIAS, 5, 1, bias, error) < 0)
        return -1;
    table->items[table->count - 2].per_class = table->items[table->count - 1].per_class = 1;
    return 0;
}

static void initialise(const struct bit_head *head, const struct bit_table *table, size_t first, uint64_t seed,
                       float *weights)
{
    const struct bit_parameter *bias = &table->items[first + BIAS];
    (void)seed; /* the kernel stays zero */
    for (size_t i = 0; i < bias->count; i++)
        weights[bias->offset + i] = (float)settings(head)->bias;
}

/* ---- one pass ---- */

static size_t logits_count(int classes, int images)
{
    return ((size_t)images * (size_t)classes + ALIGN - 1) / ALIGN * ALIGN;
}

/* The logits; behind them, for training, their gradients and, with dropout, the features that stayed. */
static size_t bytes(const struct bit_head *head, const struct bit_head_input *input, int images, bool training)
{
    size_t features = training && settings(head)->dropout > 0 ? (size_t)images * (size_t)input->channels : 0;
    return ((training ? 2 : 1) * logits_count(settings(head)->classes, images) + features) * sizeof(float);
}

static double flops(const struct bit_head *head, const struct bit_head_input *input)
{
    return 2.0 * input->channels * settings(head)->classes;
}

static float *gradients(const struct bit_head *head, const struct bit_head_call *call)
{
    return (float *)call->work + logits_count(settings(head)->classes, call->images);
}

/* ---- dropout ---- */

static bool drops(const struct bit_head *head, const struct bit_head_call *call)
{
    return call->training && settings(head)->dropout > 0;
}

static float *kept_features(const struct bit_head *head, const struct bit_head_call *call)
{
    return gradients(head, call) + logits_count(settings(head)->classes, call->images);
}

/* to = from where a feature is kept, enlarged by 1 / (1 - dropout), and 0 where it is dropped: [images, channels], the same for every
 * call of one pass. `to` may be `from`. */
static void drop(const struct bit_head *head, const struct bit_head_call *call, const float *from, float *to)
{
    const double dropout = settings(head)->dropout;
    const uint32_t limit = (uint32_t)(dropout * 4294967296.0);
    const float scale = (float)(1 / (1 - dropout));
    const size_t channels = (size_t)call->input.channels;
    for (int i = 0; i < call->images; i++) {
        struct bit_random random;
        bit_random_init(&random, call->draw.seed, BIT_PURPOSE_DROPOUT, call->draw.step & UINT32_MAX, call->draw.image + (uint64_t)i);
        for (size_t c = (size_t)i * channels; c < (size_t)(i + 1) * channels; c++)
            to[c] = bit_random_u32(&random) < limit ? 0 : scale * from[c];
    }
}

const float *bit_classify_logits(const struct bit_head_call *call)
{
    return call->work;
}

static int forward(const struct bit_head *head, const struct bit_head_call *call, struct bit_error *error)
{
    const struct bit_parameter *p = &call->table->items[call->first];
    const int classes = settings(head)->classes;
    float *logits = call->work;
    (void)error;
    for (int i = 0; i < call->images; i++)
        memcpy(logits + (size_t)i * (size_t)classes, call->weights + p[BIAS].offset, (size_t)classes * sizeof *logits);
    const float *features = call->pooled;
    if (drops(head, call)) {
        drop(head, call, call->pooled, kept_features(head, call));
        features = kept_features(head, call);
    }
    bit_matrix_multiply(call->backend, false, false, call->images, classes, call->input.channels, features,
                        call->weights + p[KERNEL].offset, 1, logits);
    return 0;
}

static void loss(const struct bit_head *head, const struct bit_head_call *call, const struct bit_targets *targets,
                 int images, double scale, double *losses)
{
    const struct bit_classify *c = settings(head);
    float *d_logits = call->training ? gradients(head, call) : NULL;
    const size_t done = (size_t)images * (size_t)c->classes, all = (size_t)call->images * (size_t)c->classes;
    bit_loss_compute(c->loss, call->work, images, c->classes, targets, scale, losses, d_logits);
    if (d_logits && done < all)
        memset(d_logits + done, 0, (all - done) * sizeof *d_logits);
}

static int backward(const struct bit_head *head, const struct bit_head_call *call, struct bit_gradient_sink *sink,
                    struct bit_error *error)
{
    const int classes = settings(head)->classes, images = call->images, channels = call->input.channels;
    const float *d_logits = gradients(head, call);
    float *d_bias = sink->begin(sink, call->first + BIAS);
    (void)error;
    memcpy(d_bias, d_logits, (size_t)classes * sizeof *d_bias);
    for (int i = 1; i < images; i++)
        for (int k = 0; k < classes; k++)
            d_bias[k] += d_logits[(size_t)i * (size_t)classes + (size_t)k];
    sink->done(sink, call->first + BIAS);
    const float *features = drops(head, call) ? kept_features(head, call) : call->pooled;
    bit_matrix_multiply(call->backend, true, false, channels, classes, images, features, d_logits, 0,
                        sink->begin(sink, call->first + KERNEL));
    sink->done(sink, call->first + KERNEL);
    bit_matrix_multiply(call->backend, false, true, images, channels, classes, d_logits,
                        call->weights + call->table->items[call->first + KERNEL].offset, 0, call->d_pooled);
    if (drops(head, call))
        drop(head, call, call->d_pooled, call->d_pooled);
    return 0;
}

static const struct bit_head_operations operations = {
    .describe = describe, .initialise = initialise, .bytes = bytes, .flops = flops, .forward = forward, .loss = loss,
    .backward = backward, .score_bytes = sizeof(struct classify_sum), .score = classify_score, .merge = classify_merge,
    .report = classify_report, .counters = classify_counters, .count = classify_count, .record_bytes = classify_record_bytes,
    .needs_records = classify_needs_records, .keep = classify_keep, .conclude = classify_conclude,
};

static const char *const loss_names[] = {[BIT_SOFTMAX] = "softmax", [BIT_SIGMOID] = "sigmoid"};

void bit_classify_init(struct bit_classify *classify, int classes, enum bit_loss loss, double bias)
{
    *classify = (struct bit_classify){.head = {.operations = &operations, .title = loss_names[loss], .loss_name = loss_names[loss]},
                                      .classes = classes, .loss = loss, .bias = bias,
                                      .fitted_share = 0.5};
    if (isnan(bias))
        classify->bias = loss == BIT_SIGMOID ? -10 : 0;
    bit_classify_choose(classify, "auto", NULL, NULL);
}
