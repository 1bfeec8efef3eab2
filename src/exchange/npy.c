/* Headers of .npy files: "\x93NUMPY", version, length, and a Python dict of exactly descr, fortran_order and shape. Stricter than
 * numpy: nothing is evaluated, and nothing may stand where it does not belong. */
#include <string.h>

#include "exchange/source.h"

enum { HEADER_LIMIT = 10000 /* numpy's own */ };

struct text { const char *at, *end; bool longs; };

static void blanks(struct text *t)
{
    while (t->at < t->end && (*t->at == ' ' || *t->at == '\t' || *t->at == '\n' || *t->at == '\r'))
        t->at++;
}

static bool take(struct text *t, char c)
{
    blanks(t);
    if (t->at == t->end || *t->at != c)
        return false;
    t->at++;
    return true;
}

static bool word(struct text *t, const char *expected)
{
    size_t length = strlen(expected);
    blanks(t);
    if ((size_t)(t->end - t->at) < length || memcmp(t->at, expected, length))
        return false;
    t->at += length;
    return true;
}

/* 'text' or "text", without escapes. */
static bool quoted(struct text *t, char *buffer, size_t size)
{
    size_t used = 0;
    char quote = take(t, '\'') ? '\'' : take(t, '"') ? '"' : 0;
    if (!quote)
        return false;
    for (; t->at < t->end && *t->at != quote; t->at++) {
        if (*t->at == '\\' || used + 1 == size)
            return false;
        buffer[used++] = *t->at;
    }
    buffer[used] = 0;
    return take(t, quote);
}

static bool whole(struct text *t, uint64_t *value)
{
    const char *start;
    blanks(t);
    for (start = t->at, *value = 0; t->at < t->end && *t->at >= '0' && *t->at <= '9'; t->at++)
        if (__builtin_mul_overflow(*value, 10u, value) || __builtin_add_overflow(*value, (uint64_t)(*t->at - '0'), value))
            return false;
    if (t->at == start || (t->at - start > 1 && *start == '0'))
        return false;
    if (t->longs && t->at < t->end && *t->at == 'L')
        t->at++;
    return true;
}

/* (), (5,), (1, 2) or (1, 2,). */
static int parse_shape(struct text *t, uint64_t shape[4], int *dimensions, struct bit_error *error)
{
    bool comma = true;
    if (!take(t, '('))
        return bit_fail(error, BIT_EDATA, "the header's shape is not a tuple");
    for (*dimensions = 0; !take(t, ')'); (*dimensions)++) {
        if (*dimensions == 4)
            return bit_fail(error, BIT_EDATA, "more than 4 dimensions");
        if (!comma || !whole(t, &shape[*dimensions]))
            return bit_fail(error, BIT_EDATA, "the header's shape is not a tuple of whole numbers");
        comma = take(t, ',');
    }
    if (*dimensions == 1 && !comma)
        return bit_fail(error, BIT_EDATA, "the header's shape is not a tuple");
    return 0;
}

static int parse_type(struct text *t, struct array *array, struct bit_error *error)
{
    static const struct { const char *descr; enum number_type type; } types[] = {
        {"<f2", NUMBER_F16}, {"<f4", NUMBER_F32}, {"<f8", NUMBER_F64}};
    char descr[16];
    if (!quoted(t, descr, sizeof descr))
        return bit_fail(error, BIT_EDATA, "the header's descr is not a short text: numbers of one type were expected");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (!strcmp(descr, types[i].descr))
            return array->type = types[i].type, 0;
    return bit_fail(error, BIT_EDATA, "type '%s': expected little-endian float16, float32 or float64 ('<f2', '<f4', '<f8')", descr);
}

size_t npy_header_size(const unsigned char *data, size_t size, struct bit_error *error)
{
    if (size < 12 || memcmp(data, "\x93NUMPY", 6)) {
        bit_fail(error, BIT_EDATA, "is not a .npy file: it does not begin with \\x93NUMPY");
        return 0;
    }
    if (data[6] < 1 || data[6] > 3 || data[7] != 0) {
        bit_fail(error, BIT_EDATA, ".npy version %d.%d: expected 1.0, 2.0 or 3.0", data[6], data[7]);
        return 0;
    }
    size_t start = data[6] == 1 ? 10 : 12, length = (size_t)data[8] | (size_t)data[9] << 8;
    if (start == 12)
        length |= (size_t)data[10] << 16 | (size_t)data[11] << 24;
    if (length < 2 || length > HEADER_LIMIT) {
        bit_fail(error, BIT_EDATA, "a .npy header of %zu bytes: expected 2 to %d", length, HEADER_LIMIT);
        return 0;
    }
    return start + length;
}

int npy_header_parse(const unsigned char *data, size_t size, struct array *array, struct bit_error *error)
{
    struct text t = {(const char *)data + (data[6] == 1 ? 10 : 12), (const char *)data + size, data[6] < 3};
    uint64_t shape[4] = {0};
    int dimensions = 0, seen = 0;
    bool fortran = false, comma = true;
    if (t.end[-1] != '\n')
        return bit_fail(error, BIT_EDATA, "its .npy header does not end with a line feed");
    if (!take(&t, '{'))
        return bit_fail(error, BIT_EDATA, "its .npy header is not a dict");
    while (!take(&t, '}')) {
        static const char *const keys[] = {"descr", "fortran_order", "shape"};
        char key[32] = "";
        int which = 0;
        if (!comma || !quoted(&t, key, sizeof key) || !take(&t, ':'))
            return bit_fail(error, BIT_EDATA, "its .npy header is not a dict of descr, fortran_order and shape");
        while (which < 3 && strcmp(key, keys[which]))
            which++;
        if (which == 3 || seen & 1 << which)
            return bit_fail(error, BIT_EDATA, "its .npy header has the key '%.31s'%s", key, which == 3 ? ", which is unknown" : " twice");
        seen |= 1 << which;
        if ((which == 0 && parse_type(&t, array, error)) || (which == 2 && parse_shape(&t, shape, &dimensions, error)))
            return -1;
        if (which == 1 && !(fortran = word(&t, "True")) && !word(&t, "False"))
            return bit_fail(error, BIT_EDATA, "the header's fortran_order is neither True nor False");
        comma = take(&t, ',');
    }
    blanks(&t);
    if (seen != 7 || t.at != t.end)
        return bit_fail(error, BIT_EDATA, "its .npy header is not a dict of exactly descr, fortran_order and shape");
    return source_shape(array, shape, dimensions, fortran, error);
}
