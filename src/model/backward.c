/* The backward pass over one micro-batch. Parameters are finished from the last in the table to the first. */
#include <string.h>

#include "bit/memory.h"
#include "bit/trace.h"
#include "model/layer.h"
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
    const float *gradients = at(m, n->gradient);
    give(m, sink, n->beta, gradients + n->norm.channels);
    give(m, sink, n->gamma, gradients);
    profile_add(&m->profile, PROFILE_SINK, n->block, 0, &time);
}

/* Gradients of zero, for parameters before `end` down to `first`: no loss depends on them, or none below them trains. */
static void give_zeros(struct bit_model *m, struct bit_gradient_sink *sink, size_t first, size_t end)
{
    while (end-- > first) {
        memset(sink->begin(sink, end), 0, m->table->items[end].count * sizeof(float));
        sink->done(sink, end);
    }
}

/* How many parameters the network has up to the end of a unit. */
static size_t parameters_to(const struct unit *u)
{
    return (size_t)u->c.parameter + 1;
}

/* The head's gradient of a unit's output, or of that behind norm and ReLU, from image `first` on; NULL: it takes none. */
static const void *tap_gradient(const struct bit_model *m, const struct unit *u, int first)
{
    const struct bit_geometry *c = &u->c.geometry;
    return u->tapped ? at_image(m, m->d_tap[u->block], first, c->height * c->width, c->outputs) : NULL;
}

/* Gradient with respect to x from that of h = ReLU(norm(x)), for the chunk from image `first` on; h is computed again on
 * the way unless NULL. The gradients of gamma and beta add up over chunks. */
static int norm_layer_backward(struct bit_model *m, const struct norm_layer *n, const void *x, const void *dh,
                               bool mean, const void *skip, void *h, void *dx, int first, struct bit_error *error)
{
    double time = bit_clock_seconds();
    float *gradients = at(m, n->gradient);
    const struct bit_norm_call call = norm_call(m, n, x, first);
    const struct bit_norm_gradient gradient = {.dy = dh, .mean = mean, .skip = skip, .y = h, .dx = dx,
                                               .d_gamma = gradients, .d_beta = gradients + n->norm.channels,
                                               .add = first > 0};
    int result = bit_norm_backward(&n->norm, &call, &gradient, error);
    profile_add(&m->profile, PROFILE_NORM_BACKWARD, n->block, 0, &time);
    return result;
}

static int head_backward(struct bit_model *m, struct bit_gradient_sink *sink, struct bit_error *error)
{
    const struct network *n = &m->network;
    const struct bit_head *head = m->options.head;
    double time = bit_clock_seconds();
    if (!head)
        return 0;
    if (layer_result(m, head->operations->backward(head, &m->call, sink, error)))
        return -1;
    profile_add(&m->profile, PROFILE_HEAD, 5, 2 * m->images * head->operations->flops(head, &n->input), &time);
    return 0;
}

/* From the head's gradients to that of the last unit's output. Through the mean every pixel gets an equal part of d_pooled.
 * Without pooled features the head has written the gradient where it belongs. */
static int features_backward(struct bit_model *m, struct bit_gradient_sink *sink, void *dx, struct bit_error *error)
{
    const struct network *n = &m->network;
    const struct unit *last = &n->unit[n->units - 1];
    const size_t features = (size_t)m->images * (size_t)n->input.channels;
    float *d_pooled = at(m, m->d_pooled);
    double time = bit_clock_seconds();
    if (n->activates) {
        if (norm_layer_backward(m, &n->norm, at(m, last->out), tap_gradient(m, last, 0), false, NULL, NULL, dx, 0, error))
            return -1;
        give_norm(m, sink, &n->norm);
        return 0;
    }
    if (!n->pools) {
        give_zeros(m, sink, parameters_to(last), (size_t)n->head);
        return 0;
    }
    for (size_t i = 0; i < features; i++)
        d_pooled[i] /= (float)n->norm.norm.rows;
    bit_cast_from_float(m->options.precision, d_pooled, features, at(m, m->d_pooled_typed), 1);
    profile_add(&m->profile, PROFILE_HEAD, 5, 0, &time);
    if (norm_layer_backward(m, &n->norm, at(m, last->out), at(m, m->d_pooled_typed), true, tap_gradient(m, last, 0), NULL, dx, 0,
                            error))
        return -1;
    give_norm(m, sink, &n->norm);
    return 0;
}

/* ---- units ---- */

/* Where the tensors of a unit stand that its backward pass makes, for a chunk or for the micro-batch: gradients d_y -> d_b,
 * d_a -> d_x before the norms' inputs, and the norms' outputs. */
struct flow { char *d_y, *d_x, *d_a, *d_b, *h, *h_b, *h_c; };

static struct flow flow_of(const struct bit_model *m, char *d_y, char *d_x)
{
    return (struct flow){d_y, d_x, at(m, m->narrow[1]), at(m, m->narrow[0]), at(m, m->h), at(m, m->h_b), at(m, m->h_c)};
}

/* The flow `f` of the micro-batch from image `first` on. */
static struct flow flow_from(const struct bit_model *m, const struct unit *u, const struct flow *f, int first)
{
    const size_t from = (size_t)first * bit_type_size(m->options.precision);
    const size_t a = from * (size_t)u->norm_a.norm.rows * (size_t)u->norm_a.norm.channels;
    const size_t b = from * (size_t)u->norm_b.norm.rows * (size_t)u->norm_b.norm.channels;
    const size_t c = from * (size_t)u->norm_c.norm.rows * (size_t)u->norm_c.norm.channels;
    return (struct flow){f->d_y + 4 * c, f->d_x + a, f->d_a + b, f->d_b + c, f->h + a, f->h_b + b, f->h_c + c};
}

/* Where a head takes the block below a unit behind the norm with which the unit begins, its gradient is that of this norm's output, to
 * which the unit's convolutions add theirs. Returns whether there is one. */
static bool begin_with_tap(const struct bit_model *m, const struct unit *u, int first, void *d_x)
{
    const struct bit_norm_shape *a = &u->norm_a.norm;
    const struct unit *below = u - 1;
    if (!m->network.activates || u == m->network.unit || !below->tapped)
        return false;
    memcpy(d_x, tap_gradient(m, below, first),
           (size_t)u->chunk * (size_t)a->rows * (size_t)a->channels * bit_type_size(m->options.precision));
    return true;
}

/* The data gradients of one chunk, from image `first` on. */
static int unit_backward_data(struct bit_model *m, const struct unit *u, const struct flow *f, int first,
                              struct bit_error *error)
{
    const struct bit_norm_shape *a = &u->norm_a.norm, *b = &u->norm_b.norm, *c = &u->norm_c.norm;
    if (layer_backward_data(m, &u->c, f->d_y, false, f->d_b, error) ||
        norm_layer_backward(m, &u->norm_c, at_image(m, u->b_out, first, c->rows, c->channels), f->d_b, false, NULL,
                            f->h_c, f->d_b, first, error) ||
        layer_backward_data(m, &u->b, f->d_b, false, f->d_a, error) ||
        norm_layer_backward(m, &u->norm_b, at_image(m, u->a_out, first, b->rows, b->channels), f->d_a, false, NULL,
                            f->h_b, f->d_a, first, error) ||
        layer_backward_data(m, &u->a, f->d_a, begin_with_tap(m, u, first, f->d_x), f->d_x, error))
        return -1;
    if (u->projects && layer_backward_data(m, &u->projection, f->d_y, true, f->d_x, error))
        return -1;
    /* without a projection, x also went straight to the output; with one, the unit is the first of its block, and the head may
     * have taken x, the output of the block below */
    const void *skip = !u->projects ? f->d_y : u == m->network.unit || m->network.activates ? NULL : tap_gradient(m, u - 1, first);
    return norm_layer_backward(m, &u->norm_a, at_image(m, u->x, first, a->rows, a->channels), f->d_x, false, skip,
                               f->h, f->d_x, first, error);
}

/* A unit whose weight gradients take the whole micro-batch at once. */
static int unit_backward(struct bit_model *m, const struct unit *u, const struct flow *f,
                         struct bit_gradient_sink *sink, struct bit_error *error)
{
    for (int first = 0; first < m->images; first += u->chunk) {
        const struct flow chunk = flow_from(m, u, f, first);
        if (unit_backward_data(m, u, &chunk, first, error))
            return -1;
    }
    if (layer_backward_weights(m, &u->c, f->h_c, f->d_y, sink, error))
        return -1;
    give_norm(m, sink, &u->norm_c);
    if (layer_backward_weights(m, &u->b, f->h_b, f->d_b, sink, error))
        return -1;
    give_norm(m, sink, &u->norm_b);
    if ((u->projects && layer_backward_weights(m, &u->projection, f->h, f->d_y, sink, error)) ||
        layer_backward_weights(m, &u->a, f->h, f->d_a, sink, error))
        return -1;
    give_norm(m, sink, &u->norm_a);
    return 0;
}

/* One chunk of a unit that gathers. */
static int unit_gather(struct bit_model *m, const struct unit *u, const struct flow *f, int first,
                       struct bit_error *error)
{
    if (unit_backward_data(m, u, f, first, error) || layer_gather_weights(m, &u->c, f->h_c, f->d_y, first, error) ||
        layer_gather_weights(m, &u->b, f->h_b, f->d_b, first, error) ||
        (u->projects && layer_gather_weights(m, &u->projection, f->h, f->d_y, first, error)))
        return -1;
    return layer_gather_weights(m, &u->a, f->h, f->d_a, first, error);
}

static int unit_give(struct bit_model *m, const struct unit *u, struct bit_gradient_sink *sink, struct bit_error *error)
{
    if (layer_give_weights(m, &u->c, sink, error))
        return -1;
    give_norm(m, sink, &u->norm_c);
    if (layer_give_weights(m, &u->b, sink, error))
        return -1;
    give_norm(m, sink, &u->norm_b);
    if ((u->projects && layer_give_weights(m, &u->projection, sink, error)) || layer_give_weights(m, &u->a, sink, error))
        return -1;
    give_norm(m, sink, &u->norm_a);
    return 0;
}

/* A stretch of gathering units [from, last] of one block: each chunk goes through all of them before the next one starts.
 * d_out is the gradient with respect to the last one's output, d_in becomes that with respect to the first one's input. */
static int stretch_backward(struct bit_model *m, int from, int last, size_t d_out, size_t d_in,
                            struct bit_gradient_sink *sink, struct bit_error *error)
{
    const struct unit *units = m->network.unit;
    const struct bit_norm_shape *in = &units[from].norm_a.norm, *out = &units[last].norm_c.norm;
    for (int first = 0; first < m->images; first += units[last].chunk) {
        char *d_y = at_image(m, d_out, first, out->rows, 4 * out->channels);
        for (int i = last; i >= from; i--) {
            char *d_x = i == from ? at_image(m, d_in, first, in->rows, in->channels) : at(m, m->near[i % 2]);
            const struct flow f = flow_of(m, d_y, d_x);
            if (unit_gather(m, &units[i], &f, first, error))
                return -1;
            d_y = d_x;
        }
    }
    for (int i = last; i >= from; i--)
        if (unit_give(m, &units[i], sink, error))
            return -1;
    return 0;
}

/* Through the root's maximum to its convolution. d_x is the gradient with respect to the first unit's input. */
static int root_backward(struct bit_model *m, size_t d_x, size_t d_root, struct bit_gradient_sink *sink,
                         struct bit_error *error)
{
    const struct network *n = &m->network;
    const struct bit_geometry *g = &n->root.geometry;
    const int x_rows = n->unit[0].norm_a.norm.rows, channels = n->pool.channels;
    for (int first = 0; first < m->images; first += n->root_chunk) {
        void *d_y = n->root_gathers ? at(m, m->near[0])
                                    : at_image(m, d_root, first, n->pool.height * n->pool.width, channels);
        double time = bit_clock_seconds();
        bit_pool_backward(&n->pool, at_image(m, d_x, first, x_rows, channels),
                          (uint8_t *)at(m, m->which) + (size_t)first * (size_t)x_rows * (size_t)channels, d_y,
                          at(m, m->scratch));
        profile_add(&m->profile, PROFILE_POOL, 0, 0, &time);
        if (n->root_gathers &&
            layer_gather_weights(m, &n->root, at_image(m, m->input, first, g->height * g->width, IMAGE_CHANNELS), d_y,
                                 first, error))
            return -1;
    }
    return n->root_gathers ? layer_give_weights(m, &n->root, sink, error)
                           : layer_backward_weights(m, &n->root, at(m, m->input), at(m, d_root), sink, error);
}

int bit_model_backward(struct bit_model *m, struct bit_gradient_sink *sink, struct bit_error *error)
{
    const struct network *n = &m->network;
    size_t gradient = m->wide[0], spare = m->wide[1];
    if (!m->ready)
        return bit_fail(error, BIT_EINTERNAL, "backward pass without a training forward pass before it");
    m->ready = false;
    if (head_backward(m, sink, error))
        return -1;
    if (m->lowest_trained >= (size_t)n->head) { /* the backbone is frozen */
        give_zeros(m, sink, 0, (size_t)n->head);
        return layer_skips(m, error) ? -1 : 0;
    }
    if (features_backward(m, sink, at(m, gradient), error))
        return -1;
    for (int last = n->units - 1, from; last >= 0; last = from - 1) {
        const struct unit *u = &n->unit[last];
        if (m->lowest_trained >= parameters_to(u)) { /* this unit and all before it are frozen */
            give_zeros(m, sink, 0, parameters_to(u));
            return layer_skips(m, error) ? -1 : 0;
        }
        const struct flow f = flow_of(m, at(m, gradient), at(m, spare));
        double traced = bit_trace_start();
        for (from = last; u->gathers && from > 0 && n->unit[from - 1].block == u->block;)
            from--;
        if (u->gathers ? stretch_backward(m, from, last, gradient, spare, sink, error)
                       : unit_backward(m, u, &f, sink, error))
            return -1;
        bit_trace_end("block", u->block, traced);
        size_t swap = gradient;
        gradient = spare;
        spare = swap;
    }
    return root_backward(m, gradient, spare, sink, error) || layer_skips(m, error) ? -1 : 0;
}
