/* A model's life, its weights, and the operations on one layer that forward and backward share. */
#include <math.h>
#include <string.h>

#include "bit/memory.h"
#include "model/network.h"

/* ---- life ---- */

static int build(struct bit_model *m, const struct bit_model_options *options, struct bit_error *error)
{
    m->options = *options;
    m->threads = bit_compute_thread_count();
    m->images = options->micro_batch * (options->norm == BIT_BATCH_NORM ? options->micro_batches : 1);
    m->table = bit_table_create(error);
    if (!m->table)
        return -1;
    if (options->norm == BIT_BATCH_NORM) {
        m->statistics_table = bit_table_create(error);
        if (!m->statistics_table)
            return -1;
    }
    if (network_describe(options, &m->network, m->table, m->statistics_table, error))
        return -1;
    while (m->lowest_trained < m->table->count && !m->table->items[m->lowest_trained].trains)
        m->lowest_trained++;
    return plan_memory(m, error);
}

static void make_call(struct bit_model *m)
{
    const struct network *n = &m->network;
    m->call = (struct bit_head_call){
        .images = m->images, .input = n->input, .table = m->table, .first = (size_t)n->head, .work = at(m, m->head_work), .state = m->head_state,
        .pooled = n->pools ? at(m, m->pooled) : NULL, .d_pooled = n->pools ? at(m, m->d_pooled) : NULL,
        .backend = m->options.backend};
    for (int i = 0; i < n->units; i++) {
        const struct unit *u = &n->unit[i];
        if (!u->tapped)
            continue;
        m->call.tap[u->block] = at(m, m->tap[u->block]);
        m->call.d_tap[u->block] = m->options.training ? at(m, m->d_tap[u->block]) : NULL;
    }
}

static void reset_statistics(struct bit_model *m)
{
    for (size_t i = 1; i < m->statistics_table->count; i += 2) { /* the variances */
        const struct bit_parameter *p = &m->statistics_table->items[i];
        for (size_t c = 0; c < p->count; c++)
            m->statistics[p->offset + c] = 1;
    }
}

struct bit_model *bit_model_create(const struct bit_model_options *options, struct bit_error *error)
{
    struct bit_model *m = bit_allocate(1, sizeof *m, "the model", error);
    if (!m)
        return NULL;
    if (build(m, options, error))
        goto failed;
    m->arena = bit_allocate(m->arena_bytes, 1, "the model's activations and packed weights", error);
    if (!m->arena)
        goto failed;
    make_call(m);
    if (m->statistics_table) {
        m->statistics = bit_allocate(m->statistics_table->elements, sizeof(float), "running statistics", error);
        if (!m->statistics)
            goto failed;
        reset_statistics(m);
    }
    return m;
failed:
    bit_model_destroy(m);
    return NULL;
}

void bit_model_destroy(struct bit_model *m)
{
    if (!m)
        return;
    plan_free(m);
    bit_free(m->arena);
    bit_free(m->statistics);
    bit_table_destroy(m->statistics_table);
    bit_table_destroy(m->table);
    bit_free(m);
}

int bit_model_estimate(const struct bit_model_options *options, struct bit_model_memory *memory,
                       struct bit_error *error)
{
    struct bit_model *m = bit_allocate(1, sizeof *m, "a model's plan", error);
    if (!m)
        return -1;
    int result = build(m, options, error);
    *memory = m->memory;
    bit_model_destroy(m);
    return result;
}

/* All directions of a layer, by what its kernels can do. */
static double layer_effort(const struct layer *l, enum bit_type type)
{
    const struct bit_geometry *g = &l->geometry;
    const char *kernels[] = {bit_convolution_kernel(l->convolution, BIT_FORWARD), bit_convolution_kernel(l->convolution, BIT_BACKWARD_DATA),
                             l->weights ? bit_convolution_kernel(l->weights, BIT_BACKWARD_WEIGHTS) : NULL};
    double effort = 0, flops = 2.0 * g->images * bit_geometry_out_height(g) * bit_geometry_out_width(g) * g->outputs * g->channels *
                               g->kernel * g->kernel;
    for (int d = 0; d < 3; d++)
        if (kernels[d])
            effort += flops / bit_kernel_rate(kernels[d], type);
    return effort;
}

int bit_model_effort(const struct bit_model_options *options, double *effort, struct bit_error *error)
{
    struct bit_model *m = bit_allocate(1, sizeof *m, "a model's plan", error);
    if (!m)
        return -1;
    int result = build(m, options, error);
    *effort = 0;
    if (!result) {
        const struct network *n = &m->network;
        *effort = layer_effort(&n->root, options->precision);
        for (int i = 0; i < n->units; i++) {
            const struct unit *u = &n->unit[i];
            const struct layer *layers[] = {&u->a, &u->b, &u->c, u->projects ? &u->projection : NULL};
            for (int l = 0; l < 4; l++)
                *effort += layers[l] ? layer_effort(layers[l], options->precision) : 0;
        }
    }
    bit_model_destroy(m);
    return result;
}

const struct bit_table *bit_model_table(const struct bit_model *model)
{
    return model->table;
}

const struct bit_head_call *bit_model_call(const struct bit_model *model)
{
    return &model->call;
}

const struct bit_head *bit_model_head(const struct bit_model *model)
{
    return model->options.head;
}

const struct bit_table *bit_model_statistics_table(const struct bit_model *model)
{
    return model->statistics_table;
}

float *bit_model_statistics(struct bit_model *model)
{
    return model->statistics;
}

/* ---- weights ---- */

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

static int set_layer(struct bit_model *m, const struct layer *l, struct bit_error *error)
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

int bit_model_set_weights(struct bit_model *m, const float *weights, struct bit_error *error)
{
    m->weights = weights;
    m->ready = false;
    if (set_layer(m, &m->network.root, error))
        return -1;
    for (int i = 0; i < m->network.units; i++) {
        const struct unit *u = &m->network.unit[i];
        if (set_layer(m, &u->a, error) || (u->projects && set_layer(m, &u->projection, error)) ||
            set_layer(m, &u->b, error) || set_layer(m, &u->c, error))
            return -1;
    }
    return 0;
}

/* ---- operations on a layer ---- */

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
