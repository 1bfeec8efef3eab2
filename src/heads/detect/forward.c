/* From taps to logits and deltas:
 *   M5 = lateral(C5), M4 = lateral(C4) + doubled M5, M3 likewise;  Pl = 3x3 of Ml;  P6 = 3x3 stride 2 of P5 or C5;  P7 = 3x3 stride 2 of
 *   ReLU(P6);  then the norms of P3 to P7, without ReLU. Each net: layers of 3x3, norm of the level, ReLU; and a 3x3 that predicts. */
#include "heads/detect/net.h"

int net_pack(struct net *n, const struct bit_head_call *call, struct bit_convolution *c, enum bit_direction direction, int parameter,
             struct bit_error *error)
{
    if (n->has_packed.convolution && n->has_packed.direction == direction && n->has_packed.parameter == parameter &&
        bit_convolution_packs_alike(n->has_packed.convolution, c, direction))
        return 0;
    n->has_packed.convolution = c;
    n->has_packed.direction = direction;
    n->has_packed.parameter = parameter;
    return bit_convolution_pack(c, direction, net_weights(n, call, parameter), net_at(call, n->packed), error);
}

/* y = convolution of x (+ y when accumulate), without the bias. */
static int convolve(struct net *n, const struct bit_head_call *call, struct bit_convolution *c, int parameter, const void *x,
                    bool accumulate, void *y, struct bit_error *error)
{
    return net_pack(n, call, c, BIT_FORWARD, parameter, error) ||
           bit_convolution_forward(c, x, net_at(call, n->packed), accumulate, y, net_at(call, n->scratch), error) ? -1 : 0;
}

static void add_bias(const struct net *n, const struct bit_head_call *call, int parameter, int level, void *y)
{
    bit_bias_add(n->type, net_rows(n, level), n->channels, net_weights(n, call, parameter + 1), false, y, n->threads);
}

static int merge(struct net *n, const struct bit_head_call *call, struct bit_error *error)
{
    for (int l = FROM_BACKBONE - 1; l >= 0; l--) {
        const int parameter = n->parameters.lateral + 2 * l;
        void *merged = net_level(n, call, n->merged, l);
        if (convolve(n, call, n->lateral[l], parameter, call->tap[net_block(l)], false, merged, error))
            return -1;
        add_bias(n, call, parameter, l, merged);
        if (l + 1 == FROM_BACKBONE)
            continue;
        const struct bit_maps coarse = {.images = n->images, .height = n->anchors.height[l + 1], .width = n->anchors.width[l + 1],
                                        .channels = n->channels, .type = n->type};
        bit_double_add(&coarse, net_level(n, call, n->merged, l + 1), merged, n->threads);
    }
    return 0;
}

static int pyramid(struct net *n, const struct bit_head_call *call, struct bit_error *error)
{
    const struct net_parameters *p = &n->parameters;
    void *p6 = net_level(n, call, n->pyramid, P6), *p7 = net_level(n, call, n->pyramid, P7), *relu_p6 = net_at(call, n->relu_p6);
    const void *from = n->detect->p6 == BIT_P6_FROM_C5 ? call->tap[net_block(FROM_BACKBONE - 1)] : net_level(n, call, n->pyramid, P6 - 1);
    for (int l = 0; l < FROM_BACKBONE; l++) {
        void *level = net_level(n, call, n->pyramid, l);
        if (convolve(n, call, n->body[l], p->output + 2 * l, net_level(n, call, n->merged, l), false, level, error))
            return -1;
        add_bias(n, call, p->output + 2 * l, l, level);
    }
    if (convolve(n, call, n->p6, p->p6, from, false, p6, error))
        return -1;
    add_bias(n, call, p->p6, P6, p6);
    bit_relu_forward(n->type, net_rows(n, P6) * (size_t)n->channels, p6, relu_p6, n->threads);
    if (convolve(n, call, n->p7, p->p7, relu_p6, false, p7, error))
        return -1;
    add_bias(n, call, p->p7, P7, p7);
    for (int l = 0; l < BIT_PYRAMID_LEVELS && n->detect->group_norm; l++) {
        const struct bit_norm_shape norm = net_norm_shape(n, l, false);
        const struct bit_norm_call one = net_norm_call(n, call, &n->pyramid_norm, p->norm, l, net_level(n, call, n->pyramid, l));
        if (bit_norm_forward(&norm, &one, net_level(n, call, n->features, l), NULL, error))
            return -1;
    }
    return 0;
}

/* h = ReLU(norm(z)), or ReLU(z). */
static int activate(const struct net *n, const struct bit_head_call *call, int net, int layer, int level, const void *z, void *h,
                    struct bit_error *error)
{
    const int first = n->parameters.conv[net] + layer * n->parameters.each + 2;
    if (!n->detect->group_norm) {
        bit_relu_forward(n->type, net_rows(n, level) * (size_t)n->channels, z, h, n->threads);
        return 0;
    }
    const struct bit_norm_shape norm = net_norm_shape(n, level, true);
    const struct bit_norm_call one = net_norm_call(n, call, &n->norm[net][layer], first, level, z);
    return bit_norm_forward(&norm, &one, h, NULL, error);
}

/* The 3x3 that predicts: outputs are float32, also where activations are not. */
static int predict(struct net *n, const struct bit_head_call *call, int net, int level, struct bit_error *error)
{
    const int parameter = n->parameters.predict[net], outputs = net_outputs(n->detect, net);
    const size_t rows = net_rows(n, level);
    float *y = net_output(n, call, net, level);
    void *typed = n->type == BIT_FLOAT32 ? (void *)y : net_at(call, n->typed);
    if (convolve(n, call, n->predict[net][level], parameter, net_level(n, call, n->h, level), false, typed, error))
        return -1;
    if (typed != y)
        bit_cast_to_float(n->type, typed, rows * (size_t)outputs, y, n->threads);
    bit_bias_add(BIT_FLOAT32, rows, outputs, net_weights(n, call, parameter + 1), false, y, n->threads);
    return 0;
}

/* All levels of a layer, one after another: most kernels need to be packed for the first one only. */
static int run_layer(struct net *n, const struct bit_head_call *call, int net, int layer, struct bit_error *error)
{
    const int parameter = n->parameters.conv[net] + layer * n->parameters.each;
    for (int level = 0; level < BIT_PYRAMID_LEVELS; level++) {
        void *z = net_level(n, call, n->z[net][layer], level), *h = net_level(n, call, n->h, level);
        const void *x = layer ? h : net_level(n, call, n->features, level);
        if (convolve(n, call, n->body[level], parameter, x, false, z, error))
            return -1;
        add_bias(n, call, parameter, level, z);
        if (activate(n, call, net, layer, level, z, h, error))
            return -1;
    }
    return 0;
}

int net_forward(const struct bit_head *head, const struct bit_head_call *call, struct bit_error *error)
{
    struct net *n = call->state;
    (void)head;
    n->has_packed.convolution = NULL; /* the weights may be others than at the last pass */
    if (merge(n, call, error) || pyramid(n, call, error))
        return -1;
    for (int net = 0; net < NETS; net++) {
        for (int i = 0; i < n->detect->layers; i++)
            if (run_layer(n, call, net, i, error))
                return -1;
        for (int level = 0; level < BIT_PYRAMID_LEVELS; level++)
            if (predict(n, call, net, level, error))
                return -1;
    }
    return 0;
}
