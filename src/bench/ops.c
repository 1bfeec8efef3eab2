/* bit bench ops: every distinct convolution of the network in each direction. */
#include <stdio.h>
#include <string.h>

#include "bit/clock.h"
#include "bit/memory.h"
#include "bit/model.h"
#include "bench/bench.h"

enum { DIRECTIONS = 3, MOST = 64 };
static const char *const direction_names[DIRECTIONS] = {"forward", "backward data", "backward weights"};

struct row { struct bench_convolution convolution; double flops, seconds[DIRECTIONS], pack_seconds; const char *kernel[DIRECTIONS]; };

static void append(struct bench_convolution *list, size_t *count, size_t capacity, struct bit_geometry g, bool need)
{
    for (size_t i = 0; i < *count; i++)
        if (!memcmp(&list[i].geometry, &g, sizeof g) && list[i].need_data_gradient == need) {
            list[i].count++;
            return;
        }
    if (*count < capacity)
        list[(*count)++] = (struct bench_convolution){g, 1, need};
}

size_t bench_network(const struct bench_options *o, int images, struct bench_convolution *list, size_t capacity)
{
    size_t count = 0;
    const int *units = bit_model_units(o->depth);
    struct bit_geometry g = {images, o->size, o->size, 3, 64 * o->width, 7, 2, 3};
    append(list, &count, capacity, g, false);
    int size = bit_geometry_out_height(&g), in = 64 * o->width;
    size = (size + 2 - 3) / 2 + 1; /* the pool */
    for (int block = 0; block < 4; block++)
        for (int unit = 0; unit < units[block]; unit++) {
            int middle = (64 * o->width) << block, out = 4 * middle, stride = block && !unit ? 2 : 1;
            if (!unit)
                append(list, &count, capacity, (struct bit_geometry){images, size, size, in, out, 1, stride, 0}, true);
            append(list, &count, capacity, (struct bit_geometry){images, size, size, in, middle, 1, 1, 0}, true);
            g = (struct bit_geometry){images, size, size, middle, middle, 3, stride, 1};
            append(list, &count, capacity, g, true);
            size = bit_geometry_out_height(&g);
            append(list, &count, capacity, (struct bit_geometry){images, size, size, middle, out, 1, 1, 0}, true);
            in = out;
        }
    append(list, &count, capacity, (struct bit_geometry){images, 1, 1, in, o->classes, 1, 1, 0}, true);
    return count;
}

/* The memory of one convolution. */
struct work { struct bit_convolution *c; void *source, *destination, *packed[2], *scratch; float *kernel; };

static void work_free(struct work *w)
{
    bit_convolution_destroy(w->c);
    bit_free(w->source);
    bit_free(w->destination);
    bit_free(w->packed[0]);
    bit_free(w->packed[1]);
    bit_free(w->scratch);
    bit_free(w->kernel);
}

static void fill(void *data, enum bit_type type, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        float x = (float)((i * 2654435761u >> 16) % 1024) / 512 - 1;
        if (type == BIT_FLOAT32)
            ((float *)data)[i] = x;
        else
            ((unsigned short *)data)[i] = (unsigned short)(0x3C00 + (i * 2654435761u >> 16) % 1024);
    }
}

static int work_make(struct work *w, const struct bench_options *o, const struct bench_convolution *b,
                     struct bit_error *error)
{
    const struct bit_geometry *g = &b->geometry;
    size_t ins = (size_t)g->images * g->height * g->width * g->channels, bytes = bit_type_size(o->precision);
    size_t outs = (size_t)g->images * bit_geometry_out_height(g) * bit_geometry_out_width(g) * g->outputs;
    size_t weights = (size_t)g->kernel * g->kernel * g->channels * g->outputs;
    *w = (struct work){0};
    if (bench_room(o, error))
        return -1;
    w->c = bit_convolution_create(o->backend, g, o->precision, b->need_data_gradient, error);
    if (!w->c)
        return -1;
    w->source = bit_allocate(ins, bytes, "a benchmark", error);
    w->destination = bit_allocate(outs, bytes, "a benchmark", error);
    w->kernel = bit_allocate(weights, sizeof(float), "a benchmark", error);
    w->packed[0] = bit_allocate(bit_convolution_packed_bytes(w->c, BIT_FORWARD), 1, "a benchmark", error);
    w->packed[1] = bit_allocate(bit_convolution_packed_bytes(w->c, BIT_BACKWARD_DATA), 1, "a benchmark", error);
    w->scratch = bit_allocate(bit_convolution_scratch_bytes(w->c), 1, "a benchmark", error);
    if (!w->source || !w->destination || !w->kernel || !w->packed[0] || !w->packed[1] || !w->scratch)
        return -1;
    fill(w->source, o->precision, ins);
    fill(w->destination, o->precision, outs);
    fill(w->kernel, BIT_FLOAT32, weights);
    return 0;
}

static int run(struct work *w, int direction, struct bit_error *error)
{
    if (direction == BIT_FORWARD)
        return bit_convolution_forward(w->c, w->source, w->packed[0], false, w->destination, w->scratch, error);
    if (direction == BIT_BACKWARD_DATA)
        return bit_convolution_backward_data(w->c, w->destination, w->packed[1], false, w->source, w->scratch, error);
    return bit_convolution_backward_weights(w->c, w->source, w->destination, w->kernel, w->scratch, error);
}

static int measure(struct row *row, const struct bench_options *o, struct bit_error *error)
{
    struct work w;
    const struct bit_geometry *g = &row->convolution.geometry;
    int result = work_make(&w, o, &row->convolution, error);
    row->flops = 2.0 * g->images * bit_geometry_out_height(g) * bit_geometry_out_width(g) * g->outputs * g->channels *
                 g->kernel * g->kernel;
    double start = 0;
    for (int d = 0; d < DIRECTIONS && !result; d++)
        row->kernel[d] = bit_convolution_kernel(w.c, (enum bit_direction)d);
    row->pack_seconds = 1e30;
    for (int i = 0; i <= o->repeat && !result; i++) { /* the first one warms up */
        start = bit_clock_seconds();
        for (int d = 0; d < (row->convolution.need_data_gradient ? 2 : 1) && !result; d++)
            result = bit_convolution_pack(w.c, (enum bit_direction)d, w.kernel, w.packed[d], error);
        double seconds = bit_clock_seconds() - start;
        row->pack_seconds = i && seconds < row->pack_seconds ? seconds : row->pack_seconds;
    }
    for (int d = 0; d < DIRECTIONS; d++) {
        if (d == BIT_BACKWARD_DATA && !row->convolution.need_data_gradient)
            continue;
        row->seconds[d] = 1e30;
        for (int i = 0; i <= o->repeat && !result; i++) {
            start = bit_clock_seconds();
            result = run(&w, d, error);
            double seconds = bit_clock_seconds() - start;
            row->seconds[d] = i && seconds < row->seconds[d] ? seconds : row->seconds[d];
        }
    }
    work_free(&w);
    return result;
}

struct totals { double seconds[DIRECTIONS], flops[DIRECTIONS], pack, all_seconds, all_flops, product, copy; };

static void add_up(const struct bench_options *o, const struct row *rows, size_t count, struct totals *t)
{
    double runs = (double)o->batch / o->micro_batch;
    for (size_t i = 0; i < count; i++) {
        for (int d = 0; d < DIRECTIONS; d++) {
            if (rows[i].seconds[d] == 0)
                continue;
            t->seconds[d] += runs * rows[i].convolution.count * rows[i].seconds[d];
            t->flops[d] += runs * rows[i].convolution.count * rows[i].flops;
        }
        t->pack += rows[i].convolution.count * rows[i].pack_seconds;
    }
    for (int d = 0; d < DIRECTIONS; d++) {
        t->all_seconds += t->seconds[d];
        t->all_flops += t->flops[d];
    }
}

static void print_text(const struct bench_options *o, const struct row *rows, size_t count, const struct totals *t)
{
    double runs = (double)o->batch / o->micro_batch;
    printf("convolutions of R%dx%d at %d, batch %d in micro-batches of %d, %s, %s (%s), %d thread%s\n", o->depth, o->width,
           o->size, o->batch, o->micro_batch, o->precision == BIT_FLOAT32 ? "float32" : "bfloat16",
           bit_backend_name(o->backend), bit_compute_isa(), o->threads, o->threads == 1 ? "" : "s");
    printf("%-28s %3s | %19s | %19s | %19s | %5s\n%-32s |", "", "", "forward", "backward data", "backward weights", "share",
           "  size  channels kernel stride   x");
    for (int d = 0; d < DIRECTIONS; d++)
        printf("      ms     GFLOP/s |");
    printf("\n");
    for (size_t i = 0; i < count; i++) {
        const struct bit_geometry *g = &rows[i].convolution.geometry;
        double all = 0;
        printf("%4dx%-4d %4d>%-5d %dx%d /%d %4d |", g->height, g->width, g->channels, g->outputs, g->kernel, g->kernel,
               g->stride, rows[i].convolution.count);
        for (int d = 0; d < DIRECTIONS; d++) {
            all += rows[i].seconds[d] * rows[i].convolution.count * runs;
            if (rows[i].seconds[d] > 0)
                printf(" %8.3f %10.1f |", rows[i].seconds[d] * 1e3, rows[i].flops / rows[i].seconds[d] * 1e-9);
            else
                printf(" %8s %10s |", "-", "-");
        }
        printf(" %4.1f %%\n", 100 * all / t->all_seconds);
    }
    printf("\na step of %d images:\n", o->batch);
    for (int d = 0; d < DIRECTIONS; d++)
        printf("  %-18s %9.1f ms  %8.1f GFLOP/s  %4.1f %%\n", direction_names[d], t->seconds[d] * 1e3,
               t->flops[d] / t->seconds[d] * 1e-9, 100 * t->seconds[d] / t->all_seconds);
    printf("  %-18s %9.1f ms  (once a step, not counted below)\n", "packing kernels", t->pack * 1e3);
    printf("ceilings: sgemm 2048^3 %.1f GFLOP/s, copy %.1f GB/s; convolutions reach %.2f of sgemm\n", t->product, t->copy,
           t->all_flops / t->all_seconds * 1e-9 / t->product);
    printf("convolutions alone: %.1f ms a step, %.1f GFLOP/s\n", t->all_seconds * 1e3, t->all_flops / t->all_seconds * 1e-9);
    bench_print_end(o->batch / t->all_seconds);
}

static const char *name_of(const struct row *row, int direction)
{
    return row->kernel[direction] ? row->kernel[direction] : "";
}

/* ---- which kernel serves what ---- */

static int explain(const struct bench_options *o, struct row *rows, size_t count, struct bit_error *error)
{
    if (o->json)
        printf("{\"kind\": \"kernels\", \"model\": \"R%dx%d\", \"size\": %d, \"precision\": \"%s\", \"backend\": \"%s\", \"isa\": \"%s\",\n"
               " \"convolutions\": [", o->depth, o->width, o->size, o->precision == BIT_FLOAT32 ? "float32" : "bfloat16",
               bit_backend_name(o->backend), bit_compute_isa());
    else
        printf("convolutions of R%dx%d at %d, %s, %s (%s)\n  size  channels kernel stride   x  %-16s %-16s %s\n", o->depth, o->width, o->size,
               o->precision == BIT_FLOAT32 ? "float32" : "bfloat16", bit_backend_name(o->backend), bit_compute_isa(),
               direction_names[0], direction_names[1], direction_names[2]);
    for (size_t i = 0; i < count; i++) {
        const struct bench_convolution *b = &rows[i].convolution;
        const struct bit_geometry *g = &b->geometry;
        struct bit_convolution *c = bit_convolution_create(o->backend, g, o->precision, b->need_data_gradient, error);
        if (!c)
            return -1;
        for (int d = 0; d < DIRECTIONS; d++)
            rows[i].kernel[d] = bit_convolution_kernel(c, (enum bit_direction)d);
        bit_convolution_destroy(c);
        const char *names[DIRECTIONS] = {name_of(&rows[i], 0), name_of(&rows[i], 1), name_of(&rows[i], 2)};
        if (o->json)
            printf("%s\n  {\"height\": %d, \"width\": %d, \"channels\": %d, \"outputs\": %d, \"kernel\": %d, \"stride\": %d, \"count\": %d, "
                   "\"kernels\": [\"%s\", \"%s\", \"%s\"]}", i ? "," : "", g->height, g->width, g->channels, g->outputs, g->kernel, g->stride,
                   b->count, names[0], names[1], names[2]);
        else
            printf("%4dx%-4d %4d>%-5d %dx%d /%d %4d  %-16s %-16s %s\n", g->height, g->width, g->channels, g->outputs, g->kernel, g->kernel,
                   g->stride, b->count, names[0], names[1], names[2]);
    }
    printf(o->json ? "]}\n" : "src/compute/README.md says what the names mean.\n");
    return 0;
}

static void print_json(const struct bench_options *o, const struct row *rows, size_t count, const struct totals *t)
{
    printf("{\"kind\": \"ops\", \"model\": \"R%dx%d\", \"size\": %d, \"batch\": %d, \"micro_batch\": %d, \"precision\": \"%s\", "
           "\"backend\": \"%s\", \"isa\": \"%s\", \"threads\": %d,\n \"convolutions\": [", o->depth, o->width, o->size, o->batch,
           o->micro_batch, o->precision == BIT_FLOAT32 ? "float32" : "bfloat16", bit_backend_name(o->backend),
           bit_compute_isa(), o->threads);
    for (size_t i = 0; i < count; i++) {
        const struct bit_geometry *g = &rows[i].convolution.geometry;
        printf("%s\n  {\"height\": %d, \"width\": %d, \"channels\": %d, \"outputs\": %d, \"kernel\": %d, \"stride\": %d, "
               "\"count\": %d, \"flops\": %.0f, \"kernels\": [\"%s\", \"%s\", \"%s\"], \"seconds\": [%.9g, %.9g, %.9g]}", i ? "," : "", g->height, g->width,
               g->channels, g->outputs, g->kernel, g->stride, rows[i].convolution.count, rows[i].flops, name_of(&rows[i], 0), name_of(&rows[i], 1),
               name_of(&rows[i], 2), rows[i].seconds[0],
               rows[i].seconds[1], rows[i].seconds[2]);
    }
    printf("],\n \"seconds\": [%.9g, %.9g, %.9g], \"pack_seconds\": %.9g, \"sgemm_gflops\": %.6g, \"copy_gbs\": %.6g, "
           "\"gflops\": %.6g, \"ratio\": %.6g, \"images_per_second\": %.6g, \"peak_memory_gb\": %.6g}\n", t->seconds[0], t->seconds[1],
           t->seconds[2], t->pack, t->product, t->copy, t->all_flops / t->all_seconds * 1e-9,
           t->all_flops / t->all_seconds * 1e-9 / t->product, o->batch / t->all_seconds,
           (double)bit_memory_resident_peak() * 1e-9);
}

int bench_ops(const struct bench_options *options)
{
    struct bit_error error = {0};
    struct bench_convolution list[MOST];
    struct row rows[MOST];
    struct totals totals = {0};
    size_t count = bench_network(options, options->micro_batch, list, MOST);
    for (size_t i = 0; i < count; i++)
        rows[i] = (struct row){.convolution = list[i]};
    if (options->explain)
        return explain(options, rows, count, &error) ? bit_cli_error(&error) : BIT_OK;
    for (size_t i = 0; i < count; i++) {
        if (measure(&rows[i], options, &error))
            return bit_cli_error(&error);
    }
    add_up(options, rows, count, &totals);
    if (bench_ceiling_product(options->repeat, &totals.product, &error) ||
        bench_ceiling_copy(options->repeat, &totals.copy, &error))
        return bit_cli_error(&error);
    if (options->json)
        print_json(options, rows, count, &totals);
    else
        print_text(options, rows, count, &totals);
    return BIT_OK;
}
