/* bit ckpt show: what a generation holds. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bit/text.h"
#include "cli/ckpt.h"

struct range { double least, greatest, norm; size_t odd; /* NaN or infinite */ };

static struct range range_of(const float *values, size_t count)
{
    struct range r = {INFINITY, -INFINITY, 0, 0};
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        double x = (double)values[i];
        if (!isfinite(x)) {
            r.odd++;
            continue;
        }
        r.least = x < r.least ? x : r.least;
        r.greatest = x > r.greatest ? x : r.greatest;
        sum += x * x;
    }
    r.norm = sqrt(sum);
    if (r.odd == count)
        r.least = r.greatest = 0;
    return r;
}

static void shape_text(const struct bit_parameter *p, const char *between, char *buffer, size_t size)
{
    size_t used = 0;
    for (int d = 0; d < p->dimensions && used < size; d++)
        used += (size_t)snprintf(buffer + used, size - used, "%s%zu", d ? between : "", p->shape[d]);
}

static void show_table(const struct bit_table *table, const float *block)
{
    printf("\n%-62s %-18s %12s %12s %12s\n", "NAME", "SHAPE", "LEAST", "GREATEST", "NORM");
    for (size_t i = 0; i < table->count; i++) {
        const struct bit_parameter *p = &table->items[i];
        struct range r = range_of(block + p->offset, p->count);
        char shape[96];
        shape_text(p, " x ", shape, sizeof shape);
        printf("%-62s %-18s %12.5g %12.5g %12.5g", p->name, shape, r.least, r.greatest, r.norm);
        if (r.odd)
            printf("  %zu NaN or infinite", r.odd);
        putchar('\n');
    }
}

void ckpt_show(const struct bit_reader *reader, const struct ckpt_blocks *blocks)
{
    const struct bit_checkpoint *c = bit_reader_checkpoint(reader);
    const struct bit_table *table = bit_reader_table(reader), *statistics = bit_reader_statistics_table(reader);
    struct bit_generation g;
    char size[32], hash[BIT_HASH_TEXT];
    bit_reader_describe(reader, &g);
    bit_text_bytes((double)g.bytes, size, sizeof size);
    printf("checkpoint   %s, written %s by %d rank%s, %s\n", g.name, g.stamp, g.shards, g.shards == 1 ? "" : "s", size);
    printf("progress     step %llu, epoch %.3f, %llu images\n", (unsigned long long)c->step, c->epoch,
           (unsigned long long)c->samples);
    printf("model        %s\n", c->model);
    printf("parameters   %zu in %zu arrays\n", table->numbers, table->count);
    bit_hash_text(c->weights_hash, hash);
    printf("weights      %s\n", hash);
    bit_hash_text(c->momentum_hash, hash);
    printf("momentum     %s\n", blocks->momentum ? hash : "none");
    show_table(table, blocks->weights);
    if (statistics)
        show_table(statistics, blocks->statistics);
}

static void json_table(struct bit_text *t, const char *key, const struct bit_table *table, const float *block,
                       const float *momentum)
{
    bit_text_add(t, ",\n  \"%s\": [", key);
    for (size_t i = 0; i < table->count; i++) {
        const struct bit_parameter *p = &table->items[i];
        struct range r = range_of(block + p->offset, p->count);
        char shape[96];
        shape_text(p, ", ", shape, sizeof shape);
        bit_text_add(t, "%s\n    {\"name\": ", i ? "," : "");
        bit_text_add_json(t, p->name);
        bit_text_add(t, ", \"shape\": [%s], \"least\": %.9g, \"greatest\": %.9g, \"norm\": %.9g, \"not_finite\": %zu", shape,
                     r.least, r.greatest, r.norm, r.odd);
        if (momentum)
            bit_text_add(t, ", \"momentum_norm\": %.9g", range_of(momentum + p->offset, p->count).norm);
        bit_text_add(t, "}");
    }
    bit_text_add(t, "\n  ]");
}

void ckpt_show_json(const struct bit_reader *reader, const struct ckpt_blocks *blocks)
{
    const struct bit_checkpoint *c = bit_reader_checkpoint(reader);
    struct bit_text t = {0};
    struct bit_generation g;
    char hash[BIT_HASH_TEXT];
    bit_reader_describe(reader, &g);
    bit_text_add(&t, "{\n  \"name\": ");
    bit_text_add_json(&t, g.name);
    bit_text_add(&t, ", \"time\": ");
    bit_text_add_json(&t, g.stamp);
    bit_hash_text(c->weights_hash, hash);
    bit_text_add(&t, ", \"ranks\": %d, \"bytes\": %llu, \"step\": %llu, \"samples\": %llu, \"epoch\": %.17g,\n  \"weights\": "
                 "\"%s\"", g.shards, (unsigned long long)g.bytes, (unsigned long long)c->step,
                 (unsigned long long)c->samples, c->epoch, hash);
    bit_hash_text(c->momentum_hash, hash);
    bit_text_add(&t, ", \"momentum\": \"%s\"", blocks->momentum ? hash : "none");
    bit_text_add(&t, ",\n  \"model\": ");
    bit_text_add_json(&t, c->model);
    bit_text_add(&t, ",\n  \"job\": ");
    bit_text_add_json(&t, c->job);
    json_table(&t, "parameters", bit_reader_table(reader), blocks->weights, blocks->momentum);
    if (blocks->statistics)
        json_table(&t, "statistics", bit_reader_statistics_table(reader), blocks->statistics, NULL);
    bit_text_add(&t, "\n}\n");
    if (t.failed)
        fputs("bit: out of memory\n", stderr);
    else
        fputs(t.data, stdout);
    bit_text_free(&t);
}
