/* The backward pass over one micro-batch. Parameters are finished from the last in the table to the first. */
#include <string.h>

#include "bit/memory.h"
#include "model/network.h"


static void give(struct bit_model *m, struct bit_gradient_sink *sink, int parameter, const float *values)
{
    const struct bit_parameter *p = &m->table->items[parameter];
    memcpy(sink->begin(sink, (size_t)parameter), values, p->count * sizeof *values);
    sink->done(sink, (size_t)parameter);
}

static void give_norm(struct bit_model *m, struct bit_gradient_sink *sink, const struct norm_layer *n, int slot)
{
    double time = bit_clock_seconds();
    float *gradients = at(m, m->d_norm[slot]);
    give(m, sink, n->beta, gradients + n->norm.channels);
    give(m, sink, n->gamma, gradients);
    profile_add(&m->profile, PROFILE_SINK, n->block, 0, &time);
}

/* Gradient with respect to x from that of h = ReLU(norm(x)), for the chunk from image `first` on; h is computed again on
 * the way unless NULL. The gradients of gamma and beta gather in d_norm[slot]. */
static int norm_layer_backward(struct bit_model *m, const struct norm_layer *n, const void *x, const void *dh,
                               bool mean, const void *skip, void *h, void *dx, int slot, int first, struct bit_error *error)
{
    double time = bit_clock_seconds();
    float *gradients = at(m, m->d_norm[slot]);
    const struct bit_norm_call call = norm_call(m, n, x, first);
    const struct bit_norm_gradient gradient = {.dy = dh, .mean = mean, .skip = skip, .y = h, .dx = dx,
                                               .d_gamma = gradients, .d_beta = gradients + n->norm.channels, .add = first > 0};
    int result = bit_norm_backward(&n->norm, &call, &gradient, error);
    profile_add(&m->profile, PROFILE_NORM_BACKWARD, n->block, 0, &time);
    return result;
}

/* d_pooled is the mean's gradient: every pixel gets an equal part of it. */
static int head_backward(struct bit_model *m, const float *d_logits, struct bit_gradient_sink *sink, void *dx,
                         struct bit_error *error)
{
    const struct network *n = &m->network;
    const int classes = m->options.classes, images = m->images, channels = n->channels;
    const double flops = 2.0 * images * classes * channels;
    float *d_pooled = at(m, m->d_pooled);
    double time = bit_clock_seconds();
    float *d_bias = sink->begin(sink, (size_t)n->head_bias);
    memcpy(d_bias, d_logits, (size_t)classes * sizeof *d_bias);
    for (int i = 1; i < images; i++)
        for (int k = 0; k < classes; k++)
            d_bias[k] += d_logits[(size_t)i * (size_t)classes + (size_t)k];
    sink->done(sink, (size_t)n->head_bias);
    bit_matrix_multiply(m->options.backend, true, false, channels, classes, images, at(m, m->pooled), d_logits, 0,
                        sink->begin(sink, (size_t)n->head_kernel));
    sink->done(sink, (size_t)n->head_kernel);
    bit_matrix_multiply(m->options.backend, false, true, images, channels, classes, d_logits,
                        m->weights + m->table->items[n->head_kernel].offset, 0, d_pooled);
    for (size_t i = 0; i < (size_t)images * (size_t)channels; i++)
        d_pooled[i] /= (float)n->norm.norm.rows;
    bit_cast_from_float(m->options.precision, d_pooled, (size_t)images * (size_t)channels, at(m, m->d_pooled_typed), 1);
    profile_add(&m->profile, PROFILE_HEAD, 5, 2 * flops, &time);
    if (norm_layer_backward(m, &n->norm, at(m, n->unit[n->units - 1].out), at(m, m->d_pooled_typed), true, NULL, NULL,
                            dx, 0, 0, error))
        return -1;
    give_norm(m, sink, &n->norm, 0);
    return 0;
}

/* The data gradients of one chunk of a unit, from image `first` on: d_out -> d_b, d_a -> d_x, all before the norms' inputs;
 * and the norms' outputs h, h_b, h_c, for the weight gradients. */
static int unit_backward_data(struct bit_model *m, const struct unit *u, size_t d_out, size_t d_x, int first,
                              struct bit_error *error)
{
    const struct bit_norm_shape *a = &u->norm_a.norm, *b = &u->norm_b.norm, *c = &u->norm_c.norm;
    const void *d_y = at_image(m, d_out, first, c->rows, 4 * c->channels);
    void *d_b = at_image(m, m->narrow[0], first, c->rows, c->channels);
    void *d_a = at_image(m, m->narrow[1], first, b->rows, b->channels);
    void *d_h = at_image(m, d_x, first, a->rows, a->channels);

    if (layer_backward_data(m, &u->c, d_y, false, d_b, error) ||
        norm_layer_backward(m, &u->norm_c, at_image(m, u->b_out, first, c->rows, c->channels), d_b, false, NULL,
                            at_image(m, m->h_c, first, c->rows, c->channels), d_b, 2, first, error) ||
        layer_backward_data(m, &u->b, d_b, false, d_a, error) ||
        norm_layer_backward(m, &u->norm_b, at_image(m, u->a_out, first, b->rows, b->channels), d_a, false, NULL,
                            at_image(m, m->h_b, first, b->rows, b->channels), d_a, 1, first, error) ||
        layer_backward_data(m, &u->a, d_a, false, d_h, error))
        return -1;
    if (u->projects && layer_backward_data(m, &u->projection, d_y, true, d_h, error))
        return -1;
    /* without a projection, x also went straight to the output */
    return norm_layer_backward(m, &u->norm_a, at_image(m, u->x, first, a->rows, a->channels), d_h, false,
                               u->projects ? NULL : d_y, at_image(m, m->h, first, a->rows, a->channels), d_h, 0, first,
                               error);
}

/* d_out: gradient with respect to the unit's output; d_x: becomes that with respect to its input. */
static int unit_backward(struct bit_model *m, const struct unit *u, size_t d_out, size_t d_x,
                         struct bit_gradient_sink *sink, struct bit_error *error)
{
    for (int first = 0; first < m->images; first += u->chunk)
        if (unit_backward_data(m, u, d_out, d_x, first, error))
            return -1;
    if (layer_backward_weights(m, &u->c, at(m, m->h_c), at(m, d_out), sink, error))
        return -1;
    give_norm(m, sink, &u->norm_c, 2);
    if (layer_backward_weights(m, &u->b, at(m, m->h_b), at(m, m->narrow[0]), sink, error))
        return -1;
    give_norm(m, sink, &u->norm_b, 1);
    if ((u->projects && layer_backward_weights(m, &u->projection, at(m, m->h), at(m, d_out), sink, error)) ||
        layer_backward_weights(m, &u->a, at(m, m->h), at(m, m->narrow[1]), sink, error))
        return -1;
    give_norm(m, sink, &u->norm_a, 0);
    return 0;
}

/* Through the root's maximum to the gradient of its convolution's output, d_root. */
static void pool_backward(struct bit_model *m, size_t d_x, size_t d_root)
{
    const struct network *n = &m->network;
    const int x_rows = n->unit[0].norm_a.norm.rows, channels = n->pool.channels;
    double time = bit_clock_seconds();
    for (int first = 0; first < m->images; first += n->root_chunk)
        bit_pool_backward(&n->pool, at_image(m, d_x, first, x_rows, channels),
                          (uint8_t *)at(m, m->which) + (size_t)first * (size_t)x_rows * (size_t)channels,
                          at_image(m, d_root, first, n->pool.height * n->pool.width, channels), at(m, m->scratch));
    profile_add(&m->profile, PROFILE_POOL, 0, 0, &time);
}

int bit_model_backward(struct bit_model *m, const float *d_logits, struct bit_gradient_sink *sink,
                       struct bit_error *error)
{
    const struct network *n = &m->network;
    size_t gradient = m->wide[0], spare = m->wide[1];
    if (!m->ready)
        return bit_fail(error, BIT_EINTERNAL, "backward pass without a training forward pass before it");
    m->ready = false;
    if (head_backward(m, d_logits, sink, at(m, gradient), error))
        return -1;
    for (int i = n->units - 1; i >= 0; i--) {
        if (unit_backward(m, &n->unit[i], gradient, spare, sink, error))
            return -1;
        size_t swap = gradient;
        gradient = spare;
        spare = swap;
    }
    pool_backward(m, gradient, spare);
    return layer_backward_weights(m, &n->root, at(m, m->input), at(m, spare), sink, error);
}
