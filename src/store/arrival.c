#include "store/arrival.h"

#include "bit/memory.h"

int arrival_start(struct arrival *a, const struct bit_table *table, const float *block, struct bit_error *error)
{
    a->table = table;
    a->block = block;
    if (!(a->missing = bit_allocate(table->count + 1, sizeof *a->missing, "parameters on their way", error)) ||
        !(a->each = bit_allocate(table->count + 1, sizeof *a->each, "hashes of parameters", error)))
        return -1;
    for (size_t i = 0; i < table->count; i++)
        atomic_init(&a->missing[i], table->items[i].count);
    return 0;
}

void arrival_add(struct arrival *a, uint64_t from, uint64_t until)
{
    if (from >= until)
        return;
    for (size_t i = bit_table_at(a->table, from); i < a->table->count && a->table->items[i].offset < until; i++) {
        const struct bit_parameter *p = &a->table->items[i];
        uint64_t low = p->offset > from ? p->offset : from, end = p->offset + p->count, high = end < until ? end : until;
        if (low >= high)
            continue; /* the gap behind it */
        if (atomic_fetch_sub(&a->missing[i], high - low) == high - low)
            a->each[i] = bit_hash_bytes(a->block + p->offset, p->count * sizeof *a->block);
    }
}

int arrival_hash(const struct arrival *a, struct bit_hash *hash)
{
    for (size_t i = 0; i < a->table->count; i++)
        if (atomic_load(&a->missing[i]))
            return -1;
    *hash = bit_table_hash_combine(a->table, a->each);
    return 0;
}

void arrival_free(struct arrival *a)
{
    bit_free((void *)a->missing);
    bit_free(a->each);
}
