/* From the gradients of logits and deltas to those of parameters and taps. Both nets and all levels share kernels: a kernel's gradient is the
 * sum over levels, from the finest to the coarsest. */
#include "heads/detect/net.h"

#include <string.h>

/* ---- gradients of parameters ---- */

/* dx = data gradient (+ dx when accumulate). */
static int back_through(struct net *n, const struct bit_head_call *call, struct bit_convolution *c, int parameter, const void *dy,
                        bool accumulate, void *dx, struct bit_error *error)
{
    return net_pack(n, call, c, BIT_BACKWARD_DATA, parameter, error) ||
           bit_convolution_backward_data(c, dy, net_at(call, n->packed), accumulate, dx, net_at(call, n->scratch), error) ? -1 : 0;
}

/* The kernel's gradient of one level, added to that of the levels before unless it is the first. */
static int add_kernel(const struct net *n, const struct bit_head_call *call, struct bit_convolution *c, int parameter, const void *x,
                      const void *dy, bool first, float *sum, struct bit_error *error)
{
    float *part = first ? sum : net_at(call, n->part);
    if (bit_convolution_backward_weights(c, x, dy, part, net_at(call, n->scratch), error))
        return -1;
    if (!first)
        bit_accumulate(sum, part, call->table->items[call->first + (size_t)parameter].count, n->threads);
    return 0;
}

static void give(const struct bit_head_call *call, struct bit_gradient_sink *sink, int parameter, const float *values)
{
    const size_t number = call->first + (size_t)parameter;
    memcpy(sink->begin(sink, number), values, call->table->items[number].count * sizeof *values);
    sink->done(sink, number);
}

/* The bias that follows a kernel; its sums stand in n->sums. */
static void give_bias(const struct net *n, const struct bit_head_call *call, struct bit_gradient_sink *sink, int kernel)
{
    const size_t number = call->first + (size_t)kernel + 1;
    const double *sums = net_at(call, n->sums);
    float *d = sink->begin(sink, number);
    for (size_t i = 0; i < call->table->items[number].count; i++)
        d[i] = (float)sums[i];
    sink->done(sink, number);
}

static void sum_bias(const struct net *n, const struct bit_head_call *call, enum bit_type type, int level, int channels, const void *dy,
                     bool add)
{
    bit_channel_sums(type, net_rows(n, level), channels, dy, net_at(call, n->sums), add, net_at(call, n->scratch), n->threads);
}

/* Kernel and bias of a convolution that only one level has. */
static int give_convolution(const struct net *n, const struct bit_head_call *call, struct bit_gradient_sink *sink, struct bit_convolution *c,
                            int parameter, const void *x, const void *dy, int level, struct bit_error *error)
{
    const size_t number = call->first + (size_t)parameter;
    sum_bias(n, call, n->type, level, n->channels, dy, false);
    give_bias(n, call, sink, parameter);
    if (add_kernel(n, call, c, parameter, x, dy, true, sink->begin(sink, number), error))
        return -1;
    sink->done(sink, number);
    return 0;
}

/* ---- norms ---- */

static float *norm_gradient(const struct net *n, const struct bit_head_call *call, int level)
{
    return (float *)net_at(call, n->d_norm) + (size_t)level * 2 * (size_t)n->channels;
}

/* dx = gradient of the norm's input from dy, that of its output, in the same place; h (or NULL): the output, computed again. */
static int back_through_norm(const struct net *n, const struct bit_head_call *call, const struct net_norm *norm, int first, bool relu,
                             int level, const void *x, void *d, void *h, struct bit_error *error)
{
    const struct bit_norm_shape shape = net_norm_shape(n, level, relu);
    const struct bit_norm_call one = net_norm_call(n, call, norm, first, level, x);
    float *gradients = norm_gradient(n, call, level);
    const struct bit_norm_gradient gradient = {.dy = d, .y = h, .dx = d, .d_gamma = gradients, .d_beta = gradients + n->channels};
    return bit_norm_backward(&shape, &one, &gradient, error);
}

static void give_norms(const struct net *n, const struct bit_head_call *call, struct bit_gradient_sink *sink, int first)
{
    for (int l = BIT_PYRAMID_LEVELS - 1; l >= 0 && n->detect->group_norm; l--) {
        give(call, sink, first + 2 * l + 1, norm_gradient(n, call, l) + n->channels);
        give(call, sink, first + 2 * l, norm_gradient(n, call, l));
    }
}

/* ---- a net ---- */

/* d: the gradient behind a layer's ReLU becomes that of its convolution's output, of all levels; n->h becomes what the layer gave. */
static int back_through_activation(const struct net *n, const struct bit_head_call *call, int net, int layer, size_t d,
                                   struct bit_error *error)
{
    const int first = n->parameters.conv[net] + layer * n->parameters.each + 2;
    for (int l = 0; l < BIT_PYRAMID_LEVELS; l++) {
        const void *z = net_level(n, call, n->z[net][layer], l);
        void *h = net_level(n, call, n->h, l), *at = net_level(n, call, d, l);
        const size_t count = net_rows(n, l) * (size_t)n->channels;
        if (n->detect->group_norm) {
            if (back_through_norm(n, call, &n->norm[net][layer], first, true, l, z, at, h, error))
                return -1;
            continue;
        }
        bit_relu_forward(n->type, count, z, h, n->threads);
        bit_relu_backward(n->type, count, z, at, false, at, n->threads);
    }
    return 0;
}

/* The gradient of a level's outputs in the type of the activations. */
static const void *typed_gradient(const struct net *n, const struct bit_head_call *call, int net, int level)
{
    const float *d = net_output(n, call, net, level);
    if (n->type == BIT_FLOAT32)
        return d;
    bit_cast_from_float(n->type, d, net_rows(n, level) * (size_t)net_outputs(n->detect, net), net_at(call, n->typed), n->threads);
    return net_at(call, n->typed);
}

/* From the outputs to the gradient behind the last layer's ReLU, in `d`; then, through that, to that of its convolution's output, and with the
 * layer's output at hand to the kernel that predicts. */
static int back_from_outputs(struct net *n, const struct bit_head_call *call, struct bit_gradient_sink *sink, int net, size_t d,
                             struct bit_error *error)
{
    const int parameter = n->parameters.predict[net], outputs = net_outputs(n->detect, net);
    const size_t number = call->first + (size_t)parameter;
    for (int l = 0; l < BIT_PYRAMID_LEVELS; l++) {
        sum_bias(n, call, BIT_FLOAT32, l, outputs, net_output(n, call, net, l), l > 0);
        if (back_through(n, call, n->predict[net][l], parameter, typed_gradient(n, call, net, l), false, net_level(n, call, d, l), error))
            return -1;
    }
    if (back_through_activation(n, call, net, n->detect->layers - 1, d, error))
        return -1;
    give_bias(n, call, sink, parameter);
    float *kernel = sink->begin(sink, number);
    for (int l = 0; l < BIT_PYRAMID_LEVELS; l++)
        if (add_kernel(n, call, n->predict[net][l], parameter, net_level(n, call, n->h, l), typed_gradient(n, call, net, l), l == 0, kernel,
                       error))
            return -1;
    sink->done(sink, number);
    return 0;
}

/* Kernel and bias of a layer: `x` what goes in, `d` the gradient of what comes out, of all levels. */
static int give_layer(const struct net *n, const struct bit_head_call *call, struct bit_gradient_sink *sink, int parameter, size_t x,
                      size_t d, struct bit_error *error)
{
    const size_t number = call->first + (size_t)parameter;
    for (int l = 0; l < BIT_PYRAMID_LEVELS; l++)
        sum_bias(n, call, n->type, l, n->channels, net_level(n, call, d, l), l > 0);
    give_bias(n, call, sink, parameter);
    float *kernel = sink->begin(sink, number);
    for (int l = 0; l < BIT_PYRAMID_LEVELS; l++)
        if (add_kernel(n, call, n->body[l], parameter, net_level(n, call, x, l), net_level(n, call, d, l), l == 0, kernel, error))
            return -1;
    sink->done(sink, number);
    return 0;
}

/* A net, from its outputs to n->d_features, to which it adds when `add`. The norm's gradients of a layer stand in n->d_norm until its
 * kernel has been given, and are given before: so the layer below may not be gone through until then. */
static int net_back(struct net *n, const struct bit_head_call *call, struct bit_gradient_sink *sink, int net, bool add,
                    struct bit_error *error)
{
    const struct net_parameters *p = &n->parameters;
    size_t d = n->d[0], below = n->d[1];
    if (back_from_outputs(n, call, sink, net, d, error))
        return -1;
    for (int i = n->detect->layers - 1; i >= 0; i--) {
        const int parameter = p->conv[net] + i * p->each;
        give_norms(n, call, sink, parameter + 2);
        for (int l = 0; l < BIT_PYRAMID_LEVELS; l++)
            if (back_through(n, call, n->body[l], parameter, net_level(n, call, d, l), i == 0 && add,
                             net_level(n, call, i ? below : n->d_features, l), error))
                return -1;
        if (i && back_through_activation(n, call, net, i - 1, below, error))
            return -1;
        if (give_layer(n, call, sink, parameter, i ? n->h : n->features, d, error))
            return -1;
        const size_t swap = d;
        d = below;
        below = swap;
    }
    return 0;
}

/* ---- the pyramid ---- */

/* From n->d_features, in place, to the gradients of P3 to P5 before their norms; P6 and P7 are done with, and C5 got what P6 leaves it. */
static int back_through_levels(struct net *n, const struct bit_head_call *call, struct bit_gradient_sink *sink, struct bit_error *error)
{
    const struct net_parameters *p = &n->parameters;
    const bool from_tap = n->detect->p6 == BIT_P6_FROM_C5;
    const int top = FROM_BACKBONE - 1;
    void *d6 = net_level(n, call, n->d_features, P6), *d7 = net_level(n, call, n->d_features, P7), *d_relu = net_at(call, n->d[0]);
    const void *from = from_tap ? call->tap[net_block(top)] : net_level(n, call, n->pyramid, top);
    void *d_from = from_tap ? call->d_tap[net_block(top)] : net_level(n, call, n->d_features, top);
    for (int l = 0; l < BIT_PYRAMID_LEVELS && n->detect->group_norm; l++)
        if (back_through_norm(n, call, &n->pyramid_norm, p->norm, false, l, net_level(n, call, n->pyramid, l),
                              net_level(n, call, n->d_features, l), NULL, error))
            return -1;
    give_norms(n, call, sink, p->norm);
    if (give_convolution(n, call, sink, n->p7, p->p7, net_at(call, n->relu_p6), d7, P7, error) ||
        back_through(n, call, n->p7, p->p7, d7, false, d_relu, error))
        return -1;
    bit_relu_backward(n->type, net_rows(n, P6) * (size_t)n->channels, net_at(call, n->relu_p6), d_relu, true, d6, n->threads);
    return give_convolution(n, call, sink, n->p6, p->p6, from, d6, P6, error) ||
           back_through(n, call, n->p6, p->p6, d6, !from_tap, d_from, error) ? -1 : 0;
}

/* From the gradients of P3 to P5 to those of C3 to C5. */
static int back_through_laterals(struct net *n, const struct bit_head_call *call, struct bit_gradient_sink *sink,
                                 struct bit_error *error)
{
    const struct net_parameters *p = &n->parameters;
    const size_t d_merged = n->d[0];
    for (int l = FROM_BACKBONE - 1; l >= 0; l--) {
        const void *d = net_level(n, call, n->d_features, l);
        if (give_convolution(n, call, sink, n->body[l], p->output + 2 * l, net_level(n, call, n->merged, l), d, l, error) ||
            back_through(n, call, n->body[l], p->output + 2 * l, d, false, net_level(n, call, d_merged, l), error))
            return -1;
    }
    for (int l = 1; l < FROM_BACKBONE; l++) {
        const struct bit_maps coarse = {.images = n->images, .height = n->anchors.height[l], .width = n->anchors.width[l],
                                        .channels = n->channels, .type = n->type};
        bit_double_backward(&coarse, net_level(n, call, d_merged, l - 1), net_level(n, call, d_merged, l), n->threads);
    }
    for (int l = FROM_BACKBONE - 1; l >= 0; l--) {
        const void *d = net_level(n, call, d_merged, l);
        const bool add = l + 1 == FROM_BACKBONE && n->detect->p6 == BIT_P6_FROM_C5;
        if (give_convolution(n, call, sink, n->lateral[l], p->lateral + 2 * l, call->tap[net_block(l)], d, l, error) ||
            back_through(n, call, n->lateral[l], p->lateral + 2 * l, d, add, call->d_tap[net_block(l)], error))
            return -1;
    }
    return 0;
}

int net_backward(const struct bit_head *head, const struct bit_head_call *call, struct bit_gradient_sink *sink, struct bit_error *error)
{
    struct net *n = call->state;
    (void)head;
    return net_back(n, call, sink, BOX_NET, false, error) || net_back(n, call, sink, CLASS_NET, true, error) ||
           back_through_levels(n, call, sink, error) || back_through_laterals(n, call, sink, error) ? -1 : 0;
}
