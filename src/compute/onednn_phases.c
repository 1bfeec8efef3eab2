/* Backward data of strided convolutions wider than 1x1: the input pixels fall into stride^2 classes, and each class is a
 * small forward convolution of d_destination without any stride (see gather.h). oneDNN's own strided backward kernels
 * spend most of their time on the zeros between the pixels. */
#include "bit/memory.h"
#include "compute/gather.h"
#include "compute/onednn.h"
#include "compute/pixels.h"

struct phase {
    struct bit_gather gather;
    struct bit_dnnl_call call, reorder; /* no reorder: `pairs` says how we pack it ourselves */
    struct bit_pairs pairs;
    size_t packed; /* bytes before it */
};

struct phases {
    struct bit_operation base;
    size_t scratchpad_bytes; /* in front of a class's results */
    size_t plain;            /* where packing keeps a class's float32 kernel: bytes into the packed kernel */
    int count;
    struct phase phase[];
};

static void destroy(struct bit_operation *o)
{
    struct phases *p = (struct phases *)o;
    for (int i = 0; i < p->count; i++) {
        bit_dnnl_call_free(&p->phase[i].call);
        bit_dnnl_call_free(&p->phase[i].reorder);
    }
    bit_free(p);
}

static int pack(struct bit_operation *o, const float *kernel, void *packed, struct bit_error *error)
{
    struct phases *p = (struct phases *)o;
    float *plain = (float *)((char *)packed + p->plain);
    for (int i = 0; i < p->count; i++) {
        struct phase *f = &p->phase[i];
        if (f->call.primitive && !f->reorder.primitive)
            bit_pairs_pack(&f->pairs, &o->geometry, BIT_BACKWARD_DATA, kernel, NULL, NULL, (char *)packed + f->packed);
        if (!f->reorder.primitive)
            continue;
        bit_gather_pack(&f->gather, &o->geometry, BIT_BACKWARD_DATA, BIT_FLOAT32, kernel, plain);
        if (bit_dnnl_call_run(&f->reorder, (void *const[]){plain, (char *)packed + f->packed}, NULL, error))
            return -1;
    }
    return 0;
}

static void pack_scaled(struct bit_operation *o, const float *kernel, const float *scale, const float *offset, void *packed)
{
    struct phases *p = (struct phases *)o;
    for (int i = 0; i < p->count; i++) {
        const struct phase *f = &p->phase[i];
        if (f->call.primitive)
            bit_pairs_pack(&f->pairs, &o->geometry, BIT_BACKWARD_DATA, kernel, scale, offset, (char *)packed + f->packed);
    }
}

static int run(struct bit_operation *o, const void *d_destination, const void *packed, bool accumulate, void *d_source,
               void *scratch, struct bit_error *error)
{
    struct phases *p = (struct phases *)o;
    void *results = (char *)scratch + p->scratchpad_bytes;
    for (int i = 0; i < p->count; i++) {
        struct phase *f = &p->phase[i];
        if (f->gather.pixels == 0 || (!f->call.primitive && accumulate))
            continue;
        if (f->call.primitive &&
            bit_dnnl_call_run(&f->call, (void *const[]){(void *)d_destination, (char *)packed + f->packed, results}, scratch,
                              error))
            return -1;
        bit_pixels_scatter(&f->gather, o->type, f->call.primitive ? results : NULL, accumulate, d_source);
    }
    return 0;
}

static dnnl_status_t make_views(const struct bit_gather *g, enum bit_type type, struct bit_dnnl_shape shapes[4])
{
    dnnl_dims_t from = {g->images, g->from_channels, g->from_height, g->from_width};
    dnnl_dims_t kernel = {g->to_channels, g->from_channels, g->taps_y, g->taps_x};
    dnnl_dims_t to = {g->images, g->to_channels, g->rows, g->columns};
    dnnl_data_type_t t = bit_dnnl_type(type);
    dnnl_status_t status = bit_dnnl_shape_tag(&shapes[0], 4, from, t, dnnl_nhwc);
    if (!status)
        status = bit_dnnl_shape_tag(&shapes[1], 4, kernel, t, dnnl_format_tag_any);
    if (!status)
        status = bit_dnnl_shape_tag(&shapes[2], 4, to, t, dnnl_nhwc);
    return status ? status : bit_dnnl_shape_tag(&shapes[3], 4, kernel, dnnl_f32, dnnl_hwio);
}

static dnnl_status_t make_calls(struct phase *f, const struct bit_dnnl_shape shapes[4], size_t *packed_bytes)
{
    const struct bit_gather *g = &f->gather;
    struct bit_dnnl_convolution c = {
        .source = bit_dnnl_view_of(&shapes[0]), .kernel = bit_dnnl_view_of(&shapes[1]),
        .destination = bit_dnnl_view_of(&shapes[2]), .strides = {1, 1}, .before = {-g->from_y, -g->from_x},
        .after = {g->rows - 1 + g->taps_y + g->from_y - g->from_height,
                  g->columns - 1 + g->taps_x + g->from_x - g->from_width},
    };
    if (c.before[0] < 0 || c.before[1] < 0 || c.after[0] < 0 || c.after[1] < 0)
        return dnnl_unimplemented;
    dnnl_primitive_desc_t descriptor;
    dnnl_status_t status = bit_dnnl_convolution_describe(BIT_FORWARD, &c, false, NULL, &descriptor);
    if (status)
        return status;
    c.kernel = dnnl_primitive_desc_query_md(descriptor, dnnl_query_weights_md, 0);
    *packed_bytes = dnnl_memory_desc_get_size(c.kernel);
    if (bit_dnnl_pairs(c.kernel, 1, &f->pairs)) {
        f->pairs.kernel_y = g->kernel_y;
        f->pairs.kernel_x = g->kernel_x;
        f->pairs.kernel_step = g->kernel_step;
    } else {
        status = bit_dnnl_reorder(&f->reorder, bit_dnnl_view_of(&shapes[3]), c.kernel);
    }
    if (status) {
        dnnl_primitive_desc_destroy(descriptor);
        return status;
    }
    return bit_dnnl_call_create(&f->call, descriptor, 3, (const int[]){DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST},
                                (const bit_dnnl_view[]){c.source, c.kernel, c.destination});
}

/* One class; adds what it needs to the operation's sizes. */
static dnnl_status_t make(struct phases *p, struct phase *f, size_t *results, size_t *plain)
{
    struct bit_dnnl_shape shapes[4] = {0};
    size_t packed = 0;
    if (f->gather.depth == 0 || f->gather.pixels == 0)
        return dnnl_success;
    dnnl_status_t status = make_views(&f->gather, p->base.type, shapes);
    if (!status)
        status = make_calls(f, shapes, &packed);
    for (int i = 0; i < 4; i++)
        bit_dnnl_shape_free(&shapes[i]);
    size_t pad = bit_dnnl_round(f->call.scratchpad_bytes);
    size_t bytes = f->gather.pixels * (size_t)f->gather.to_channels * bit_type_size(p->base.type);
    size_t kernel = f->gather.depth * (size_t)f->gather.to_channels * sizeof(float);
    f->packed = p->base.packed_bytes;
    p->base.packed_bytes += bit_dnnl_round(packed);
    p->scratchpad_bytes = pad > p->scratchpad_bytes ? pad : p->scratchpad_bytes;
    *results = bytes > *results ? bytes : *results;
    if (f->reorder.primitive) {
        p->base.pack_scaled = NULL;
        *plain = kernel > *plain ? kernel : *plain;
    }
    return status;
}

int bit_dnnl_phases_create(const struct bit_geometry *geometry, enum bit_type type, struct bit_operation **operation,
                           struct bit_error *error)
{
    int count = bit_gather_count(geometry, BIT_BACKWARD_DATA);
    size_t results = 0, plain = 0;
    struct bit_gather *gathers = bit_allocate((size_t)count, sizeof *gathers, "a convolution", error);
    struct phases *p = gathers ? bit_allocate(1, sizeof *p + (size_t)count * sizeof p->phase[0], "a convolution", error)
                               : NULL;
    if (!p) {
        bit_free(gathers);
        return -1;
    }
    p->base = (struct bit_operation){.geometry = *geometry, .type = type, .pack = pack, .pack_scaled = pack_scaled,
                                     .run = run, .destroy = destroy};
    p->count = count;
    bit_gather_make(geometry, BIT_BACKWARD_DATA, gathers);
    dnnl_status_t status = dnnl_success;
    for (int i = 0; i < count && !status; i++) {
        p->phase[i].gather = gathers[i];
        status = make(p, &p->phase[i], &results, &plain);
    }
    bit_free(gathers);
    if (status) {
        destroy(&p->base);
        return bit_dnnl_refused(status, error);
    }
    p->plain = p->base.packed_bytes;
    p->base.packed_bytes += plain;
    p->base.scratch_bytes = p->scratchpad_bytes + results;
    *operation = &p->base;
    return 0;
}
