/* Feature maps between convolutions that no norm follows: bias, ReLU, halving and doubling; and the focal loss. */
#include <string.h>

#include "bit/kernels.h"
#include "compute/map_kernels.h"

/* SLICE: rows whose sums are added up in double by themselves, TILE: of these in float. All sums hang on them, never on threads. */
enum { SLICE = 1024, TILE = 32, STRETCH = 1 << 14 };

static const struct map_functions *functions(enum bit_type type)
{
    return &BIT_PICK(map_kernels)->by_type[type];
}

void bit_bias_add(enum bit_type type, size_t rows, int channels, const float *bias, bool relu, void *x, int threads)
{
    const struct map_functions *f = functions(type);
    const size_t row = (size_t)channels * bit_type_size(type);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t r = 0; r < rows; r += TILE)
        f->add_bias((char *)x + r * row, (int)(rows - r < TILE ? rows - r : TILE), channels, bias, relu);
}

static size_t slice_count(size_t rows)
{
    return (rows + SLICE - 1) / SLICE;
}

size_t bit_channel_sums_scratch_bytes(size_t rows, int channels)
{
    return slice_count(rows) * (size_t)channels * (sizeof(double) + sizeof(float));
}

void bit_channel_sums(enum bit_type type, size_t rows, int channels, const void *x, double *sums, bool add, void *scratch, int threads)
{
    const struct map_functions *f = functions(type);
    const size_t n = (size_t)channels, row = n * bit_type_size(type), slices = slice_count(rows);
    double *parts = scratch;
    float *tiles = (float *)(parts + slices * n);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t s = 0; s < slices; s++) {
        const size_t end = (s + 1) * SLICE < rows ? (s + 1) * SLICE : rows;
        double *part = parts + s * n;
        float *tile = tiles + s * n;
        memset(part, 0, n * sizeof *part);
        for (size_t r = s * SLICE; r < end; r += TILE) {
            f->sum_rows((const char *)x + r * row, (int)(end - r < TILE ? end - r : TILE), channels, tile);
            for (size_t c = 0; c < n; c++)
                part[c] += (double)tile[c];
        }
    }
    if (!add)
        memset(sums, 0, n * sizeof *sums);
    for (size_t s = 0; s < slices; s++)
        for (size_t c = 0; c < n; c++)
            sums[c] += parts[s * n + c];
}

void bit_relu_forward(enum bit_type type, size_t count, const void *x, void *y, int threads)
{
    const struct map_functions *f = functions(type);
    const size_t size = bit_type_size(type);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t at = 0; at < count; at += STRETCH)
        f->relu((const char *)x + at * size, count - at < STRETCH ? count - at : STRETCH, (char *)y + at * size);
}

void bit_relu_backward(enum bit_type type, size_t count, const void *x, const void *dy, bool add, void *dx, int threads)
{
    const struct map_functions *f = functions(type);
    const size_t size = bit_type_size(type);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t at = 0; at < count; at += STRETCH)
        f->relu_backward((const char *)x + at * size, (const char *)dy + at * size, count - at < STRETCH ? count - at : STRETCH, add,
                         (char *)dx + at * size);
}

void bit_double_add(const struct bit_maps *coarse, const void *x, void *y, int threads)
{
    const struct map_functions *f = functions(coarse->type);
    const size_t row = (size_t)coarse->width * (size_t)coarse->channels * bit_type_size(coarse->type);
    const int rows = coarse->images * coarse->height;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int r = 0; r < 2 * rows; r++)
        f->double_row((const char *)x + (size_t)(r / 2) * row, coarse->width, coarse->channels, (char *)y + (size_t)r * 2 * row);
}

void bit_double_backward(const struct bit_maps *coarse, const void *dy, void *dx, int threads)
{
    const struct map_functions *f = functions(coarse->type);
    const size_t row = (size_t)coarse->width * (size_t)coarse->channels * bit_type_size(coarse->type);
    const int rows = coarse->images * coarse->height;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int r = 0; r < rows; r++) {
        const char *fine = (const char *)dy + (size_t)r * 4 * row;
        f->halve_rows(fine, fine + 2 * row, coarse->width, coarse->channels, (char *)dx + (size_t)r * row);
    }
}

double bit_focal(const struct bit_focal_options *focal, bool target, const float *logits, size_t count, double scale, float *gradient)
{
    return BIT_PICK(map_kernels)->focal(logits, count, target, focal->alpha, focal->gamma, scale, gradient);
}
