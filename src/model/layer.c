/* The operations on one layer that forward and backward share: its kernel standardised and packed, convolution, gradient of the kernel. */
#include "model/layer.h"

#include <string.h>

/* ---- the kernel ---- */

struct bit_norm_shape layer_standardisation(const struct bit_model *m, const struct layer *l)
{
    const struct bit_geometry *g = &l->geometry;
    return (struct bit_norm_shape){.images = 1, .rows = g->kernel * g->kernel * g->channels, .channels = g->outputs,
                             .groups = g->outputs, .type = BIT_FLOAT32, .epsilon = 1e-10, .threads = m->threads};
}

static struct bit_norm_call standardisation_call(const struct bit_model *m, const struct layer *l)
{
    return (struct bit_norm_call){.x = m->weights + m->table->items[l->parameter].offset, .mean = at(m, l->mean),
                                  .inverse = at(m, l->inverse), .scratch = at(m, m->scratch)};
}

static void *packed_at(const struct bit_model *m, const struct layer *l, enum bit_direction direction)
{
    return at(m, m->network.packs_late ? m->packed : l->packed[direction]);
}

/* The layer's kernel, standardised where the model does that; NULL: only its statistics. known: they are at hand. Most
 * kernels of bfloat16 are never written standardised: packing does it on the way. */
static int standardise(struct bit_model *m, const struct layer *l, bool known, const float **kernel,
                       struct bit_error *error)
{
    if (kernel)
        *kernel = m->weights + m->table->items[l->parameter].offset;
    if (!m->options.weight_standardization)
        return 0;
    double time = bit_clock_seconds();
    const struct bit_norm_shape standard = layer_standardisation(m, l);
    struct bit_norm_call call = standardisation_call(m, l);
    call.known = known;
    void *to = kernel ? at(m, m->standard_kernel) : NULL;
    if (kernel)
        *kernel = to;
    int result = bit_norm_forward(&standard, &call, to, NULL, error);
    profile_add(&m->profile, PROFILE_STANDARDISE, l->block, 0, &time);
    return result;
}

/* kernel: standardised where the model does that; not used where packing can do it, from known statistics. */
static int pack(struct bit_model *m, const struct layer *l, enum bit_direction direction, const float *kernel,
                struct bit_error *error)
{
    double time = bit_clock_seconds();
    void *packed = packed_at(m, l, direction);
    int result = 0;
    if (!bit_convolution_scales(l->convolution, direction)) {
        result = bit_convolution_pack(l->convolution, direction, kernel, packed, error);
    } else {
        const struct bit_parameter *p = &m->table->items[l->parameter];
        const float *mean = at(m, l->mean), *scale = NULL;
        float *offset = at(m, m->scratch);
        if (m->options.weight_standardization) {
            scale = at(m, l->inverse);
            for (int o = 0; o < l->geometry.outputs; o++)
                offset[o] = (float)(-(double)mean[o] * (double)scale[o]);
        }
        bit_convolution_pack_scaled(l->convolution, direction, m->weights + p->offset, scale, offset, packed);
    }
    profile_add(&m->profile, PROFILE_PACK, l->block, 0, &time);
    return result;
}

int layer_set_weights(struct bit_model *m, const struct layer *l, struct bit_error *error)
{
    const float *kernel = NULL;
    const bool late = m->network.packs_late, both = m->options.training && l != &m->network.root;
    const bool scales = bit_convolution_scales(l->convolution, BIT_FORWARD) &&
                        (!both || bit_convolution_scales(l->convolution, BIT_BACKWARD_DATA));
    if (standardise(m, l, false, late || scales ? NULL : &kernel, error))
        return -1;
    if (late)
        return 0;
    return pack(m, l, BIT_FORWARD, kernel, error) || (both && pack(m, l, BIT_BACKWARD_DATA, kernel, error)) ? -1 : 0;
}

static int pack_late(struct bit_model *m, const struct layer *l, enum bit_direction direction, struct bit_error *error)
{
    const float *kernel = NULL;
    const bool scales = bit_convolution_scales(l->convolution, direction);
    return (!scales && standardise(m, l, true, &kernel, error)) || pack(m, l, direction, kernel, error) ? -1 : 0;
}

/* ---- operations ---- */

static double layer_flops(const struct layer *l)
{
    const struct bit_geometry *g = &l->geometry;
    return 2.0 * g->images * bit_geometry_out_height(g) * bit_geometry_out_width(g) * g->kernel * g->kernel *
           g->channels * g->outputs;
}

static enum profile_kind by_kernel(const struct layer *l, enum profile_kind first)
{
    return first + (l->geometry.kernel == 7 ? 2 : l->geometry.kernel == 3);
}

int layer_result(const struct bit_model *m, int result)
{
    const struct bit_group *group = m->options.group;
    return m->options.norm == BIT_BATCH_NORM && group && group->size > 1 ? 0 : result;
}

bool layer_skips(const struct bit_model *m, const struct bit_error *error)
{
    return m->options.norm == BIT_BATCH_NORM && error->code != BIT_OK;
}

int layer_forward(struct bit_model *m, const struct layer *l, const void *x, bool accumulate, void *y,
                  struct bit_error *error)
{
    if (layer_skips(m, error))
        return 0;
    if (m->network.packs_late && pack_late(m, l, BIT_FORWARD, error))
        return layer_result(m, -1);
    double time = bit_clock_seconds();
    int result = bit_convolution_forward(l->convolution, x, packed_at(m, l, BIT_FORWARD), accumulate, y,
                                         at(m, m->scratch), error);
    profile_add(&m->profile, by_kernel(l, PROFILE_FORWARD_1), l->block, layer_flops(l), &time);
    return layer_result(m, result);
}

int layer_backward_data(struct bit_model *m, const struct layer *l, const void *dy, bool accumulate, void *dx,
                        struct bit_error *error)
{
    if (layer_skips(m, error))
        return 0;
    if (m->network.packs_late && pack_late(m, l, BIT_BACKWARD_DATA, error))
        return layer_result(m, -1);
    double time = bit_clock_seconds();
    int result = bit_convolution_backward_data(l->convolution, dy, packed_at(m, l, BIT_BACKWARD_DATA), accumulate, dx,
                                               at(m, m->scratch), error);
    profile_add(&m->profile, by_kernel(l, PROFILE_DATA_1), l->block, layer_flops(l), &time);
    return layer_result(m, result);
}

/* Hands `sums`, the gradient with respect to the kernel as the convolution saw it, to the sink, which gave `d` for it (may
 * be the same). Through the standardisation: with s the standardised kernel, constant mean 0 and mean square 1 a channel,
 * the gradient with respect to the kernel is (d - mean(d) - s mean(d s)) / sqrt(variance + epsilon): norm.c's backward
 * pass with gamma 1. */
static int give_weights(struct bit_model *m, const struct layer *l, const float *sums, float *d,
                        struct bit_gradient_sink *sink, struct bit_error *error)
{
    double time = bit_clock_seconds();
    if (m->options.weight_standardization) {
        const struct bit_norm_shape standard = layer_standardisation(m, l);
        const struct bit_norm_call call = standardisation_call(m, l);
        const struct bit_norm_gradient gradient = {.dy = sums, .dx = d};
        if (bit_norm_backward(&standard, &call, &gradient, error))
            return -1;
        profile_add(&m->profile, PROFILE_STANDARDISE_BACKWARD, l->block, 0, &time);
    } else if (sums != d) {
        memcpy(d, sums, m->table->items[l->parameter].count * sizeof *d);
    }
    sink->done(sink, (size_t)l->parameter);
    profile_add(&m->profile, PROFILE_SINK, l->block, 0, &time);
    return 0;
}

int layer_backward_weights(struct bit_model *m, const struct layer *l, const void *x, const void *dy,
                           struct bit_gradient_sink *sink, struct bit_error *error)
{
    if (layer_skips(m, error))
        return 0;
    double time = bit_clock_seconds();
    float *d = sink->begin(sink, (size_t)l->parameter);
    profile_add(&m->profile, PROFILE_SINK, l->block, 0, &time);
    if (bit_convolution_backward_weights(l->weights, x, dy, d, at(m, m->scratch), error))
        return layer_result(m, -1);
    profile_add(&m->profile, by_kernel(l, PROFILE_WEIGHTS_1), l->block,
                layer_flops(l) * m->images / l->geometry.images, &time);
    return give_weights(m, l, d, d, sink, error);
}

int layer_gather_weights(struct bit_model *m, const struct layer *l, const void *x, const void *dy, int first,
                         struct bit_error *error)
{
    float *sum = at(m, l->gathered), *part = first ? at(m, m->part) : sum;
    double time = bit_clock_seconds();
    if (bit_convolution_backward_weights(l->weights, x, dy, part, at(m, m->scratch), error))
        return -1;
    if (first)
        bit_accumulate(sum, part, m->table->items[l->parameter].count, m->threads);
    profile_add(&m->profile, by_kernel(l, PROFILE_WEIGHTS_1), l->block, layer_flops(l), &time);
    return 0;
}

int layer_give_weights(struct bit_model *m, const struct layer *l, struct bit_gradient_sink *sink,
                       struct bit_error *error)
{
    return give_weights(m, l, at(m, l->gathered), sink->begin(sink, (size_t)l->parameter), sink, error);
}

struct bit_norm_call norm_call(const struct bit_model *m, const struct norm_layer *n, const void *x, int first)
{
    const size_t statistics = (size_t)first * (size_t)n->norm.groups; /* batch norm: first is 0 */
    return (struct bit_norm_call){.x = x, .gamma = m->weights + m->table->items[n->gamma].offset,
                                  .beta = m->weights + m->table->items[n->beta].offset, .mean = (float *)at(m, n->mean) + statistics,
                                  .inverse = (float *)at(m, n->inverse) + statistics, .scratch = at(m, m->scratch)};
}
