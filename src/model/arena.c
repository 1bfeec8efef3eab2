/* Memory of a model: one arena, laid out once. The backward pass keeps the output of every convolution that feeds a norm
 * (x, a_out, b_out of each unit, before the norm), the places of the root's maximum and the norms' statistics; norm + ReLU
 * is computed again. Gradients pass through two wide buffers (of the size of a unit's input or output) and two narrow
 * ones (of its middle). Operations take a chunk of images at a time, so that most of these buffers need to hold no
 * more than that and stay in the cache; see network.c for chunks and for units that gather weight gradients over them. Without
 * training, units share their tensors, but for the taps of a head. */
#include <string.h>

#include "bit/memory.h"
#include "model/layer.h"
#include "model/network.h"

enum { ALIGN = 64 };

size_t arena_add(struct arena *arena, size_t bytes)
{
    size_t offset = arena->bytes, padded = (bytes + ALIGN - 1) / ALIGN * ALIGN;
    arena->bytes += padded;
    *arena->purpose += padded;
    return offset;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* ---- convolutions: one object a shape ---- */

static struct bit_convolution *find_convolution(struct bit_model *m, const struct bit_geometry *geometry,
                                                bool data_gradient, struct bit_error *error)
{
    for (size_t i = 0; i < m->shapes; i++)
        if (!memcmp(&m->shape[i].geometry, geometry, sizeof *geometry) && m->shape[i].data_gradient == data_gradient)
            return m->shape[i].convolution;
    if (m->shapes == MODEL_SHAPES) {
        bit_fail(error, BIT_EINTERNAL, "more than %d shapes of convolutions in a model", MODEL_SHAPES);
        return NULL;
    }
    struct bit_convolution *c =
        bit_convolution_create(m->options.backend, geometry, m->options.precision, data_gradient, error);
    if (!c)
        return NULL;
    m->shape[m->shapes].geometry = *geometry;
    m->shape[m->shapes].data_gradient = data_gradient;
    m->shape[m->shapes++].convolution = c;
    return c;
}

void layout_free(struct bit_model *m)
{
    for (size_t i = 0; i < m->shapes; i++)
        bit_convolution_destroy(m->shape[i].convolution);
    m->shapes = 0;
    if (m->head_state)
        m->options.head->operations->destroy(m->head_state);
    m->head_state = NULL;
}

/* ---- layout ---- */

struct layout { struct bit_model *m; struct arena arena; size_t scratch, kernel, part, packed; /* largest so far */ };

/* Bytes of a norm's input and of a layer's output, for the whole micro-batch. */
static size_t typed(const struct bit_model *m, const struct bit_norm_shape *n)
{
    return (size_t)m->images * (size_t)n->rows * (size_t)n->channels * bit_type_size(m->options.precision);
}

static size_t out_bytes(const struct bit_model *m, const struct layer *l)
{
    const struct bit_geometry *g = &l->geometry;
    return (size_t)m->images * (size_t)bit_geometry_out_height(g) * (size_t)bit_geometry_out_width(g) *
           (size_t)g->outputs * bit_type_size(m->options.precision);
}

static int place_layer(struct layout *y, struct layer *l, bool data_gradient, bool gathers, struct bit_error *error)
{
    struct bit_model *m = y->m;
    struct bit_geometry whole = l->geometry;
    const size_t kernel = m->table->items[l->parameter].count * sizeof(float);
    if (!gathers)
        whole.images = m->images;
    l->convolution = find_convolution(m, &l->geometry, data_gradient, error);
    l->weights = l->convolution && m->options.training ? find_convolution(m, &whole, data_gradient, error)
                                                       : l->convolution;
    if (!l->weights)
        return -1;
    y->arena.purpose = &m->memory.packed_weights;
    for (int d = BIT_FORWARD; d <= (data_gradient ? BIT_BACKWARD_DATA : BIT_FORWARD); d++) {
        size_t bytes = bit_convolution_packed_bytes(l->convolution, (enum bit_direction)d);
        y->packed = larger(y->packed, bytes);
        l->packed[d] = m->network.packs_late ? 0 : arena_add(&y->arena, bytes);
    }
    y->scratch = larger(y->scratch, bit_convolution_scratch_bytes(l->convolution));
    y->scratch = larger(y->scratch, bit_convolution_scratch_bytes(l->weights));
    if (m->options.weight_standardization) {
        const struct bit_norm_shape standard = layer_standardisation(m, l);
        y->arena.purpose = &m->memory.other;
        l->mean = arena_add(&y->arena, bit_norm_statistics(&standard) * sizeof(float));
        l->inverse = arena_add(&y->arena, bit_norm_statistics(&standard) * sizeof(float));
        y->scratch = larger(y->scratch, bit_norm_scratch_bytes(&standard));
        for (int d = BIT_FORWARD; d <= (data_gradient ? BIT_BACKWARD_DATA : BIT_FORWARD); d++)
            if (!bit_convolution_scales(l->convolution, (enum bit_direction)d))
                y->kernel = larger(y->kernel, kernel);
    }
    if (gathers && m->options.training) {
        y->arena.purpose = &m->memory.scratch;
        l->gathered = arena_add(&y->arena, kernel);
        y->part = larger(y->part, kernel);
    }
    return 0;
}

static void place_norm(struct layout *y, struct norm_layer *n)
{
    y->arena.purpose = &y->m->memory.other;
    const size_t chunks = n->norm.groups ? (size_t)(y->m->images / n->norm.images) : 1;
    n->mean = arena_add(&y->arena, chunks * bit_norm_statistics(&n->norm) * sizeof(float));
    n->inverse = arena_add(&y->arena, chunks * bit_norm_statistics(&n->norm) * sizeof(float));
    y->scratch = larger(y->scratch, bit_norm_scratch_bytes(&n->norm));
    n->gradient = arena_add(&y->arena, 2 * (size_t)n->norm.channels * sizeof(float));
}

static int place_unit(struct layout *y, struct unit *u, struct bit_error *error)
{
    const bool training = y->m->options.training;
    place_norm(y, &u->norm_a), place_norm(y, &u->norm_b), place_norm(y, &u->norm_c);
    return place_layer(y, &u->a, training, u->gathers, error) ||
           (u->projects && place_layer(y, &u->projection, training, u->gathers, error)) ||
           place_layer(y, &u->b, training, u->gathers, error) || place_layer(y, &u->c, training, u->gathers, error)
               ? -1
               : 0;
}

/* Buffers that units share. Those of a unit that gathers hold a chunk, others the micro-batch; the gradient between two
 * stretches of units is always whole. */
static void place_buffers(struct layout *y)
{
    struct bit_model *m = y->m;
    const struct network *n = &m->network;
    const bool training = m->options.training;
    const size_t images = (size_t)m->images, root = out_bytes(m, &n->root) / images * (size_t)n->root_chunk;
    const bool last_norm = n->pools || n->activates;
    size_t h = root, wide = last_norm ? typed(m, &n->norm.norm) : 0, near = n->root_gathers ? root : 0, narrow = 0;
    if (!n->root_gathers)
        wide = larger(wide, out_bytes(m, &n->root));
    for (int i = 0; i < n->units; i++) {
        const struct unit *u = &n->unit[i];
        size_t part = training && u->gathers ? (size_t)u->chunk : images;
        size_t in = typed(m, &u->norm_a.norm), out = out_bytes(m, &u->c);
        size_t middle = larger(typed(m, &u->norm_b.norm), typed(m, &u->norm_c.norm));
        wide = larger(wide, larger(in, out));
        if (u->gathers)
            near = larger(near, larger(in, out) / images * part);
        narrow = larger(narrow, middle / images * part);
        h = larger(h, larger(in, middle) / images * (training ? part : (size_t)u->chunk));
    }
    y->arena.purpose = &m->memory.activations;
    m->h = arena_add(&y->arena, h);
    for (int i = 0; i < 2; i++)
        m->wide[i] = arena_add(&y->arena, wide);
    for (int i = 0; i < 2; i++)
        m->narrow[i] = arena_add(&y->arena, narrow);
    if (!training)
        return;
    m->h_b = arena_add(&y->arena, narrow);
    m->h_c = arena_add(&y->arena, narrow);
    for (int i = 0; i < 2; i++)
        m->near[i] = arena_add(&y->arena, near);
}

static int place_units(struct layout *y, struct bit_error *error)
{
    struct bit_model *m = y->m;
    struct network *n = &m->network;
    const bool training = m->options.training;
    if (place_layer(y, &n->root, false, n->root_gathers, error))
        return -1;
    for (int i = 0; i < n->units; i++)
        if (place_unit(y, &n->unit[i], error))
            return -1;
    if (n->pools || n->activates)
        place_norm(y, &n->norm);
    place_buffers(y);
    /* not training: x and out alternate between the wide buffers, but for taps, which stay to the end; the last output does so
     * by itself */
    size_t x = training ? arena_add(&y->arena, typed(m, &n->unit[0].norm_a.norm)) : m->wide[0];
    for (int i = 0; i < n->units; i++) {
        struct unit *u = &n->unit[i];
        u->x = x;
        u->a_out = training ? arena_add(&y->arena, typed(m, &u->norm_b.norm)) : m->narrow[0];
        u->b_out = training ? arena_add(&y->arena, typed(m, &u->norm_c.norm)) : m->narrow[1];
        const bool keeps = training || (u->tapped && !n->activates && i + 1 < n->units);
        u->out = keeps ? arena_add(&y->arena, out_bytes(m, &u->c)) : m->wide[(i + 1) % 2];
        x = u->out;
        if (u->tapped)
            m->tap[u->block] = n->activates ? arena_add(&y->arena, out_bytes(m, &u->c)) : u->out;
    }
    return 0;
}

/* What stands between the last unit and the head. Without pooled features the highest tap's gradient is where the backward
 * pass begins, so it stands in the buffer from which that starts. */
static int place_head(struct layout *y, struct bit_error *error)
{
    struct bit_model *m = y->m;
    const struct network *n = &m->network;
    const struct bit_head *head = m->options.head;
    const size_t features = (size_t)m->images * (size_t)n->input.channels * sizeof(float);
    if (n->pools) {
        m->pooled = arena_add(&y->arena, features);
        m->d_pooled = arena_add(&y->arena, features);
        m->d_pooled_typed = arena_add(&y->arena, features);
    }
    for (int i = 0; m->options.training && i < n->units; i++)
        if (n->unit[i].tapped)
            m->d_tap[n->unit[i].block] =
                n->pools || i + 1 < n->units ? arena_add(&y->arena, out_bytes(m, &n->unit[i].c)) : m->wide[0];
    if (!head)
        return 0;
    size_t bytes = 0;
    if (!head->operations->create)
        bytes = head->operations->bytes(head, &n->input, m->images, m->options.training);
    else if (!(m->head_state = head->operations->create(head, &n->input, m->images, m->options.training, m->options.backend, &bytes, error)))
        return -1;
    m->head_work = arena_add(&y->arena, bytes);
    return 0;
}

int layout_make(struct bit_model *m, struct bit_error *error)
{
    const struct bit_model_options *o = &m->options;
    const struct network *n = &m->network;
    const size_t images = (size_t)m->images;
    struct layout y = {.m = m};
    memset(&m->memory, 0, sizeof m->memory);
    if (place_units(&y, error))
        return -1;
    y.arena.purpose = &m->memory.activations;
    if (o->training)
        m->input = arena_add(&y.arena, images * (size_t)o->image_size * (size_t)o->image_size * IMAGE_CHANNELS *
                                           bit_type_size(o->precision));
    m->which = arena_add(&y.arena, images * (size_t)n->unit[0].norm_a.norm.rows * (size_t)n->pool.channels);
    if (place_head(&y, error))
        return -1;
    y.arena.purpose = &m->memory.scratch;
    m->standard_kernel = arena_add(&y.arena, y.kernel);
    m->part = arena_add(&y.arena, y.part);
    if (n->packs_late)
        m->packed = arena_add(&y.arena, y.packed);
    m->scratch = arena_add(&y.arena, larger(y.scratch, bit_pool_scratch_bytes(&n->pool)));
    m->arena_bytes = y.arena.bytes;
    m->memory.other += sizeof *m + m->table->capacity * sizeof *m->table->items;
    if (m->statistics_table)
        m->memory.other += m->statistics_table->elements * sizeof(float) +
                           m->statistics_table->capacity * sizeof *m->statistics_table->items;
    return 0;
}
