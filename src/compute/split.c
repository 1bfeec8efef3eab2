/* Forward and backward data. The pixels are cut into panels; a thread splits a panel's rows into their parts, some depth at a
 * time, and multiplies them with the packed kernel block by block. Each result is one chain of sums in the order of the
 * depth: how the work is cut and who does it cannot change a bit. */
#include "compute/split.h"

#include <omp.h>
#include <string.h>

#include "bit/memory.h"
#include "compute/amx_kernels.h"
#include "compute/split_kernels.h"
#include "compute/tiled.h"

enum {
    BLOCKS = 8, /* of 32 pixels: a panel */
    STEPS = 16, /* of 32 in depth: a panel's parts take 768 KiB, they and a piece of the kernel stay in L2 */
    PANEL = BLOCKS * SPLIT_SIDE
};

struct split {
    struct bit_operation base;
    enum bit_direction direction;
    size_t parts_bytes; /* of a panel, in front of its pointers */
    size_t own_bytes;   /* scratch of one thread */
    float *zeros;
    int walks;
    struct bit_walk walk[];
};

static size_t round_up(size_t x, size_t to)
{
    return (x + to - 1) / to * to;
}

/* ---- packing: blocks of 32 outputs, each a run of blocks in the order of the depth ---- */

static size_t steps_of(const struct bit_walk *w)
{
    return w->gather.depth / SPLIT_SIDE;
}

static bit_bfloat16 *packed_block(const struct bit_walk *w, size_t block, size_t step, const void *packed)
{
    return (bit_bfloat16 *)packed + w->gather.packed + (block * steps_of(w) + step) * SPLIT_BLOCK;
}

/* What is packed: scale[o] w + offset[o], or w where they are NULL. */
struct kernel { const float *w, *scale, *offset; };

static void scale_line(const float *line, const float *scale, const float *offset, float *to)
{
    #pragma omp simd
    for (size_t c = 0; c < SPLIT_SIDE; c++)
        to[c] = scale[c] * line[c] + offset[c];
}

static void pack_step(const struct split *l, const struct bit_walk *w, size_t block, size_t step, const struct kernel *kernel,
                      void *packed)
{
    const struct bit_gather *g = &w->gather;
    size_t ins = (size_t)g->from_channels, outs = (size_t)g->to_channels;
    size_t tap = step * SPLIT_SIDE / ins, channel = step * SPLIT_SIDE % ins, first = block * SPLIT_SIDE;
    size_t i = (size_t)(g->kernel_y + (int)(tap / (size_t)g->taps_x) * g->kernel_step);
    size_t j = (size_t)(g->kernel_x + (int)(tap % (size_t)g->taps_x) * g->kernel_step);
    /* The kernel's rows are [channels, outputs]; backward data's depth are the outputs. */
    bool turned = l->direction == BIT_BACKWARD_DATA;
    size_t row = turned ? first : channel, column = turned ? channel : first, pitch = turned ? ins : outs;
    const float *from = kernel->w + (i * (size_t)l->base.geometry.kernel + j) * ins * outs + row * pitch + column;
    const float *lines[SPLIT_SIDE];
    float tile[SPLIT_SIDE * SPLIT_SIDE];
    for (size_t n = 0; n < SPLIT_SIDE; n++)
        lines[n] = from + n * pitch;
    if (kernel->scale)
        for (size_t n = 0; n < SPLIT_SIDE; n++) {
            scale_line(lines[n], kernel->scale + column, kernel->offset + column, tile + n * SPLIT_SIDE);
            lines[n] = tile + n * SPLIT_SIDE;
        }
    (turned ? split_columns_turned : split_columns)(lines, 0, packed_block(w, block, step, packed));
}

static void pack_scaled(struct bit_operation *o, const float *kernel, const float *scale, const float *offset, void *packed)
{
    const struct split *l = (const struct split *)o;
    const struct kernel k = {kernel, scale, offset};
    #pragma omp parallel num_threads(bit_compute_thread_count())
    for (int i = 0; i < l->walks; i++) {
        const struct bit_walk *w = &l->walk[i];
        size_t blocks = (size_t)w->gather.to_channels / SPLIT_SIDE;
        #pragma omp for schedule(static) collapse(2) nowait
        for (size_t step = 0; step < steps_of(w); step++)
            for (size_t block = 0; block < blocks; block++)
                pack_step(l, w, block, step, &k, packed);
    }
}

static int pack(struct bit_operation *o, const float *kernel, void *packed, struct bit_error *error)
{
    (void)error;
    pack_scaled(o, kernel, NULL, NULL, packed);
    return 0;
}

/* ---- running ---- */

static float *result_at(const struct bit_gather *g, size_t pixel, float *to)
{
    size_t an_image = (size_t)g->rows * (size_t)g->columns, image = pixel / an_image, rest = pixel % an_image;
    size_t y = (size_t)g->to_y + rest / (size_t)g->columns * (size_t)g->to_step;
    size_t x = (size_t)g->to_x + rest % (size_t)g->columns * (size_t)g->to_step;
    return to + ((image * (size_t)g->to_height + y) * (size_t)g->to_width + x) * (size_t)g->to_channels;
}

/* Results that do not lie row after row, or fewer than 32. */
static void odd_product(const struct bit_gather *g, const bit_bfloat16 *a, const bit_bfloat16 *b, size_t steps, bool load,
                        size_t first, size_t count, size_t column, float *to)
{
    float tile[SPLIT_SIDE * SPLIT_SIDE] __attribute__((aligned(64)));
    if (load)
        memset(tile, 0, sizeof tile);
    for (size_t n = 0; n < count && load; n++)
        memcpy(tile + n * SPLIT_SIDE, result_at(g, first + n, to) + column, SPLIT_SIDE * sizeof *tile);
    split_product(a, b, steps, load, tile, SPLIT_SIDE);
    for (size_t n = 0; n < count; n++)
        memcpy(result_at(g, first + n, to) + column, tile + n * SPLIT_SIDE, SPLIT_SIDE * sizeof *tile);
}

/* Steps [step, step + steps) of `count` pixels, for output blocks [block0, block1). */
static void run_steps(const struct bit_walk *w, size_t step, size_t steps, size_t first, size_t count, size_t block0,
                      size_t block1, const float *const *pointers, const void *packed, bool load, float *to,
                      bit_bfloat16 *parts)
{
    const struct bit_gather *g = &w->gather;
    size_t ins = (size_t)g->from_channels, outs = (size_t)g->to_channels;
    for (size_t m = 0; m < count; m += SPLIT_SIDE)
        for (size_t s = 0; s < steps; s++) {
            size_t at = (step + s) * SPLIT_SIDE;
            split_rows(pointers + at / ins * PANEL + m, at % ins, parts + (m / SPLIT_SIDE * steps + s) * SPLIT_BLOCK);
        }
    for (size_t block = block0; block < block1; block++) {
        const bit_bfloat16 *b = packed_block(w, block, step, packed);
        for (size_t m = 0; m < count; m += SPLIT_SIDE) {
            const bit_bfloat16 *a = parts + m / SPLIT_SIDE * steps * SPLIT_BLOCK;
            float *c = to + (first + m) * outs + block * SPLIT_SIDE;
            if (g->to_step == 1 && count - m >= 2 * SPLIT_SIDE)
                split_fetch(c + SPLIT_SIDE * outs, outs);
            if (g->to_step == 1 && count - m >= SPLIT_SIDE)
                split_product(a, b, steps, load, c, outs);
            else
                odd_product(g, a, b, steps, load, first + m, count - m < SPLIT_SIDE ? count - m : SPLIT_SIDE,
                            block * SPLIT_SIDE, to);
        }
    }
}

static void run_panel(const struct split *l, const struct bit_walk *w, size_t first, size_t count, size_t block0,
                      size_t block1, const float *from, const void *packed, bool accumulate, float *to, char *own)
{
    const struct bit_gather *g = &w->gather;
    const float **pointers = (const float **)(own + l->parts_bytes);
    for (size_t n = 0; n < count && g->depth == 0 && !accumulate; n++)
        memset(result_at(g, first + n, to) + block0 * SPLIT_SIDE, 0, (block1 - block0) * SPLIT_SIDE * sizeof *to);
    if (g->depth == 0)
        return;
    bit_walk_point(w, from, l->zeros, first, count, PANEL, pointers);
    for (size_t t = 0; t < w->taps; t++)
        for (size_t n = count; n % SPLIT_SIDE; n++)
            pointers[t * PANEL + n] = l->zeros;
    for (size_t step = 0; step < steps_of(w); step += STEPS) {
        size_t steps = steps_of(w) - step < STEPS ? steps_of(w) - step : STEPS;
        run_steps(w, step, steps, first, count, block0, block1, pointers, packed, accumulate || step, to,
                  (bit_bfloat16 *)own);
    }
}

/* The tasks of one gather: panels times groups of output blocks. Few pixels leave the kernel as what has to be moved most:
 * then each thread reads a part of it only. */
static void run_walk(const struct split *l, const struct bit_walk *w, const float *from, const void *packed,
                     bool accumulate, float *to, char *own)
{
    size_t threads = (size_t)bit_compute_thread_count(), blocks = (size_t)w->gather.to_channels / SPLIT_SIDE;
    size_t rows = (w->gather.pixels + SPLIT_SIDE - 1) / SPLIT_SIDE, panels = (rows + BLOCKS - 1) / BLOCKS, groups = 1;
    if (panels < 4 * threads && threads > 1) {
        if (blocks >= 4 * threads)
            groups = threads;
        else
            panels = round_up(panels, threads) < rows ? round_up(panels, threads) : rows;
    }
    #pragma omp for schedule(dynamic) nowait
    for (size_t task = 0; task < panels * groups; task++) {
        size_t panel = task / groups, group = task % groups;
        size_t first = rows * panel / panels * SPLIT_SIDE, end = rows * (panel + 1) / panels * SPLIT_SIDE;
        end = end < w->gather.pixels ? end : w->gather.pixels;
        if (end > first)
            run_panel(l, w, first, end - first, blocks * group / groups, blocks * (group + 1) / groups, from, packed,
                      accumulate, to, own);
    }
}

static int run(struct bit_operation *o, const void *from, const void *packed, bool accumulate, void *to, void *scratch,
               struct bit_error *error)
{
    (void)error;
    const struct split *l = (const struct split *)o;
    #pragma omp parallel num_threads(bit_compute_thread_count())
    {
        char *own = (char *)scratch + l->own_bytes * (size_t)omp_get_thread_num();
        amx_begin();
        for (int i = 0; i < l->walks; i++)
            run_walk(l, &l->walk[i], from, packed, accumulate, to, own);
        amx_end();
    }
    return 0;
}

static void destroy(struct bit_operation *o)
{
    bit_free(((struct split *)o)->zeros);
    bit_free(o);
}

/* Fills walks and sizes; the number of floats in a run. */
static size_t describe(struct split *l, const struct bit_gather *gathers)
{
    size_t taps = 0, packed = 0, run = 0, steps = 0;
    for (int i = 0; i < l->walks; i++) {
        struct bit_walk *w = &l->walk[i];
        *w = bit_walk_make(&gathers[i]);
        w->gather.packed = packed;
        packed += steps_of(w) * (size_t)w->gather.to_channels / SPLIT_SIDE * SPLIT_BLOCK;
        taps = w->taps > taps ? w->taps : taps;
        run = w->run > run ? w->run : run;
        steps = steps_of(w) > steps ? steps_of(w) : steps;
    }
    steps = steps < STEPS ? steps : STEPS;
    l->parts_bytes = (BLOCKS * steps + 1) * SPLIT_BLOCK * sizeof(bit_bfloat16); /* one more to prefetch from */
    l->own_bytes = round_up(l->parts_bytes + taps * PANEL * sizeof(float *), 64);
    l->base.packed_bytes = packed * sizeof(bit_bfloat16);
    l->base.scratch_bytes = l->own_bytes * (size_t)bit_compute_thread_count();
    return run;
}

int bit_split_create(const struct bit_geometry *geometry, enum bit_type type, enum bit_direction direction,
                     struct bit_operation **operation, struct bit_error *error)
{
    if (type != BIT_FLOAT32 || geometry->channels % SPLIT_SIDE || geometry->outputs % SPLIT_SIDE || !bit_amx_available())
        return 0;
    if (direction == BIT_BACKWARD_WEIGHTS)
        return bit_split_weights_create(geometry, operation, error);
    int count = bit_gather_count(geometry, direction);
    struct bit_gather *gathers = bit_allocate((size_t)count, sizeof *gathers, "a convolution", error);
    struct split *l = gathers ? bit_allocate(1, sizeof *l + (size_t)count * sizeof l->walk[0], "a convolution", error) : NULL;
    if (!l) {
        bit_free(gathers);
        return -1;
    }
    bit_gather_make(geometry, direction, gathers);
    l->base = (struct bit_operation){.geometry = *geometry, .type = type, .pack = pack, .pack_scaled = pack_scaled,
                                      .packs_any_size = true, .run = run, .destroy = destroy};
    l->direction = direction;
    l->walks = count;
    l->zeros = bit_allocate(describe(l, gathers), sizeof *l->zeros, "a convolution", error);
    bit_free(gathers);
    if (!l->zeros) {
        bit_free(l);
        return -1;
    }
    *operation = &l->base;
    return 0;
}
