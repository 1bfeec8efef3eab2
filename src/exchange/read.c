/* Opening a file of weights, whatever its format, and filling a block from it. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bit/bfloat16.h"
#include "bit/memory.h"
#include "exchange/names.h"
#include "exchange/source.h"

enum { BUFFER = 1 << 16 /* numbers at a time */, UNITS = 99, ROOT = 64 /* channels of a network of width 1 */ };

size_t number_size(enum number_type type)
{
    return type == NUMBER_F64 ? 8 : type == NUMBER_F32 ? 4 : 2;
}

/* ---- arrays ---- */

struct array *source_add(struct bit_weights_file *file, const char *raw, struct bit_error *error)
{
    struct names_place place;
    char plain[SOURCE_NAME];
    bool timm = false;
    if (file->count == SOURCE_ARRAYS) {
        bit_fail(error, BIT_EDATA, "more than %d arrays", SOURCE_ARRAYS);
        return NULL;
    }
    if (strlen(raw) >= SOURCE_NAME || names_plain(raw, plain, sizeof plain) ||
        (names_parse(plain, &place) && !(timm = !names_parse_timm(raw, &place)))) {
        bit_fail(error, BIT_EDATA, "array %.150s: no BiT network has an array of this name (expected names like "
                 "resnet/root_block/standardized_conv2d/kernel or stem.conv.weight)", raw);
        return NULL;
    }
    struct array *array = &file->arrays[file->count++];
    *array = (struct array){.order = {0, 1, 2, 3}};
    snprintf(array->raw, sizeof array->raw, "%s", raw);
    names_format(&place, array->name);
    if (timm && place.what == 'k')
        memcpy(array->order, (unsigned char[]){3, 2, 0, 1}, 4); /* output, input, height, width */
    return array;
}

int source_shape(struct array *array, const uint64_t *shape, int dimensions, bool fortran, struct bit_error *error)
{
    const bool outputs_first = array->order[0] == 3;
    array->dimensions = dimensions;
    array->count = 1;
    for (int i = 0; i < dimensions; i++)
        if (__builtin_mul_overflow(array->count, shape[i], &array->count) || array->count > (uint64_t)1 << 48)
            return bit_fail(error, BIT_EDATA, "is too large");
    if (outputs_first && dimensions != 4)
        return bit_fail(error, BIT_EDATA, "%d dimensions: expected 4 (outputs, inputs, height, width)", dimensions);
    for (int i = 0; i < dimensions; i++) {
        if (!outputs_first)
            array->order[i] = (unsigned char)(fortran ? dimensions - 1 - i : i);
        array->shape[outputs_first ? array->order[i] : i] = shape[i];
    }
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct array *)a)->name, ((const struct array *)b)->name);
}

static const struct array *find(const struct bit_weights_file *file, const char *name)
{
    struct array key;
    snprintf(key.name, sizeof key.name, "%s", name);
    return bsearch(&key, file->arrays, file->count, sizeof key, by_name);
}

/* ---- opening ---- */

static int check_names(struct bit_weights_file *file, struct bit_error *error)
{
    qsort(file->arrays, file->count, sizeof *file->arrays, by_name);
    for (size_t i = 1; i < file->count; i++)
        if (!by_name(&file->arrays[i - 1], &file->arrays[i]))
            return bit_fail(error, BIT_EDATA, "arrays %s and %s are both %s: expected one", file->arrays[i - 1].raw, file->arrays[i].raw,
                            file->arrays[i].name);
    return 0;
}

static int derive_network(struct bit_weights_file *file, struct bit_error *error)
{
    static const char root[] = "resnet/root_block/standardized_conv2d/kernel", bias[] = "resnet/head/conv2d/bias";
    const struct array *kernel = find(file, root), *head = find(file, bias);
    struct names_place place;
    if (!kernel || !head)
        return bit_fail(error, BIT_EDATA, "array %s is missing", kernel ? bias : root);
    if (kernel->dimensions != 4 || !kernel->shape[3] || kernel->shape[3] % ROOT || kernel->shape[3] / ROOT > 1000)
        return bit_fail(error, BIT_EDATA, "array %s: expected the shape 7 x 7 x 3 x 64w, where w is the network's width", kernel->raw);
    if (head->dimensions != 1 || !head->shape[0] || head->shape[0] > 10000000)
        return bit_fail(error, BIT_EDATA, "array %s: expected one dimension, 1 to 10000000 classes", head->raw);
    file->network.width = (int)(kernel->shape[3] / ROOT);
    file->network.classes = head->shape[0];
    for (size_t i = 0; i < file->count; i++)
        if (!names_parse(file->arrays[i].name, &place) && place.part == NAMES_UNIT &&
            place.unit > file->network.units[place.block - 1])
            file->network.units[place.block - 1] = place.unit;
    return 0;
}

/* What the first bytes say. */
static int open_by_kind(struct bit_weights_file *file, struct bit_error *error)
{
    unsigned char lead[9] = {0};
    struct stat status;
    int descriptor = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        return bit_fail_errno(error, BIT_ENOINPUT, "cannot be opened");
    bool regular = fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
    ssize_t got = regular ? pread(descriptor, lead, sizeof lead, 0) : 0;
    close(descriptor);
    if (!regular)
        return bit_fail(error, BIT_ENOINPUT, "is not a regular file");
    if (got < 0)
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot be read");
    if (got >= 4 && !memcmp(lead, "PK\3\4", 4))
        return npz_open(file, error);
    if (got == 9 && lead[8] == '{')
        return safetensors_open(file, error);
    return bit_fail(error, BIT_EDATA, "is neither an .npz archive nor a .safetensors file: expected weights in one of these");
}

struct bit_weights_file *bit_weights_open(const char *path, struct bit_error *error)
{
    struct bit_weights_file *file = bit_allocate(1, sizeof *file, "a file of weights", error);
    if (!file)
        return NULL;
    file->file = -1;
    file->path = bit_copy_text(path, error);
    if (file->path)
        file->arrays = bit_allocate(SOURCE_ARRAYS, sizeof *file->arrays, "a list of arrays", error);
    if (!file->arrays || open_by_kind(file, error) || check_names(file, error) || derive_network(file, error)) {
        bit_fail_at(error, "%s", path);
        bit_weights_close(file);
        return NULL;
    }
    return file;
}

void bit_weights_close(struct bit_weights_file *file)
{
    if (!file)
        return;
    if (file->operations)
        file->operations->close(file);
    bit_free(file->arrays);
    bit_free(file->path);
    bit_free(file);
}

const struct bit_weights_network *bit_weights_network(const struct bit_weights_file *file)
{
    return &file->network;
}

/* ---- numbers ---- */

static float from_half(uint16_t bits)
{
    const int exponent = bits >> 10 & 31, fraction = bits & 1023;
    double value = exponent == 31 ? (fraction ? (double)NAN : (double)INFINITY)
                   : exponent     ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
    return (float)(bits >> 15 ? -value : value);
}

/* false: one of them is no finite float32. */
static bool convert(enum number_type type, const void *from, size_t count, float *to)
{
    bool finite = true;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        switch (type) {
        case NUMBER_F16: to[i] = from_half(((const uint16_t *)from)[i]); break;
        case NUMBER_BF16: to[i] = bit_bfloat16_to_float(((const uint16_t *)from)[i]); break;
        case NUMBER_F32: to[i] = ((const float *)from)[i]; break;
        case NUMBER_F64: to[i] = (float)((const double *)from)[i]; break;
        }
        memcpy(&bits, &to[i], sizeof bits);
        finite &= (bits & 0x7F800000u) != 0x7F800000u;
    }
    return finite;
}

/* Where the next number of a stream goes. */
struct placing { float *to; int axes; size_t extent[4], stride[4], index[4], at; };

static void placing_start(struct placing *p, const struct array *array, float *to)
{
    size_t stride[4], step = 1;
    for (int i = array->dimensions; i-- > 0; step *= array->shape[i])
        stride[i] = step;
    *p = (struct placing){.to = to, .axes = array->dimensions};
    for (int i = 0; i < p->axes; i++) {
        p->extent[i] = array->shape[array->order[i]];
        p->stride[i] = stride[array->order[i]];
    }
}

static void placing_put(struct placing *p, const float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        p->to[p->at] = values[i];
        for (int axis = p->axes; axis-- > 0;) {
            p->at += p->stride[axis];
            if (++p->index[axis] < p->extent[axis])
                break;
            p->at -= p->stride[axis] * p->extent[axis];
            p->index[axis] = 0;
        }
    }
}

static int read_array(struct bit_weights_file *file, const struct array *array, void *raw, float *values, float *to,
                      struct bit_error *error)
{
    struct placing placing;
    const size_t size = number_size(array->type);
    placing_start(&placing, array, to);
    if (file->operations->begin(file, array, error))
        return -1;
    for (uint64_t left = array->count; left;) {
        size_t part = left < BUFFER ? (size_t)left : BUFFER;
        if (file->operations->read(file, raw, part * size, error))
            return -1;
        if (!convert(array->type, raw, part, values))
            return bit_fail(error, BIT_EDATA, "holds a NaN, an infinite number or one too large for float32: expected finite numbers");
        placing_put(&placing, values, part);
        left -= part;
    }
    return file->operations->end(file, error);
}

static void shape_text(const size_t *shape, int dimensions, char *text, size_t size)
{
    int used = snprintf(text, size, dimensions ? "%zu" : "no dimension", shape[0]);
    for (int i = 1; i < dimensions; i++)
        used += snprintf(text + used, size - (size_t)used, " x %zu", shape[i]);
}

/* Every parameter is there with its shape, and nothing else: before a byte of numbers is read. */
static int compare(const struct bit_weights_file *file, const struct bit_table *table, struct bit_error *error)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct bit_parameter *p = &table->items[i];
        const struct array *array = find(file, p->name);
        if (!array)
            return bit_fail(error, BIT_EDATA, "array %s is missing", p->name);
        if (array->dimensions != p->dimensions || memcmp(array->shape, p->shape, (size_t)p->dimensions * sizeof *p->shape)) {
            char found[100], expected[100];
            shape_text(array->shape, array->dimensions, found, sizeof found);
            shape_text(p->shape, p->dimensions, expected, sizeof expected);
            return bit_fail(error, BIT_EDATA, "array %s: expected the shape %s, found %s (both in the order of %s)", array->raw, expected,
                            found, p->dimensions == 4 ? "height, width, inputs, outputs" : "the parameter");
        }
    }
    for (size_t i = 0; i < file->count && file->count != table->count; i++)
        if (bit_table_find(table, file->arrays[i].name) < 0)
            return bit_fail(error, BIT_EDATA, "array %s: the network, as the other arrays describe it, has none of this name",
                            file->arrays[i].raw);
    return 0;
}

int bit_weights_read(struct bit_weights_file *file, const struct bit_table *table, float *weights, struct bit_error *error)
{
    if (compare(file, table, error))
        return bit_fail_at(error, "%s", file->path);
    void *raw = bit_allocate(BUFFER, sizeof(double), "a buffer", error);
    float *values = raw ? bit_allocate(BUFFER, sizeof *values, "a buffer", error) : NULL;
    for (size_t i = 0; i < table->count && values && !error->code; i++) {
        const struct array *array = find(file, table->items[i].name);
        if (read_array(file, array, raw, values, weights + table->items[i].offset, error)) {
            bit_fail_at(error, "array %s", array->raw);
            bit_fail_at(error, "%s", file->path);
        }
    }
    bit_free(values);
    bit_free(raw);
    return error->code ? -1 : 0;
}
