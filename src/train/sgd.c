#include "bit/train.h"

enum { STRETCH = 16384 }; /* elements a thread takes at a time */

/* Every operation is rounded by itself (this room is compiled without contraction), so compilers, processors and vector
 * widths agree. */
static void update(float rate, float momentum, float decay, size_t count, const float *restrict g, float *restrict w,
                   float *restrict v)
{
#pragma omp simd
    for (size_t i = 0; i < count; i++) {
        float velocity = momentum * v[i] + (g[i] + decay * w[i]);
        v[i] = velocity;
        w[i] -= rate * velocity;
    }
}

/* Elements [from, to) of the block; velocity[0] belongs to `from`. */
static void update_range(const struct bit_sgd *sgd, const struct bit_table *table, size_t from, size_t to,
                         const float *gradient, float *weights, float *velocity)
{
    float rate = (float)sgd->rate, momentum = (float)sgd->momentum, decay = (float)sgd->weight_decay;
    if (!sgd->decay_kernels_only || decay == 0.0f) {
        update(rate, momentum, decay, to - from, gradient + from, weights + from, velocity);
        return;
    }
    for (size_t p = bit_table_at(table, from), at = from; at < to; p++) {
        size_t end = p + 1 < table->count && table->items[p + 1].offset < to ? table->items[p + 1].offset : to;
        update(rate, momentum, table->items[p].kind == BIT_KERNEL ? decay : 0.0f, end - at, gradient + at, weights + at,
               velocity + (at - from));
        at = end;
    }
}

void bit_sgd_update(const struct bit_sgd *sgd, const struct bit_table *table, const struct bit_share *share,
                    const float *gradient, float *weights, float *velocity)
{
    size_t before = 0;
    for (size_t i = 0; i < share->count; i++) {
        struct bit_piece piece = share->pieces[i];
#pragma omp parallel for schedule(static) if (piece.count > STRETCH)
        for (size_t at = 0; at < piece.count; at += STRETCH) {
            size_t count = piece.count - at < STRETCH ? piece.count - at : STRETCH;
            update_range(sgd, table, piece.offset + at, piece.offset + at + count, gradient, weights,
                         velocity + before + at);
        }
        before += piece.count;
    }
}
