#include "compute/pixels.h"

#include <string.h>

#include "compute/row_kernels.h"

void bit_pixels_compact(const struct bit_geometry *g, enum bit_type type, const void *from, void *to)
{
    int out_height = bit_geometry_out_height(g), out_width = bit_geometry_out_width(g);
    size_t pixel = (size_t)g->channels * bit_type_size(type);
    #pragma omp parallel for num_threads(bit_compute_thread_count()) schedule(static)
    for (int row = 0; row < g->images * out_height; row++) {
        size_t read = ((size_t)(row / out_height) * g->height + (size_t)(row % out_height) * g->stride) * g->width;
        for (int x = 0; x < out_width; x++)
            memcpy((char *)to + ((size_t)row * out_width + x) * pixel, (const char *)from + (read + (size_t)x * g->stride) * pixel,
                   pixel);
    }
}

static void add_row(enum bit_type type, const void *from, size_t count, void *to)
{
    if (type == BIT_FLOAT32)
        BIT_PICK(row_kernels)->add(from, count, to);
    else
        BIT_PICK(row_kernels)->add_bfloat16(from, count, to);
}

void bit_pixels_spread(const struct bit_geometry *g, enum bit_type type, const void *from, bool accumulate, void *to)
{
    int out_height = bit_geometry_out_height(g), out_width = bit_geometry_out_width(g);
    size_t pixel = (size_t)g->channels * bit_type_size(type);
    #pragma omp parallel for num_threads(bit_compute_thread_count()) schedule(static)
    for (int row = 0; row < g->images * g->height; row++) {
        int image = row / g->height, y = row % g->height;
        char *line = (char *)to + (size_t)row * g->width * pixel;
        const char *read = (const char *)from + ((size_t)image * out_height + y / g->stride) * out_width * pixel;
        if (!accumulate)
            memset(line, 0, (size_t)g->width * pixel);
        if (y % g->stride)
            continue;
        for (int x = 0; x < out_width; x++)
            if (accumulate)
                add_row(type, read + (size_t)x * pixel, (size_t)g->channels, line + (size_t)x * g->stride * pixel);
            else
                memcpy(line + (size_t)x * g->stride * pixel, read + (size_t)x * pixel, pixel);
    }
}

void bit_pixels_scatter(const struct bit_gather *g, enum bit_type type, const void *from, bool accumulate, void *to)
{
    size_t pixel = (size_t)g->to_channels * bit_type_size(type);
    #pragma omp parallel for num_threads(bit_compute_thread_count()) schedule(static)
    for (int row = 0; row < g->images * g->rows; row++) {
        size_t y = (size_t)g->to_y + (size_t)(row % g->rows) * g->to_step;
        char *line = (char *)to + (((size_t)(row / g->rows) * g->to_height + y) * g->to_width + g->to_x) * pixel;
        const char *read = from ? (const char *)from + (size_t)row * g->columns * pixel : NULL;
        for (int x = 0; x < g->columns; x++) {
            char *place = line + (size_t)x * g->to_step * pixel;
            if (!read)
                memset(place, 0, pixel);
            else if (accumulate)
                add_row(type, read + (size_t)x * pixel, (size_t)g->to_channels, place);
            else
                memcpy(place, read + (size_t)x * pixel, pixel);
        }
    }
}

void bit_pixels_add(enum bit_type type, const void *from, size_t count, void *to)
{
    enum { PART = 1 << 14 };
    size_t size = bit_type_size(type);
    #pragma omp parallel for num_threads(bit_compute_thread_count()) schedule(static)
    for (size_t first = 0; first < count; first += PART)
        add_row(type, (const char *)from + first * size, count - first < PART ? count - first : PART, (char *)to + first * size);
}
