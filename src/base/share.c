/* Which part of a block each rank owns, and in which order parts are exchanged. Pure arithmetic. */
#include "bit/share.h"

#include "bit/memory.h"

struct bit_buckets bit_buckets_make(size_t elements, size_t bucket_elements, int ranks)
{
    size_t size = bucket_elements ? bucket_elements : BIT_BUCKET_DEFAULT;
    size = (size + BIT_TABLE_PAD - 1) / BIT_TABLE_PAD * BIT_TABLE_PAD;
    return (struct bit_buckets){.elements = elements, .size = size, .count = (elements + size - 1) / size,
                                .ranks = ranks};
}

size_t bit_bucket_edge(const struct bit_buckets *b, size_t bucket, int position)
{
    size_t end = b->elements - bucket * b->size;
    size_t start = end > b->size ? end - b->size : 0;
    size_t part = (end - start + (size_t)b->ranks - 1) / (size_t)b->ranks;
    part = (part + BIT_TABLE_PAD - 1) / BIT_TABLE_PAD * BIT_TABLE_PAD;
    size_t edge = start + (size_t)position * part;
    return edge < end ? edge : end;
}

int bit_bucket_levels(int ranks)
{
    int levels = 0;
    while (1 << levels < ranks)
        levels++;
    return 1 << levels == ranks ? levels : -1;
}

int bit_bucket_position(int rank, int ranks)
{
    int levels = bit_bucket_levels(ranks), position = 0;
    if (levels < 0)
        return rank;
    for (int j = 0; j < levels; j++)
        position |= (rank >> j & 1) << (levels - 1 - j);
    return position;
}

int bit_share_create(const struct bit_table *table, size_t bucket_elements, int rank, int ranks,
                     struct bit_share *share, struct bit_error *error)
{
    *share = (struct bit_share){0};
    if (ranks < 1 || rank < 0 || rank >= ranks)
        return bit_fail(error, BIT_EINTERNAL, "bit_share_create: no rank %d among %d", rank, ranks);
    struct bit_buckets b = bit_buckets_make(table->elements, bucket_elements, ranks);
    int position = bit_bucket_position(rank, ranks);
    share->pieces = bit_allocate(b.count ? b.count : 1, sizeof *share->pieces, "a rank's share of the table", error);
    if (!share->pieces)
        return -1;
    for (size_t bucket = b.count; bucket-- > 0;) { /* bucket 0 is the end of the table: pieces ascend */
        size_t from = bit_bucket_edge(&b, bucket, position), to = bit_bucket_edge(&b, bucket, position + 1);
        struct bit_piece *last = share->count ? &share->pieces[share->count - 1] : NULL;
        if (from == to)
            continue;
        if (last && last->offset + last->count == from)
            last->count += to - from;
        else
            share->pieces[share->count++] = (struct bit_piece){from, to - from};
        share->elements += to - from;
    }
    return 0;
}

size_t bit_bucket_part(const struct bit_buckets *b)
{
    size_t size = b->size < b->elements ? b->size : b->elements;
    size_t part = (size + (size_t)b->ranks - 1) / (size_t)b->ranks;
    return (part + BIT_TABLE_PAD - 1) / BIT_TABLE_PAD * BIT_TABLE_PAD;
}

size_t bit_bucket_scratch(const struct bit_buckets *b)
{
    size_t part = bit_bucket_part(b);
    if (b->ranks == 1)
        return 0;
    return bit_bucket_levels(b->ranks) > 0 ? part * (size_t)(b->ranks / 2) : part * (size_t)(b->ranks - 1);
}

size_t bit_reduction_bytes(size_t elements, size_t bucket_elements, int ranks)
{
    struct bit_buckets buckets = bit_buckets_make(elements, bucket_elements, ranks);
    return BIT_BUCKET_WINDOW * bit_bucket_scratch(&buckets) * sizeof(float);
}

size_t bit_momentum_window(size_t elements)
{
    size_t window = 1 << 22;
    while (window > elements && window > BIT_MOMENTUM_WINDOW_LEAST)
        window /= 2;
    return window;
}
