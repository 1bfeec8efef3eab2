#include "coco/fields.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bit/json.h"
#include "bit/memory.h"

int bit_fields_array(struct bit_json_stream *stream, const char *array, int (*read)(struct bit_fields *, void *),
                     const char *const *keys, void *context, struct bit_error *error)
{
    enum bit_json_token token = bit_json_stream_next(stream, error);
    if (token == BIT_JSON_BROKEN)
        return -1;
    if (token != BIT_JSON_ARRAY)
        return bit_json_stream_fail(stream, error, "%s: expected an array of objects, found %s", array, bit_json_token_name(token));
    for (uint64_t number = 0;; number++) {
        struct bit_fields f = {.stream = stream, .array = array, .number = number, .keys = keys, .key = -1, .error = error};
        token = bit_json_stream_next(stream, error);
        if (token == BIT_JSON_ARRAY_END)
            return 0;
        if (token != BIT_JSON_OBJECT)
            return token == BIT_JSON_BROKEN ? -1 : bit_fields_fail(&f, "an object", token);
        if (read(&f, context))
            return -1;
    }
}

/* "annotations[12].bbox" */
static void place(const struct bit_fields *f, int key, char *text, size_t size)
{
    int used = *f->array ? snprintf(text, size, "%s[%llu]", f->array, (unsigned long long)f->number) : 0;
    if (key >= 0)
        snprintf(text + used, size - (size_t)used, "%s%s", used ? "." : "", f->keys[key]);
    else if (!used)
        snprintf(text, size, "the line");
}

int bit_fields_fail(const struct bit_fields *f, const char *expected, enum bit_json_token found)
{
    char where[128], number[40];
    const char *name = bit_json_token_name(found);
    if (found == BIT_JSON_BROKEN)
        return -1;
    if (found == BIT_JSON_NUMBER) {
        snprintf(number, sizeof number, "%.17g", bit_json_stream_number(f->stream));
        name = number;
    }
    place(f, f->key, where, sizeof where);
    return bit_json_stream_fail(f->stream, f->error, "%s: expected %s, found %s", where, expected, name);
}

int bit_fields_next(struct bit_fields *f)
{
    for (;;) {
        enum bit_json_token token = bit_json_stream_next(f->stream, f->error);
        if (token != BIT_JSON_KEY)
            return token == BIT_JSON_OBJECT_END ? BIT_FIELDS_DONE : BIT_FIELDS_FAILED;
        const char *key = bit_json_stream_text(f->stream);
        int found = 0;
        while (f->keys[found] && strcmp(f->keys[found], key))
            found++;
        if (!f->keys[found]) {
            if (bit_json_stream_skip(f->stream, token, f->error))
                return BIT_FIELDS_FAILED;
            continue;
        }
        f->key = found;
        if (f->seen & 1u << found) {
            char where[128];
            place(f, -1, where, sizeof where);
            return bit_json_stream_fail(f->stream, f->error, "%s: the key \"%s\" stands there twice", where, key);
        }
        f->seen |= 1u << found;
        return found;
    }
}

int bit_fields_need(const struct bit_fields *f, unsigned keys)
{
    char where[128];
    if ((f->seen & keys) == keys)
        return 0;
    int missing = 0;
    while (f->seen >> missing & 1 || !(keys >> missing & 1))
        missing++;
    place(f, -1, where, sizeof where);
    return bit_json_stream_fail(f->stream, f->error, "%s: the key \"%s\" is missing", where, f->keys[missing]);
}

int bit_fields_whole(const struct bit_fields *f, double least, double most, int64_t *value)
{
    char expected[96];
    enum bit_json_token token = bit_json_stream_next(f->stream, f->error);
    double number = bit_json_stream_number(f->stream);
    if (token == BIT_JSON_NUMBER && number >= least && number <= most && number == floor(number)) {
        *value = (int64_t)number;
        return 0;
    }
    snprintf(expected, sizeof expected, "a whole number from %.0f to %.0f", least, most);
    return bit_fields_fail(f, expected, token);
}

int bit_fields_number(const struct bit_fields *f, double *value)
{
    enum bit_json_token token = bit_json_stream_next(f->stream, f->error);
    *value = bit_json_stream_number(f->stream);
    return token == BIT_JSON_NUMBER && isfinite(*value) ? 0 : bit_fields_fail(f, "a finite number", token);
}

int bit_fields_box(const struct bit_fields *f, double box[4])
{
    static const char expected[] = "[x, y, width, height], four finite numbers";
    enum bit_json_token token = bit_json_stream_next(f->stream, f->error);
    if (token != BIT_JSON_ARRAY)
        return bit_fields_fail(f, expected, token);
    for (int i = 0; i < 4; i++) {
        token = bit_json_stream_next(f->stream, f->error);
        box[i] = bit_json_stream_number(f->stream);
        if (token != BIT_JSON_NUMBER || !isfinite(box[i]))
            return bit_fields_fail(f, expected, token);
    }
    token = bit_json_stream_next(f->stream, f->error);
    return token == BIT_JSON_ARRAY_END ? 0 : bit_fields_fail(f, "[x, y, width, height], no fifth", token);
}

int bit_fields_flag(const struct bit_fields *f, bool *value)
{
    enum bit_json_token token = bit_json_stream_next(f->stream, f->error);
    double number = bit_json_stream_number(f->stream);
    *value = token == BIT_JSON_TRUE || (token == BIT_JSON_NUMBER && number == 1);
    return *value || token == BIT_JSON_FALSE || (token == BIT_JSON_NUMBER && number == 0) ? 0 : bit_fields_fail(f, "0 or 1", token);
}

const char *bit_fields_text(const struct bit_fields *f)
{
    enum bit_json_token token = bit_json_stream_next(f->stream, f->error);
    if (token == BIT_JSON_TEXT)
        return bit_json_stream_text(f->stream);
    bit_fields_fail(f, "a text", token);
    return NULL;
}

int bit_fields_grow(void **array, size_t count, size_t *capacity, size_t size, const char *what, struct bit_error *error)
{
    if (count < *capacity)
        return 0;
    size_t wanted = *capacity ? *capacity * 2 : 256;
    char *grown = bit_allocate(wanted, size, what, error);
    if (!grown)
        return -1;
    if (count)
        memcpy(grown, *array, count * size);
    bit_free(*array);
    *array = grown;
    *capacity = wanted;
    return 0;
}
