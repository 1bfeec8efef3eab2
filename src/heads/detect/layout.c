/* The convolutions of the detection head, and the plan of its memory. Kept for the backward pass are the merged maps, the pyramid and the
 * output of each layer of both nets; norm and ReLU are computed again. Kernels are packed whenever they are used, into one place: each has
 * five shapes to serve. */
#include "heads/detect/net.h"

#include <string.h>

#include "bit/memory.h"

enum { ALIGN = 64 };

/* ---- shapes ---- */

int net_check_input(const struct bit_head_input *input, struct bit_error *error)
{
    for (int l = 0; l < FROM_BACKBONE; l++) {
        const struct bit_tap_shape *tap = &input->tap[net_block(l)];
        const struct bit_tap_shape *next = l + 1 < FROM_BACKBONE ? tap + 1 : NULL;
        if (next && (tap->height != 2 * next->height || tap->width != 2 * next->width))
            return bit_fail(error, BIT_EUSAGE, "detection: maps of %dx%d and %dx%d cells do not fit each other: make the image size a "
                            "multiple of 32", tap->width, tap->height, next->width, next->height);
    }
    return 0;
}

static void set_levels(struct net *n, const struct bit_head_input *input)
{
    const struct bit_detect *d = n->detect;
    int height[BIT_PYRAMID_LEVELS], width[BIT_PYRAMID_LEVELS];
    for (int l = 0; l < BIT_PYRAMID_LEVELS; l++) {
        const struct bit_tap_shape *tap = l < FROM_BACKBONE ? &input->tap[net_block(l)] : NULL;
        height[l] = tap ? tap->height : (height[l - 1] + 1) / 2;
        width[l] = tap ? tap->width : (width[l - 1] + 1) / 2;
        if (tap)
            n->tap_channels[l] = tap->channels;
        n->cells[l] = (size_t)height[l] * (size_t)width[l];
        n->before[l + 1] = n->before[l] + net_rows(n, l);
    }
    bit_anchors_init(&n->anchors, height, width, d->anchor_scale, d->octaves, d->ratios, d->ratio_count);
}

static struct bit_geometry geometry_of(const struct net *n, int level, int channels, int outputs, int kernel, int stride)
{
    return (struct bit_geometry){.images = n->images, .height = n->anchors.height[level], .width = n->anchors.width[level],
                                 .channels = channels, .outputs = outputs, .kernel = kernel, .stride = stride, .padding = kernel / 2};
}

static int p6_channels(const struct net *n)
{
    return n->detect->p6 == BIT_P6_FROM_C5 ? n->tap_channels[FROM_BACKBONE - 1] : n->channels;
}

/* ---- memory ---- */

static size_t take(struct net *n, size_t bytes)
{
    const size_t offset = n->bytes;
    n->bytes += (bytes + ALIGN - 1) / ALIGN * ALIGN;
    return offset;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* What the operations need, the largest of all. */
struct needs { size_t packed, scratch, part; };

static struct bit_convolution *convolution(struct net *n, const struct bit_backend *backend, struct bit_geometry geometry,
                                           struct needs *needs, struct bit_error *error)
{
    struct bit_convolution *c = bit_convolution_create(backend, &geometry, n->type, n->training, error);
    if (!c)
        return NULL;
    for (int d = BIT_FORWARD; d <= BIT_BACKWARD_DATA; d++)
        needs->packed = larger(needs->packed, bit_convolution_packed_bytes(c, (enum bit_direction)d));
    needs->scratch = larger(needs->scratch, bit_convolution_scratch_bytes(c));
    needs->part = larger(needs->part, (size_t)geometry.kernel * (size_t)geometry.kernel * (size_t)geometry.channels *
                                          (size_t)geometry.outputs * sizeof(float));
    return c;
}

static int create_convolutions(struct net *n, const struct bit_backend *backend, struct needs *needs, struct bit_error *error)
{
    const int f = n->channels;
    for (int l = 0; l < FROM_BACKBONE; l++)
        if (!(n->lateral[l] = convolution(n, backend, geometry_of(n, l, n->tap_channels[l], f, 1, 1), needs, error)))
            return -1;
    if (!(n->p6 = convolution(n, backend, geometry_of(n, P6 - 1, p6_channels(n), f, 3, 2), needs, error)) ||
        !(n->p7 = convolution(n, backend, geometry_of(n, P7 - 1, f, f, 3, 2), needs, error)))
        return -1;
    for (int l = 0; l < BIT_PYRAMID_LEVELS; l++) {
        if (!(n->body[l] = convolution(n, backend, geometry_of(n, l, f, f, 3, 1), needs, error)))
            return -1;
        for (int net = 0; net < NETS; net++)
            if (!(n->predict[net][l] = convolution(n, backend, geometry_of(n, l, f, net_outputs(n->detect, net), 3, 1), needs, error)))
                return -1;
    }
    return 0;
}

static struct net_norm place_norm(struct net *n)
{
    const size_t bytes = (size_t)BIT_PYRAMID_LEVELS * (size_t)n->images * NORM_GROUPS * sizeof(float);
    if (!n->detect->group_norm)
        return (struct net_norm){0};
    const size_t mean = take(n, bytes);
    return (struct net_norm){mean, take(n, bytes)};
}

static void place_nets(struct net *n, size_t all)
{
    for (int net = 0; net < NETS; net++)
        for (int i = 0; i < n->detect->layers; i++) {
            n->norm[net][i] = place_norm(n);
            n->z[net][i] = n->training || !(net || i) ? take(n, all) : n->z[0][0];
        }
    n->h = take(n, all);
    for (int net = 0; net < NETS; net++)
        n->outputs[net] = take(n, n->before[BIT_PYRAMID_LEVELS] * (size_t)net_outputs(n->detect, net) * sizeof(float));
}

static void place(struct net *n, const struct needs *needs)
{
    const size_t row = (size_t)n->channels * bit_type_size(n->type), all = n->before[BIT_PYRAMID_LEVELS] * row;
    const int widest = (int)larger((size_t)larger((size_t)net_outputs(n->detect, CLASS_NET), (size_t)net_outputs(n->detect, BOX_NET)),
                                   (size_t)n->channels);
    const size_t anchors = (size_t)n->anchors.first[BIT_PYRAMID_LEVELS], images = (size_t)n->images;
    size_t scratch = larger(needs->scratch, bit_channel_sums_scratch_bytes(net_rows(n, 0), widest));
    n->merged = take(n, n->before[FROM_BACKBONE] * row);
    n->pyramid = take(n, all);
    n->features = n->detect->group_norm ? take(n, all) : n->pyramid;
    n->relu_p6 = take(n, net_rows(n, P6) * row);
    n->pyramid_norm = place_norm(n);
    place_nets(n, all);
    if (n->type != BIT_FLOAT32)
        n->typed = take(n, net_rows(n, 0) * (size_t)widest * bit_type_size(n->type));
    n->match = take(n, images * anchors * sizeof(int32_t));
    n->best = take(n, images * anchors * sizeof(double));
    n->losses = take(n, images * sizeof(struct bit_detect_loss));
    n->slices = take(n, images * (anchors / LOSS_SLICE + 1) * sizeof(struct bit_detect_loss));
    if (n->training) {
        n->d[0] = take(n, all);
        n->d[1] = take(n, all);
        n->d_features = take(n, all);
        n->d_norm = take(n, (size_t)BIT_PYRAMID_LEVELS * 2 * (size_t)n->channels * sizeof(float));
        n->sums = take(n, (size_t)widest * sizeof(double));
        n->part = take(n, needs->part);
    }
    for (int l = 0; l < BIT_PYRAMID_LEVELS && n->detect->group_norm; l++) {
        const struct bit_norm_shape norm = net_norm_shape(n, l, true);
        scratch = larger(scratch, bit_norm_scratch_bytes(&norm));
    }
    n->packed = take(n, needs->packed);
    n->scratch = take(n, scratch);
}

void *net_create(const struct bit_head *head, const struct bit_head_input *input, int images, bool training,
                 const struct bit_backend *backend, size_t *bytes, struct bit_error *error)
{
    const struct bit_detect *detect = (const struct bit_detect *)head;
    struct net *n = bit_allocate(1, sizeof *n, "the detection head", error);
    struct needs needs = {0};
    if (!n)
        return NULL;
    *n = (struct net){.detect = detect, .parameters = net_parameters_of(detect), .type = input->type, .images = images,
                      .threads = bit_compute_thread_count(), .channels = detect->channels, .training = training};
    set_levels(n, input);
    if (create_convolutions(n, backend, &needs, error)) {
        net_destroy(n);
        return NULL;
    }
    place(n, &needs);
    *bytes = n->bytes;
    return n;
}

void net_destroy(void *net)
{
    struct net *n = net;
    for (int l = 0; l < FROM_BACKBONE; l++)
        bit_convolution_destroy(n->lateral[l]);
    bit_convolution_destroy(n->p6);
    bit_convolution_destroy(n->p7);
    for (int l = 0; l < BIT_PYRAMID_LEVELS; l++) {
        bit_convolution_destroy(n->body[l]);
        for (int i = 0; i < NETS; i++)
            bit_convolution_destroy(n->predict[i][l]);
    }
    bit_free(n);
}

double net_flops(const struct bit_head *head, const struct bit_head_input *input)
{
    const struct bit_detect *d = (const struct bit_detect *)head;
    struct net n = {.detect = d, .images = 1, .channels = d->channels};
    const double f = d->channels, square = 9 * f * f;
    set_levels(&n, input);
    double sum = 9 * p6_channels(&n) * f * (double)n.cells[P6] + square * (double)n.cells[P7];
    for (int l = 0; l < FROM_BACKBONE; l++)
        sum += (n.tap_channels[l] * f + square) * (double)n.cells[l];
    for (int l = 0; l < BIT_PYRAMID_LEVELS; l++)
        sum += (double)n.cells[l] * (2 * d->layers * square + 9 * f * (net_outputs(d, CLASS_NET) + net_outputs(d, BOX_NET)));
    return 2 * sum;
}

/* ---- norms ---- */

struct bit_norm_shape net_norm_shape(const struct net *n, int level, bool relu)
{
    return (struct bit_norm_shape){.images = n->images, .rows = (int)n->cells[level], .channels = n->channels, .groups = NORM_GROUPS,
                                   .type = n->type, .relu = relu, .epsilon = 1e-5, .threads = n->threads};
}

struct bit_norm_call net_norm_call(const struct net *n, const struct bit_head_call *call, const struct net_norm *norm, int first,
                                   int level, const void *x)
{
    const size_t statistics = (size_t)level * (size_t)n->images * NORM_GROUPS;
    return (struct bit_norm_call){
        .x = x, .gamma = net_weights(n, call, first + 2 * level), .beta = net_weights(n, call, first + 2 * level + 1),
        .mean = (float *)net_at(call, norm->mean) + statistics, .inverse = (float *)net_at(call, norm->inverse) + statistics,
        .scratch = net_at(call, n->scratch)};
}
