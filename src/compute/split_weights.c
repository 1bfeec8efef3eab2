/* Backward weights: d_kernel [depth, outputs] = gathered^T [depth, pixels] x d_destination [pixels, outputs].
 *
 * The pixels are cut into chunks by the shape alone, each with its own sums, which are added in order at the end; within a
 * chunk every result is one chain of sums in the order of the pixels. A thread takes a chunk and a slab of the wider
 * factor, and splits the numbers of both, some pixels at a time. First factors of tile products have to be turned, which
 * takes time: so the narrower one comes first, and where that is d_destination the sums are those of the transposed
 * kernel. */
#include <omp.h>
#include <string.h>

#include "bit/memory.h"
#include "compute/amx_kernels.h"
#include "compute/split.h"
#include "compute/split_kernels.h"
#include "compute/tiled.h"

enum {
    SLAB = 16,              /* blocks of 32 of the second factor, at most */
    OWN_BYTES = 900 << 10,  /* of a thread's parts: stay in its L2 */
    STEPS_MOST = 16,        /* of 32 pixels */
    CHUNK_PIXELS = 1024,    /* a chunk has at least that many */
    CHUNK_MOST = 4096,      /* and, with room for the sums, at most so many: longer ones are less exact (split_kernels.h) */
    CHUNKS = 16,            /* more only for that */
    CHUNK_FLOATS = 1 << 21  /* what all chunks' sums may take */
};

struct weights {
    struct bit_operation base;
    bool transposed;         /* d_destination is the first factor */
    size_t firsts, seconds;  /* blocks of 32 of both factors */
    size_t slabs, chunks;
    size_t steps;            /* split at a time */
    size_t own_bytes;
    float *zeros;
    struct bit_walk walk;
};

/* A thread's parts: blocks of the first factor, then of the second, each a run of steps. */
struct own { bit_bfloat16 *first, *second; };

/* Where 32 pixels from `first` on are seen through a tap; zeros from `end` on. */
static void point(const struct weights *l, const float *from, size_t first, size_t end, size_t tap,
                  const float *pointers[SPLIT_SIDE])
{
    const struct bit_gather *g = &l->walk.gather;
    size_t an_image = (size_t)g->rows * (size_t)g->columns, channels = (size_t)g->from_channels;
    size_t image = first / an_image;
    int row = (int)(first % an_image / (size_t)g->columns), column = (int)(first % an_image % (size_t)g->columns);
    int tap_y = (int)tap / g->taps_x, tap_x = (int)tap % g->taps_x;
    for (size_t n = 0; n < SPLIT_SIDE; n++) {
        int y = g->from_y + row * g->from_step + tap_y, x = g->from_x + column * g->from_step + tap_x;
        bool inside = first + n < end && y >= 0 && y < g->from_height && x >= 0 && x < g->from_width;
        pointers[n] = inside ? from + ((image * (size_t)g->from_height + (size_t)y) * (size_t)g->from_width + (size_t)x) * channels
                             : l->zeros;
        if (++column == g->columns) {
            column = 0;
            if (++row == g->rows) {
                row = 0;
                image++;
            }
        }
    }
}

/* Blocks [block0, block1) of the gathered source, 32 pixels. */
static void split_source(const struct weights *l, const float *source, size_t first, size_t end, size_t block0,
                         size_t block1, size_t stride, bit_bfloat16 *to)
{
    const float *pointers[SPLIT_SIDE];
    size_t tap = (size_t)-1;
    for (size_t block = block0; block < block1; block++, to += stride) {
        size_t at = block * SPLIT_SIDE;
        if (at / l->walk.run != tap) {
            tap = at / l->walk.run;
            point(l, source, first, end, tap, pointers);
        }
        (l->transposed ? split_columns : split_rows_turned)(pointers, at % l->walk.run, to);
    }
}

static void split_gradient(const struct weights *l, const float *d_destination, size_t first, size_t end, size_t block0,
                           size_t block1, size_t stride, bit_bfloat16 *to)
{
    size_t outputs = (size_t)l->walk.gather.to_channels;
    const float *pointers[SPLIT_SIDE];
    for (size_t n = 0; n < SPLIT_SIDE; n++)
        pointers[n] = first + n < end ? d_destination + (first + n) * outputs : l->zeros;
    for (size_t block = block0; block < block1; block++, to += stride)
        (l->transposed ? split_rows_turned : split_columns)(pointers, block * SPLIT_SIDE, to);
}

/* sum [firsts][seconds][32][32]: the part of a slab over a chunk. */
static void run_task(const struct weights *l, size_t chunk, size_t slab, const float *source, const float *d_destination,
                     float *sum, struct own own)
{
    size_t pixels = l->walk.gather.pixels, begin = pixels * chunk / l->chunks, end = pixels * (chunk + 1) / l->chunks;
    size_t block0 = l->seconds * slab / l->slabs, block1 = l->seconds * (slab + 1) / l->slabs;
    size_t stride = l->steps * SPLIT_BLOCK;
    for (size_t first = begin; first < end; first += l->steps * SPLIT_SIDE) {
        size_t steps = 0;
        for (size_t at = first; steps < l->steps && at < end; steps++, at += SPLIT_SIDE) {
            bit_bfloat16 *a = own.first + steps * SPLIT_BLOCK, *b = own.second + steps * SPLIT_BLOCK;
            if (l->transposed) {
                split_gradient(l, d_destination, at, end, 0, l->firsts, stride, a);
                split_source(l, source, at, end, block0, block1, stride, b);
            } else {
                split_source(l, source, at, end, 0, l->firsts, stride, a);
                split_gradient(l, d_destination, at, end, block0, block1, stride, b);
            }
        }
        for (size_t j = block0; j < block1; j++)
            for (size_t i = 0; i < l->firsts; i++)
                split_product(own.first + i * stride, own.second + (j - block0) * stride, steps, first > begin,
                              sum + (i * l->seconds + j) * SPLIT_SIDE * SPLIT_SIDE, SPLIT_SIDE);
    }
}

/* The sum over chunks of one block, to its place in d_kernel. */
static void add_up(const struct weights *l, size_t i, size_t j, const float *sums, float *d_kernel)
{
    size_t size = l->firsts * l->seconds * SPLIT_SIDE * SPLIT_SIDE;
    size_t row = (l->transposed ? l->firsts : l->seconds) * SPLIT_SIDE;
    const float *from = sums + (i * l->seconds + j) * SPLIT_SIDE * SPLIT_SIDE;
    float *to = d_kernel + (l->transposed ? j * row + i : i * row + j) * SPLIT_SIDE;
    float tile[SPLIT_SIDE * SPLIT_SIDE] __attribute__((aligned(64)));
    memcpy(tile, from, sizeof tile);
    for (size_t chunk = 1; chunk < l->chunks; chunk++)
        #pragma omp simd
        for (size_t n = 0; n < SPLIT_SIDE * SPLIT_SIDE; n++)
            tile[n] += from[chunk * size + n];
    if (l->transposed)
        split_transpose(tile, to, row);
    else
        for (size_t m = 0; m < SPLIT_SIDE; m++)
            memcpy(to + m * row, tile + m * SPLIT_SIDE, SPLIT_SIDE * sizeof *tile);
}

static int run(struct bit_operation *o, const void *source, const void *d_destination, bool accumulate, void *d_kernel,
               void *scratch, struct bit_error *error)
{
    (void)error, (void)accumulate;
    const struct weights *l = (const struct weights *)o;
    size_t size = l->firsts * l->seconds * SPLIT_SIDE * SPLIT_SIDE;
    float *sums = scratch;
    char *memory = (char *)(sums + l->chunks * size);
    #pragma omp parallel num_threads(bit_compute_thread_count())
    {
        struct own own = {.first = (bit_bfloat16 *)(memory + l->own_bytes * (size_t)omp_get_thread_num())};
        own.second = own.first + (l->firsts * l->steps + 1) * SPLIT_BLOCK; /* one more to prefetch from */
        amx_begin();
        #pragma omp for schedule(dynamic) collapse(2)
        for (size_t chunk = 0; chunk < l->chunks; chunk++)
            for (size_t slab = 0; slab < l->slabs; slab++)
                run_task(l, chunk, slab, source, d_destination, sums + chunk * size, own);
        amx_end();
        #pragma omp for schedule(static) collapse(2)
        for (size_t j = 0; j < l->seconds; j++)
            for (size_t i = 0; i < l->firsts; i++)
                add_up(l, i, j, sums, d_kernel);
    }
    return 0;
}

static void destroy(struct bit_operation *o)
{
    bit_free(((struct weights *)o)->zeros);
    bit_free(o);
}

static void cut(struct weights *l)
{
    size_t threads = (size_t)bit_compute_thread_count(), size = l->firsts * l->seconds * SPLIT_SIDE * SPLIT_SIDE;
    l->chunks = l->walk.gather.pixels / CHUNK_PIXELS;
    l->chunks = l->chunks > CHUNKS ? CHUNKS : l->chunks;
    size_t short_ones = (l->walk.gather.pixels + CHUNK_MOST - 1) / CHUNK_MOST;
    l->chunks = l->chunks < short_ones ? short_ones : l->chunks;
    l->chunks = l->chunks > CHUNK_FLOATS / size ? CHUNK_FLOATS / size : l->chunks;
    l->chunks = l->chunks < 1 ? 1 : l->chunks;
    l->slabs = (l->seconds + SLAB - 1) / SLAB;
    if (l->chunks * l->slabs % threads)
        l->slabs = (l->slabs + threads - 1) / threads * threads;
    l->slabs = l->slabs > l->seconds ? l->seconds : l->slabs;
    size_t blocks = l->firsts + (l->seconds + l->slabs - 1) / l->slabs;
    size_t all = (l->walk.gather.pixels + SPLIT_SIDE - 1) / SPLIT_SIDE;
    l->steps = OWN_BYTES / (blocks * SPLIT_BLOCK * sizeof(bit_bfloat16));
    l->steps = l->steps < 1 ? 1 : l->steps > STEPS_MOST ? STEPS_MOST : l->steps;
    l->steps = l->steps > all ? all : l->steps;
    l->own_bytes = (blocks * l->steps + 1) * SPLIT_BLOCK * sizeof(bit_bfloat16);
    l->base.scratch_bytes = l->own_bytes * threads + l->chunks * size * sizeof(float);
}

int bit_split_weights_create(const struct bit_geometry *geometry, struct bit_operation **operation,
                             struct bit_error *error)
{
    struct bit_gather gather;
    struct weights *l = bit_allocate(1, sizeof *l, "a convolution", error);
    if (!l)
        return -1;
    bit_gather_make(geometry, BIT_FORWARD, &gather);
    l->walk = bit_walk_make(&gather);
    l->base = (struct bit_operation){.geometry = *geometry, .type = BIT_FLOAT32, .run = run, .destroy = destroy};
    size_t depth = gather.depth / SPLIT_SIDE, outputs = (size_t)gather.to_channels / SPLIT_SIDE;
    l->transposed = outputs < depth;
    l->firsts = l->transposed ? outputs : depth;
    l->seconds = l->transposed ? depth : outputs;
    cut(l);
    size_t wide = (size_t)(geometry->channels > geometry->outputs ? geometry->channels : geometry->outputs);
    l->zeros = bit_allocate(wide, sizeof *l->zeros, "a convolution", error);
    if (!l->zeros) {
        bit_free(l);
        return -1;
    }
    *operation = &l->base;
    return 0;
}
