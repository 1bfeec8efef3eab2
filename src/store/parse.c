/* The strict reading of manifest.json: untrusted text. cJSON accepts too much, so shape, types and ranges are checked
 * here, key by key. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bit/json.h"
#include "bit/memory.h"
#include "store/manifest.h"

enum { PARAMETERS = 1 << 16 };
#define BLOCK_LIMIT ((uint64_t)1 << 46) /* elements */

static int damaged(struct bit_error *error, const char *where, const char *what)
{
    return bit_fail(error, BIT_EDATA, "%s%s%s", where, *where ? ": " : "", what);
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int take_classes(struct bit_json_object *o, char **classes)
{
    if (cJSON_GetObjectItemCaseSensitive(o->json, "classes"))
        return bit_json_take_copy(o, "classes", classes);
    if (bit_json_take_copy(o, "classes_hex", classes))
        return -1;
    char *to = *classes;
    for (const char *from = *classes; *from; from += 2) {
        int high = digit(from[0]), low = high < 0 ? -1 : digit(from[1]);
        if (low < 0 || high + low == 0)
            return bit_json_fail(o, "\"classes_hex\" is not made of pairs of digits");
        *to++ = (char)(high << 4 | low);
    }
    *to = 0;
    return 0;
}

static int parse_parameter(const cJSON *row, struct bit_table *table, struct bit_error *error)
{
    const cJSON *item[4];
    size_t shape[4], count = 1;
    uint64_t block;
    int dimensions = 0, kind = 0;
    if (!cJSON_IsArray(row) || cJSON_GetArraySize(row) != 4)
        return damaged(error, "parameters", "a row of four was expected");
    for (int i = 0; i < 4; i++)
        item[i] = cJSON_GetArrayItem(row, i);
    if (!cJSON_IsString(item[0]) || !cJSON_IsString(item[1]) || !bit_json_is_whole(item[2], 1000, &block) || !cJSON_IsArray(item[3]))
        return damaged(error, "parameters", "a row is not [name, kind, block, [shape]]");
    const char *name = item[0]->valuestring;
    while (manifest_kind(kind) && strcmp(manifest_kind(kind), item[1]->valuestring))
        kind++;
    if (!manifest_kind(kind) || !*name || strlen(name) >= BIT_PARAMETER_NAME || name[0] == '/' || strstr(name, "//"))
        return bit_fail(error, BIT_EDATA, "parameters: bad name or kind: %.100s", name);
    for (const cJSON *d = item[3]->child; d; d = d->next) {
        uint64_t size;
        if (dimensions == 4 || !bit_json_is_whole(d, BLOCK_LIMIT, &size) || size == 0 || size > BLOCK_LIMIT / count)
            return bit_fail(error, BIT_EDATA, "parameters: bad shape of %s", name);
        shape[dimensions++] = size;
        count *= size;
    }
    if (!dimensions || table->elements > BLOCK_LIMIT - count)
        return bit_fail(error, BIT_EDATA, "parameters: bad shape of %s", name);
    return bit_table_add(table, name, (enum bit_parameter_kind)kind, (int)block, dimensions, shape, error) < 0 ? -1 : 0;
}

static int take_table(struct bit_json_object *o, const char *key, struct bit_table **table)
{
    const cJSON *rows = bit_json_take(o, key);
    if (!rows)
        return -1;
    if (!cJSON_IsArray(rows))
        return bit_fail(o->error, BIT_EDATA, "%s: \"%s\" is not a list", o->where, key);
    if (!(*table = bit_table_create(o->error)))
        return -1;
    for (const cJSON *row = rows->child; row; row = row->next) {
        if ((*table)->count == PARAMETERS)
            return bit_json_fail(o, "too many parameters");
        if (parse_parameter(row, *table, o->error))
            return -1;
    }
    return 0;
}

static int take_file(struct bit_json_object *o, struct file_entry *f, const char *expected)
{
    if (bit_json_take_short(o, "file", f->name, sizeof f->name) || bit_json_take_whole(o, "bytes", (uint64_t)1 << 52, &f->bytes) ||
        bit_json_take_hash(o, "checksum", &f->checksum, NULL))
        return -1;
    if (strcmp(f->name, expected))
        return bit_fail(o->error, BIT_EDATA, "%s: the file %s was expected, not %s", o->where, expected, f->name);
    return 0;
}

/* An array of `count` elements at `at` must lie inside the file, at a multiple of an element; nothing has no place. */
static bool placed(const struct shard_entry *s, uint64_t at, uint64_t count)
{
    if (!count)
        return at == 0;
    return at && at % sizeof(float) == 0 && at <= s->file.bytes && count <= (s->file.bytes - at) / sizeof(float);
}

static int parse_shard(const cJSON *json, struct manifest *m, size_t i, struct bit_error *error)
{
    struct shard_entry *s = &m->shard[i];
    struct bit_json_object o;
    char expected[STORE_FILE_NAME];
    uint64_t first, count, limit = (uint64_t)1 << 52;
    shard_name(i, m->shards, expected);
    shard_range(m->table->elements, i, m->shards, &first, &count);
    if (bit_json_start(&o, json, "shards", error) || take_file(&o, &s->file, expected) ||
        bit_json_take_whole(&o, "first", limit, &s->first) || bit_json_take_whole(&o, "count", limit, &s->count) ||
        bit_json_take_whole(&o, "weights_at", limit, &s->weights_at) || bit_json_take_whole(&o, "momentum_at", limit, &s->momentum_at) ||
        bit_json_take_whole(&o, "statistics_at", limit, &s->statistics_at) || bit_json_end(&o))
        return -1;
    uint64_t statistics = i == 0 && m->statistics ? m->statistics->elements : 0;
    if (s->first != first || s->count != count || !placed(s, s->weights_at, count) ||
        !placed(s, s->momentum_at, m->has_momentum ? count : 0) || !placed(s, s->statistics_at, statistics))
        return bit_fail(error, BIT_EDATA, "shards: %s has a range or a place that cannot be", s->file.name);
    return 0;
}

static int parse_files(struct bit_json_object *root, struct manifest *m)
{
    struct bit_json_object o;
    uint64_t block;
    if (bit_json_take_whole(root, "block", CHECKSUM_BLOCK, &block))
        return -1;
    if (block != CHECKSUM_BLOCK)
        return bit_json_fail(root, "\"block\" is not 1048576");
    const cJSON *master = bit_json_take(root, "master"), *shards = bit_json_take(root, "shards");
    if (!master || !shards || bit_json_start(&o, master, "master", root->error) ||
        take_file(&o, &m->master, MASTER_NAME) || bit_json_end(&o))
        return -1;
    int count = cJSON_IsArray(shards) ? cJSON_GetArraySize(shards) : 0;
    if (count < 1 || count > STORE_SHARDS)
        return bit_json_fail(root, "\"shards\" is not a list of 1 to 65536 shards");
    m->shard = bit_allocate((size_t)count, sizeof *m->shard, "the list of shards", root->error);
    if (!m->shard)
        return -1;
    m->shards = (size_t)count;
    size_t i = 0;
    for (const cJSON *s = shards->child; s; s = s->next, i++)
        if (parse_shard(s, m, i, root->error))
            return -1;
    return 0;
}

static int parse_tables(struct bit_json_object *o, struct manifest *m, bool has_statistics)
{
    uint64_t elements;
    struct bit_hash digest;
    if (bit_json_take_whole(o, "elements", BLOCK_LIMIT, &elements) || take_table(o, "parameters", &m->table) ||
        take_table(o, "statistics", &m->statistics) || bit_json_take_hash(o, "table_hash", &digest, NULL))
        return -1;
    if (m->statistics->count == 0) {
        bit_table_destroy(m->statistics);
        m->statistics = NULL;
    }
    if (!m->table->count || m->table->elements != elements)
        return bit_json_fail(o, "\"elements\" is not what the parameters add up to");
    if (has_statistics != (m->statistics != NULL))
        return bit_json_fail(o, "\"statistics\" and \"statistics_hash\" disagree");
    if (!bit_hash_equal(digest, table_digest(m->table, m->statistics)))
        return bit_json_fail(o, "\"table_hash\" is not that of the parameters");
    return 0;
}

static int parse_state(struct bit_json_object *o, struct manifest *m, bool *has_statistics)
{
    struct bit_checkpoint *c = &m->checkpoint;
    uint64_t limit = ((uint64_t)1 << 53) - 1;
    const cJSON *epoch;
    if (bit_json_take_short(o, "producer", m->producer, sizeof m->producer) || bit_json_take_short(o, "time", m->stamp, sizeof m->stamp) ||
        bit_json_take_whole(o, "step", limit, &c->step) || bit_json_take_whole(o, "samples", limit, &c->samples) ||
        !(epoch = bit_json_take(o, "epoch")))
        return -1;
    if (!cJSON_IsNumber(epoch) || !isfinite(epoch->valuedouble) || epoch->valuedouble < 0)
        return bit_json_fail(o, "\"epoch\" is not a number from 0 up");
    c->epoch = epoch->valuedouble;
    if (bit_json_take_hash(o, "weights_hash", &c->weights_hash, NULL) ||
        bit_json_take_hash(o, "momentum_hash", &c->momentum_hash, &m->has_momentum) ||
        bit_json_take_hash(o, "statistics_hash", &c->statistics_hash, has_statistics))
        return -1;
    const cJSON *extra = cJSON_GetObjectItemCaseSensitive(o->json, "extra");
    if (cJSON_IsNull(extra))
        o->taken++;
    else if (bit_json_take_copy(o, "extra", &c->extra))
        return -1;
    return bit_json_take_copy(o, "model", &c->model) || bit_json_take_copy(o, "job", &c->job) ||
           bit_json_take_copy(o, "data", &c->data_fingerprint) || take_classes(o, &c->classes) ? -1 : 0;
}

static int parse_root(const cJSON *json, struct manifest *m, struct bit_error *error)
{
    struct bit_json_object o;
    struct bit_hash checksum;
    bool has_statistics;
    uint64_t version;
    if (bit_json_start(&o, json, "manifest", error))
        return -1;
    const char *format = bit_json_take_string(&o, "format");
    if (!format || strcmp(format, "bit-checkpoint"))
        return damaged(error, "", "\"format\" is not \"bit-checkpoint\"");
    if (bit_json_take_whole(&o, "version", 1000000, &version))
        return -1;
    if (version != MANIFEST_VERSION) {
        const cJSON *producer = cJSON_GetObjectItemCaseSensitive(json, "producer");
        return bit_fail(error, version > MANIFEST_VERSION ? BIT_EUSAGE : BIT_EDATA,
                        "written in format version %llu by %.64s; this program reads version %d: use a newer one",
                        (unsigned long long)version, cJSON_IsString(producer) ? producer->valuestring : "another program",
                        MANIFEST_VERSION);
    }
    if (parse_state(&o, m, &has_statistics) || parse_tables(&o, m, has_statistics) || parse_files(&o, m) ||
        bit_json_take_hash(&o, "checksum", &checksum, NULL))
        return -1;
    return bit_json_end(&o);
}

static int check_trailer(const char *text, size_t size, struct bit_error *error)
{
    enum { HEAD = sizeof MANIFEST_TRAILER - 1, TAIL = HEAD + BIT_HASH_TEXT - 1 + 3 };
    char hex[BIT_HASH_TEXT];
    struct bit_hash said;
    if (size < TAIL || memcmp(text + size - TAIL, MANIFEST_TRAILER, HEAD) || memcmp(text + size - 3, "\"}\n", 3))
        return damaged(error, "", "does not end with a checksum: cut short or damaged");
    memcpy(hex, text + size - TAIL + HEAD, BIT_HASH_TEXT - 1);
    hex[BIT_HASH_TEXT - 1] = 0;
    if (bit_hash_parse(hex, &said) || !bit_hash_equal(said, bit_hash_bytes(text, size - TAIL)))
        return damaged(error, "", "its checksum is wrong");
    return 0;
}

int manifest_parse(const char *text, size_t size, const char *name, struct manifest *m, struct bit_error *error)
{
    *m = (struct manifest){0};
    int result = -1;
    cJSON *json = NULL;
    if (check_trailer(text, size, error))
        goto out;
    json = bit_json_parse(text, size, error);
    if (json)
        result = parse_root(json, m, error);
out:
    cJSON_Delete(json);
    if (result) {
        bit_fail_at(error, "%s", name);
        manifest_free(m);
    }
    return result;
}
