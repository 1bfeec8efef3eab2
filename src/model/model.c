/* A model's life. */
#include "bit/memory.h"
#include "model/layer.h"
#include "model/network.h"

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
    return layout_make(m, error);
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
    layout_free(m);
    bit_free(m->arena);
    bit_free(m->statistics);
    bit_table_destroy(m->statistics_table);
    bit_table_destroy(m->table);
    bit_free(m);
}

int bit_model_estimate(const struct bit_model_options *options, struct bit_model_memory *memory,
                       struct bit_error *error)
{
    struct bit_model *m = bit_allocate(1, sizeof *m, "a model's layout", error);
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
    struct bit_model *m = bit_allocate(1, sizeof *m, "a model's layout", error);
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

void bit_model_set_draw(struct bit_model *m, const struct bit_head_draw *draw)
{
    m->call.draw = *draw;
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

int bit_model_set_weights(struct bit_model *m, const float *weights, struct bit_error *error)
{
    m->weights = weights;
    m->ready = false;
    if (layer_set_weights(m, &m->network.root, error))
        return -1;
    for (int i = 0; i < m->network.units; i++) {
        const struct unit *u = &m->network.unit[i];
        if (layer_set_weights(m, &u->a, error) || (u->projects && layer_set_weights(m, &u->projection, error)) ||
            layer_set_weights(m, &u->b, error) || layer_set_weights(m, &u->c, error))
            return -1;
    }
    return 0;
}
