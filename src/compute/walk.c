/* The order in which gathered rows read their image; images of few channels are copied with a border first, so that a row of taps is one run. */
#include <string.h>

#include "compute/tiled.h"

struct bit_walk bit_walk_make(const struct bit_gather *gather)
{
    struct bit_walk w = {.gather = *gather, .taps = (size_t)gather->taps_y * gather->taps_x,
                         .run = (size_t)gather->from_channels};
    if (gather->from_channels < 16 && gather->taps_x > 1 && gather->pixels > 0) {
        w.padded = true;
        w.taps = (size_t)gather->taps_y;
        w.run = (size_t)gather->taps_x * gather->from_channels;
        w.height = (gather->rows - 1) * gather->from_step + gather->taps_y;
        w.width = (gather->columns - 1) * gather->from_step + gather->taps_x;
        w.copy_elements = (size_t)gather->images * w.height * w.width * gather->from_channels;
    }
    return w;
}

void bit_walk_copy(const struct bit_walk *walk, const float *from, float *copy)
{
    const struct bit_gather *g = &walk->gather;
    size_t channels = (size_t)g->from_channels, line = walk->width * channels;
    int left = g->from_x < 0 ? -g->from_x : 0; /* of the copy, in pixels */
    int right = g->from_width - g->from_x < walk->width ? g->from_width - g->from_x : walk->width;
    #pragma omp for schedule(static)
    for (int row = 0; row < g->images * walk->height; row++) {
        int image = row / walk->height, y = row % walk->height + g->from_y;
        float *to = copy + (size_t)row * line;
        if (y < 0 || y >= g->from_height || left >= right) {
            memset(to, 0, line * sizeof *to);
            continue;
        }
        memset(to, 0, left * channels * sizeof *to);
        memcpy(to + left * channels, from + (((size_t)image * g->from_height + y) * g->from_width + left + g->from_x) * channels,
               (right - left) * channels * sizeof *to);
        memset(to + right * channels, 0, (line - right * channels) * sizeof *to);
    }
}

void bit_walk_point(const struct bit_walk *walk, const float *from, const float *zeros, size_t first, size_t count,
                    size_t stride, const float **pointers)
{
    const struct bit_gather *g = &walk->gather;
    size_t channels = (size_t)g->from_channels, an_image = (size_t)g->rows * g->columns;
    size_t image = first / an_image;
    int row = (int)(first % an_image / g->columns), column = (int)(first % g->columns);
    for (size_t n = 0; n < count; n++) {
        if (walk->padded) {
            const float *at = from + ((image * walk->height + (size_t)row * g->from_step) * walk->width +
                                      (size_t)column * g->from_step) * channels;
            for (size_t t = 0; t < walk->taps; t++)
                pointers[t * stride + n] = at + t * walk->width * channels;
        } else {
            int y0 = g->from_y + row * g->from_step, x0 = g->from_x + column * g->from_step;
            const float **to = pointers + n;
            for (int a = 0; a < g->taps_y; a++)
                for (int b = 0; b < g->taps_x; b++, to += stride) {
                    int y = y0 + a, x = x0 + b;
                    bool inside = y >= 0 && y < g->from_height && x >= 0 && x < g->from_width;
                    *to = inside ? from + ((image * g->from_height + (size_t)y) * g->from_width + (size_t)x) * channels : zeros;
                }
        }
        if (++column == g->columns) {
            column = 0;
            if (++row == g->rows) {
                row = 0;
                image++;
            }
        }
    }
}
