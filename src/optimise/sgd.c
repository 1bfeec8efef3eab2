/* SGD with momentum and coupled weight decay on this rank's share of the block. */
#include "optimise/guard.h"

/* What a cell held and holds, as the guard sums it. */
struct passed { struct bit_sum weights_before, weights_after, velocity_before, velocity_after; };

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

/* The same numbers, four at a time. Memory is what the update waits for, so the sums cost little. */
static struct passed update_summed(float rate, float momentum, float decay, size_t count, const float *g, float *w, float *v,
                                   size_t from)
{
    struct bit_summing w0 = {0}, w1 = {0}, v0 = {0}, v1 = {0};
    size_t first = from / BIT_WORDS, groups = count / BIT_WORDS;
    const bit_floats *gradient = (const bit_floats *)g;
    bit_floats *weights = (bit_floats *)w, *velocities = (bit_floats *)v;
    for (size_t i = 0; i < groups; i++) {
        bit_floats before = velocities[i], weight = weights[i];
        bit_floats velocity = momentum * before + (gradient[i] + decay * weight), changed = weight - rate * velocity;
        velocities[i] = velocity;
        weights[i] = changed;
        bit_summing_add(&v0, (bit_words)before);
        bit_summing_add(&w0, (bit_words)weight);
        bit_summing_add(&v1, (bit_words)velocity);
        bit_summing_add(&w1, (bit_words)changed);
    }
    return (struct passed){bit_summing_end(&w0, first, groups), bit_summing_end(&w1, first, groups),
                           bit_summing_end(&v0, first, groups), bit_summing_end(&v1, first, groups)};
}

static void update_cell(float rate, float momentum, float decay, const float *gradient, float *weights, float *velocity,
                        struct bit_guard *guard, struct bit_cell *c)
{
    const float *g = gradient + c->offset;
    float *w = weights + c->offset, *v = velocity + c->at;
    if (!guard->armed) {
        update(rate, momentum, decay, c->count, g, w, v);
        return;
    }
    struct passed p = update_summed(rate, momentum, decay, c->count, g, w, v, c->offset);
    if (!bit_sum_equal(p.weights_before, c->weights))
        bit_guard_report(guard, BIT_HARM_WEIGHTS, c);
    if (!bit_sum_equal(p.velocity_before, c->velocity))
        bit_guard_report(guard, BIT_HARM_MOMENTUM, c);
    c->weights = p.weights_after;
    c->velocity = p.velocity_after;
}

/* In place: a cell's gradient is in cache when the update reads it. */
static void scale_and_pull(float scale, float pull, size_t count, float *restrict g, const float *restrict w, const float *restrict start)
{
    if (pull == 0) {
#pragma omp simd
        for (size_t i = 0; i < count; i++)
            g[i] *= scale;
        return;
    }
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        g[i] = scale * g[i] + pull * (w[i] - start[i]);
}

void bit_sgd_update(const struct bit_sgd *sgd, struct bit_guard *guard, float *gradient, float *weights, float *velocity)
{
    float scale = (float)sgd->gradient_scale, start_decay = (float)sgd->start_decay;
    float rate = (float)sgd->rate, momentum = (float)sgd->momentum, decay = (float)sgd->weight_decay;
#pragma omp parallel for schedule(static) if (guard->share->elements > BIT_GUARD_STRETCH)
    for (size_t i = 0; i < guard->count; i++) {
        struct bit_cell *c = &guard->cells[i];
        const struct bit_parameter *p = &guard->table->items[c->parameter];
        if (!p->trains)
            continue;
        float pull = p->decays ? start_decay : 0.0f;
        if (scale != 1 || pull != 0)
            scale_and_pull(scale, pull, c->count, gradient + c->offset, weights + c->offset, sgd->start ? sgd->start + c->at : NULL);
        update_cell(rate * p->rate, momentum, p->decays ? decay : 0.0f, gradient, weights, velocity, guard, c);
    }
}
