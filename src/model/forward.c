/* The forward pass over one micro-batch. */
#include <math.h>
#include <string.h>

#include "bit/memory.h"
#include "bit/trace.h"
#include "model/layer.h"
#include "model/network.h"

/* Running statistics keep this share of their value at each training step (the recipe is silent; this is the customary
 * figure), and take the variance with Bessel's correction. */
static const double RUNNING_KEEP = 0.9;

/* Batch norm, evaluation: the running statistics in the place of the batch's. */
static void recall_statistics(const struct bit_model *m, const struct norm_layer *n)
{
    const struct bit_parameter *mean = &m->statistics_table->items[n->statistic], *variance = mean + 1;
    float *means = at(m, n->mean), *inverses = at(m, n->inverse);
    for (size_t c = 0; c < mean->count; c++) {
        means[c] = m->statistics[mean->offset + c];
        inverses[c] = (float)(1 / sqrt((double)m->statistics[variance->offset + c] + n->norm.epsilon));
    }
}

/* Batch norm, training: moves the running statistics. Where each rank has its own statistics, ranks average them. */
static int record_statistics(const struct bit_model *m, const struct norm_layer *n, struct bit_error *error)
{
    const struct bit_parameter *mean = &m->statistics_table->items[n->statistic], *variance = mean + 1;
    const float *means = at(m, n->mean), *inverses = at(m, n->inverse);
    struct bit_group *group = m->options.group;
    const size_t channels = mean->count;
    const bool average = group && group->size > 1 && !m->options.batch_norm_global;
    double *sums = at(m, m->scratch); /* the norm is done with it */
    const double count = (double)n->norm.rows * n->norm.images * (n->norm.group ? n->norm.group->size : 1);
    const double bessel = count > 1 ? count / (count - 1) : 1;
    for (size_t c = 0; c < channels; c++) {
        double v = 1 / ((double)inverses[c] * (double)inverses[c]) - n->norm.epsilon;
        sums[c] = (double)means[c];
        sums[channels + c] = bessel * (v < 0 ? 0 : v);
    }
    if (average && bit_group_sum(group, sums, 2 * channels, error))
        return -1;
    const double share = (1 - RUNNING_KEEP) / (average ? group->size : 1);
    for (size_t c = 0; c < channels; c++) {
        float *a = &m->statistics[mean->offset + c], *b = &m->statistics[variance->offset + c];
        *a = (float)(RUNNING_KEEP * (double)*a + share * sums[c]);
        *b = (float)(RUNNING_KEEP * (double)*b + share * sums[channels + c]);
    }
    return 0;
}

/* y = ReLU(norm(x)), copy = x or NULL; or, with `pooled`, the mean of that over an image. For the chunk from image `first`
 * on. */
static int norm_layer_forward(struct bit_model *m, const struct norm_layer *n, const void *x, void *y, void *copy,
                              float *pooled, int first, bool training, struct bit_error *error)
{
    double time = bit_clock_seconds();
    const bool batch = m->options.norm == BIT_BATCH_NORM;
    struct bit_norm_call call = norm_call(m, n, x, first);
    if (batch && !training) {
        recall_statistics(m, n);
        call.known = true;
    }
    int result = pooled ? bit_norm_forward_mean(&n->norm, &call, pooled, error)
                        : bit_norm_forward(&n->norm, &call, y, copy, error);
    if (result && !(batch && training && !n->norm.group)) /* statistics of one rank: the others wait in record_statistics */
        return -1;
    if (batch && training && record_statistics(m, n, error))
        return -1;
    profile_add(&m->profile, PROFILE_NORM_FORWARD, n->block, 0, &time);
    return 0;
}

static int root_forward(struct bit_model *m, const void *images, bool training, struct bit_error *error)
{
    struct network *n = &m->network;
    const struct bit_geometry *g = &n->root.geometry;
    const int x_rows = n->unit[0].norm_a.norm.rows, channels = n->pool.channels;
    const size_t image = (size_t)g->height * (size_t)g->width * IMAGE_CHANNELS * bit_type_size(m->options.precision);
    double time = bit_clock_seconds();
    if (training) { /* the backward pass needs them, and the caller his buffer */
        memcpy(at(m, m->input), images, (size_t)m->images * image);
        images = at(m, m->input);
        profile_add(&m->profile, PROFILE_INPUT, 0, 0, &time);
    }
    for (int first = 0; first < m->images; first += n->root_chunk) {
        void *h = at(m, m->h);
        if (layer_forward(m, &n->root, (const char *)images + (size_t)first * image, false, h, error))
            return -1;
        time = bit_clock_seconds();
        bit_pool_forward(&n->pool, h, at_image(m, n->unit[0].x, first, x_rows, channels),
                         (uint8_t *)at(m, m->which) + (size_t)first * (size_t)x_rows * (size_t)channels,
                         at(m, m->scratch));
        profile_add(&m->profile, PROFILE_POOL, 0, 0, &time);
    }
    return 0;
}

/* Where the first norm of a unit writes: a buffer of the moment, or, where the head takes the block below behind that norm, the tap. */
static void *input_norm_output(const struct bit_model *m, const struct unit *u, int first)
{
    const struct bit_norm_shape *a = &u->norm_a.norm;
    return m->network.activates && u > m->network.unit && u[-1].tapped ? at_image(m, m->tap[u[-1].block], first, a->rows, a->channels)
                                                                        : at(m, m->h);
}

/* One chunk, from image `first` on. */
static int unit_forward(struct bit_model *m, const struct unit *u, int first, bool training, struct bit_error *error)
{
    const struct bit_norm_shape *a = &u->norm_a.norm, *b = &u->norm_b.norm, *c = &u->norm_c.norm;
    const void *x = at_image(m, u->x, first, a->rows, a->channels);
    void *h = at(m, m->h), *in = input_norm_output(m, u, first), *a_out = at_image(m, u->a_out, first, b->rows, b->channels);
    void *b_out = at_image(m, u->b_out, first, c->rows, c->channels);
    void *out = at_image(m, u->out, first, c->rows, 4 * c->channels);
    /* without a projection, x is copied to out in passing, and c adds to it */
    if (norm_layer_forward(m, &u->norm_a, x, in, u->projects ? NULL : out, NULL, first, training, error))
        return -1;
    if (u->projects && layer_forward(m, &u->projection, in, false, out, error))
        return -1;
    if (layer_forward(m, &u->a, in, false, a_out, error) ||
        norm_layer_forward(m, &u->norm_b, a_out, h, NULL, NULL, first, training, error) ||
        layer_forward(m, &u->b, h, false, b_out, error) ||
        norm_layer_forward(m, &u->norm_c, b_out, h, NULL, NULL, first, training, error))
        return -1;
    return layer_forward(m, &u->c, h, true, out, error);
}

/* All units of equal chunks: a chunk goes through all of them before the next one starts. Returns the unit after them, or
 * -1. Not in a model for evaluation: there all units share two buffers, and a chunk's later, wider outputs would lie where
 * the inputs of the next chunk still wait. */
static int units_forward(struct bit_model *m, int from, bool training, struct bit_error *error)
{
    const struct network *n = &m->network;
    int end = from + 1;
    while (m->options.training && end < n->units && n->unit[end].chunk == n->unit[from].chunk && n->unit[end].block == n->unit[from].block)
        end++;
    for (int first = 0; first < m->images; first += n->unit[from].chunk)
        for (int i = from; i < end; i++)
            if (unit_forward(m, &n->unit[i], first, training, error))
                return -1;
    return end;
}

static int head_forward(struct bit_model *m, bool training, struct bit_error *error)
{
    const struct network *n = &m->network;
    const struct bit_head *head = m->options.head;
    m->call.training = training;
    m->call.weights = m->weights;
    if (!head || layer_skips(m, error))
        return 0;
    double time = bit_clock_seconds();
    int result = layer_result(m, head->operations->forward(head, &m->call, error));
    profile_add(&m->profile, PROFILE_HEAD, 5, m->images * head->operations->flops(head, &n->input), &time);
    return result;
}

/* From the pixels to taps and pooled features: the last norm and each channel's mean over an image. */
static int backbone_forward(struct bit_model *m, const void *images, bool training, struct bit_error *error)
{
    const struct network *n = &m->network;
    m->ready = false;
    if (!m->weights)
        return bit_fail(error, BIT_EINTERNAL, "forward pass before the model's weights were set");
    if (training && !m->options.training)
        return bit_fail(error, BIT_EINTERNAL, "training forward pass of a model created for evaluation");
    if (root_forward(m, images, training, error))
        return -1;
    for (int i = 0; i < m->network.units;) {
        double traced = bit_trace_start();
        int block = m->network.unit[i].block;
        if ((i = units_forward(m, i, training, error)) < 0)
            return -1;
        bit_trace_end("block", block, traced);
    }
    if (!n->pools && !n->activates)
        return 0;
    return norm_layer_forward(m, &n->norm, at(m, n->unit[n->units - 1].out), n->activates ? at(m, m->tap[BIT_BLOCKS]) : NULL, NULL,
                              n->pools ? at(m, m->pooled) : NULL, 0, training, error);
}

int bit_model_features(struct bit_model *m, const void *images, float *features, struct bit_error *error)
{
    if (!m->network.pools)
        return bit_fail(error, BIT_EINTERNAL, "pooled features of a model whose head takes none");
    if (backbone_forward(m, images, false, error) || layer_skips(m, error))
        return -1;
    memcpy(features, at(m, m->pooled), (size_t)m->images * (size_t)m->network.input.channels * sizeof *features);
    return 0;
}

int bit_model_forward(struct bit_model *m, const void *images, bool training, struct bit_error *error)
{
    if (backbone_forward(m, images, training, error) || head_forward(m, training, error))
        return -1;
    if (layer_skips(m, error))
        return -1;
    m->ready = training;
    return 0;
}
