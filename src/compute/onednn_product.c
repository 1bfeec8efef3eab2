/* Backward weights of 1x1 convolutions: d_kernel [channels, outputs] = source^T [channels, pixels] x d_destination
 * [pixels, outputs], one oneDNN matrix product straight into the caller's HWIO block. A stride reads every stride-th pixel
 * through a compact copy. */
#include "bit/memory.h"
#include "compute/onednn.h"
#include "compute/pixels.h"

struct product {
    struct bit_operation base;
    struct bit_dnnl_call call;
    size_t scratchpad_bytes; /* in front of the compact source */
};

static void destroy(struct bit_operation *o)
{
    bit_dnnl_call_free(&((struct product *)o)->call);
    bit_free(o);
}

static int run(struct bit_operation *o, const void *source, const void *d_destination, bool accumulate, void *d_kernel,
               void *scratch, struct bit_error *error)
{
    (void)accumulate;
    struct product *p = (struct product *)o;
    if (o->geometry.stride > 1) {
        void *compact = (char *)scratch + p->scratchpad_bytes;
        bit_pixels_compact(&o->geometry, o->type, source, compact);
        source = compact;
    }
    return bit_dnnl_call_run(&p->call, (void *const[]){(void *)source, (void *)d_destination, d_kernel}, scratch, error);
}

static dnnl_status_t make(struct product *p, const struct bit_geometry *g, dnnl_dim_t pixels)
{
    struct bit_dnnl_shape a = {0}, b = {0}, c = {0};
    dnnl_data_type_t type = bit_dnnl_type(p->base.type);
    dnnl_dims_t a_dims = {g->channels, pixels}, b_dims = {pixels, g->outputs}, c_dims = {g->channels, g->outputs};
    dnnl_dims_t a_strides = {1, g->channels}, b_strides = {g->outputs, 1}, c_strides = {g->outputs, 1};
    dnnl_primitive_desc_t descriptor;
    dnnl_status_t status = bit_dnnl_shape_strides(&a, 2, a_dims, type, a_strides);
    if (!status)
        status = bit_dnnl_shape_strides(&b, 2, b_dims, type, b_strides);
    if (!status)
        status = bit_dnnl_shape_strides(&c, 2, c_dims, dnnl_f32, c_strides);
    const bit_dnnl_view views[] = {bit_dnnl_view_of(&a), bit_dnnl_view_of(&b), bit_dnnl_view_of(&c)};
    if (!status)
        status = bit_dnnl_product_describe(views[0], views[1], views[2], &descriptor);
    if (!status)
        status = bit_dnnl_call_create(&p->call, descriptor, 3, (const int[]){DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST},
                                      views);
    bit_dnnl_shape_free(&a);
    bit_dnnl_shape_free(&b);
    bit_dnnl_shape_free(&c);
    return status;
}

int bit_dnnl_product_create(const struct bit_geometry *geometry, enum bit_type type, struct bit_operation **operation,
                            struct bit_error *error)
{
    size_t pixels = (size_t)geometry->images * bit_geometry_out_height(geometry) * bit_geometry_out_width(geometry);
    struct product *p = bit_allocate(1, sizeof *p, "a convolution", error);
    if (!p)
        return -1;
    p->base = (struct bit_operation){.geometry = *geometry, .type = type, .run = run, .destroy = destroy};
    dnnl_status_t status = make(p, geometry, (dnnl_dim_t)pixels);
    if (status) {
        destroy(&p->base);
        return bit_dnnl_refused(status, error);
    }
    p->scratchpad_bytes = bit_dnnl_round(p->call.scratchpad_bytes);
    p->base.scratch_bytes = p->scratchpad_bytes;
    if (geometry->stride > 1)
        p->base.scratch_bytes += pixels * geometry->channels * bit_type_size(type);
    *operation = &p->base;
    return 0;
}
