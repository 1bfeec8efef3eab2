#include "store/manifest.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bit/memory.h"

void manifest_free(struct manifest *m)
{
    bit_checkpoint_free(&m->checkpoint);
    bit_table_destroy(m->table);
    bit_table_destroy(m->statistics);
    bit_free(m->shard);
    *m = (struct manifest){0};
}

void bit_checkpoint_free(struct bit_checkpoint *c)
{
    bit_free(c->job);
    bit_free(c->model);
    bit_free(c->classes);
    bit_free(c->data_fingerprint);
    bit_free(c->extra);
    *c = (struct bit_checkpoint){0};
}

void shard_range(uint64_t elements, size_t i, size_t n, uint64_t *first, uint64_t *count)
{
    /* No overflow: n is at most 2^16, elements below 2^48. */
    uint64_t units = elements / BIT_TABLE_PAD;
    *first = units * i / n * BIT_TABLE_PAD;
    *count = units * (i + 1) / n * BIT_TABLE_PAD - *first;
}

void shard_name(size_t i, size_t n, char name[STORE_FILE_NAME])
{
    snprintf(name, STORE_FILE_NAME, "shard-%04zu-of-%04zu.h5", i, n);
}

static const char *const kinds[] = {[BIT_KERNEL] = "kernel", [BIT_GAMMA] = "gamma", [BIT_BETA] = "beta",
                                    [BIT_BIAS] = "bias", [BIT_STATISTIC] = "statistic"};

const char *manifest_kind(int kind)
{
    return kind >= 0 && kind <= BIT_STATISTIC ? kinds[kind] : NULL;
}

static struct bit_hash digest_one(struct bit_hash before, const struct bit_table *table)
{
    for (size_t i = 0; table && i < table->count; i++) {
        const struct bit_parameter *p = &table->items[i];
        char line[BIT_PARAMETER_NAME + 192], hex[BIT_HASH_TEXT];
        size_t s[4] = {1, 1, 1, 1};
        memcpy(s, p->shape, (size_t)p->dimensions * sizeof *s);
        bit_hash_text(before, hex);
        int size = snprintf(line, sizeof line, "%s %s %s %d %zu %zu %zu %zu\n", hex, p->name, kinds[p->kind], p->block,
                            s[0], s[1], s[2], s[3]);
        before = bit_hash_bytes(line, (size_t)size);
    }
    return before;
}

struct bit_hash table_digest(const struct bit_table *table, const struct bit_table *statistics)
{
    return digest_one(digest_one((struct bit_hash){0, 0}, table), statistics);
}

static void add_hash(struct bit_text *t, const char *key, struct bit_hash hash, bool there)
{
    char hex[BIT_HASH_TEXT];
    bit_hash_text(hash, hex);
    bit_text_add(t, there ? ",\n\"%s\":\"%s\"" : ",\n\"%s\":null", key, hex);
}

static void add_string(struct bit_text *t, const char *key, const char *value)
{
    bit_text_add(t, ",\n\"%s\":", key);
    if (value)
        bit_text_add_json(t, value);
    else
        bit_text_add(t, "null");
}

/* Folder names are bytes; where they are not UTF-8, JSON text cannot hold them as they are. */
static void add_classes(struct bit_text *t, const char *classes)
{
    if (bit_text_is_utf8(classes, strlen(classes))) {
        add_string(t, "classes", classes);
        return;
    }
    bit_text_add(t, ",\n\"classes_hex\":\"");
    for (const unsigned char *s = (const unsigned char *)classes; *s; s++)
        bit_text_add(t, "%02x", *s);
    bit_text_add(t, "\"");
}

static void add_table(struct bit_text *t, const char *key, const struct bit_table *table)
{
    bit_text_add(t, ",\n\"%s\":[", key);
    for (size_t i = 0; table && i < table->count; i++) {
        const struct bit_parameter *p = &table->items[i];
        bit_text_add(t, "%s\n[", i ? "," : "");
        bit_text_add_json(t, p->name);
        bit_text_add(t, ",\"%s\",%d,[", kinds[p->kind], p->block);
        for (int d = 0; d < p->dimensions; d++)
            bit_text_add(t, "%s%zu", d ? "," : "", p->shape[d]);
        bit_text_add(t, "]]");
    }
    bit_text_add(t, "]");
}

static void add_file(struct bit_text *t, const struct file_entry *f)
{
    char hex[BIT_HASH_TEXT];
    bit_hash_text(f->checksum, hex);
    bit_text_add(t, "{\"file\":\"%s\",\"bytes\":%llu,\"checksum\":\"%s\"", f->name, (unsigned long long)f->bytes, hex);
}

static void add_files(struct bit_text *t, const struct manifest *m)
{
    bit_text_add(t, ",\n\"block\":%d,\n\"master\":", CHECKSUM_BLOCK);
    add_file(t, &m->master);
    bit_text_add(t, "},\n\"shards\":[");
    for (size_t i = 0; i < m->shards; i++) {
        const struct shard_entry *s = &m->shard[i];
        bit_text_add(t, i ? ",\n" : "\n");
        add_file(t, &s->file);
        bit_text_add(t, ",\"first\":%llu,\"count\":%llu,\"weights_at\":%llu,\"momentum_at\":%llu,\"statistics_at\":%llu}",
                     (unsigned long long)s->first, (unsigned long long)s->count, (unsigned long long)s->weights_at,
                     (unsigned long long)s->momentum_at, (unsigned long long)s->statistics_at);
    }
    bit_text_add(t, "]");
}

int manifest_write(const struct manifest *m, struct bit_text *t, struct bit_error *error)
{
    const struct bit_checkpoint *c = &m->checkpoint;
    size_t start = t->size;

    bit_text_add(t, "{\"format\":\"bit-checkpoint\",\n\"version\":%d,\n\"producer\":\"%s\",\n\"time\":\"%s\"", MANIFEST_VERSION,
                 m->producer, m->stamp);
    bit_text_add(t, ",\n\"step\":%llu,\n\"samples\":%llu,\n\"epoch\":%.17g", (unsigned long long)c->step,
                 (unsigned long long)c->samples, isfinite(c->epoch) ? c->epoch : 0);
    add_hash(t, "weights_hash", c->weights_hash, true);
    add_hash(t, "momentum_hash", c->momentum_hash, m->has_momentum);
    add_hash(t, "statistics_hash", c->statistics_hash, m->statistics != NULL);
    add_hash(t, "table_hash", table_digest(m->table, m->statistics), true);
    add_string(t, "model", c->model);
    add_string(t, "job", c->job);
    add_string(t, "data", c->data_fingerprint);
    add_string(t, "extra", c->extra);
    add_classes(t, c->classes);
    bit_text_add(t, ",\n\"elements\":%zu", m->table->elements);
    add_table(t, "parameters", m->table);
    add_table(t, "statistics", m->statistics);
    add_files(t, m);
    if (t->failed)
        return bit_fail(error, BIT_EENVIRONMENT, "out of memory: the manifest");
    char hex[BIT_HASH_TEXT];
    bit_hash_text(bit_hash_bytes(t->data + start, t->size - start), hex);
    bit_text_add(t, MANIFEST_TRAILER "%s\"}\n", hex);
    if (t->failed)
        return bit_fail(error, BIT_EENVIRONMENT, "out of memory: the manifest");
    return 0;
}
