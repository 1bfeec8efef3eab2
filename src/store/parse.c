/* The strict reading of manifest.json: untrusted text. cJSON accepts too much, so shape, types and ranges are checked
 * here, key by key. */
#include <cJSON.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bit/memory.h"
#include "store/manifest.h"

enum { PARAMETERS = 1 << 16 };
#define WHOLE_LIMIT 9007199254740992.0 /* 2^53 */
#define BLOCK_LIMIT ((uint64_t)1 << 46) /* elements */

/* One object being taken apart; `taken` counts its known keys, so that unknown ones show at the end. */
struct object { const cJSON *json; const char *where; int taken; struct bit_error *error; };

static int damaged(struct bit_error *error, const char *where, const char *what)
{
    return bit_fail(error, BIT_EDATA, "%s%s%s", where, *where ? ": " : "", what);
}

static int object_start(struct object *o, const cJSON *json, const char *where, struct bit_error *error)
{
    *o = (struct object){.json = json, .where = where, .error = error};
    if (!cJSON_IsObject(json))
        return damaged(error, where, "an object was expected");
    int count = 0;
    for (const cJSON *a = json->child; a; a = a->next) {
        if (++count > 64)
            return damaged(error, where, "too many keys");
        for (const cJSON *b = json->child; b != a; b = b->next)
            if (!strcmp(a->string, b->string))
                return bit_fail(error, BIT_EDATA, "%s: the key \"%.64s\" stands there twice", where, a->string);
    }
    return 0;
}

static int object_end(const struct object *o)
{
    int count = cJSON_GetArraySize(o->json);
    return count == o->taken ? 0 : damaged(o->error, o->where, "an unknown key");
}

static const cJSON *take(struct object *o, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(o->json, key);
    if (item)
        o->taken++;
    else
        bit_fail(o->error, BIT_EDATA, "%s: the key \"%s\" is missing", o->where, key);
    return item;
}

static int whole(const cJSON *item, uint64_t limit, uint64_t *value)
{
    if (!cJSON_IsNumber(item))
        return -1;
    double x = item->valuedouble;
    if (!(x >= 0 && x < WHOLE_LIMIT) || x != floor(x) || (uint64_t)x > limit)
        return -1;
    *value = (uint64_t)x;
    return 0;
}

static int take_whole(struct object *o, const char *key, uint64_t limit, uint64_t *value)
{
    const cJSON *item = take(o, key);
    if (!item)
        return -1;
    if (whole(item, limit, value))
        return bit_fail(o->error, BIT_EDATA, "%s: \"%s\" is not a whole number from 0 to %llu", o->where, key,
                        (unsigned long long)limit);
    return 0;
}

static const char *take_string(struct object *o, const char *key)
{
    const cJSON *item = take(o, key);
    if (item && !cJSON_IsString(item)) {
        bit_fail(o->error, BIT_EDATA, "%s: \"%s\" is not a text", o->where, key);
        return NULL;
    }
    return item ? item->valuestring : NULL;
}

static int take_copy(struct object *o, const char *key, char **copy)
{
    const char *text = take_string(o, key);
    return text && (*copy = bit_copy_text(text, o->error)) ? 0 : -1;
}

static int take_short(struct object *o, const char *key, char *buffer, size_t size)
{
    const char *text = take_string(o, key);
    if (!text)
        return -1;
    if (strlen(text) >= size)
        return bit_fail(o->error, BIT_EDATA, "%s: \"%s\" is too long", o->where, key);
    strcpy(buffer, text);
    return 0;
}

/* null is accepted when `there` is given, and told by it. */
static int take_hash(struct object *o, const char *key, struct bit_hash *hash, bool *there)
{
    const cJSON *item = take(o, key);
    if (!item)
        return -1;
    if (there && cJSON_IsNull(item)) {
        *there = false;
        return 0;
    }
    if (there)
        *there = true;
    if (!cJSON_IsString(item) || bit_hash_parse(item->valuestring, hash))
        return bit_fail(o->error, BIT_EDATA, "%s: \"%s\" is not a hash of 32 digits", o->where, key);
    return 0;
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int take_classes(struct object *o, char **classes)
{
    if (cJSON_GetObjectItemCaseSensitive(o->json, "classes"))
        return take_copy(o, "classes", classes);
    if (take_copy(o, "classes_hex", classes))
        return -1;
    char *to = *classes;
    for (const char *from = *classes; *from; from += 2) {
        int high = digit(from[0]), low = high < 0 ? -1 : digit(from[1]);
        if (low < 0 || high + low == 0)
            return damaged(o->error, o->where, "\"classes_hex\" is not made of pairs of digits");
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
    if (!cJSON_IsString(item[0]) || !cJSON_IsString(item[1]) || whole(item[2], 1000, &block) || !cJSON_IsArray(item[3]))
        return damaged(error, "parameters", "a row is not [name, kind, block, [shape]]");
    const char *name = item[0]->valuestring;
    while (manifest_kind(kind) && strcmp(manifest_kind(kind), item[1]->valuestring))
        kind++;
    if (!manifest_kind(kind) || !*name || strlen(name) >= BIT_PARAMETER_NAME || name[0] == '/' || strstr(name, "//"))
        return bit_fail(error, BIT_EDATA, "parameters: bad name or kind: %.100s", name);
    for (const cJSON *d = item[3]->child; d; d = d->next) {
        uint64_t size;
        if (dimensions == 4 || whole(d, BLOCK_LIMIT, &size) || size == 0 || size > BLOCK_LIMIT / count)
            return bit_fail(error, BIT_EDATA, "parameters: bad shape of %s", name);
        shape[dimensions++] = size;
        count *= size;
    }
    if (!dimensions || table->elements > BLOCK_LIMIT - count)
        return bit_fail(error, BIT_EDATA, "parameters: bad shape of %s", name);
    return bit_table_add(table, name, (enum bit_parameter_kind)kind, (int)block, dimensions, shape, error) < 0 ? -1 : 0;
}

static int take_table(struct object *o, const char *key, struct bit_table **table)
{
    const cJSON *rows = take(o, key);
    if (!rows)
        return -1;
    if (!cJSON_IsArray(rows))
        return bit_fail(o->error, BIT_EDATA, "%s: \"%s\" is not a list", o->where, key);
    if (!(*table = bit_table_create(o->error)))
        return -1;
    for (const cJSON *row = rows->child; row; row = row->next) {
        if ((*table)->count == PARAMETERS)
            return damaged(o->error, o->where, "too many parameters");
        if (parse_parameter(row, *table, o->error))
            return -1;
    }
    return 0;
}

static int take_file(struct object *o, struct file_entry *f, const char *expected)
{
    if (take_short(o, "file", f->name, sizeof f->name) || take_whole(o, "bytes", (uint64_t)1 << 52, &f->bytes) ||
        take_hash(o, "checksum", &f->checksum, NULL))
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
    struct object o;
    char expected[STORE_FILE_NAME];
    uint64_t first, count, limit = (uint64_t)1 << 52;
    shard_name(i, m->shards, expected);
    shard_range(m->table->elements, i, m->shards, &first, &count);
    if (object_start(&o, json, "shards", error) || take_file(&o, &s->file, expected) ||
        take_whole(&o, "first", limit, &s->first) || take_whole(&o, "count", limit, &s->count) ||
        take_whole(&o, "weights_at", limit, &s->weights_at) || take_whole(&o, "momentum_at", limit, &s->momentum_at) ||
        take_whole(&o, "statistics_at", limit, &s->statistics_at) || object_end(&o))
        return -1;
    uint64_t statistics = i == 0 && m->statistics ? m->statistics->elements : 0;
    if (s->first != first || s->count != count || !placed(s, s->weights_at, count) ||
        !placed(s, s->momentum_at, m->has_momentum ? count : 0) || !placed(s, s->statistics_at, statistics))
        return bit_fail(error, BIT_EDATA, "shards: %s has a range or a place that cannot be", s->file.name);
    return 0;
}

static int parse_files(struct object *root, struct manifest *m)
{
    struct object o;
    uint64_t block;
    if (take_whole(root, "block", CHECKSUM_BLOCK, &block))
        return -1;
    if (block != CHECKSUM_BLOCK)
        return damaged(root->error, root->where, "\"block\" is not 1048576");
    const cJSON *master = take(root, "master"), *shards = take(root, "shards");
    if (!master || !shards || object_start(&o, master, "master", root->error) ||
        take_file(&o, &m->master, MASTER_NAME) || object_end(&o))
        return -1;
    int count = cJSON_IsArray(shards) ? cJSON_GetArraySize(shards) : 0;
    if (count < 1 || count > STORE_SHARDS)
        return damaged(root->error, root->where, "\"shards\" is not a list of 1 to 65536 shards");
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

static int parse_tables(struct object *o, struct manifest *m, bool has_statistics)
{
    uint64_t elements;
    struct bit_hash digest;
    if (take_whole(o, "elements", BLOCK_LIMIT, &elements) || take_table(o, "parameters", &m->table) ||
        take_table(o, "statistics", &m->statistics) || take_hash(o, "table_hash", &digest, NULL))
        return -1;
    if (m->statistics->count == 0) {
        bit_table_destroy(m->statistics);
        m->statistics = NULL;
    }
    if (!m->table->count || m->table->elements != elements)
        return damaged(o->error, o->where, "\"elements\" is not what the parameters add up to");
    if (has_statistics != (m->statistics != NULL))
        return damaged(o->error, o->where, "\"statistics\" and \"statistics_hash\" disagree");
    if (!bit_hash_equal(digest, table_digest(m->table, m->statistics)))
        return damaged(o->error, o->where, "\"table_hash\" is not that of the parameters");
    return 0;
}

static int parse_state(struct object *o, struct manifest *m, bool *has_statistics)
{
    struct bit_checkpoint *c = &m->checkpoint;
    uint64_t limit = ((uint64_t)1 << 53) - 1;
    const cJSON *epoch;
    if (take_short(o, "producer", m->producer, sizeof m->producer) || take_short(o, "time", m->stamp, sizeof m->stamp) ||
        take_whole(o, "step", limit, &c->step) || take_whole(o, "samples", limit, &c->samples) ||
        !(epoch = take(o, "epoch")))
        return -1;
    if (!cJSON_IsNumber(epoch) || !isfinite(epoch->valuedouble) || epoch->valuedouble < 0)
        return damaged(o->error, o->where, "\"epoch\" is not a number from 0 up");
    c->epoch = epoch->valuedouble;
    if (take_hash(o, "weights_hash", &c->weights_hash, NULL) ||
        take_hash(o, "momentum_hash", &c->momentum_hash, &m->has_momentum) ||
        take_hash(o, "statistics_hash", &c->statistics_hash, has_statistics))
        return -1;
    const cJSON *extra = cJSON_GetObjectItemCaseSensitive(o->json, "extra");
    if (cJSON_IsNull(extra))
        o->taken++;
    else if (take_copy(o, "extra", &c->extra))
        return -1;
    return take_copy(o, "model", &c->model) || take_copy(o, "job", &c->job) ||
           take_copy(o, "data", &c->data_fingerprint) || take_classes(o, &c->classes) ? -1 : 0;
}

static int parse_root(const cJSON *json, struct manifest *m, struct bit_error *error)
{
    struct object o;
    struct bit_hash checksum;
    bool has_statistics;
    uint64_t version;
    if (object_start(&o, json, "manifest", error))
        return -1;
    const char *format = take_string(&o, "format");
    if (!format || strcmp(format, "bit-checkpoint"))
        return damaged(error, "", "\"format\" is not \"bit-checkpoint\"");
    if (take_whole(&o, "version", 1000000, &version))
        return -1;
    if (version != MANIFEST_VERSION) {
        const cJSON *producer = cJSON_GetObjectItemCaseSensitive(json, "producer");
        return bit_fail(error, version > MANIFEST_VERSION ? BIT_EUSAGE : BIT_EDATA,
                        "written in format version %llu by %.64s; this program reads version %d: use a newer one",
                        (unsigned long long)version, cJSON_IsString(producer) ? producer->valuestring : "another program",
                        MANIFEST_VERSION);
    }
    if (parse_state(&o, m, &has_statistics) || parse_tables(&o, m, has_statistics) || parse_files(&o, m) ||
        take_hash(&o, "checksum", &checksum, NULL))
        return -1;
    return object_end(&o);
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
    if (strlen(text) != size || !bit_text_is_utf8(text, size)) {
        damaged(error, "", "is not UTF-8 text");
        goto out;
    }
    /* The length includes the final 0: cJSON looks for it behind the object, and so finds trailing text. */
    json = cJSON_ParseWithLengthOpts(text, size + 1, NULL, 1);
    if (!json)
        damaged(error, "", "is not one JSON object");
    else
        result = parse_root(json, m, error);
out:
    cJSON_Delete(json);
    if (result) {
        bit_fail_at(error, "%s", name);
        manifest_free(m);
    }
    return result;
}
