/* d_kernel[tap] [channels, outputs] = sum over pixels of source[pixel + tap]^T d_destination[pixel].
 *
 * Output pixels of all images stand on one line ("grid"): each row is followed by one zero pixel and each image by one zero
 * row, so that a tap is nothing but an offset along the line: its neighbours beyond a border are those zeros. With a
 * stride, the source is split into stride^2 phases, each a grid of its own. Per chunk of the line the threads first write
 * the source transposed (pixels contiguous: the first factor of a tile product) and d_destination interleaved (the
 * second), then each owns blocks of 32x32 of the result, so that no sums have to be merged. */
#include "compute/amx.h"

#include <omp.h>

#include "bit/memory.h"
#include "compute/amx_kernels.h"

enum {
    CHUNK_BYTES = 1 << 20, /* of both packed factors: stays in L2 */
    RUN = 16               /* steps of 32 pixels in one product: the first factor's rows stay in L1 */
};

struct amx {
    struct bit_operation base;
    int out_height, out_width;
    int pad;          /* 1: zero pixel after a row, zero row after an image; 0 for 1x1 kernels */
    int pitch;        /* grid pixels of an image */
    int phases_side;  /* phases a side that any tap uses */
    int strips;       /* of 32 grid pixels, all images */
    int chunk;        /* strips worked on together */
    int margin;       /* strips of the source before and after a chunk that taps reach into */
    size_t line;      /* elements of one channel's line of a chunk, margins included */
};

/* One of the two images at hand: rows and columns `step` apart, from (row, column). */
struct view { const bit_bfloat16 *data; int height, width, channels, step, row, column; };

/* Addresses of the 32 pixels of `strip`; NULL where the line has a zero. */
static void strip_addresses(const struct amx *x, int strip, const struct view *v, const bit_bfloat16 *address[AMX_SIDE])
{
    int wide = x->out_width + x->pad, high = x->out_height + x->pad;
    bool outside = strip < 0 || strip >= x->strips;
    int at = outside ? 0 : strip * AMX_SIDE;
    int image = at / x->pitch, i = at % x->pitch / wide, j = at % x->pitch % wide;
    for (int k = 0; k < AMX_SIDE; k++) {
        int r = i * v->step + v->row, c = j * v->step + v->column;
        bool inside = !outside && image < x->base.geometry.images && i < x->out_height && j < x->out_width &&
                      r < v->height && c < v->width;
        address[k] = inside ? v->data + (((size_t)image * v->height + r) * v->width + c) * v->channels : NULL;
        if (++j == wide) {
            j = 0;
            if (++i == high) {
                i = 0;
                image++;
            }
        }
    }
}

static bit_bfloat16 *source_line(const struct amx *x, bit_bfloat16 *lines, int phase, int channel)
{
    return lines + ((size_t)phase * x->base.geometry.channels + channel) * x->line;
}

/* Strip `i` of the chunk that starts at `first`; strips of the margins too. */
static void pack_source(const struct amx *x, int first, int i, const bit_bfloat16 *source, bit_bfloat16 *lines)
{
    const struct bit_geometry *g = &x->base.geometry;
    const bit_bfloat16 *address[AMX_SIDE];
    for (int phase = 0; phase < x->phases_side * x->phases_side; phase++) {
        struct view v = {source, g->height, g->width, g->channels, g->stride, phase / x->phases_side,
                         phase % x->phases_side};
        strip_addresses(x, first + i, &v, address);
        for (int c = 0; c < g->channels; c += AMX_SIDE)
            amx_transpose(address, (size_t)c, source_line(x, lines, phase, c) + (x->margin + i) * AMX_SIDE, x->line);
    }
}

static void pack_gradient(const struct amx *x, int first, int i, const bit_bfloat16 *d_destination, bit_bfloat16 *pairs)
{
    const bit_bfloat16 *address[AMX_SIDE];
    int outputs = x->base.geometry.outputs;
    struct view v = {d_destination, x->out_height, x->out_width, outputs, 1, 0, 0};
    strip_addresses(x, first + i, &v, address);
    for (int o = 0; o < outputs; o += AMX_SIDE)
        amx_interleave(address, (size_t)o, pairs + ((size_t)(o / AMX_SIDE) * x->chunk + i) * AMX_SIDE * AMX_SIDE);
}

/* One block of the result over a chunk of `strips`. */
static void product_block(const struct amx *x, int block, int strips, bool first, bit_bfloat16 *lines,
                          const bit_bfloat16 *pairs, float *d_kernel)
{
    const struct bit_geometry *g = &x->base.geometry;
    int blocks = g->channels / AMX_SIDE, outputs = g->outputs / AMX_SIDE, wide = x->out_width + x->pad;
    int tap = block / (blocks * outputs), channel = block / outputs % blocks * AMX_SIDE, output = block % outputs;
    int row = tap / g->kernel - g->padding, column = tap % g->kernel - g->padding;
    int phase_row = (row % g->stride + g->stride) % g->stride, phase_column = (column % g->stride + g->stride) % g->stride;
    int offset = (row - phase_row) / g->stride * wide + (column - phase_column) / g->stride;
    const bit_bfloat16 *line =
        source_line(x, lines, phase_row * x->phases_side + phase_column, channel) + x->margin * AMX_SIDE + offset;
    const bit_bfloat16 *pair = pairs + (size_t)output * x->chunk * AMX_SIDE * AMX_SIDE;
    float *sum = d_kernel + ((size_t)tap * g->channels + channel) * g->outputs + output * AMX_SIDE;
    for (int s = 0; s < strips; s += RUN)
        amx_product(line + s * AMX_SIDE, x->line, pair + (size_t)s * AMX_SIDE * AMX_SIDE,
                    strips - s < RUN ? strips - s : RUN, !first || s, sum, (size_t)g->outputs);
}

static size_t source_elements(const struct amx *x)
{
    return (size_t)x->phases_side * x->phases_side * x->base.geometry.channels * x->line;
}

static int run(struct bit_operation *o, const void *source, const void *d_destination, bool accumulate, void *d_kernel,
               void *scratch, struct bit_error *error)
{
    (void)error, (void)accumulate;
    const struct amx *x = (const struct amx *)o;
    const struct bit_geometry *g = &o->geometry;
    bit_bfloat16 *lines = scratch, *pairs = lines + source_elements(x);
    int blocks = g->kernel * g->kernel * (g->channels / AMX_SIDE) * (g->outputs / AMX_SIDE);
    #pragma omp parallel num_threads(bit_compute_thread_count())
    {
        amx_begin();
        for (int first = 0; first < x->strips; first += x->chunk) {
            int strips = x->strips - first < x->chunk ? x->strips - first : x->chunk;
            #pragma omp for schedule(static) nowait
            for (int i = -x->margin; i < strips + x->margin; i++)
                pack_source(x, first, i, source, lines);
            #pragma omp for schedule(static)
            for (int i = 0; i < strips; i++)
                pack_gradient(x, first, i, d_destination, pairs);
            #pragma omp for schedule(static)
            for (int b = 0; b < blocks; b++)
                product_block(x, b, strips, first == 0, lines, pairs, d_kernel);
        }
        amx_end();
    }
    return 0;
}

static void destroy(struct bit_operation *o)
{
    bit_free(o);
}

int bit_amx_create(const struct bit_geometry *g, enum bit_type type, enum bit_direction direction,
                   struct bit_operation **operation, struct bit_error *error)
{
    if (type != BIT_BFLOAT16 || direction != BIT_BACKWARD_WEIGHTS || g->channels % AMX_SIDE || g->outputs % AMX_SIDE ||
        (g->kernel != 1 && g->kernel != 3) || g->padding != (g->kernel - 1) / 2 || g->stride > 2 || !bit_amx_available())
        return 0;
    struct amx *x = bit_allocate(1, sizeof *x, "a convolution", error);
    if (!x)
        return -1;
    x->base = (struct bit_operation){.geometry = *g, .type = type, .run = run, .destroy = destroy};
    x->out_height = bit_geometry_out_height(g);
    x->out_width = bit_geometry_out_width(g);
    x->pad = g->kernel > 1;
    x->phases_side = g->kernel > 1 ? g->stride : 1;
    x->pitch = (x->out_height + x->pad) * (x->out_width + x->pad);
    x->strips = (int)(((size_t)g->images * x->pitch + AMX_SIDE - 1) / AMX_SIDE);
    x->margin = x->pad ? (x->out_width + 2 + AMX_SIDE - 1) / AMX_SIDE : 0;
    size_t strip = ((size_t)x->phases_side * x->phases_side * g->channels + g->outputs) * AMX_SIDE * sizeof(bit_bfloat16);
    x->chunk = (int)(CHUNK_BYTES / strip / RUN) * RUN;
    x->chunk = x->chunk < RUN ? RUN : x->chunk > x->strips ? x->strips : x->chunk;
    /* An odd number of 64-byte lines, so that 16 rows do not fall into the same cache sets. */
    x->line = (size_t)((x->chunk + 2 * x->margin) | 1) * AMX_SIDE;
    x->base.scratch_bytes = (source_elements(x) + (size_t)g->outputs * x->chunk * AMX_SIDE) * sizeof(bit_bfloat16);
    *operation = &x->base;
    return 0;
}
