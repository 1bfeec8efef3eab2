/* Backward weights in float32: d_kernel [depth, outputs] = gathered^T x d_destination. The pixels are cut into `chunks` by
 * the shape alone, each with its own sums, which are added in order at the end; within a chunk every element is one chain
 * of sums in the order of the pixels. So the bits depend on the shape only, neither on threads nor on who does what. */
#include <omp.h>
#include <string.h>

#include "bit/memory.h"
#include "compute/backend.h"
#include "compute/tiled.h"

enum {
    STEP = 128,             /* pixels at a time: 128 x 64 floats of d_destination are 32 KiB */
    SLICE = 1024,           /* channels (times taps) of the source at a time: 512 KiB */
    CHUNK_PIXELS = 1024,    /* a chunk has at least that many */
    CHUNKS = 16,
    CHUNK_FLOATS = 1 << 20, /* what all chunks' sums may take */
    TASKS_A_THREAD = 4,
};

struct weights {
    struct bit_operation base;
    size_t chunks, groups, slices; /* of pixels, of blocks of outputs, of tiles of (tap, channels) */
    size_t blocks, tiles_a_tap;
    size_t left_stride;            /* floats from pixel to pixel in a thread's copy of its slice: no power of two */
    size_t own_bytes;
    float *zeros;
    struct bit_walk walk;
};

static size_t round_up(size_t x, size_t to)
{
    return (x + to - 1) / to * to;
}

/* What a thread keeps. */
struct own { float *right, *left; const float **pointers, **rows; };

static struct own own_of(const struct weights *l, void *memory)
{
    struct own own = {.right = memory};
    own.left = own.right + STEP * BIT_TILE_COLUMNS_MOST;
    own.rows = (const float **)(own.left + STEP * l->left_stride);
    own.pointers = own.rows + STEP;
    return own;
}

/* [count][columns] of d_destination, filled up with zeros. */
static void pack_right(const float *from, size_t count, size_t outputs, size_t first, size_t columns, float *to)
{
    size_t width = outputs - first < columns ? outputs - first : columns;
    for (size_t p = 0; p < count; p++) {
        memcpy(to + p * columns, from + p * outputs + first, width * sizeof *to);
        memset(to + p * columns + width, 0, (columns - width) * sizeof *to);
    }
}

/* One tile of d_kernel, or of a chunk's sums. */
static void run_tile(int rows, const float *const *pointers, size_t offset, size_t count, const float *right, bool load,
                     float *sum, size_t outputs, size_t width)
{
    const struct product_kernels *kernels = BIT_PICK(product_kernels);
    size_t columns = (size_t)kernels->columns;
    float tile[BIT_TILE_ROWS_MOST * BIT_TILE_COLUMNS_MOST] __attribute__((aligned(64)));
    if (width == columns) {
        kernels->outer(rows, pointers, offset, count, right, load, sum, outputs);
        return;
    }
    for (int m = 0; m < rows && load; m++) {
        memcpy(tile + m * columns, sum + m * outputs, width * sizeof *tile);
        memset(tile + m * columns + width, 0, (columns - width) * sizeof *tile);
    }
    kernels->outer(rows, pointers, offset, count, right, load, tile, columns);
    for (int m = 0; m < rows; m++)
        memcpy(sum + m * outputs, tile + m * columns, width * sizeof *tile);
}

/* The slice's channels of `count` pixels, side by side: where they come from, pixels often lie a power of two apart and
 * push each other out of the cache. */
static void copy_left(const struct weights *l, size_t tile0, size_t tile1, size_t count, struct own own)
{
    size_t rows = (size_t)BIT_PICK(product_kernels)->rows;
    for (size_t tile = tile0; tile < tile1;) {
        size_t tap = tile / l->tiles_a_tap, offset = tile % l->tiles_a_tap * rows;
        size_t next = (tap + 1) * l->tiles_a_tap < tile1 ? (tap + 1) * l->tiles_a_tap : tile1;
        size_t run = (next - tile) * rows < l->walk.run - offset ? (next - tile) * rows : l->walk.run - offset;
        for (size_t p = 0; p < count; p++)
            memcpy(own.left + p * l->left_stride + (tile - tile0) * rows, own.pointers[tap * STEP + p] + offset,
                   run * sizeof *own.left);
        tile = next;
    }
    for (size_t p = 0; p < count; p++)
        own.rows[p] = own.left + p * l->left_stride;
}

static void run_task(const struct weights *l, size_t chunk, size_t group, size_t slice, const float *from,
                     const float *d_destination, float *sum, struct own own)
{
    const struct bit_walk *w = &l->walk;
    const struct product_kernels *kernels = BIT_PICK(product_kernels);
    size_t outputs = (size_t)w->gather.to_channels, columns = (size_t)kernels->columns, tiles = w->taps * l->tiles_a_tap;
    size_t begin = w->gather.pixels * chunk / l->chunks, end = w->gather.pixels * (chunk + 1) / l->chunks;
    size_t tile0 = tiles * slice / l->slices, tile1 = tiles * (slice + 1) / l->slices;
    for (size_t first = begin; first < end; first += STEP) {
        size_t count = end - first < STEP ? end - first : STEP;
        bit_walk_point(w, from, l->zeros, first, count, STEP, own.pointers);
        copy_left(l, tile0, tile1, count, own);
        for (size_t block = l->blocks * group / l->groups; block < l->blocks * (group + 1) / l->groups; block++) {
            size_t column = block * columns, width = outputs - column < columns ? outputs - column : columns;
            pack_right(d_destination + first * outputs, count, outputs, column, columns, own.right);
            for (size_t tile = tile0; tile < tile1; tile++) {
                size_t tap = tile / l->tiles_a_tap, offset = tile % l->tiles_a_tap * kernels->rows;
                int rows = w->run - offset < (size_t)kernels->rows ? (int)(w->run - offset) : kernels->rows;
                run_tile(rows, own.rows, (tile - tile0) * kernels->rows, count, own.right, first > begin,
                         sum + (tap * w->run + offset) * outputs + column, outputs, width);
            }
        }
    }
}

static int run(struct bit_operation *o, const void *source, const void *d_destination, bool accumulate, void *d_kernel,
               void *scratch, struct bit_error *error)
{
    (void)error, (void)accumulate;
    struct weights *l = (struct weights *)o;
    const struct bit_walk *w = &l->walk;
    size_t size = w->gather.depth * w->gather.to_channels;
    float *copy = scratch, *sums = copy + round_up(w->copy_elements, 16), *total = d_kernel;
    char *memory = (char *)(sums + round_up((l->chunks - 1) * size, 16));
    #pragma omp parallel num_threads(bit_compute_thread_count())
    {
        struct own own = own_of(l, memory + l->own_bytes * (size_t)omp_get_thread_num());
        if (w->padded)
            bit_walk_copy(w, source, copy);
        #pragma omp for schedule(dynamic)
        for (size_t task = 0; task < l->chunks * l->groups * l->slices; task++) {
            size_t chunk = task / (l->groups * l->slices), rest = task % (l->groups * l->slices);
            run_task(l, chunk, rest / l->slices, rest % l->slices, w->padded ? copy : source, d_destination,
                     chunk ? sums + (chunk - 1) * size : total, own);
        }
        if (l->chunks > 1) {
            #pragma omp for schedule(static)
            for (size_t i = 0; i < size; i++) {
                float sum = total[i];
                for (size_t chunk = 1; chunk < l->chunks; chunk++)
                    sum += sums[(chunk - 1) * size + i];
                total[i] = sum;
            }
        }
    }
    return 0;
}

static void destroy(struct bit_operation *o)
{
    struct weights *l = (struct weights *)o;
    bit_free(l->zeros);
    bit_free(l);
}

int bit_tiled_weights_create(const struct bit_geometry *geometry, struct bit_operation **operation,
                             struct bit_error *error)
{
    const struct product_kernels *kernels = BIT_PICK(product_kernels);
    size_t rows = (size_t)kernels->rows, columns = (size_t)kernels->columns, threads = (size_t)bit_compute_thread_count();
    struct bit_gather gather;
    struct weights *l = bit_allocate(1, sizeof *l, "a convolution", error);
    if (!l)
        return -1;
    bit_gather_make(geometry, BIT_FORWARD, &gather);
    l->walk = bit_walk_make(&gather);
    size_t size = gather.depth * gather.to_channels;
    l->chunks = gather.pixels / CHUNK_PIXELS;
    l->chunks = l->chunks > CHUNKS ? CHUNKS : l->chunks;
    l->chunks = l->chunks > CHUNK_FLOATS / size + 1 ? CHUNK_FLOATS / size + 1 : l->chunks;
    l->chunks = l->chunks < 1 ? 1 : l->chunks;
    l->blocks = (gather.to_channels + columns - 1) / columns;
    l->tiles_a_tap = (l->walk.run + rows - 1) / rows;
    size_t tiles = l->walk.taps * l->tiles_a_tap, tasks = threads == 1 ? 1 : threads * TASKS_A_THREAD;
    l->slices = (tiles * rows + SLICE - 1) / SLICE;
    l->groups = (tasks + l->chunks * l->slices - 1) / (l->chunks * l->slices);
    l->groups = l->groups > l->blocks ? l->blocks : l->groups;
    if (tasks > l->chunks * l->groups * l->slices)
        l->slices = (tasks + l->chunks * l->groups - 1) / (l->chunks * l->groups);
    l->slices = l->slices > tiles ? tiles : l->slices;
    l->left_stride = round_up((tiles + l->slices - 1) / l->slices * rows, 16) + 16;
    l->own_bytes = round_up((STEP * BIT_TILE_COLUMNS_MOST + STEP * l->left_stride) * sizeof(float) +
                            (l->walk.taps + 1) * STEP * sizeof(float *), 64);
    l->zeros = bit_allocate(l->walk.run, sizeof *l->zeros, "a convolution", error);
    if (!l->zeros) {
        bit_free(l);
        return -1;
    }
    l->base = (struct bit_operation){
        .geometry = *geometry, .type = BIT_FLOAT32, .run = run, .destroy = destroy,
        .scratch_bytes = (round_up(l->walk.copy_elements, 16) + round_up((l->chunks - 1) * size, 16)) * sizeof(float) +
                         threads * l->own_bytes,
    };
    *operation = &l->base;
    return 0;
}
