/* Forward and backward data work on blocks of tiles, one thread a block: transform, 36 products, transform back, all
 * within a core's L2. The weight gradient goes through chunks of tiles which all threads transform together; then each
 * thread owns some of the 36 points, so that no sums have to be merged. */
#include "compute/winograd.h"

#include <omp.h>

#include "bit/memory.h"
#include "compute/winograd_kernels.h"

enum {
    BLOCK = 60,         /* tiles of forward and backward data: a multiple of the register tile's rows */
    CHUNK = 112,        /* tiles of the weight gradient */
    SLICE = 64,         /* rows of one point's gradient that are one piece of work */
    WIDE = 12,          /* images of so many pixels a side always pay */
    FEWEST_TILES = 16   /* of smaller ones, this many tiles must share a transformed kernel, which is four times as large */
};

struct winograd {
    struct bit_operation base;
    const struct winograd_kernels *kernels;
    int inputs, outputs;      /* of the product: channels read and written */
    int across, down, tiles;  /* tiles a row, rows an image, in all */
    bool transposed;          /* backward data */
};

static struct winograd_tile tile_at(const struct winograd *w, int tile, int channels, int border, int *image)
{
    int an_image = w->across * w->down, in = tile % an_image;
    *image = tile / an_image;
    return (struct winograd_tile){.height = w->base.geometry.height, .width = w->base.geometry.width,
                                  .channels = channels, .row = in / w->across * 4 - border,
                                  .column = in % w->across * 4 - border};
}

static size_t image_floats(const struct winograd *w, int channels)
{
    return (size_t)w->base.geometry.height * w->base.geometry.width * channels;
}

/* Floats from one point's matrix [inputs][outputs] to the next one's: no power of two, else all 36 would share a few lines of the caches. */
static size_t point_step(const struct winograd *w)
{
    return (size_t)w->inputs * w->outputs + 80;
}

/* [9][channels][outputs] -> [9][outputs][channels], so that backward data packs as forward does. */
static void transpose(const float *kernel, int channels, int outputs, float *to)
{
    enum { TILE = 16 };
    #pragma omp parallel for collapse(2) num_threads(bit_compute_thread_count()) schedule(static)
    for (int tap = 0; tap < 9; tap++)
        for (int o0 = 0; o0 < outputs; o0 += TILE) {
            const float *a = kernel + (size_t)tap * channels * outputs;
            float *b = to + (size_t)tap * channels * outputs;
            for (int c0 = 0; c0 < channels; c0 += TILE)
                for (int o = o0; o < o0 + TILE && o < outputs; o++)
                    for (int c = c0; c < c0 + TILE && c < channels; c++)
                        b[(size_t)o * channels + c] = a[(size_t)c * outputs + o];
        }
}

static int pack(struct bit_operation *o, const float *kernel, void *packed, struct bit_error *error)
{
    (void)error;
    struct winograd *w = (struct winograd *)o;
    float *points = packed;
    if (w->transposed) {
        float *turned = points + WINOGRAD_POINTS * point_step(w);
        transpose(kernel, o->geometry.channels, o->geometry.outputs, turned);
        kernel = turned;
    }
    #pragma omp parallel for num_threads(bit_compute_thread_count()) schedule(static)
    for (int row = 0; row < w->inputs; row += 8)
        w->kernels->kernel(kernel, w->inputs, w->outputs, row, row + 8 < w->inputs ? row + 8 : w->inputs, w->transposed,
                           points, point_step(w));
    return 0;
}

static void run_block(const struct winograd *w, int first, int count, const float *from, const float *packed,
                      bool accumulate, float *to, float *scratch)
{
    float *points = scratch, *products = scratch + (size_t)WINOGRAD_POINTS * BLOCK * w->inputs;
    size_t step = (size_t)BLOCK * w->inputs, product_step = (size_t)BLOCK * w->outputs;
    int image;
    for (int i = 0; i < count; i++) {
        struct winograd_tile tile = tile_at(w, first + i, w->inputs, 1, &image);
        w->kernels->input(from + image_floats(w, w->inputs) * (size_t)image, &tile, points + (size_t)i * w->inputs, step);
    }
    for (int p = 0; p < WINOGRAD_POINTS; p++)
        w->kernels->multiply(count, w->outputs, w->inputs, points + step * (size_t)p, (size_t)w->inputs, 1,
                             packed + (size_t)p * point_step(w), 0, false, products + product_step * (size_t)p,
                             (size_t)w->outputs);
    for (int i = 0; i < count; i++) {
        struct winograd_tile tile = tile_at(w, first + i, w->outputs, 0, &image);
        w->kernels->output(products + (size_t)i * w->outputs, product_step, &tile, accumulate,
                           to + image_floats(w, w->outputs) * (size_t)image);
    }
}

static size_t block_floats(const struct winograd *w)
{
    return (size_t)WINOGRAD_POINTS * BLOCK * (w->inputs + w->outputs);
}

static int run(struct bit_operation *o, const void *from, const void *packed, bool accumulate, void *to, void *scratch,
               struct bit_error *error)
{
    (void)error;
    const struct winograd *w = (const struct winograd *)o;
    int threads = bit_compute_thread_count();
    /* Blocks of equal size, a multiple of the number of threads where there is enough work. */
    int blocks = (w->tiles + BLOCK - 1) / BLOCK;
    blocks = (blocks + threads - 1) / threads * threads;
    #pragma omp parallel for num_threads(threads) schedule(static)
    for (int b = 0; b < blocks; b++) {
        int first = (int)((long)w->tiles * b / blocks), last = (int)((long)w->tiles * (b + 1) / blocks);
        if (last > first)
            run_block(w, first, last - first, from, packed, accumulate, to,
                      (float *)scratch + block_floats(w) * (size_t)omp_get_thread_num());
    }
    return 0;
}

/* One slice of one point: [rows of channels][outputs] (+)= points^T gradients. */
static void product_slice(const struct winograd *w, int item, int count, const float *points, const float *gradients,
                          bool accumulate, float *sums)
{
    int slices = (w->inputs + SLICE - 1) / SLICE, p = item / slices, row = item % slices * SLICE;
    int rows = w->inputs - row < SLICE ? w->inputs - row : SLICE;
    w->kernels->multiply(rows, w->outputs, count, points + (size_t)p * CHUNK * w->inputs + row, 1, (size_t)w->inputs,
                         gradients + (size_t)p * CHUNK * w->outputs, (size_t)w->outputs, accumulate,
                         sums + (size_t)p * point_step(w) + (size_t)row * w->outputs, (size_t)w->outputs);
}

static int run_weights(struct bit_operation *o, const void *source, const void *d_destination, bool accumulate,
                       void *d_kernel, void *scratch, struct bit_error *error)
{
    (void)error, (void)accumulate;
    const struct winograd *w = (const struct winograd *)o;
    float *points = scratch, *gradients = points + (size_t)WINOGRAD_POINTS * CHUNK * w->inputs;
    float *sums = gradients + (size_t)WINOGRAD_POINTS * CHUNK * w->outputs;
    int items = WINOGRAD_POINTS * ((w->inputs + SLICE - 1) / SLICE);
    #pragma omp parallel num_threads(bit_compute_thread_count())
    for (int first = 0; first < w->tiles; first += CHUNK) {
        int count = w->tiles - first < CHUNK ? w->tiles - first : CHUNK;
        #pragma omp for schedule(static)
        for (int i = 0; i < count; i++) {
            int image;
            struct winograd_tile tile = tile_at(w, first + i, w->inputs, 1, &image);
            w->kernels->input((const float *)source + image_floats(w, w->inputs) * (size_t)image, &tile,
                              points + (size_t)i * w->inputs, (size_t)CHUNK * w->inputs);
            tile = tile_at(w, first + i, w->outputs, 0, &image);
            w->kernels->gradient((const float *)d_destination + image_floats(w, w->outputs) * (size_t)image, &tile,
                                 gradients + (size_t)i * w->outputs, (size_t)CHUNK * w->outputs);
        }
        #pragma omp for schedule(static)
        for (int i = 0; i < items; i++)
            product_slice(w, i, count, points, gradients, first > 0, sums);
    }
    #pragma omp parallel for num_threads(bit_compute_thread_count()) schedule(static)
    for (int row = 0; row < w->inputs; row++)
        w->kernels->kernel_gradient(sums, point_step(w), w->inputs, w->outputs, row, row + 1, d_kernel);
    return 0;
}

static void destroy(struct bit_operation *o)
{
    bit_free(o);
}

/* Narrow images: tiles that reach beyond them must still leave half of the 9 products a pixel to save, and what else would be chosen must
 * have no tile units. */
static bool pays(const struct bit_geometry *g)
{
    const int tiles = (g->width + 3) / 4 * ((g->height + 3) / 4);
    if (g->width >= WIDE && g->height >= WIDE)
        return true;
    return bit_level() < BIT_LEVEL_AMX && g->height * g->width >= 8 * tiles && g->images * tiles >= FEWEST_TILES;
}

int bit_winograd_create(const struct bit_geometry *g, enum bit_type type, enum bit_direction direction,
                        struct bit_operation **operation, struct bit_error *error)
{
    const struct winograd_kernels *kernels = BIT_PICK(winograd_kernels);
    if (type != BIT_FLOAT32 || g->kernel != 3 || g->stride != 1 || g->padding != 1 || !pays(g) || g->channels % kernels->columns ||
        g->outputs % kernels->columns)
        return 0;
    struct winograd *w = bit_allocate(1, sizeof *w, "a convolution", error);
    if (!w)
        return -1;
    w->kernels = kernels;
    w->transposed = direction == BIT_BACKWARD_DATA;
    w->inputs = w->transposed ? g->outputs : g->channels;
    w->outputs = w->transposed ? g->channels : g->outputs;
    w->across = (g->width + 3) / 4;
    w->down = (g->height + 3) / 4;
    w->tiles = g->images * w->across * w->down;
    size_t points = WINOGRAD_POINTS * point_step(w);
    w->base = (struct bit_operation){.geometry = *g, .type = type, .pack = pack, .packs_any_size = true, .run = run,
                                      .destroy = destroy};
    if (direction == BIT_BACKWARD_WEIGHTS) {
        w->base.pack = NULL;
        w->base.run = run_weights;
        w->base.scratch_bytes =
            ((size_t)WINOGRAD_POINTS * CHUNK * (w->inputs + w->outputs) + points) * sizeof(float);
    } else {
        size_t turned = w->transposed ? (size_t)9 * g->channels * g->outputs : 0;
        w->base.packed_bytes = (points + turned) * sizeof(float);
        w->base.scratch_bytes = block_floats(w) * (size_t)bit_compute_thread_count() * sizeof(float);
    }
    *operation = &w->base;
    return 0;
}
