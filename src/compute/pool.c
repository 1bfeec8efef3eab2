/* The root's maximum, sums and casts. */
#include <omp.h>
#include <string.h>

#include "bit/kernels.h"
#include "compute/layer_kernels.h"

/* A row of floats for each thread; the forward pass only reads the first, as zeros. */
size_t bit_pool_scratch_bytes(const struct bit_pool *pool)
{
    return (size_t)pool->threads * (size_t)pool->channels * sizeof(float);
}

void bit_pool_forward(const struct bit_pool *pool, const void *x, void *y, uint8_t *which, void *scratch)
{
    const struct row_functions *f = &BIT_PICK(layer_kernels)->by_type[pool->type];
    const int out_height = (pool->height - 1) / 2 + 1, out_width = (pool->width - 1) / 2 + 1;
    const size_t size = bit_type_size(pool->type), row = (size_t)out_width * (size_t)pool->channels;
    const size_t image = (size_t)pool->height * (size_t)pool->width * (size_t)pool->channels;
    memset(scratch, 0, (size_t)pool->channels * sizeof(float));
#pragma omp parallel for schedule(static) num_threads(pool->threads)
    for (int r = 0; r < pool->images * out_height; r++)
        f->pool((const char *)x + (size_t)(r / out_height) * image * size, pool->height, pool->width, pool->channels,
                r % out_height, out_width, scratch, (char *)y + (size_t)r * row * size, which + (size_t)r * row);
}

void bit_pool_backward(const struct bit_pool *pool, const void *dy, const uint8_t *which, void *dx, void *scratch)
{
    const struct row_functions *f = &BIT_PICK(layer_kernels)->by_type[pool->type];
    const int out_height = (pool->height - 1) / 2 + 1, out_width = (pool->width - 1) / 2 + 1;
    const size_t size = bit_type_size(pool->type), row = (size_t)pool->width * (size_t)pool->channels;
    const size_t image = (size_t)out_height * (size_t)out_width * (size_t)pool->channels;
#pragma omp parallel for schedule(static) num_threads(pool->threads)
    for (int r = 0; r < pool->images * pool->height; r++) {
        size_t from = (size_t)(r / pool->height) * image;
        f->pool_backward((const char *)dy + from * size, which + from, out_height, out_width, pool->channels,
                         r % pool->height, pool->width,
                         (float *)scratch + (size_t)omp_get_thread_num() * (size_t)pool->channels,
                         (char *)dx + (size_t)r * row * size);
    }
}

enum { CAST_BLOCK = 1 << 14 };

void bit_accumulate(float *sum, const float *x, size_t count, int threads)
{
    const struct layer_kernels *k = BIT_PICK(layer_kernels);
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1 && count > CAST_BLOCK)
    for (size_t at = 0; at < count; at += CAST_BLOCK)
        k->add(sum + at, x + at, count - at < CAST_BLOCK ? count - at : CAST_BLOCK);
}

void bit_cast_from_float(enum bit_type type, const float *x, size_t count, void *y, int threads)
{
    const struct layer_kernels *k = BIT_PICK(layer_kernels);
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1 && count > CAST_BLOCK)
    for (size_t at = 0; at < count; at += CAST_BLOCK) {
        size_t n = count - at < CAST_BLOCK ? count - at : CAST_BLOCK;
        if (type == BIT_FLOAT32)
            memcpy((float *)y + at, x + at, n * sizeof *x);
        else
            k->to_bfloat16(x + at, n, (char *)y + at * 2);
    }
}

void bit_cast_to_float(enum bit_type type, const void *x, size_t count, float *y, int threads)
{
    const struct layer_kernels *k = BIT_PICK(layer_kernels);
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1 && count > CAST_BLOCK)
    for (size_t at = 0; at < count; at += CAST_BLOCK) {
        size_t n = count - at < CAST_BLOCK ? count - at : CAST_BLOCK;
        if (type == BIT_FLOAT32)
            memcpy(y + at, (const float *)x + at, n * sizeof *y);
        else
            k->to_float((const char *)x + at * 2, n, y + at);
    }
}
