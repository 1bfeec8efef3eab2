/* Weight gradient of a convolution over few channels (the root's): kernel * channels <= 32, so that the pixels one kernel
 * row sees of the source are one run of memory, and of one tile.
 *
 * The source is copied inside a border of zeros; behind each row stands room for a whole tile. Output pixels of all images
 * stand on one line, cut into strips of 32. Per strip, each kernel row turns 32 runs into the first factor (run elements by
 * pixels), d_destination becomes the second one (amx_kernels.h). Each thread has strips and sums of its own; these are
 * added up in the order of the threads. */
#include "compute/amx.h"

#include <string.h>

#include <omp.h>

#include "bit/memory.h"
#include "compute/amx_kernels.h"

enum { RUN = 16 /* strips in one product */, LINE = (RUN + 1) * AMX_SIDE /* odd number of cache lines */ };

struct narrow {
    struct bit_operation base;
    int out_height, out_width, threads, strips;
    size_t pitch, image; /* elements of a row and of an image inside their border */
};

static size_t align(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

static size_t sums_count(const struct bit_geometry *g)
{
    return (size_t)g->kernel * AMX_SIDE * (size_t)g->outputs;
}

static size_t lines_bytes(const struct bit_geometry *g)
{
    return (size_t)g->kernel * AMX_SIDE * LINE * sizeof(bit_bfloat16);
}

static size_t thread_bytes(const struct bit_geometry *g)
{
    return sums_count(g) * sizeof(float) + lines_bytes(g) + (size_t)g->outputs * RUN * AMX_SIDE * sizeof(bit_bfloat16);
}

static size_t border_bytes(const struct narrow *x)
{
    return align((size_t)x->base.geometry.images * x->image * sizeof(bit_bfloat16));
}

/* Row `row` of all images inside their borders. */
static void copy_row(const struct narrow *x, int row, const bit_bfloat16 *source, bit_bfloat16 *inside)
{
    const struct bit_geometry *g = &x->base.geometry;
    const int high = g->height + 2 * g->padding, y = row % high - g->padding;
    const size_t before = (size_t)g->padding * (size_t)g->channels, run = (size_t)g->width * (size_t)g->channels;
    bit_bfloat16 *to = inside + (size_t)(row / high) * x->image + (size_t)(row % high) * x->pitch;
    if (y < 0 || y >= g->height) {
        memset(to, 0, x->pitch * sizeof *to);
        return;
    }
    memset(to, 0, before * sizeof *to);
    memcpy(to + before, source + ((size_t)(row / high) * (size_t)g->height + (size_t)y) * run, run * sizeof *to);
    memset(to + before + run, 0, (x->pitch - before - run) * sizeof *to);
}

/* Writes strip `strip` of both factors to place `i` of the run at hand. */
static void pack_strip(const struct narrow *x, int strip, int i, const bit_bfloat16 *inside,
                       const bit_bfloat16 *d_destination, bit_bfloat16 *lines, bit_bfloat16 *pairs)
{
    const struct bit_geometry *g = &x->base.geometry;
    const int an_image = x->out_height * x->out_width, step = g->stride * g->channels;
    const bit_bfloat16 *from[AMX_SIDE], *gradient[AMX_SIDE];
    for (int k = 0; k < AMX_SIDE; k++) {
        const int pixel = strip * AMX_SIDE + k, image = pixel / an_image, row = pixel % an_image / x->out_width;
        const bool there = image < g->images;
        from[k] = there ? inside + (size_t)image * x->image + (size_t)(row * g->stride) * x->pitch +
                              (size_t)(pixel % x->out_width * step)
                        : NULL;
        gradient[k] = there ? d_destination + (size_t)pixel * (size_t)g->outputs : NULL;
    }
    for (int row = 0; row < g->kernel; row++) {
        amx_transpose(from, 0, lines + (size_t)row * AMX_SIDE * LINE + i * AMX_SIDE, LINE);
        for (int k = 0; k < AMX_SIDE; k++)
            from[k] = from[k] ? from[k] + x->pitch : NULL;
    }
    for (int o = 0; o < g->outputs; o += AMX_SIDE)
        amx_interleave(gradient, (size_t)o, pairs + ((size_t)(o / AMX_SIDE) * RUN + i) * AMX_SIDE * AMX_SIDE);
}

/* Strips [from, to), into a thread's own memory; its sums come first. */
static void sum_strips(const struct narrow *x, int from, int to, const bit_bfloat16 *inside,
                       const bit_bfloat16 *d_destination, char *own)
{
    const struct bit_geometry *g = &x->base.geometry;
    float *sums = (float *)own;
    bit_bfloat16 *lines = (bit_bfloat16 *)(own + sums_count(g) * sizeof *sums);
    bit_bfloat16 *pairs = (bit_bfloat16 *)((char *)lines + lines_bytes(g));
    if (from >= to)
        memset(sums, 0, sums_count(g) * sizeof *sums);
    for (int first = from; first < to; first += RUN) {
        const int strips = to - first < RUN ? to - first : RUN;
        for (int i = 0; i < strips; i++)
            pack_strip(x, first + i, i, inside, d_destination, lines, pairs);
        for (int row = 0; row < g->kernel; row++)
            for (int o = 0; o < g->outputs; o += AMX_SIDE)
                amx_product(lines + (size_t)row * AMX_SIDE * LINE, LINE,
                            pairs + (size_t)(o / AMX_SIDE) * RUN * AMX_SIDE * AMX_SIDE, strips, first > from,
                            sums + (size_t)row * AMX_SIDE * (size_t)g->outputs + o, (size_t)g->outputs);
    }
}

static int run(struct bit_operation *o, const void *source, const void *d_destination, bool accumulate, void *d_kernel,
               void *scratch, struct bit_error *error)
{
    (void)error, (void)accumulate;
    const struct narrow *x = (const struct narrow *)o;
    const struct bit_geometry *g = &o->geometry;
    const int rows = g->images * (g->height + 2 * g->padding);
    const size_t run = (size_t)g->kernel * (size_t)g->channels * (size_t)g->outputs; /* of a kernel row */
    char *own = (char *)scratch + border_bytes(x);
#pragma omp parallel num_threads(x->threads)
    {
#pragma omp for schedule(static)
        for (int row = 0; row < rows; row++)
            copy_row(x, row, source, scratch);
        amx_begin();
#pragma omp for schedule(static)
        for (int t = 0; t < x->threads; t++)
            sum_strips(x, (int)((int64_t)x->strips * t / x->threads), (int)((int64_t)x->strips * (t + 1) / x->threads),
                       scratch, d_destination, own + (size_t)t * thread_bytes(g));
        amx_end();
    }
    for (int row = 0; row < g->kernel; row++)
        for (size_t i = 0; i < run; i++) {
            const size_t at = (size_t)row * AMX_SIDE * (size_t)g->outputs + i;
            float sum = 0;
            for (int t = 0; t < x->threads; t++)
                sum += ((const float *)(own + (size_t)t * thread_bytes(g)))[at];
            ((float *)d_kernel)[(size_t)row * run + i] = sum;
        }
    return 0;
}

static void destroy(struct bit_operation *o)
{
    bit_free(o);
}

int bit_amx_narrow_create(const struct bit_geometry *g, enum bit_type type, enum bit_direction direction,
                          struct bit_operation **operation, struct bit_error *error)
{
    if (type != BIT_BFLOAT16 || direction != BIT_BACKWARD_WEIGHTS || g->kernel * g->channels > AMX_SIDE ||
        g->outputs % AMX_SIDE || !bit_amx_available())
        return 0;
    struct narrow *x = bit_allocate(1, sizeof *x, "a convolution", error);
    if (!x)
        return -1;
    x->base = (struct bit_operation){.geometry = *g, .type = type, .run = run, .destroy = destroy};
    x->out_height = bit_geometry_out_height(g);
    x->out_width = bit_geometry_out_width(g);
    x->threads = bit_compute_thread_count();
    x->strips = (int)(((size_t)g->images * (size_t)x->out_height * (size_t)x->out_width + AMX_SIDE - 1) / AMX_SIDE);
    x->pitch = (size_t)(g->width + 2 * g->padding) * (size_t)g->channels + AMX_SIDE;
    x->image = (size_t)(g->height + 2 * g->padding) * x->pitch;
    x->base.scratch_bytes = border_bytes(x) + (size_t)x->threads * thread_bytes(g);
    *operation = &x->base;
    return 0;
}
