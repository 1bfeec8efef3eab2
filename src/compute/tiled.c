/* Forward and backward data in float32. The pixels are cut into panels and the outputs into blocks of a tile's columns;
 * a thread takes a panel and some blocks, and within them runs over the depth in steps whose part of the packed kernel
 * stays in its first-level cache. Every result is one chain of sums in the order of the depth: how the work is cut and who
 * does it cannot change a bit. */
#include <omp.h>
#include <string.h>

#include "bit/memory.h"
#include "compute/backend.h"
#include "compute/tiled.h"

enum {
    PANEL = 96,  /* pixels: some tiles, so that a step of the kernel is worth bringing to the cache */
    STEP = 128,  /* depth at a time: 128 x 64 floats are 32 KiB */
    TASKS_A_THREAD = 6,
};

struct tiled {
    struct bit_operation base;
    enum bit_direction direction;
    size_t pointers;            /* of one thread */
    size_t own_bytes;           /* scratch of one thread */
    size_t copy_elements;       /* padded copy, in front of the threads' scratch */
    float *zeros;
    int walks;
    struct bit_walk walk[];
};

static size_t round_up(size_t x, size_t to)
{
    return (x + to - 1) / to * to;
}

/* ---- packing: blocks of `columns` outputs, each [depth][columns], the last one filled up with zeros ---- */

/* to[c][n] = from[c][n]: `ins` lines of `outs` numbers, of which `count` are wanted. */
static void copy_tap(const float *from, size_t ins, size_t outs, size_t count, size_t columns, float *to)
{
    for (size_t c = 0; c < ins; c++)
        memcpy(to + c * columns, from + c * outs, count * sizeof *to);
}

/* to[c][n] = from[n][c]: `count` lines of `ins` numbers, turned. */
static void turn_tap(const float *from, size_t ins, size_t count, size_t columns, float *to)
{
    enum { LINES = 16 }; /* that are written at a time: as many as stay in the cache */
    for (size_t c0 = 0; c0 < ins; c0 += LINES)
        for (size_t n = 0; n < count; n++)
            for (size_t c = c0; c < ins && c < c0 + LINES; c++)
                to[c * columns + n] = from[n * ins + c];
}

static void pack_block(const struct tiled *l, const struct bit_walk *w, size_t block, const float *kernel, float *to)
{
    const struct bit_gather *g = &w->gather;
    size_t columns = (size_t)BIT_PICK(product_kernels)->columns, ins = (size_t)g->from_channels;
    size_t outs = (size_t)g->to_channels, first = block * columns, count = outs - first < columns ? outs - first : columns;
    bool turned = l->direction == BIT_BACKWARD_DATA; /* kernel rows are [channels, outputs], the matrix wants outputs first */
    if (count < columns)
        memset(to, 0, g->depth * columns * sizeof *to);
    for (int a = 0; a < g->taps_y; a++)
        for (int b = 0; b < g->taps_x; b++) {
            int i = g->kernel_y + a * g->kernel_step, j = g->kernel_x + b * g->kernel_step;
            const float *from = kernel + ((size_t)i * l->base.geometry.kernel + j) * ins * outs;
            if (turned)
                turn_tap(from + first * ins, ins, count, columns, to);
            else
                copy_tap(from + first, ins, outs, count, columns, to);
            to += ins * columns;
        }
}

static size_t blocks_of(const struct bit_gather *g)
{
    size_t columns = (size_t)BIT_PICK(product_kernels)->columns;
    return ((size_t)g->to_channels + columns - 1) / columns;
}

static float *packed_block(const struct bit_walk *w, size_t block, const void *packed)
{
    size_t columns = (size_t)BIT_PICK(product_kernels)->columns;
    return (float *)packed + (w->gather.packed + block * w->gather.depth) * columns;
}

static int pack(struct bit_operation *o, const float *kernel, void *packed, struct bit_error *error)
{
    (void)error;
    struct tiled *l = (struct tiled *)o;
    #pragma omp parallel num_threads(bit_compute_thread_count())
    for (int i = 0; i < l->walks; i++) {
        #pragma omp for schedule(static) nowait
        for (size_t block = 0; block < blocks_of(&l->walk[i].gather); block++)
            pack_block(l, &l->walk[i], block, kernel, packed_block(&l->walk[i], block, packed));
    }
    return 0;
}

/* ---- running ---- */

/* Where the pixels of a panel are written. */
static void point_results(const struct bit_gather *g, size_t first, size_t count, float *to, float **results)
{
    size_t an_image = (size_t)g->rows * g->columns;
    for (size_t n = 0; n < count; n++) {
        size_t image = (first + n) / an_image, rest = (first + n) % an_image;
        size_t y = (size_t)g->to_y + rest / g->columns * g->to_step, x = (size_t)g->to_x + rest % g->columns * g->to_step;
        results[n] = to + ((image * g->to_height + y) * g->to_width + x) * g->to_channels;
    }
}

static void write_zeros(const struct bit_gather *g, size_t count, float *const *results)
{
    for (size_t n = 0; n < count; n++)
        memset(results[n], 0, (size_t)g->to_channels * sizeof **results);
}

/* One tile whose rows or columns do not lie as the kernel writes them. */
static void odd_tile(const struct product_kernels *kernels, int rows, const float *const *a, size_t taps, size_t offset,
                     size_t run, const float *b, bool load, float *const *results, size_t column, size_t columns)
{
    float tile[BIT_TILE_ROWS_MOST * BIT_TILE_COLUMNS_MOST] __attribute__((aligned(64)));
    for (int m = 0; m < rows && load; m++) {
        memcpy(tile + m * kernels->columns, results[m] + column, columns * sizeof *tile);
        memset(tile + m * kernels->columns + columns, 0, (kernels->columns - columns) * sizeof *tile);
    }
    kernels->gathered(rows, a, PANEL, taps, offset, run, b, load, tile, (size_t)kernels->columns);
    for (int m = 0; m < rows; m++)
        memcpy(results[m] + column, tile + m * kernels->columns, columns * sizeof *tile);
}

static void run_step(const struct bit_gather *g, size_t count, const float *const *pointers, size_t tap, size_t taps,
                     size_t offset, size_t run, const float *b, bool load, float *const *results, size_t column)
{
    const struct product_kernels *kernels = BIT_PICK(product_kernels);
    size_t left = (size_t)g->to_channels - column, width = (size_t)kernels->columns;
    bool plain = left >= width && g->to_step == 1;
    for (size_t n = 0; n < count; n += (size_t)kernels->rows) {
        int rows = count - n < (size_t)kernels->rows ? (int)(count - n) : kernels->rows;
        const float *const *a = pointers + tap * PANEL + n;
        if (plain)
            kernels->gathered(rows, a, PANEL, taps, offset, run, b, load, results[n] + column, (size_t)g->to_channels);
        else
            odd_tile(kernels, rows, a, taps, offset, run, b, load, results + n, column, left < width ? left : width);
    }
}

/* One panel of pixels and one block of outputs. */
static void run_block(const struct bit_walk *w, size_t block, size_t count, const float *const *pointers, const float *b,
                      bool accumulate, float *const *results)
{
    size_t columns = (size_t)BIT_PICK(product_kernels)->columns, taps_a_step = w->run < STEP ? STEP / w->run : 1;
    bool load = accumulate;
    for (size_t tap = 0; tap < w->taps; tap += taps_a_step) {
        size_t taps = w->taps - tap < taps_a_step ? w->taps - tap : taps_a_step;
        for (size_t offset = 0; offset < w->run; offset += STEP) {
            size_t run = w->run - offset < STEP ? w->run - offset : STEP;
            run_step(&w->gather, count, pointers, tap, taps, offset, run, b, load, results, block * columns);
            b += taps * run * columns;
            load = true;
        }
    }
}

/* The tasks of one gather: panels times groups of output blocks. */
static void run_walk(const struct tiled *l, const struct bit_walk *w, const float *from, const void *packed,
                     bool accumulate, float *to, const float **pointers)
{
    const struct bit_gather *g = &w->gather;
    float **results = (float **)(pointers + l->pointers - PANEL);
    size_t panels = (g->pixels + PANEL - 1) / PANEL, blocks = blocks_of(g), groups = 1;
    size_t wanted = (size_t)bit_compute_thread_count() * TASKS_A_THREAD;
    if (panels < wanted)
        groups = (wanted + panels - 1) / (panels ? panels : 1);
    groups = groups > blocks ? blocks : groups;
    #pragma omp for schedule(dynamic) nowait
    for (size_t task = 0; task < panels * groups; task++) {
        size_t first = task / groups * PANEL, count = g->pixels - first < PANEL ? g->pixels - first : PANEL;
        size_t group = task % groups;
        point_results(g, first, count, to, results);
        if (g->depth == 0) {
            if (!accumulate && group == 0)
                write_zeros(g, count, results);
            continue;
        }
        bit_walk_point(w, from, l->zeros, first, count, PANEL, pointers);
        for (size_t block = blocks * group / groups; block < blocks * (group + 1) / groups; block++)
            run_block(w, block, count, pointers, packed_block(w, block, packed), accumulate, results);
    }
}

static int run_operation(struct bit_operation *o, const void *from, const void *packed, bool accumulate, void *to, void *scratch,
               struct bit_error *error)
{
    (void)error;
    struct tiled *l = (struct tiled *)o;
    float *copy = scratch;
    char *own = (char *)(copy + l->copy_elements);
    #pragma omp parallel num_threads(bit_compute_thread_count())
    {
        const float **pointers = (const float **)(own + l->own_bytes * (size_t)omp_get_thread_num());
        for (int i = 0; i < l->walks; i++) {
            const struct bit_walk *w = &l->walk[i];
            if (w->padded) {
                #pragma omp barrier
                bit_walk_copy(w, from, copy);
            }
            run_walk(l, w, w->padded ? copy : from, packed, accumulate, to, pointers);
        }
    }
    return 0;
}

static void destroy(struct bit_operation *o)
{
    struct tiled *l = (struct tiled *)o;
    bit_free(l->zeros);
    bit_free(l);
}

int bit_tiled_create(const struct bit_geometry *geometry, enum bit_type type, enum bit_direction direction,
                     struct bit_operation **operation, struct bit_error *error)
{
    if (type != BIT_FLOAT32)
        return 0;
    if (direction == BIT_BACKWARD_WEIGHTS)
        return bit_tiled_weights_create(geometry, operation, error);
    int count = bit_gather_count(geometry, direction);
    struct bit_gather *gathers = bit_allocate((size_t)count, sizeof *gathers, "a convolution", error);
    struct tiled *l = gathers ? bit_allocate(1, sizeof *l + (size_t)count * sizeof l->walk[0], "a convolution", error) : NULL;
    if (!l) {
        bit_free(gathers);
        return -1;
    }
    bit_gather_make(geometry, direction, gathers);
    size_t taps = 0, run = 0, packed = 0, columns = (size_t)BIT_PICK(product_kernels)->columns;
    l->direction = direction;
    l->walks = count;
    for (int i = 0; i < count; i++) {
        struct bit_walk *w = &l->walk[i];
        gathers[i].packed = packed;
        *w = bit_walk_make(&gathers[i]);
        packed += w->gather.depth * blocks_of(&w->gather);
        taps = w->taps > taps ? w->taps : taps;
        run = w->run > run ? w->run : run;
        l->copy_elements = w->copy_elements > l->copy_elements ? w->copy_elements : l->copy_elements;
    }
    bit_free(gathers);
    l->copy_elements = round_up(l->copy_elements, 16);
    l->pointers = (taps + 1) * PANEL;
    l->own_bytes = round_up(l->pointers * sizeof(float *), 64);
    l->zeros = bit_allocate(run, sizeof *l->zeros, "a convolution", error);
    if (!l->zeros) {
        bit_free(l);
        return -1;
    }
    l->base = (struct bit_operation){
        .geometry = *geometry, .type = type, .pack = pack, .packs_any_size = true, .run = run_operation, .destroy = destroy,
        .packed_bytes = packed * columns * sizeof(float),
        .scratch_bytes = l->copy_elements * sizeof(float) + (size_t)bit_compute_thread_count() * l->own_bytes,
    };
    *operation = &l->base;
    return 0;
}
