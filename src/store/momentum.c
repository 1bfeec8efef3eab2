/* Momentum from shares to block order. While training, each rank owns pieces scattered over the block; a shard holds one
 * contiguous range. The block goes past every rank, a window at a time: each contributes what it owns of the window,
 * picks what falls into its range, and hashes all of it, so that the hash does not depend on who owned what. */
#include <stdio.h>
#include <string.h>

#include "bit/memory.h"
#include "bit/share.h"
#include "store/store.h"

enum { GATHER_MOST = 1 << 24 }; /* elements */

struct shares {
    size_t ranks, most;        /* pieces of the rank that has most */
    size_t *count;             /* [ranks] */
    struct bit_piece *pieces;  /* [ranks][most] */
    struct cursor { size_t piece, taken; } *next; /* [ranks]: the piece that comes next, and how many of its elements are taken */
};

struct part { size_t offset, count; }; /* elements of the block */

struct flow {
    const struct bit_table *table;
    size_t window, contribution; /* elements: of a window, and at most of one rank's part in it */
    float *send, *gathered, *values;
    struct bit_hash *each;       /* [parameters] */
    struct bit_hasher *hasher;   /* of a parameter that goes on in the next window */
    size_t parameter;
};

bool share_is_whole(const struct bit_arrays *a)
{
    size_t end = 0;
    if (!a->share)
        return true;
    for (size_t i = 0; i < a->share->count; end += a->share->pieces[i++].count)
        if (a->share->pieces[i].offset != end)
            return false;
    return end == a->table->elements;
}

static void shares_free(struct shares *s)
{
    bit_free(s->count);
    bit_free(s->pieces);
    bit_free(s->next);
}

/* Everybody learns everybody's pieces. */
static int shares_gather(struct bit_group *group, const struct bit_table *table, const struct bit_share *mine,
                         struct shares *s, struct bit_error *error)
{
    size_t total = 0;
    struct bit_piece *own = NULL;
    s->ranks = (size_t)group->size;
    if ((s->count = bit_allocate(s->ranks, sizeof *s->count, "shares", error)))
        s->next = bit_allocate(s->ranks, sizeof *s->next, "shares", error);
    if (bit_group_agree(group, error) || bit_group_gather(group, &mine->count, sizeof mine->count, s->count, error))
        return -1;
    for (size_t r = 0; r < s->ranks; r++)
        s->most = s->count[r] > s->most ? s->count[r] : s->most;
    if ((own = bit_allocate(s->most + 1, sizeof *own, "shares", error))) {
        s->pieces = bit_allocate(s->ranks * s->most + 1, sizeof *s->pieces, "shares", error);
        if (mine->count)
            memcpy(own, mine->pieces, mine->count * sizeof *own);
    }
    int result = bit_group_agree(group, error);
    if (!result)
        result = bit_group_gather(group, own, s->most * sizeof *own, s->pieces, error);
    bit_free(own);
    if (result)
        return -1;
    for (size_t r = 0; r < s->ranks; r++)
        for (size_t i = 0, end = 0; i < s->count[r]; i++) {
            struct bit_piece p = s->pieces[r * s->most + i];
            if (p.offset < end || p.count > table->elements || p.offset > table->elements - p.count)
                return bit_fail(error, BIT_EINTERNAL, "rank %zu's share of the momentum is out of order", r);
            end = p.offset + p.count;
            total += p.count;
        }
    if (total != table->elements)
        return bit_fail(error, BIT_EINTERNAL, "the ranks' shares hold %zu elements of momentum, the block %zu", total,
                        table->elements);
    return 0;
}

/* Rank r's next elements before `to`, in order; false when none are left there. */
static bool next_part(const struct shares *s, size_t r, size_t to, struct cursor *at, struct part *part)
{
    while (at->piece < s->count[r]) {
        const struct bit_piece *p = &s->pieces[r * s->most + at->piece];
        size_t from = p->offset + at->taken, end = p->offset + p->count;
        if (from < end && from >= to)
            return false;
        if (from < end) {
            *part = (struct part){from, (end < to ? end : to) - from};
            at->taken += part->count;
            return true;
        }
        *at = (struct cursor){.piece = at->piece + 1};
    }
    return false;
}

/* How many elements rank r has before `to`; the cursor goes past them. */
static size_t pass_parts(const struct shares *s, size_t r, size_t to, struct cursor *at)
{
    struct part part;
    size_t sum = 0;
    while (next_part(s, r, to, at, &part))
        sum += part.count;
    return sum;
}

/* The largest part any rank has in any window of this size. */
static size_t largest(const struct shares *s, size_t elements, size_t window)
{
    size_t most = 0;
    for (size_t r = 0; r < s->ranks; r++) {
        struct cursor at = {0};
        for (size_t from = 0; from < elements; from += window) {
            size_t part = pass_parts(s, r, from + window < elements ? from + window : elements, &at);
            most = part > most ? part : most;
        }
    }
    return most;
}

static int flow_start(struct flow *f, const struct bit_table *table, struct shares *s, struct bit_error *error)
{
    f->table = table;
    f->window = bit_momentum_window(table->elements);
    while ((f->contribution = largest(s, table->elements, f->window)) * s->ranks > GATHER_MOST &&
           f->window > BIT_MOMENTUM_WINDOW_LEAST)
        f->window /= 2;
    return (f->send = bit_allocate(f->contribution + 1, sizeof *f->send, "momentum in transit", error)) &&
           (f->gathered = bit_allocate(f->contribution * s->ranks + 1, sizeof *f->gathered, "momentum in transit", error)) &&
           (f->values = bit_allocate(f->window, sizeof *f->values, "momentum in transit", error)) &&
           (f->each = bit_allocate(table->count + 1, sizeof *f->each, "momentum hashes", error)) ? 0 : -1;
}

static void flow_free(struct flow *f)
{
    bit_free(f->send);
    bit_free(f->gathered);
    bit_free(f->values);
    bit_free(f->each);
    bit_hasher_destroy(f->hasher);
}

/* Hashes the parameters in values = block[from .. to). */
static int flow_hash(struct flow *f, size_t from, size_t to, struct bit_error *error)
{
    while (f->parameter < f->table->count) {
        const struct bit_parameter *p = &f->table->items[f->parameter];
        size_t a = p->offset > from ? p->offset : from, end = p->offset + p->count, b = end < to ? end : to;
        if (p->offset >= to)
            break;
        if (p->offset >= from && end <= to) {
            f->each[f->parameter] = bit_hash_bytes(f->values + (a - from), p->count * sizeof(float));
        } else {
            if (!f->hasher && !(f->hasher = bit_hasher_create(error)))
                return -1;
            if (b > a)
                bit_hasher_add(f->hasher, f->values + (a - from), (b - a) * sizeof(float));
            if (end > to)
                break;
            f->each[f->parameter] = bit_hasher_result(f->hasher);
            bit_hasher_destroy(f->hasher);
            f->hasher = NULL;
        }
        f->parameter++;
    }
    return 0;
}

static int flow_window(struct flow *f, struct bit_group *group, struct shares *s, size_t from, size_t to,
                       const float **mine, uint64_t first, uint64_t count, float *range, struct bit_error *error)
{
    struct cursor ahead = s->next[group->rank];
    size_t own = pass_parts(s, (size_t)group->rank, to, &ahead);
    memcpy(f->send, *mine, own * sizeof **mine);
    *mine += own;
    if (bit_group_gather(group, f->send, f->contribution * sizeof *f->send, f->gathered, error))
        return -1;
    size_t got = 0;
    for (size_t r = 0; r < s->ranks; r++) {
        const float *data = f->gathered + r * f->contribution;
        struct part part;
        for (; next_part(s, r, to, &s->next[r], &part); data += part.count, got += part.count)
            memcpy(f->values + (part.offset - from), data, part.count * sizeof *data);
    }
    if (got != to - from)
        return bit_fail(error, BIT_EINTERNAL, "the ranks' shares of the momentum overlap or leave gaps");
    size_t a = first > from ? first : from, b = first + count < to ? first + count : to;
    if (b > a)
        memcpy(range + (a - first), f->values + (a - from), (b - a) * sizeof *range);
    return 0;
}

int momentum_collect(struct bit_group *group, const struct bit_table *table, const struct bit_share *share,
                     const float *mine, uint64_t first, uint64_t count, float *range, struct bit_hash *hash,
                     struct bit_error *error)
{
    struct shares s = {0};
    struct flow f = {0};
    int result = shares_gather(group, table, share, &s, error);
    if (!result) {
        flow_start(&f, table, &s, error);
        result = bit_group_agree(group, error);
    }
    /* A failed hash (no memory for its state) must not stop this rank's part in the gathers. */
    struct bit_error late = {0};
    for (size_t from = 0; !result && from < table->elements; from += f.window) {
        size_t to = from + f.window < table->elements ? from + f.window : table->elements;
        result = flow_window(&f, group, &s, from, to, &mine, first, count, range, error);
        if (!result && !late.code)
            flow_hash(&f, from, to, &late);
    }
    if (!result) {
        *error = late;
        result = bit_group_agree(group, error);
    }
    if (!result)
        *hash = bit_table_hash_combine(table, f.each);
    flow_free(&f);
    shares_free(&s);
    return result;
}
