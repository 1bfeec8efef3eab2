/* The gradient of a rank's share of the batch: micro-batches added in one fixed tree, handed to the reducer as elements become final. */
#include <stdbool.h>
#include <string.h>

#include "bit/memory.h"
#include "bit/optimise.h"
#include "bit/tree.h"
#include "bit/squares.h"

enum { STRETCH = 16384 }; /* elements a thread takes at a time */

struct bit_gradient {
    struct bit_gradient_sink sink; /* first: the sink is the gradient */
    const struct bit_table *table;
    void (*ready)(void *context, size_t from);
    void *context;
    int micro_batches, micro;
    struct bit_tree_leaf leaf;     /* the current micro-batch's place in the tree */
    long bad;                      /* parameter of this rank's sum that is not finite; -1: none */
    int blocks;
    float *scratch;                /* one parameter of a leaf that is to be added */
    float *block[];
};

/* sum[0] += (sum[1] += ... (sum[levels - 1] + leaf)), elements [from, to), lowest level first in memory; only the result
 * is stored. False when some result is not finite. */
static bool merge(float *const *sum, int levels, const float *leaf, size_t from, size_t to)
{
    float part[256], *top = sum[levels - 1];
    float zero = 0;
    for (size_t at = from; at < to; at += 256) {
        size_t count = to - at < 256 ? to - at : 256;
        for (size_t i = 0; i < count; i++)
            part[i] = top[at + i] + leaf[at + i];
        for (int level = levels - 2; level >= 0; level--)
            for (size_t i = 0; i < count; i++)
                part[i] = sum[level][at + i] + part[i];
#pragma omp simd reduction(+ : zero)
        for (size_t i = 0; i < count; i++) {
            sum[0][at + i] = part[i];
            zero += part[i] * 0.0f; /* NaN as soon as one is not finite */
        }
    }
    return zero == 0.0f;
}

static bool merge_parameter(struct bit_gradient *g, const struct bit_parameter *p)
{
    float *sum[32];
    int lowest = g->leaf.block - g->leaf.merges + 1;
    bool finite = true;
    for (int i = 0; i < g->leaf.merges; i++)
        sum[i] = g->block[lowest + i] + p->offset;
#pragma omp parallel for schedule(static) reduction(&& : finite) if (p->count > STRETCH)
    for (size_t at = 0; at < p->count; at += STRETCH) {
        size_t end = p->count - at < STRETCH ? p->count : at + STRETCH;
        finite = merge(sum, g->leaf.merges, g->scratch, at, end) && finite;
    }
    return finite;
}

static float *begin(struct bit_gradient_sink *sink, size_t parameter)
{
    struct bit_gradient *g = (struct bit_gradient *)sink;
    return g->leaf.merges ? g->scratch : g->block[g->leaf.block] + g->table->items[parameter].offset;
}

static void done(struct bit_gradient_sink *sink, size_t parameter)
{
    struct bit_gradient *g = (struct bit_gradient *)sink;
    const struct bit_parameter *p = &g->table->items[parameter];
    bool finite = true;
    if (g->leaf.merges)
        finite = merge_parameter(g, p);
    if (g->micro + 1 < g->micro_batches)
        return;
    if (!g->leaf.merges) /* the only micro-batch: nobody has looked at its numbers yet */
        finite = bit_floats_finite(g->block[0] + p->offset, p->count);
    if (!p->trains) { /* counts for no norm */
        memset(g->block[0] + p->offset, 0, p->count * sizeof(float));
        finite = true;
    }
    if (!finite)
        g->bad = (long)parameter;
    if (g->ready)
        g->ready(g->context, p->offset);
}

struct bit_gradient *bit_gradient_create(const struct bit_table *table, int micro_batches, struct bit_error *error)
{
    int blocks = bit_tree_blocks(micro_batches);
    struct bit_gradient *g = bit_allocate(1, sizeof *g + (size_t)blocks * sizeof *g->block, "the gradient", error);
    if (!g)
        return NULL;
    *g = (struct bit_gradient){.sink = {begin, done}, .table = table, .micro_batches = micro_batches, .blocks = blocks,
                               .bad = -1};
    for (int i = 0; i < blocks; i++)
        if (!(g->block[i] = bit_allocate(table->elements, sizeof(float), "gradients", error)))
            goto bad;
    size_t rest = bit_tree_bytes(table, micro_batches) - (size_t)blocks * table->elements * sizeof(float);
    if (rest && !(g->scratch = bit_allocate(rest, 1, "a micro-batch's gradient", error)))
        goto bad;
    return g;
bad:
    bit_gradient_destroy(g);
    return NULL;
}

void bit_gradient_destroy(struct bit_gradient *g)
{
    if (!g)
        return;
    for (int i = 0; i < g->blocks; i++)
        bit_free(g->block[i]);
    bit_free(g->scratch);
    bit_free(g);
}

size_t bit_gradient_bytes(const struct bit_table *table, int micro_batches)
{
    return bit_tree_bytes(table, micro_batches);
}

void bit_gradient_start(struct bit_gradient *g, void (*ready)(void *context, size_t from), void *context)
{
    g->ready = ready;
    g->context = context;
    g->bad = -1;
}

struct bit_gradient_sink *bit_gradient_sink(struct bit_gradient *g, int micro)
{
    g->micro = micro;
    g->leaf = bit_tree_leaf(g->micro_batches, micro);
    return &g->sink;
}

float *bit_gradient_block(struct bit_gradient *g)
{
    return g->block[0];
}

long bit_gradient_bad(const struct bit_gradient *g)
{
    return g->bad;
}
