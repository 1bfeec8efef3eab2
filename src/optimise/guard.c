#include "optimise/guard.h"

#include <string.h>

#include "bit/memory.h"

enum { STRETCH = BIT_GUARD_STRETCH };

/* ---- sums ---- */

struct bit_sum bit_summing_end(const struct bit_summing *s, size_t first, size_t groups)
{
    struct bit_sum sum = {0, 0};
    /* Group i of n is in `twice` n - i times. */
    bit_words placed = s->once * (uint32_t)(first + groups) - s->twice;
    for (uint32_t i = 0; i < BIT_WORDS; i++) {
        sum.plain += (2 * i + 1) * s->once[i];
        sum.placed += (2 * i + 1) * placed[i];
    }
    return sum;
}

/* Elements [from, from + count) of a block; x is the first of them. */
static struct bit_sum sum(const float *x, size_t from, size_t count)
{
    struct bit_summing s = {0};
    const bit_words *words = (const bit_words *)x;
    /* A cache line a turn. One stream of reads alone does not fill the memory's pipe: asked for 4 KB ahead it is twice as fast. */
    for (size_t i = 0; i < count / BIT_WORDS; i += BIT_TABLE_PAD / BIT_WORDS) {
        __builtin_prefetch(words + i + 256);
        for (size_t k = 0; k < BIT_TABLE_PAD / BIT_WORDS; k++)
            bit_summing_add(&s, words[i + k]);
    }
    return bit_summing_end(&s, from / BIT_WORDS, count / BIT_WORDS);
}

static struct bit_sum sum_range(const float *block, size_t from, size_t to)
{
    uint32_t plain = 0, placed = 0;
#pragma omp parallel for schedule(static) reduction(+ : plain, placed) if (to - from > STRETCH)
    for (size_t at = from; at < to; at += STRETCH) {
        struct bit_sum part = sum(block + at, at, to - at < STRETCH ? to - at : STRETCH);
        plain += part.plain;
        placed += part.placed;
    }
    return (struct bit_sum){plain, placed};
}

static void add(struct bit_sum *to, struct bit_sum part)
{
    to->plain += part.plain;
    to->placed += part.placed;
}

/* Of what the other ranks own. */
static struct bit_sum sum_others(const struct bit_guard *g, const float *weights)
{
    struct bit_sum all = {0, 0};
    size_t end = 0;
    for (size_t i = 0; i < g->share->count; i++) {
        add(&all, sum_range(weights, end, g->share->pieces[i].offset));
        end = g->share->pieces[i].offset + g->share->pieces[i].count;
    }
    add(&all, sum_range(weights, end, g->table->elements));
    return all;
}

/* ---- cells ---- */

/* The part of [from, to) that belongs to one parameter and is not too long. */
static struct bit_cell next_cell(const struct bit_table *table, size_t from, size_t to)
{
    size_t p = bit_table_at(table, from), end = p + 1 < table->count ? table->items[p + 1].offset : table->elements;
    end = end < to ? end : to;
    return (struct bit_cell){.offset = from, .count = end - from < STRETCH ? end - from : STRETCH, .parameter = p};
}

/* Into `cells`, which may be NULL; returns how many there are. */
static size_t cut(const struct bit_table *table, const struct bit_share *share, struct bit_cell *cells)
{
    size_t count = 0, at = 0;
    for (size_t i = 0; i < share->count; i++) {
        size_t to = share->pieces[i].offset + share->pieces[i].count;
        for (size_t from = share->pieces[i].offset; from < to; count++) {
            struct bit_cell cell = next_cell(table, from, to);
            cell.at = at;
            if (cells)
                cells[count] = cell;
            from += cell.count;
            at += cell.count;
        }
    }
    return count;
}

struct bit_guard *bit_guard_create(const struct bit_table *table, const struct bit_share *share, struct bit_error *error)
{
    struct bit_guard *g = bit_allocate(1, sizeof *g, "the optimiser's sums", error);
    if (!g)
        return NULL;
    *g = (struct bit_guard){.table = table, .share = share, .count = cut(table, share, NULL)};
    if (!(g->cells = bit_allocate(g->count + 1, sizeof *g->cells, "the optimiser's sums", error))) {
        bit_free(g);
        return NULL;
    }
    cut(table, share, g->cells);
    return g;
}

void bit_guard_destroy(struct bit_guard *g)
{
    if (!g)
        return;
    bit_free(g->cells);
    bit_free(g);
}

/* ---- noting and checking ---- */

void bit_guard_note(struct bit_guard *g, const float *weights, const float *velocity)
{
#pragma omp parallel for schedule(static) if (g->share->elements > STRETCH)
    for (size_t i = 0; i < g->count; i++) {
        struct bit_cell *c = &g->cells[i];
        c->weights = sum(weights + c->offset, c->offset, c->count);
        c->velocity = sum(velocity + c->at, c->offset, c->count);
    }
    g->others = sum_others(g, weights);
    g->harm = (struct bit_harm){.kind = BIT_HARM_NONE};
    g->armed = true;
}

struct bit_sum bit_guard_sum(const struct bit_guard *g)
{
    struct bit_sum all = {0, 0};
    for (size_t i = 0; i < g->count; i++)
        add(&all, g->cells[i].weights);
    return all;
}

void bit_guard_expect(struct bit_guard *g, const struct bit_sum *sums, int count)
{
    g->others = (struct bit_sum){0, 0};
    for (int i = 0; i < count; i++)
        add(&g->others, sums[i]);
}

void bit_guard_report(struct bit_guard *g, enum bit_harm_kind kind, const struct bit_cell *cell)
{
#pragma omp critical(bit_guard)
    if (g->harm.kind == BIT_HARM_NONE || cell->offset < g->harm.element)
        g->harm = (struct bit_harm){kind, (uint32_t)cell->parameter, cell->offset};
}

void bit_guard_harm(const struct bit_guard *g, struct bit_harm *harm)
{
    *harm = g->harm;
}

void bit_guard_check_others(const struct bit_guard *g, const float *weights, struct bit_harm *harm)
{
    *harm = (struct bit_harm){.kind = BIT_HARM_NONE};
    if (g->armed && !bit_sum_equal(sum_others(g, weights), g->others))
        harm->kind = BIT_HARM_COPY;
}

void bit_guard_check(struct bit_guard *g, const float *weights, const float *velocity, struct bit_harm *harm)
{
    *harm = (struct bit_harm){.kind = BIT_HARM_NONE};
    if (!g->armed)
        return;
    g->harm = *harm;
#pragma omp parallel for schedule(static) if (g->share->elements > STRETCH)
    for (size_t i = 0; i < g->count; i++) {
        const struct bit_cell *c = &g->cells[i];
        if (!bit_sum_equal(sum(weights + c->offset, c->offset, c->count), c->weights))
            bit_guard_report(g, BIT_HARM_WEIGHTS, c);
        if (!bit_sum_equal(sum(velocity + c->at, c->offset, c->count), c->velocity))
            bit_guard_report(g, BIT_HARM_MOMENTUM, c);
    }
    *harm = g->harm;
    if (harm->kind == BIT_HARM_NONE)
        bit_guard_check_others(g, weights, harm);
}
