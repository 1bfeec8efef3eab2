#include "compute/gather.h"

#include <string.h>

#include "bit/bfloat16.h"
#include "compute/row_kernels.h"

int bit_gather_count(const struct bit_geometry *g, enum bit_direction direction)
{
    return direction == BIT_FORWARD ? 1 : g->stride * g->stride;
}

static void make_forward(const struct bit_geometry *g, struct bit_gather *gather)
{
    *gather = (struct bit_gather){
        .images = g->images, .from_height = g->height, .from_width = g->width, .from_channels = g->channels,
        .to_height = bit_geometry_out_height(g), .to_width = bit_geometry_out_width(g), .to_channels = g->outputs,
        .rows = bit_geometry_out_height(g), .columns = bit_geometry_out_width(g), .to_step = 1,
        .from_y = -g->padding, .from_x = -g->padding, .from_step = g->stride,
        .taps_y = g->kernel, .taps_x = g->kernel, .kernel_step = 1,
    };
}

/* The taps of a class along one axis: largest tap i0 <= kernel - 1 with i0 = rest + padding (mod stride), and how many
 * there are down to 0. The pixel read through tap i is (rest + padding - i) / stride: smallest for i0. */
static void class_taps(const struct bit_geometry *g, int rest, int *first, int *count, int *from)
{
    int low = (rest + g->padding) % g->stride;
    *count = low < g->kernel ? (g->kernel - 1 - low) / g->stride + 1 : 0;
    *first = low + (*count - 1) * g->stride;
    *from = *count ? (rest + g->padding - *first) / g->stride : 0;
}

static void make_backward(const struct bit_geometry *g, struct bit_gather *gathers)
{
    for (int y = 0; y < g->stride; y++)
        for (int x = 0; x < g->stride; x++) {
            struct bit_gather *gather = &gathers[y * g->stride + x];
            *gather = (struct bit_gather){
                .images = g->images, .from_height = bit_geometry_out_height(g), .from_width = bit_geometry_out_width(g),
                .from_channels = g->outputs, .to_height = g->height, .to_width = g->width, .to_channels = g->channels,
                .rows = (g->height - y + g->stride - 1) / g->stride, .columns = (g->width - x + g->stride - 1) / g->stride,
                .to_y = y, .to_x = x, .to_step = g->stride, .from_step = 1, .kernel_step = -g->stride,
            };
            class_taps(g, y, &gather->kernel_y, &gather->taps_y, &gather->from_y);
            class_taps(g, x, &gather->kernel_x, &gather->taps_x, &gather->from_x);
        }
}

void bit_gather_make(const struct bit_geometry *g, enum bit_direction direction, struct bit_gather *gathers)
{
    if (direction == BIT_FORWARD)
        make_forward(g, gathers);
    else
        make_backward(g, gathers);
    size_t packed = 0;
    for (int i = 0; i < bit_gather_count(g, direction); i++) {
        struct bit_gather *gather = &gathers[i];
        gather->depth = (size_t)gather->taps_y * gather->taps_x * gather->from_channels;
        gather->pixels = (size_t)gather->images * gather->rows * gather->columns;
        gather->packed = packed;
        packed += gather->depth * gather->to_channels;
    }
}

static float rounded(enum bit_type type, float x)
{
    return type == BIT_FLOAT32 ? x : bit_bfloat16_to_float(bit_bfloat16_from_float(x));
}

void bit_gather_pack(const struct bit_gather *gather, const struct bit_geometry *g, enum bit_direction direction,
                     enum bit_type type, const float *kernel, float *to)
{
    int ins = gather->from_channels, outs = gather->to_channels;
    bool turned = direction == BIT_BACKWARD_DATA; /* kernel rows are [channels, outputs], the matrix wants outputs first */
    for (int a = 0; a < gather->taps_y; a++)
        for (int b = 0; b < gather->taps_x; b++) {
            int i = gather->kernel_y + a * gather->kernel_step, j = gather->kernel_x + b * gather->kernel_step;
            const float *from = kernel + ((size_t)i * g->kernel + j) * ins * outs;
            for (int c = 0; c < ins; c++)
                for (int k = 0; k < outs; k++)
                    *to++ = rounded(type, turned ? from[(size_t)k * ins + c] : from[(size_t)c * outs + k]);
        }
}

static void copy(enum bit_type type, const void *from, size_t at, size_t count, float *to)
{
    if (type == BIT_FLOAT32) {
        memcpy(to, (const float *)from + at, count * sizeof *to);
    } else {
        BIT_PICK(row_kernels)->widen((const bit_bfloat16 *)from + at, count, to);
    }
}

/* Where row number `first` of a gather stands; moves on a pixel at a time. */
struct cursor { int image, row, column; };

static struct cursor cursor_at(const struct bit_gather *g, size_t first)
{
    size_t an_image = (size_t)g->rows * g->columns, rest = first % an_image;
    return (struct cursor){(int)(first / an_image), (int)(rest / g->columns), (int)(rest % g->columns)};
}

static void cursor_next(const struct bit_gather *g, struct cursor *at)
{
    if (++at->column < g->columns)
        return;
    at->column = 0;
    if (++at->row < g->rows)
        return;
    at->row = 0;
    at->image++;
}

void bit_gather_rows(const struct bit_gather *g, enum bit_type type, const void *from, size_t first, size_t count,
                     float *to)
{
    size_t channels = (size_t)g->from_channels, run = channels * g->taps_x;
    struct cursor at = cursor_at(g, first);
    for (size_t n = 0; n < count; n++, cursor_next(g, &at)) {
        int y = g->from_y + at.row * g->from_step, x = g->from_x + at.column * g->from_step;
        int left = x < 0 ? -x : 0, right = x + g->taps_x > g->from_width ? g->from_width - x : g->taps_x;
        for (int a = 0; a < g->taps_y; a++, to += run) {
            if (y + a < 0 || y + a >= g->from_height || left >= right) {
                memset(to, 0, run * sizeof *to);
                continue;
            }
            size_t place = (((size_t)at.image * g->from_height + y + a) * g->from_width + x + left) * channels;
            memset(to, 0, left * channels * sizeof *to);
            copy(type, from, place, (right - left) * channels, to + left * channels);
            memset(to + right * channels, 0, (g->taps_x - right) * channels * sizeof *to);
        }
    }
}

void bit_gather_columns(const struct bit_gather *g, enum bit_type type, const void *from, size_t first, size_t count,
                        int tap_y, int tap_x, int channel, int channels, float *to, size_t stride)
{
    struct cursor at = cursor_at(g, first);
    for (size_t n = 0; n < count; n++, cursor_next(g, &at), to += stride) {
        int y = g->from_y + at.row * g->from_step + tap_y, x = g->from_x + at.column * g->from_step + tap_x;
        if (y < 0 || y >= g->from_height || x < 0 || x >= g->from_width)
            memset(to, 0, channels * sizeof *to);
        else
            copy(type, from, (((size_t)at.image * g->from_height + y) * g->from_width + x) * g->from_channels + channel,
                 (size_t)channels, to);
    }
}

static void store(enum bit_type type, const float *from, size_t count, bool accumulate, void *to, size_t at)
{
    const struct row_kernels *kernels = BIT_PICK(row_kernels);
    if (type == BIT_BFLOAT16)
        (accumulate ? kernels->narrow_added : kernels->narrow)(from, count, (bit_bfloat16 *)to + at);
    else if (accumulate)
        kernels->add(from, count, (float *)to + at);
    else
        memcpy((float *)to + at, from, count * sizeof *from);
}

void bit_gather_store(const struct bit_gather *g, enum bit_type type, const float *results, size_t first, size_t count,
                      bool accumulate, void *to)
{
    size_t channels = (size_t)g->to_channels;
    if (bit_gather_writes_dense(g)) {
        store(type, results, count * channels, accumulate, to, first * channels);
        return;
    }
    struct cursor at = cursor_at(g, first);
    for (size_t n = 0; n < count; n++, cursor_next(g, &at), results += channels) {
        int y = g->to_y + at.row * g->to_step, x = g->to_x + at.column * g->to_step;
        store(type, results, channels, accumulate, to, (((size_t)at.image * g->to_height + y) * g->to_width + x) * channels);
    }
}
