/* The definition of truth: every result is a sum in double over the terms in the order of the loops, rounded once.
 * With bfloat16 the kernel is rounded to bfloat16 first, and a result is rounded to the type it is stored in. */
#include <string.h>

#include "bit/bfloat16.h"
#include "bit/memory.h"
#include "compute/backend.h"

static double load(enum bit_type type, const void *data, size_t i)
{
    return type == BIT_FLOAT32 ? ((const float *)data)[i] : bit_bfloat16_to_float(((const bit_bfloat16 *)data)[i]);
}

static void store(enum bit_type type, void *data, size_t i, bool accumulate, double x)
{
    if (accumulate)
        x += load(type, data, i);
    if (type == BIT_FLOAT32)
        ((float *)data)[i] = (float)x;
    else
        ((bit_bfloat16 *)data)[i] = bit_bfloat16_from_float((float)x);
}

static int pack(struct bit_operation *o, const float *kernel, void *packed, struct bit_error *error)
{
    (void)error;
    const struct bit_geometry *g = &o->geometry;
    size_t count = (size_t)g->kernel * g->kernel * g->channels * g->outputs;
    float *to = packed;
    for (size_t i = 0; i < count; i++)
        to[i] = o->type == BIT_FLOAT32 ? kernel[i] : bit_bfloat16_to_float(bit_bfloat16_from_float(kernel[i]));
    return 0;
}

static int forward(struct bit_operation *o, const void *source, const void *packed, bool accumulate, void *destination,
                   void *scratch, struct bit_error *error)
{
    (void)scratch, (void)error;
    const struct bit_geometry *g = &o->geometry;
    const float *kernel = packed;
    int out_height = bit_geometry_out_height(g), out_width = bit_geometry_out_width(g);
    int rows = g->images * out_height;

    #pragma omp parallel for num_threads(bit_compute_thread_count()) schedule(static)
    for (int row = 0; row < rows; row++)
        for (int ox = 0; ox < out_width; ox++)
            for (int k = 0; k < g->outputs; k++) {
                int image = row / out_height, oy = row % out_height;
                double sum = 0;
                for (int i = 0; i < g->kernel; i++)
                    for (int j = 0; j < g->kernel; j++) {
                        int y = oy * g->stride + i - g->padding, x = ox * g->stride + j - g->padding;
                        if (y < 0 || y >= g->height || x < 0 || x >= g->width)
                            continue;
                        size_t from = (((size_t)image * g->height + y) * g->width + x) * g->channels;
                        size_t weight = ((size_t)i * g->kernel + j) * g->channels * g->outputs + k;
                        for (int c = 0; c < g->channels; c++)
                            sum += load(o->type, source, from + c) * kernel[weight + (size_t)c * g->outputs];
                    }
                store(o->type, destination, ((size_t)row * out_width + ox) * g->outputs + k, accumulate, sum);
            }
    return 0;
}

/* The output position that sees input position `at` through tap `tap`; -1: none. */
static int seen_from(int at, int tap, int padding, int stride, int size)
{
    int place = at + padding - tap;
    return place >= 0 && place % stride == 0 && place / stride < size ? place / stride : -1;
}

static int backward_data(struct bit_operation *o, const void *d_destination, const void *packed, bool accumulate,
                         void *d_source, void *scratch, struct bit_error *error)
{
    (void)scratch, (void)error;
    const struct bit_geometry *g = &o->geometry;
    const float *kernel = packed;
    int out_height = bit_geometry_out_height(g), out_width = bit_geometry_out_width(g);
    int rows = g->images * g->height;

    #pragma omp parallel for num_threads(bit_compute_thread_count()) schedule(static)
    for (int row = 0; row < rows; row++)
        for (int x = 0; x < g->width; x++)
            for (int c = 0; c < g->channels; c++) {
                int image = row / g->height, y = row % g->height;
                double sum = 0;
                for (int i = 0; i < g->kernel; i++)
                    for (int j = 0; j < g->kernel; j++) {
                        int oy = seen_from(y, i, g->padding, g->stride, out_height);
                        int ox = seen_from(x, j, g->padding, g->stride, out_width);
                        if (oy < 0 || ox < 0)
                            continue;
                        size_t from = (((size_t)image * out_height + oy) * out_width + ox) * g->outputs;
                        size_t weight = (((size_t)i * g->kernel + j) * g->channels + c) * g->outputs;
                        for (int k = 0; k < g->outputs; k++)
                            sum += load(o->type, d_destination, from + k) * kernel[weight + k];
                    }
                store(o->type, d_source, ((size_t)row * g->width + x) * g->channels + c, accumulate, sum);
            }
    return 0;
}

static int backward_weights(struct bit_operation *o, const void *source, const void *d_destination, bool accumulate,
                            void *d_kernel, void *scratch, struct bit_error *error)
{
    (void)scratch, (void)error;
    const struct bit_geometry *g = &o->geometry;
    int out_height = bit_geometry_out_height(g), out_width = bit_geometry_out_width(g);
    int weights = g->kernel * g->kernel * g->channels;

    #pragma omp parallel for num_threads(bit_compute_thread_count()) schedule(static)
    for (int w = 0; w < weights; w++) {
        int c = w % g->channels, j = w / g->channels % g->kernel, i = w / g->channels / g->kernel;
        for (int k = 0; k < g->outputs; k++) {
            double sum = 0;
            for (int row = 0; row < g->images * out_height; row++)
                for (int ox = 0; ox < out_width; ox++) {
                    int image = row / out_height, oy = row % out_height;
                    int y = oy * g->stride + i - g->padding, x = ox * g->stride + j - g->padding;
                    if (y < 0 || y >= g->height || x < 0 || x >= g->width)
                        continue;
                    size_t from = (((size_t)image * g->height + y) * g->width + x) * g->channels + c;
                    size_t to = ((size_t)row * out_width + ox) * g->outputs + k;
                    sum += load(o->type, source, from) * load(o->type, d_destination, to);
                }
            store(BIT_FLOAT32, d_kernel, (size_t)w * g->outputs + k, accumulate, sum);
        }
    }
    return 0;
}

static void destroy(struct bit_operation *o)
{
    bit_free(o);
}

static int create(const struct bit_geometry *geometry, enum bit_type type, enum bit_direction direction,
                  struct bit_operation **operation, struct bit_error *error)
{
    struct bit_operation *o = bit_allocate(1, sizeof *o, "a convolution", error);
    if (!o)
        return -1;
    *o = (struct bit_operation){.geometry = *geometry, .type = type, .destroy = destroy};
    if (direction == BIT_BACKWARD_WEIGHTS) {
        o->run = backward_weights;
    } else {
        o->pack = pack;
        o->packs_any_size = true;
        o->run = direction == BIT_FORWARD ? forward : backward_data;
        o->packed_bytes = (size_t)geometry->kernel * geometry->kernel * geometry->channels * geometry->outputs * sizeof(float);
    }
    *operation = o;
    return 0;
}

static void multiply(bool transpose_a, bool transpose_b, int m, int n, int k, const float *a, const float *b, float beta,
                     float *c)
{
    #pragma omp parallel for num_threads(bit_compute_thread_count()) schedule(static)
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            double sum = 0;
            for (int l = 0; l < k; l++)
                sum += (double)(transpose_a ? a[(size_t)l * m + i] : a[(size_t)i * k + l]) *
                       (transpose_b ? b[(size_t)j * k + l] : b[(size_t)l * n + j]);
            float *to = &c[(size_t)i * n + j];
            *to = (float)(beta == 0 ? sum : sum + (double)beta * *to);
        }
}

const struct bit_backend bit_backend_reference = {.name = "reference", .create = create, .multiply = multiply};
