#include "bit/table.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "bit/memory.h"

struct bit_table *bit_table_create(struct bit_error *error)
{
    return bit_allocate(1, sizeof(struct bit_table), "the parameter table", error);
}

void bit_table_destroy(struct bit_table *table)
{
    if (!table)
        return;
    bit_free(table->items);
    bit_free(table);
}

static int grow(struct bit_table *table, struct bit_error *error)
{
    if (table->count < table->capacity)
        return 0;
    size_t capacity = table->capacity ? table->capacity * 2 : 64;
    struct bit_parameter *items = bit_allocate(capacity, sizeof *items, "the parameter table", error);
    if (!items)
        return -1;
    if (table->count)
        memcpy(items, table->items, table->count * sizeof *items);
    bit_free(table->items);
    table->items = items;
    table->capacity = capacity;
    return 0;
}

/* Elements of a block at most. */
static const size_t LARGEST = SIZE_MAX / 2 / sizeof(float) / BIT_TABLE_PAD * BIT_TABLE_PAD;

int bit_table_add(struct bit_table *table, const char *name, enum bit_parameter_kind kind, int block, int dimensions,
                  const size_t *shape, struct bit_error *error)
{
    if (dimensions < 1 || dimensions > 4 || strlen(name) >= BIT_PARAMETER_NAME)
        return bit_fail(error, BIT_EINTERNAL, "parameter %s: bad name or number of dimensions", name);
    if (grow(table, error))
        return -1;
    struct bit_parameter *p = &table->items[table->count];
    *p = (struct bit_parameter){.kind = kind, .dimensions = dimensions, .count = 1, .offset = table->elements,
                                .block = block, .trains = true, .decays = true, .rate = 1};
    snprintf(p->name, sizeof p->name, "%s", name);
    for (int i = 0; i < dimensions; i++) {
        p->shape[i] = shape[i];
        /* Half the address space in all, so that neither padding nor bytes can overflow. */
        if (__builtin_mul_overflow(p->count, shape[i], &p->count) || p->count > LARGEST - table->elements)
            return bit_fail(error, BIT_EUSAGE, "parameter %s is too large", name);
    }
    table->numbers += p->count;
    table->elements += (p->count + BIT_TABLE_PAD - 1) / BIT_TABLE_PAD * BIT_TABLE_PAD;
    return (int)table->count++;
}

void bit_table_assign(struct bit_table *table, const struct bit_roles_rule *rule)
{
    for (size_t i = 0; i < table->count; i++) {
        struct bit_parameter *p = &table->items[i];
        int part = p->head ? BIT_PART_HEAD : p->block < BIT_PART_HEAD ? p->block : BIT_PART_HEAD - 1;
        p->trains = !rule->frozen[part];
        p->decays = !rule->decay_kernels_only || p->kind == BIT_KERNEL;
        p->rate = rule->rate[part] > 0 ? rule->rate[part] : 1;
    }
}

int bit_table_find(const struct bit_table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++)
        if (!strcmp(table->items[i].name, name))
            return (int)i;
    return -1;
}

size_t bit_table_at(const struct bit_table *table, size_t element)
{
    size_t low = 0, high = table->count;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (table->items[middle].offset <= element)
            low = middle;
        else
            high = middle;
    }
    return low;
}

bool bit_table_equal(const struct bit_table *a, const struct bit_table *b)
{
    if (a->count != b->count || a->elements != b->elements)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const struct bit_parameter *p = &a->items[i], *q = &b->items[i];
        if (strcmp(p->name, q->name) || p->dimensions != q->dimensions || p->offset != q->offset ||
            memcmp(p->shape, q->shape, (size_t)p->dimensions * sizeof *p->shape))
            return false;
    }
    return true;
}

static struct bit_hash hash_chain(const struct bit_table *table, size_t i, struct bit_hash all, struct bit_hash each)
{
    const struct bit_parameter *p = &table->items[i];
    char text[BIT_PARAMETER_NAME + 160], hex[BIT_HASH_TEXT], before[BIT_HASH_TEXT];
    size_t s[4] = {1, 1, 1, 1};
    bit_hash_text(each, hex);
    bit_hash_text(all, before);
    memcpy(s, p->shape, (size_t)p->dimensions * sizeof *s);
    int size = snprintf(text, sizeof text, "%s %s %zu %zu %zu %zu %s", before, p->name, s[0], s[1], s[2], s[3], hex);
    return bit_hash_bytes(text, (size_t)size);
}

/* Each parameter is hashed by itself, in parallel; then names, shapes and hashes one after another. */
struct bit_hash bit_table_hash(const struct bit_table *table, const float *block)
{
    enum { CHUNK = 256 };
    struct bit_hash all = {0, 0}, each[CHUNK];
    for (size_t from = 0; from < table->count; from += CHUNK) {
        size_t count = table->count - from < CHUNK ? table->count - from : CHUNK;
#pragma omp parallel for schedule(dynamic) if (table->elements > 1 << 20) /* small ones are not worth waking threads */
        for (size_t i = 0; i < count; i++) {
            const struct bit_parameter *p = &table->items[from + i];
            each[i] = bit_hash_bytes(block + p->offset, p->count * sizeof *block);
        }
        for (size_t i = 0; i < count; i++)
            all = hash_chain(table, from + i, all, each[i]);
    }
    return all;
}

struct bit_hash bit_table_hash_combine(const struct bit_table *table, const struct bit_hash *each)
{
    struct bit_hash all = {0, 0};
    for (size_t i = 0; i < table->count; i++)
        all = hash_chain(table, i, all, each[i]);
    return all;
}

void bit_share_destroy(struct bit_share *share)
{
    bit_free(share->pieces);
    *share = (struct bit_share){0};
}
