#include "bit/json.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>

#include "bit/file.h"
#include "bit/memory.h"

enum { KEYS = 64 };

/* ---- documents ---- */

struct cJSON *bit_json_parse(const char *text, size_t size, struct bit_error *error)
{
    if (strlen(text) != size || !bit_text_is_utf8(text, size)) {
        bit_fail(error, BIT_EDATA, "is not UTF-8 text");
        return NULL;
    }
    /* The length includes the final 0: cJSON looks for it behind the value, and so finds trailing text. */
    cJSON *json = cJSON_ParseWithLengthOpts(text, size + 1, NULL, 1);
    if (!json)
        bit_fail(error, BIT_EDATA, "is not JSON");
    return json;
}

struct cJSON *bit_json_read(const char *path, size_t limit, struct bit_error *error)
{
    char *data;
    size_t size;
    if (bit_file_read(path, limit, &data, &size, error))
        return NULL;
    cJSON *json = bit_json_parse(data, size, error);
    if (!json)
        bit_fail_at(error, "%s", path);
    bit_free(data);
    return json;
}

/* ---- an object of which every key is known ---- */

int bit_json_fail(const struct bit_json_object *o, const char *what)
{
    return bit_fail(o->error, BIT_EDATA, "%s%s%s", o->where, *o->where ? ": " : "", what);
}

int bit_json_start(struct bit_json_object *o, const cJSON *json, const char *where, struct bit_error *error)
{
    *o = (struct bit_json_object){.json = json, .where = where, .error = error};
    if (!cJSON_IsObject(json))
        return bit_json_fail(o, "an object was expected");
    int count = 0;
    for (const cJSON *a = json->child; a; a = a->next) {
        if (++count > KEYS)
            return bit_json_fail(o, "too many keys");
        for (const cJSON *b = json->child; b != a; b = b->next)
            if (!strcmp(a->string, b->string))
                return bit_fail(error, BIT_EDATA, "%s: the key \"%.64s\" stands there twice", where, a->string);
    }
    return 0;
}

int bit_json_end(const struct bit_json_object *o)
{
    return cJSON_GetArraySize(o->json) == o->taken ? 0 : bit_json_fail(o, "an unknown key");
}

const cJSON *bit_json_take_if(struct bit_json_object *o, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(o->json, key);
    o->taken += item != NULL;
    return item;
}

const cJSON *bit_json_take(struct bit_json_object *o, const char *key)
{
    const cJSON *item = bit_json_take_if(o, key);
    if (!item)
        bit_fail(o->error, BIT_EDATA, "%s: the key \"%s\" is missing", o->where, key);
    return item;
}

int bit_json_take_whole(struct bit_json_object *o, const char *key, uint64_t limit, uint64_t *value)
{
    const cJSON *item = bit_json_take(o, key);
    if (!item)
        return -1;
    if (!bit_json_is_whole(item, limit, value))
        return bit_fail(o->error, BIT_EDATA, "%s: \"%s\" is not a whole number from 0 to %llu", o->where, key,
                        (unsigned long long)limit);
    return 0;
}

const char *bit_json_take_string(struct bit_json_object *o, const char *key)
{
    const cJSON *item = bit_json_take(o, key);
    if (item && !cJSON_IsString(item)) {
        bit_fail(o->error, BIT_EDATA, "%s: \"%s\" is not a text", o->where, key);
        return NULL;
    }
    return item ? item->valuestring : NULL;
}

int bit_json_take_copy(struct bit_json_object *o, const char *key, char **copy)
{
    const char *text = bit_json_take_string(o, key);
    return text && (*copy = bit_copy_text(text, o->error)) ? 0 : -1;
}

int bit_json_take_short(struct bit_json_object *o, const char *key, char *buffer, size_t size)
{
    const char *text = bit_json_take_string(o, key);
    if (!text)
        return -1;
    if (strlen(text) >= size)
        return bit_fail(o->error, BIT_EDATA, "%s: \"%s\" is too long", o->where, key);
    strcpy(buffer, text);
    return 0;
}

int bit_json_take_hash(struct bit_json_object *o, const char *key, struct bit_hash *hash, bool *known)
{
    const cJSON *item = bit_json_take(o, key);
    if (!item)
        return -1;
    if (known)
        *known = !cJSON_IsNull(item);
    if (known && !*known)
        return 0;
    if (!cJSON_IsString(item) || bit_hash_parse(item->valuestring, hash))
        return bit_fail(o->error, BIT_EDATA, "%s: \"%s\" is not a hash of 32 digits", o->where, key);
    return 0;
}

/* ---- values that may be missing ---- */

bool bit_json_is_whole(const cJSON *json, uint64_t limit, uint64_t *value)
{
    if (!cJSON_IsNumber(json))
        return false;
    double x = json->valuedouble;
    if (!(x >= 0 && x < BIT_JSON_WHOLE_LIMIT) || x != floor(x) || (uint64_t)x > limit)
        return false;
    *value = (uint64_t)x;
    return true;
}

double bit_json_number(const cJSON *object, const char *key, double missing)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(item) ? item->valuedouble : missing;
}

uint64_t bit_json_whole(const cJSON *object, const char *key, uint64_t missing)
{
    uint64_t value;
    return bit_json_is_whole(cJSON_GetObjectItemCaseSensitive(object, key), UINT64_MAX, &value) ? value : missing;
}

const char *bit_json_string(const cJSON *object, const char *key, const char *missing)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsString(item) ? item->valuestring : missing;
}

/* ---- writing ---- */

void bit_json_add_number(struct bit_text *text, double value, int digits)
{
    if (isfinite(value))
        bit_text_add(text, "%.*g", digits, value);
    else
        bit_text_add(text, "null");
}

void bit_json_add_member(struct bit_text *text, const char *key, double value, int digits)
{
    bit_text_add(text, ",\"%s\":", key);
    bit_json_add_number(text, value, digits);
}
