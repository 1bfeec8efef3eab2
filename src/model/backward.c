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

static void give_norm(struct bit_model *m, struct bit_gradient_sink *sink, const struct norm_layer *n)
{
    double time = bit_clock_seconds();
    float *gradients = at(m, m->d_norm);
    give(m, sink, n->beta, gradients + n->norm.channels);
    give(m, sink, n->gamma, gradients);
    profile_add(&m->profile, PROFILE_SINK, n->block, 0, &time);
}

/* Gradient with respect to x from that of h = ReLU(norm(x)); h is computed again on the way unless NULL. The gradients of
 * gamma and beta are left in d_norm. */
static int norm_layer_backward(struct bit_model *m, const struct norm_layer *n, const void *x, const void *dh,
                               bool mean, const void *skip, void *h, void *dx, struct bit_error *error)
{
    double time = bit_clock_seconds();
    float *gradients = at(m, m->d_norm);
    const struct bit_norm_call call = norm_call(m, n, x);
    const struct bit_norm_gradient gradient = {.dy = dh, .mean = mean, .skip = skip, .y = h, .dx = dx,
                                               .d_gamma = gradients, .d_beta = gradients + n->norm.channels};
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
                            dx, error))
        return -1;
    give_norm(m, sink, &n->norm);
    return 0;
}

/* *d_out: gradient with respect to the unit's output; afterwards, with respect to its input. *spare: another buffer of
 * that size; the two may have changed places. */
static int unit_backward(struct bit_model *m, const struct unit *u, void **d_out, void **spare,
                         struct bit_gradient_sink *sink, struct bit_error *error)
{
    void *h = at(m, m->h), *d_b = at(m, m->narrow[0]), *d_a = at(m, m->narrow[1]), *d_h = *spare;

    if (layer_backward_data(m, &u->c, *d_out, false, d_b, error) ||
        norm_layer_backward(m, &u->norm_c, at(m, u->b_out), d_b, false, NULL, h, d_b, error) ||
        layer_backward_weights(m, &u->c, h, *d_out, sink, error))
        return -1;
    give_norm(m, sink, &u->norm_c);

    if (layer_backward_data(m, &u->b, d_b, false, d_a, error) ||
        norm_layer_backward(m, &u->norm_b, at(m, u->a_out), d_a, false, NULL, h, d_a, error) ||
        layer_backward_weights(m, &u->b, h, d_b, sink, error))
        return -1;
    give_norm(m, sink, &u->norm_b);

    if (layer_backward_data(m, &u->a, d_a, false, d_h, error))
        return -1;
    if (u->projects) { /* x feeds nothing but the norm */
        if (layer_backward_data(m, &u->projection, *d_out, true, d_h, error) ||
            norm_layer_backward(m, &u->norm_a, at(m, u->x), d_h, false, NULL, h, d_h, error) ||
            layer_backward_weights(m, &u->projection, h, *d_out, sink, error) ||
            layer_backward_weights(m, &u->a, h, d_a, sink, error))
            return -1;
        *spare = *d_out;
        *d_out = d_h;
    } else if (norm_layer_backward(m, &u->norm_a, at(m, u->x), d_h, false, *d_out, h, *d_out, error) ||
               layer_backward_weights(m, &u->a, h, d_a, sink, error)) {
        return -1;
    }
    give_norm(m, sink, &u->norm_a);
    return 0;
}

int bit_model_backward(struct bit_model *m, const float *d_logits, struct bit_gradient_sink *sink,
                       struct bit_error *error)
{
    const struct network *n = &m->network;
    void *gradient = at(m, m->wide[0]), *spare = at(m, m->wide[1]);
    if (!m->ready)
        return bit_fail(error, BIT_EINTERNAL, "backward pass without a training forward pass before it");
    m->ready = false;
    if (head_backward(m, d_logits, sink, gradient, error))
        return -1;
    for (int i = n->units - 1; i >= 0; i--)
        if (unit_backward(m, &n->unit[i], &gradient, &spare, sink, error))
            return -1;
    double time = bit_clock_seconds();
    bit_pool_backward(&n->pool, gradient, at(m, m->which), spare, at(m, m->scratch));
    profile_add(&m->profile, PROFILE_POOL, 0, 0, &time);
    return layer_backward_weights(m, &n->root, at(m, m->input), spare, sink, error);
}
