/* Convolutions as matrix products. OpenBLAS runs one thread a call and the threads are ours: so the partition, and with
 * it the bits, do not depend on the BLAS's own threading. */
#include <omp.h>
#include <string.h>

#include "bit/bfloat16.h"
#include "bit/memory.h"
#include "compute/backend.h"
#include "compute/gather.h"
#include "compute/openblas.h"
#include "compute/row_kernels.h"

enum {
    PANEL = 192 * 1024,   /* floats of gathered rows that a thread works on: stays in its L2 beside the BLAS's buffers */
    TILE_MOST = 1024,     /* pixels */
    CHUNKS = 16,          /* parts into which the pixels of a weight gradient are split, at most */
    CHUNK_FLOATS = 1 << 21 /* and how much memory they may take together */
};

struct lowered {
    struct bit_operation base;
    int gathers;
    size_t tile;         /* pixels at a time */
    size_t panel;        /* floats of one thread's gathered rows */
    size_t results;      /* floats of one thread's results; 0: written in place */
    int chunks, slices;  /* backward weights: parts of the pixels, parts of the d_kernel's rows */
    struct bit_gather gather[];
};

static size_t round_up(size_t x, size_t to)
{
    return (x + to - 1) / to * to;
}

static int pack(struct bit_operation *o, const float *kernel, void *packed, struct bit_error *error)
{
    (void)error;
    struct lowered *l = (struct lowered *)o;
    enum bit_direction direction = l->gather[0].kernel_step == 1 ? BIT_FORWARD : BIT_BACKWARD_DATA;
    #pragma omp parallel for num_threads(bit_compute_thread_count()) schedule(static) if (l->gathers > 1)
    for (int i = 0; i < l->gathers; i++)
        bit_gather_pack(&l->gather[i], &o->geometry, direction, o->type, kernel, (float *)packed + l->gather[i].packed);
    return 0;
}

/* One tile of pixels of one gather. */
static void run_tile(const struct lowered *l, const struct bit_gather *g, size_t first, size_t count, const void *from,
                     const float *kernel, bool accumulate, void *to, float *panel)
{
    enum bit_type type = l->base.type;
    float *results = panel + l->panel, *matrix = panel;
    bool in_place = type == BIT_FLOAT32 && bit_gather_writes_dense(g);
    if (g->depth == 0) {
        memset(results, 0, count * g->to_channels * sizeof *results);
        bit_gather_store(g, type, results, first, count, accumulate, to);
        return;
    }
    if (type == BIT_FLOAT32 && bit_gather_reads_dense(g))
        matrix = (float *)from + first * g->depth;
    else
        bit_gather_rows(g, type, from, first, count, panel);
    float *c = in_place ? (float *)to + first * g->to_channels : results;
    bit_openblas_sgemm(false, false, (int)count, g->to_channels, (int)g->depth, matrix, (int)g->depth, kernel + g->packed,
                       g->to_channels, in_place && accumulate ? 1 : 0, c, g->to_channels);
    if (!in_place)
        bit_gather_store(g, type, results, first, count, accumulate, to);
}

static int run(struct bit_operation *o, const void *from, const void *packed, bool accumulate, void *to, void *scratch,
               struct bit_error *error)
{
    (void)error;
    struct lowered *l = (struct lowered *)o;
    size_t each = l->panel + l->results;
    #pragma omp parallel num_threads(bit_compute_thread_count())
    {
        float *panel = (float *)scratch + each * (size_t)omp_get_thread_num();
        for (int i = 0; i < l->gathers; i++) {
            const struct bit_gather *g = &l->gather[i];
            size_t tiles = (g->pixels + l->tile - 1) / l->tile;
            #pragma omp for schedule(static) nowait
            for (size_t t = 0; t < tiles; t++) {
                size_t first = t * l->tile, count = g->pixels - first < l->tile ? g->pixels - first : l->tile;
                run_tile(l, g, first, count, from, packed, accumulate, to, panel);
            }
        }
    }
    return 0;
}

static void destroy(struct bit_operation *o)
{
    bit_free(o);
}

static int create_gathered(const struct bit_geometry *geometry, enum bit_type type, enum bit_direction direction,
                           struct bit_operation **operation, struct bit_error *error)
{
    int count = bit_gather_count(geometry, direction);
    struct lowered *l = bit_allocate(1, sizeof *l + (size_t)count * sizeof l->gather[0], "a convolution", error);
    if (!l)
        return -1;
    l->gathers = count;
    bit_gather_make(geometry, direction, l->gather);
    size_t depth = 1, packed = 0, pixels = 1;
    for (int i = 0; i < count; i++) {
        depth = l->gather[i].depth > depth ? l->gather[i].depth : depth;
        pixels = l->gather[i].pixels > pixels ? l->gather[i].pixels : pixels;
        packed += l->gather[i].depth * l->gather[i].to_channels;
    }
    int threads = bit_compute_thread_count();
    size_t share = (pixels + threads - 1) / threads;
    l->tile = PANEL / depth;
    l->tile = l->tile > TILE_MOST ? TILE_MOST : l->tile < 16 ? 16 : l->tile / 16 * 16;
    l->tile = l->tile > share ? share : l->tile;
    l->panel = round_up(l->tile * depth, 16);
    l->results = round_up(l->tile * l->gather[0].to_channels, 16);
    l->base = (struct bit_operation){
        .geometry = *geometry, .type = type, .pack = pack, .packs_any_size = true, .run = run, .destroy = destroy,
        .packed_bytes = packed * sizeof(float),
        .scratch_bytes = (size_t)threads * (l->panel + l->results) * sizeof(float),
    };
    *operation = &l->base;
    return 0;
}

/* ---- backward weights: d_kernel [depth, outputs] = gathered^T [depth, pixels] x d_destination [pixels, outputs] ----
 * The pixels are cut into `chunks` by the shape alone, and chunk sums are added in order; the rows of d_kernel are cut
 * into `slices` (runs of whole channels of one tap) that threads share. */

static void chunk_slice(const struct lowered *l, int chunk, int slice, const void *source, const void *d_destination,
                        float *sum, float *panel)
{
    const struct bit_gather *g = l->gather;
    int outputs = g->to_channels, channels = g->from_channels, taps = g->taps_x * g->taps_y;
    enum bit_type type = l->base.type;
    /* slices: several taps each, or parts of a tap */
    int slices_a_tap = l->slices >= taps ? l->slices / taps : 1;
    int tap0 = l->slices >= taps ? slice / slices_a_tap : (int)((long)slice * taps / l->slices);
    int tap1 = l->slices >= taps ? tap0 + 1 : (int)((long)(slice + 1) * taps / l->slices);
    int channel0 = (int)((long)(slice % slices_a_tap) * channels / slices_a_tap);
    int channel1 = (int)((long)(slice % slices_a_tap + 1) * channels / slices_a_tap);
    int run = channel1 - channel0, depth = run * (tap1 - tap0);
    size_t begin = g->pixels * (size_t)chunk / (size_t)l->chunks, end = g->pixels * (size_t)(chunk + 1) / (size_t)l->chunks;
    float *right = panel + l->panel;

    sum += ((size_t)tap0 * channels + channel0) * outputs;
    for (size_t first = begin; first < end; first += l->tile) {
        size_t count = end - first < l->tile ? end - first : l->tile;
        const float *a = panel, *b = right;
        int lda = depth;
        if (type == BIT_FLOAT32 && bit_gather_reads_dense(g)) {
            a = (const float *)source + first * channels + channel0;
            lda = channels;
        } else {
            for (int t = tap0; t < tap1; t++)
                bit_gather_columns(g, type, source, first, count, t / g->taps_x, t % g->taps_x, channel0, run,
                                   panel + (size_t)(t - tap0) * run, (size_t)depth);
        }
        if (type == BIT_FLOAT32)
            b = (const float *)d_destination + first * outputs;
        else
            BIT_PICK(row_kernels)->widen((const bit_bfloat16 *)d_destination + first * outputs, count * outputs, right);
        bit_openblas_sgemm(true, false, depth, outputs, (int)count, a, lda, b, outputs, first == begin ? 0 : 1, sum,
                           outputs);
    }
}

static int run_weights(struct bit_operation *o, const void *source, const void *d_destination, bool accumulate,
                       void *d_kernel, void *scratch, struct bit_error *error)
{
    (void)error, (void)accumulate;
    struct lowered *l = (struct lowered *)o;
    size_t each = l->panel + l->results, size = l->gather->depth * l->gather->to_channels;
    float *sums = (float *)scratch + each * (size_t)bit_compute_thread_count(), *total = d_kernel;
    #pragma omp parallel num_threads(bit_compute_thread_count())
    {
        float *panel = (float *)scratch + each * (size_t)omp_get_thread_num();
        #pragma omp for schedule(static) collapse(2)
        for (int chunk = 0; chunk < l->chunks; chunk++)
            for (int slice = 0; slice < l->slices; slice++)
                chunk_slice(l, chunk, slice, source, d_destination, chunk ? sums + size * (size_t)(chunk - 1) : total, panel);
        #pragma omp for schedule(static)
        for (size_t i = 0; i < size; i++)
            for (int chunk = 1; chunk < l->chunks; chunk++)
                total[i] += sums[size * (size_t)(chunk - 1) + i];
    }
    return 0;
}

static int create_weights(const struct bit_geometry *geometry, enum bit_type type, struct bit_operation **operation,
                          struct bit_error *error)
{
    struct lowered *l = bit_allocate(1, sizeof *l + sizeof l->gather[0], "a convolution", error);
    if (!l)
        return -1;
    bit_gather_make(geometry, BIT_FORWARD, l->gather);
    struct bit_gather *g = l->gather;
    size_t size = g->depth * g->to_channels;
    int threads = bit_compute_thread_count(), taps = g->taps_x * g->taps_y;
    l->gathers = 1;
    l->chunks = (int)(CHUNK_FLOATS / size);
    l->chunks = l->chunks > CHUNKS ? CHUNKS : l->chunks < 1 ? 1 : l->chunks;
    while (l->chunks > 1 && g->pixels / l->chunks < 64)
        l->chunks /= 2;
    l->slices = 1;
    if (l->chunks < 2 * threads) { /* enough parts for all threads, each of whole taps or an equal part of a tap */
        int wanted = (2 * threads + l->chunks - 1) / l->chunks;
        l->slices = wanted <= taps ? wanted : (wanted + taps - 1) / taps * taps;
        while (l->slices > taps && g->from_channels / (l->slices / taps) < 16)
            l->slices -= taps;
        l->slices = l->slices < 1 ? 1 : l->slices;
    }
    size_t widest = (g->depth + l->slices - 1) / l->slices + (l->slices < taps ? g->from_channels : taps);
    l->tile = PANEL / (widest > (size_t)g->to_channels ? widest : (size_t)g->to_channels);
    l->tile = l->tile > TILE_MOST ? TILE_MOST : l->tile < 64 ? 64 : l->tile / 16 * 16;
    l->panel = round_up(l->tile * widest, 16);
    l->results = type == BIT_FLOAT32 ? 0 : round_up(l->tile * g->to_channels, 16);
    l->base = (struct bit_operation){
        .geometry = *geometry, .type = type, .run = run_weights, .destroy = destroy,
        .scratch_bytes = ((size_t)threads * (l->panel + l->results) + (size_t)(l->chunks - 1) * size) * sizeof(float),
    };
    *operation = &l->base;
    return 0;
}

int bit_lowered_create(const struct bit_geometry *geometry, enum bit_type type, enum bit_direction direction,
                       struct bit_operation **operation, struct bit_error *error)
{
    return direction == BIT_BACKWARD_WEIGHTS ? create_weights(geometry, type, operation, error)
                                             : create_gathered(geometry, type, direction, operation, error);
}
