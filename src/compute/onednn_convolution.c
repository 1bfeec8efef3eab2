/* Convolutions by oneDNN's convolution primitives. Activations are plain NHWC; kernels are in the format the primitive
 * likes best, reordered (and cast) from and to float32 HWIO. */
#include "bit/memory.h"
#include "compute/onednn.h"
#include "compute/pixels.h"

struct direct {
    struct bit_operation base;
    struct bit_dnnl_call plain, added; /* `added` sums into the result; without it we add ourselves */
    struct bit_dnnl_call reorder;      /* kernel: to the primitive's format, or back for gradients; may be absent there */
    struct bit_pairs pairs;            /* or, where pack_scaled is set, how we pack it ourselves */
    enum bit_direction direction;
    size_t result_bytes;               /* scratch for the result before it is added, scattered or reordered; after the
                                          scratchpad */
    size_t scratchpad_bytes;
    bool spread;                       /* 1x1 backward data with a stride: results go to every stride-th pixel */
};

static void destroy(struct bit_operation *o)
{
    struct direct *d = (struct direct *)o;
    bit_dnnl_call_free(&d->plain);
    bit_dnnl_call_free(&d->added);
    bit_dnnl_call_free(&d->reorder);
    bit_free(d);
}

static int pack(struct bit_operation *o, const float *kernel, void *packed, struct bit_error *error)
{
    struct direct *d = (struct direct *)o;
    return bit_dnnl_call_run(&d->reorder, (void *const[]){(void *)kernel, packed}, NULL, error);
}

static void pack_scaled(struct bit_operation *o, const float *kernel, const float *scale, const float *offset, void *packed)
{
    struct direct *d = (struct direct *)o;
    bit_pairs_pack(&d->pairs, &o->geometry, d->direction, kernel, scale, offset, packed);
}

static int pack_pairs(struct bit_operation *o, const float *kernel, void *packed, struct bit_error *error)
{
    (void)error;
    pack_scaled(o, kernel, NULL, NULL, packed);
    return 0;
}

/* How `kernel` is packed from `plain`; depth: its dimension that is summed over. */
static dnnl_status_t make_packing(struct direct *d, bit_dnnl_view plain, bit_dnnl_view kernel, int depth)
{
    d->base.packed_bytes = dnnl_memory_desc_get_size(kernel);
    if (!bit_dnnl_pairs(kernel, depth, &d->pairs))
        return bit_dnnl_reorder(&d->reorder, plain, kernel);
    d->base.pack = pack_pairs;
    d->base.pack_scaled = pack_scaled;
    return dnnl_success;
}

/* Forward and backward data. */
static int run(struct bit_operation *o, const void *from, const void *packed, bool accumulate, void *to, void *scratch,
               struct bit_error *error)
{
    struct direct *d = (struct direct *)o;
    void *own = (char *)scratch + d->scratchpad_bytes;
    if (!d->spread && (!accumulate || d->added.primitive))
        return bit_dnnl_call_run(accumulate ? &d->added : &d->plain, (void *const[]){(void *)from, (void *)packed, to},
                                 scratch, error);
    if (bit_dnnl_call_run(&d->plain, (void *const[]){(void *)from, (void *)packed, own}, scratch, error))
        return -1;
    if (d->spread)
        bit_pixels_spread(&o->geometry, o->type, own, accumulate, to);
    else
        bit_pixels_add(o->type, own, d->result_bytes / bit_type_size(o->type), to);
    return 0;
}

static int run_weights(struct bit_operation *o, const void *source, const void *d_destination, bool accumulate,
                       void *d_kernel, void *scratch, struct bit_error *error)
{
    (void)accumulate;
    struct direct *d = (struct direct *)o;
    void *own = d->reorder.primitive ? (char *)scratch + d->scratchpad_bytes : d_kernel;
    if (bit_dnnl_call_run(&d->plain, (void *const[]){(void *)source, own, (void *)d_destination}, scratch, error))
        return -1;
    return d->reorder.primitive ? bit_dnnl_call_run(&d->reorder, (void *const[]){own, d_kernel}, NULL, error) : 0;
}

/* The shapes of one convolution as oneDNN sees them. */
struct shapes { struct bit_dnnl_shape source, any, any_gradient, destination, plain; struct bit_dnnl_convolution c; };

static void shapes_free(struct shapes *s)
{
    bit_dnnl_shape_free(&s->source);
    bit_dnnl_shape_free(&s->any);
    bit_dnnl_shape_free(&s->any_gradient);
    bit_dnnl_shape_free(&s->destination);
    bit_dnnl_shape_free(&s->plain);
}

/* `turned`: the caller's kernel is [channels, outputs] of the 1x1 convolution whose transpose this is. */
static dnnl_status_t shapes_make(struct shapes *s, const struct bit_geometry *g, enum bit_type type, bool turned)
{
    dnnl_data_type_t t = bit_dnnl_type(type);
    dnnl_dims_t source = {g->images, g->channels, g->height, g->width};
    dnnl_dims_t kernel = {g->outputs, g->channels, g->kernel, g->kernel};
    dnnl_dims_t destination = {g->images, g->outputs, bit_geometry_out_height(g), bit_geometry_out_width(g)};
    dnnl_status_t status = bit_dnnl_shape_tag(&s->source, 4, source, t, dnnl_nhwc);
    if (!status)
        status = bit_dnnl_shape_tag(&s->destination, 4, destination, t, dnnl_nhwc);
    if (!status)
        status = bit_dnnl_shape_tag(&s->any, 4, kernel, t, dnnl_format_tag_any);
    if (!status)
        status = bit_dnnl_shape_tag(&s->any_gradient, 4, kernel, dnnl_f32, dnnl_format_tag_any);
    if (!status && turned)
        status = bit_dnnl_shape_tag(&s->plain, 4, kernel, dnnl_f32, dnnl_oihw);
    else if (!status)
        status = bit_dnnl_shape_tag(&s->plain, 4, kernel, dnnl_f32, dnnl_hwio);
    if (status)
        return status;
    s->c = (struct bit_dnnl_convolution){.source = bit_dnnl_view_of(&s->source), .kernel = bit_dnnl_view_of(&s->any),
                                         .destination = bit_dnnl_view_of(&s->destination)};
    for (int i = 0; i < 2; i++) {
        s->c.strides[i] = g->stride;
        s->c.before[i] = s->c.after[i] = g->padding;
    }
    return dnnl_success;
}

static dnnl_status_t make_forward(struct direct *d, struct shapes *s)
{
    const int arguments[] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST};
    dnnl_primitive_desc_t descriptor, added;
    dnnl_status_t status = bit_dnnl_convolution_describe(BIT_FORWARD, &s->c, false, NULL, &descriptor);
    if (status)
        return status;
    bit_dnnl_view kernel = dnnl_primitive_desc_query_md(descriptor, dnnl_query_weights_md, 0);
    const bit_dnnl_view views[] = {s->c.source, kernel, s->c.destination};
    struct bit_dnnl_convolution same = s->c;
    same.kernel = kernel;
    status = make_packing(d, bit_dnnl_view_of(&s->plain), kernel, 1);
    if (!status && !bit_dnnl_convolution_describe(BIT_FORWARD, &same, true, NULL, &added))
        status = bit_dnnl_call_create(&d->added, added, 3, arguments, views);
    if (status) {
        dnnl_primitive_desc_destroy(descriptor);
        return status;
    }
    return bit_dnnl_call_create(&d->plain, descriptor, 3, arguments, views);
}

static dnnl_status_t make_backward(struct direct *d, struct shapes *s, enum bit_direction direction)
{
    bool weights = direction == BIT_BACKWARD_WEIGHTS;
    dnnl_primitive_desc_t hint, descriptor;
    dnnl_status_t status = bit_dnnl_convolution_describe(BIT_FORWARD, &s->c, false, NULL, &hint);
    if (status)
        return status;
    if (weights)
        s->c.kernel = bit_dnnl_view_of(&s->any_gradient);
    status = bit_dnnl_convolution_describe(direction, &s->c, false, hint, &descriptor);
    dnnl_primitive_desc_destroy(hint);
    if (status)
        return status;
    bit_dnnl_view plain = bit_dnnl_view_of(&s->plain);
    bit_dnnl_view kernel = dnnl_primitive_desc_query_md(descriptor, weights ? dnnl_query_diff_weights_md
                                                                            : dnnl_query_weights_md, 0);
    if (!weights) {
        status = make_packing(d, plain, kernel, 0);
    } else if (!dnnl_memory_desc_equal(plain, kernel)) {
        d->result_bytes = dnnl_memory_desc_get_size(kernel);
        status = bit_dnnl_reorder(&d->reorder, kernel, plain);
    }
    if (status) {
        dnnl_primitive_desc_destroy(descriptor);
        return status;
    }
    if (weights)
        return bit_dnnl_call_create(&d->plain, descriptor, 3,
                                    (const int[]){DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST},
                                    (const bit_dnnl_view[]){s->c.source, kernel, s->c.destination});
    return bit_dnnl_call_create(&d->plain, descriptor, 3,
                                (const int[]){DNNL_ARG_DIFF_DST, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_SRC},
                                (const bit_dnnl_view[]){s->c.destination, kernel, s->c.source});
}

static void settle_scratch(struct direct *d)
{
    size_t pad = d->plain.scratchpad_bytes > d->added.scratchpad_bytes ? d->plain.scratchpad_bytes
                                                                       : d->added.scratchpad_bytes;
    d->scratchpad_bytes = bit_dnnl_round(pad);
    d->base.scratch_bytes = d->scratchpad_bytes + bit_dnnl_round(d->result_bytes);
}

static size_t image_bytes(const struct bit_geometry *g, enum bit_type type)
{
    return (size_t)g->images * g->height * g->width * g->channels * bit_type_size(type);
}

int bit_dnnl_direct_create(const struct bit_geometry *geometry, enum bit_type type, enum bit_direction direction,
                           struct bit_operation **operation, struct bit_error *error)
{
    struct shapes shapes = {0};
    struct direct *d = bit_allocate(1, sizeof *d, "a convolution", error);
    if (!d)
        return -1;
    d->base = (struct bit_operation){.geometry = *geometry, .type = type, .destroy = destroy};
    d->direction = direction;
    d->base.pack = direction == BIT_BACKWARD_WEIGHTS ? NULL : pack;
    d->base.run = direction == BIT_BACKWARD_WEIGHTS ? run_weights : run;
    dnnl_status_t status = shapes_make(&shapes, geometry, type, false);
    if (!status)
        status = direction == BIT_FORWARD ? make_forward(d, &shapes) : make_backward(d, &shapes, direction);
    shapes_free(&shapes);
    if (status) {
        destroy(&d->base);
        return bit_dnnl_refused(status, error);
    }
    if (direction == BIT_FORWARD && !d->added.primitive)
        d->result_bytes = (size_t)geometry->images * bit_geometry_out_height(geometry) * bit_geometry_out_width(geometry) *
                          geometry->outputs * bit_type_size(type);
    if (direction == BIT_BACKWARD_DATA)
        d->result_bytes = image_bytes(geometry, type);
    settle_scratch(d);
    *operation = &d->base;
    return 0;
}

int bit_dnnl_turned_create(const struct bit_geometry *geometry, enum bit_type type, struct bit_operation **operation,
                           struct bit_error *error)
{
    struct bit_geometry turned = {.images = geometry->images, .height = bit_geometry_out_height(geometry),
                                  .width = bit_geometry_out_width(geometry), .channels = geometry->outputs,
                                  .outputs = geometry->channels, .kernel = 1, .stride = 1, .padding = 0};
    struct shapes shapes = {0};
    struct direct *d = bit_allocate(1, sizeof *d, "a convolution", error);
    if (!d)
        return -1;
    d->base = (struct bit_operation){.geometry = *geometry, .type = type, .pack = pack, .run = run, .destroy = destroy};
    d->direction = BIT_BACKWARD_DATA;
    dnnl_status_t status = shapes_make(&shapes, &turned, type, true);
    if (!status)
        status = make_forward(d, &shapes);
    shapes_free(&shapes);
    if (status) {
        destroy(&d->base);
        return bit_dnnl_refused(status, error);
    }
    d->spread = geometry->stride > 1;
    if (d->spread || !d->added.primitive)
        d->result_bytes = (size_t)turned.images * turned.height * turned.width * turned.outputs * bit_type_size(type);
    settle_scratch(d);
    *operation = &d->base;
    return 0;
}
