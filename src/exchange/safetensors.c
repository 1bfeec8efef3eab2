/* safetensors: eight bytes of length, a JSON header, and numbers without a hole. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bit/json.h"
#include "bit/memory.h"
#include "exchange/source.h"

enum { FORMAT_LIMIT = 100000000, HEADER_LIMIT = 16 << 20 /* a thousand times what 459 arrays need */ };

static int read_at(int file, uint64_t at, void *buffer, size_t size, struct bit_error *error)
{
    char *to = buffer;
    while (size) {
        ssize_t got = pread(file, to, size, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot be read");
        if (got == 0)
            return bit_fail(error, BIT_EDATA, "ends early");
        to += got;
        at += (uint64_t)got;
        size -= (size_t)got;
    }
    return 0;
}

static int tensors_begin(struct bit_weights_file *file, const struct array *array, struct bit_error *error)
{
    (void)error;
    file->place = array->at;
    return 0;
}

static int tensors_read(struct bit_weights_file *file, void *buffer, size_t size, struct bit_error *error)
{
    int result = read_at(file->file, file->place, buffer, size, error);
    file->place += size;
    return result;
}

static int tensors_end(struct bit_weights_file *file, struct bit_error *error)
{
    (void)file, (void)error;
    return 0;
}

static void tensors_close(struct bit_weights_file *file)
{
    if (file->file >= 0)
        close(file->file);
    file->file = -1;
}

static const struct source_operations operations = {tensors_begin, tensors_read, tensors_end, tensors_close};

static int parse_type(const char *text, struct array *array, struct bit_error *error)
{
    static const char *const types[] = {[NUMBER_F16] = "F16", [NUMBER_BF16] = "BF16", [NUMBER_F32] = "F32", [NUMBER_F64] = "F64"};
    if (!text)
        return -1;
    for (int i = 0; i < 4; i++)
        if (!strcmp(text, types[i]))
            return array->type = (enum number_type)i, 0;
    return bit_fail(error, BIT_EDATA, "type \"%.20s\": expected F16, BF16, F32 or F64", text);
}

static int parse_list(const cJSON *list, const char *key, int most, uint64_t *numbers, int *count, struct bit_error *error)
{
    *count = 0;
    if (!list)
        return -1;
    if (!cJSON_IsArray(list))
        return bit_fail(error, BIT_EDATA, "\"%s\" is not a list", key);
    for (const cJSON *item = list->child; item; item = item->next) {
        if (*count == most)
            return bit_fail(error, BIT_EDATA, "\"%s\": more than %d numbers", key, most);
        if (!bit_json_is_whole(item, (uint64_t)1 << 52, &numbers[(*count)++]))
            return bit_fail(error, BIT_EDATA, "\"%s\": not a whole number from 0 up", key);
    }
    return 0;
}

static int parse_tensor(const cJSON *json, struct array *array, uint64_t start, uint64_t *end, struct bit_error *error)
{
    struct bit_json_object o;
    uint64_t shape[4] = {0}, offsets[2] = {0}, bytes;
    int dimensions, two;
    if (bit_json_start(&o, json, "its entry", error) || parse_type(bit_json_take_string(&o, "dtype"), array, error) ||
        parse_list(bit_json_take(&o, "shape"), "shape", 4, shape, &dimensions, error) ||
        parse_list(bit_json_take(&o, "data_offsets"), "data_offsets", 2, offsets, &two, error) || bit_json_end(&o) ||
        source_shape(array, shape, dimensions, false, error))
        return -1;
    if (two != 2 || offsets[0] > offsets[1] || __builtin_mul_overflow(array->count, (uint64_t)number_size(array->type), &bytes) ||
        bytes != offsets[1] - offsets[0])
        return bit_fail(error, BIT_EDATA, "its place %llu to %llu is not as long as its shape and type ask for",
                        (unsigned long long)offsets[0], (unsigned long long)offsets[1]);
    array->at = start + offsets[0];
    *end = start + offsets[1];
    return 0;
}

static int check_metadata(const cJSON *json, struct bit_error *error)
{
    if (!cJSON_IsObject(json))
        return bit_fail(error, BIT_EDATA, "__metadata__ is not an object");
    for (const cJSON *item = json->child; item; item = item->next)
        if (!cJSON_IsString(item))
            return bit_fail(error, BIT_EDATA, "__metadata__: \"%.60s\" is not a text", item->string);
    return 0;
}

struct extent { uint64_t from, to; size_t array; };

static int by_place(const void *a, const void *b)
{
    const struct extent *x = a, *y = b;
    if (x->from != y->from)
        return x->from < y->from ? -1 : 1;
    return x->to < y->to ? -1 : x->to > y->to;
}

/* Neither holes nor overlaps, and nothing behind the last one. */
static int check_places(struct bit_weights_file *file, struct extent *extents, uint64_t start, uint64_t size, struct bit_error *error)
{
    uint64_t at = start;
    qsort(extents, file->count, sizeof *extents, by_place);
    for (size_t i = 0; i < file->count; at = extents[i++].to)
        if (extents[i].from != at)
            return bit_fail(error, BIT_EDATA, "array %s: its numbers begin at byte %llu of the data, expected %llu: arrays must lie one "
                            "behind another", file->arrays[extents[i].array].raw, (unsigned long long)(extents[i].from - start),
                            (unsigned long long)(at - start));
    if (at != size)
        return bit_fail(error, BIT_EDATA, "is %llu bytes long, its header asks for %llu", (unsigned long long)size,
                        (unsigned long long)at);
    return 0;
}

static int parse_header(struct bit_weights_file *file, const cJSON *json, uint64_t start, uint64_t size, struct bit_error *error)
{
    bool metadata = false;
    if (!cJSON_IsObject(json))
        return bit_fail(error, BIT_EDATA, "its header is not an object");
    struct extent *extents = bit_allocate(SOURCE_ARRAYS, sizeof *extents, "places of arrays", error);
    if (!extents)
        return -1;
    for (const cJSON *item = json->child; item && !error->code; item = item->next) {
        if (!strcmp(item->string, "__metadata__")) {
            if (metadata)
                bit_fail(error, BIT_EDATA, "__metadata__ stands there twice");
            metadata = true;
            check_metadata(item, error);
            continue;
        }
        struct array *array = source_add(file, item->string, error);
        if (!array)
            break;
        struct extent *e = &extents[file->count - 1];
        if (parse_tensor(item, array, start, &e->to, error))
            bit_fail_at(error, "array %s", array->raw);
        e->from = array->at;
        e->array = file->count - 1;
    }
    int result = error->code ? -1 : check_places(file, extents, start, size, error);
    bit_free(extents);
    return result;
}

static int read_header(struct bit_weights_file *file, uint64_t size, struct bit_error *error)
{
    unsigned char lead[8];
    uint64_t length = 0;
    if (read_at(file->file, 0, lead, 8, error))
        return -1;
    for (int i = 8; i-- > 0;)
        length = length << 8 | lead[i];
    if (length < 2 || length > HEADER_LIMIT || length > size - 8)
        return bit_fail(error, BIT_EDATA, "its header would be %llu bytes long: expected 2 to %d (the format's limit is %d), and at most the "
                        "file's %llu", (unsigned long long)length, HEADER_LIMIT, FORMAT_LIMIT, (unsigned long long)size);
    char *text = bit_allocate(length + 1, 1, "a safetensors header", error);
    cJSON *json = NULL;
    if (text && read_at(file->file, 8, text, length, error) == 0) {
        if (*text != '{')
            bit_fail(error, BIT_EDATA, "its header does not begin with {");
        else if ((json = bit_json_parse(text, length, error)))
            parse_header(file, json, 8 + length, size, error);
        else
            bit_fail_at(error, "its header");
    }
    cJSON_Delete(json);
    bit_free(text);
    return error->code ? -1 : 0;
}

int safetensors_open(struct bit_weights_file *file, struct bit_error *error)
{
    struct stat status;
    file->operations = &operations;
    file->file = open(file->path, O_RDONLY | O_CLOEXEC);
    if (file->file < 0 || fstat(file->file, &status))
        return bit_fail_errno(error, BIT_ENOINPUT, "cannot be opened");
    return read_header(file, (uint64_t)status.st_size, error);
}
