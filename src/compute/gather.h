/* A convolution as matrix products with gathered rows: every written pixel is a row [taps * channels] of read pixels
 * times a kernel matrix [taps * channels, outputs].
 *
 * Forward is one such product. Backward data with stride s is s * s of them, one for each class of input pixels with the
 * same remainders of (y, x) by s: output pixel (y + padding - i) / s sees input pixel y through tap i exactly where the
 * division is exact, so that within a class the taps are i = i0 - s a, and the pixels they read are neighbours. */
#ifndef BIT_COMPUTE_GATHER_H
#define BIT_COMPUTE_GATHER_H

#include "bit/compute.h"

struct bit_gather {
    int images;
    int from_height, from_width, from_channels;
    int to_height, to_width, to_channels;
    int rows, columns;                    /* pixels written an image; 0: none */
    int to_y, to_x, to_step;              /* pixel (r, c) is written at (to_y + r * to_step, to_x + c * to_step) */
    int from_y, from_x, from_step;        /* and tap (a, b) reads at (from_y + r * from_step + a, ...); outside: zeros */
    int taps_y, taps_x;                   /* 0: nothing is read, zeros are written */
    int kernel_y, kernel_x, kernel_step;  /* tap (a, b) is kernel place (kernel_y + a * kernel_step, ...) */
    size_t depth;                         /* taps_y * taps_x * from_channels */
    size_t pixels;                        /* images * rows * columns */
    size_t packed;                        /* where the kernel matrix starts, in elements */
};

/* Number of gathers of a direction (forward or backward data): 1 or stride^2. */
int bit_gather_count(const struct bit_geometry *g, enum bit_direction direction);
void bit_gather_make(const struct bit_geometry *g, enum bit_direction direction, struct bit_gather *gathers);

/* Kernel matrix [depth, to_channels] of a gather from a float32 HWIO kernel; each row of `to` has `stride` elements. */
void bit_gather_pack(const struct bit_gather *gather, const struct bit_geometry *g, enum bit_direction direction,
                     enum bit_type type, const float *kernel, float *to);

/* Rows [first, first + count) of the gathered matrix, converted to float32. */
void bit_gather_rows(const struct bit_gather *gather, enum bit_type type, const void *from, size_t first, size_t count,
                     float *to);
/* Columns [tap0 * channels + ...]: the same for a single run of channels of a single tap. */
void bit_gather_columns(const struct bit_gather *gather, enum bit_type type, const void *from, size_t first, size_t count,
                        int tap_y, int tap_x, int channel, int channels, float *to, size_t stride);

/* Writes rows [first, first + count) of float32 results [count, to_channels] to their pixels. */
void bit_gather_store(const struct bit_gather *gather, enum bit_type type, const float *results, size_t first,
                      size_t count, bool accumulate, void *to);
/* True when written rows are one contiguous float32 matrix, so that no store is needed. */
static inline bool bit_gather_writes_dense(const struct bit_gather *gather) { return gather->to_step == 1; }
/* True when the gathered matrix is the image itself. */
static inline bool bit_gather_reads_dense(const struct bit_gather *g)
{
    return g->taps_y == 1 && g->taps_x == 1 && g->from_step == 1 && g->from_y == 0 && g->from_x == 0 &&
           g->rows == g->from_height && g->columns == g->from_width;
}

#endif
