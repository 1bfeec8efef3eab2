/* oneDNN 2.x and 3.x under one set of names. */
#include <string.h>

#include "compute/onednn.h"

/* A blocked format of bfloat16: inner block i has sizes[i] places of dimension places[i]; strides from block to block. */
struct format { const dnnl_dim_t *dims, *strides, *sizes, *places; int count; };

#if DNNL_VERSION_MAJOR >= 3

dnnl_status_t bit_dnnl_shape_tag(struct bit_dnnl_shape *shape, int count, const dnnl_dims_t dims, dnnl_data_type_t type,
                                 dnnl_format_tag_t tag)
{
    dnnl_status_t status = dnnl_memory_desc_create_with_tag(&shape->held, count, dims, type, tag);
    shape->made = status == dnnl_success;
    return status;
}

dnnl_status_t bit_dnnl_shape_strides(struct bit_dnnl_shape *shape, int count, const dnnl_dims_t dims,
                                     dnnl_data_type_t type, const dnnl_dims_t strides)
{
    dnnl_status_t status = dnnl_memory_desc_create_with_strides(&shape->held, count, dims, type, strides);
    shape->made = status == dnnl_success;
    return status;
}

void bit_dnnl_shape_free(struct bit_dnnl_shape *shape)
{
    if (shape->made)
        dnnl_memory_desc_destroy(shape->held);
    shape->made = false;
}

bit_dnnl_view bit_dnnl_view_of(const struct bit_dnnl_shape *shape)
{
    return shape->held;
}

static bool look_into(bit_dnnl_view view, struct format *f)
{
    const dnnl_dims_t *dims, *strides, *sizes, *places;
    int dimensions;
    dnnl_data_type_t type;
    dnnl_format_kind_t kind;
    if (dnnl_memory_desc_query(view, dnnl_query_ndims_s32, &dimensions) ||
        dnnl_memory_desc_query(view, dnnl_query_data_type, &type) ||
        dnnl_memory_desc_query(view, dnnl_query_format_kind, &kind) || dimensions != 4 || type != dnnl_bf16 ||
        kind != dnnl_blocked || dnnl_memory_desc_query(view, dnnl_query_dims, &dims) ||
        dnnl_memory_desc_query(view, dnnl_query_strides, &strides) ||
        dnnl_memory_desc_query(view, dnnl_query_inner_nblks_s32, &f->count) ||
        dnnl_memory_desc_query(view, dnnl_query_inner_blks, &sizes) ||
        dnnl_memory_desc_query(view, dnnl_query_inner_idxs, &places))
        return false;
    f->dims = *dims, f->strides = *strides, f->sizes = *sizes, f->places = *places;
    return true;
}

static dnnl_status_t append_sum(dnnl_post_ops_t operations)
{
    return dnnl_post_ops_append_sum(operations, 1, 0, dnnl_data_type_undef);
}

static dnnl_status_t describe(enum bit_direction direction, const struct bit_dnnl_convolution *c,
                              const_dnnl_primitive_attr_t attributes, const_dnnl_primitive_desc_t hint,
                              dnnl_primitive_desc_t *result)
{
    dnnl_dims_t dilates = {0};
    dnnl_engine_t engine = bit_dnnl_engine();
    if (direction == BIT_FORWARD)
        return dnnl_convolution_forward_primitive_desc_create(result, engine, dnnl_forward_training,
                                                              dnnl_convolution_direct, c->source, c->kernel, NULL,
                                                              c->destination, c->strides, dilates, c->before, c->after,
                                                              attributes);
    if (direction == BIT_BACKWARD_DATA)
        return dnnl_convolution_backward_data_primitive_desc_create(result, engine, dnnl_convolution_direct, c->source,
                                                                    c->kernel, c->destination, c->strides, dilates,
                                                                    c->before, c->after, hint, attributes);
    return dnnl_convolution_backward_weights_primitive_desc_create(result, engine, dnnl_convolution_direct, c->source,
                                                                   c->kernel, NULL, c->destination, c->strides, dilates,
                                                                   c->before, c->after, hint, attributes);
}

static dnnl_status_t describe_product(bit_dnnl_view a, bit_dnnl_view b, bit_dnnl_view c,
                                      const_dnnl_primitive_attr_t attributes, dnnl_primitive_desc_t *result)
{
    return dnnl_matmul_primitive_desc_create(result, bit_dnnl_engine(), a, b, NULL, c, attributes);
}

#else

dnnl_status_t bit_dnnl_shape_tag(struct bit_dnnl_shape *shape, int count, const dnnl_dims_t dims, dnnl_data_type_t type,
                                 dnnl_format_tag_t tag)
{
    return dnnl_memory_desc_init_by_tag(&shape->held, count, dims, type, tag);
}

dnnl_status_t bit_dnnl_shape_strides(struct bit_dnnl_shape *shape, int count, const dnnl_dims_t dims,
                                     dnnl_data_type_t type, const dnnl_dims_t strides)
{
    return dnnl_memory_desc_init_by_strides(&shape->held, count, dims, type, strides);
}

void bit_dnnl_shape_free(struct bit_dnnl_shape *shape)
{
    (void)shape;
}

bit_dnnl_view bit_dnnl_view_of(const struct bit_dnnl_shape *shape)
{
    return &shape->held;
}

static bool look_into(bit_dnnl_view view, struct format *f)
{
    const dnnl_blocking_desc_t *b = &view->format_desc.blocking;
    if (view->ndims != 4 || view->data_type != dnnl_bf16 || view->format_kind != dnnl_blocked ||
        view->extra.flags != dnnl_memory_extra_flag_none)
        return false;
    *f = (struct format){view->dims, b->strides, b->inner_blks, b->inner_idxs, b->inner_nblks};
    return true;
}

static dnnl_status_t append_sum(dnnl_post_ops_t operations)
{
    return dnnl_post_ops_append_sum(operations, 1);
}

static dnnl_status_t describe(enum bit_direction direction, const struct bit_dnnl_convolution *c,
                              const_dnnl_primitive_attr_t attributes, const_dnnl_primitive_desc_t hint,
                              dnnl_primitive_desc_t *result)
{
    dnnl_convolution_desc_t d;
    dnnl_status_t status;
    if (direction == BIT_FORWARD)
        status = dnnl_convolution_forward_desc_init(&d, dnnl_forward_training, dnnl_convolution_direct, c->source,
                                                    c->kernel, NULL, c->destination, c->strides, c->before, c->after);
    else if (direction == BIT_BACKWARD_DATA)
        status = dnnl_convolution_backward_data_desc_init(&d, dnnl_convolution_direct, c->source, c->kernel,
                                                          c->destination, c->strides, c->before, c->after);
    else
        status = dnnl_convolution_backward_weights_desc_init(&d, dnnl_convolution_direct, c->source, c->kernel, NULL,
                                                             c->destination, c->strides, c->before, c->after);
    return status ? status : dnnl_primitive_desc_create(result, &d, attributes, bit_dnnl_engine(), hint);
}

static dnnl_status_t describe_product(bit_dnnl_view a, bit_dnnl_view b, bit_dnnl_view c,
                                      const_dnnl_primitive_attr_t attributes, dnnl_primitive_desc_t *result)
{
    dnnl_matmul_desc_t d;
    dnnl_status_t status = dnnl_matmul_desc_init(&d, a, b, NULL, c);
    return status ? status : dnnl_primitive_desc_create(result, &d, attributes, bit_dnnl_engine(), NULL);
}

#endif

bool bit_dnnl_pairs(bit_dnnl_view kernel, int depth, struct bit_pairs *pairs)
{
    struct format f;
    const int width = 1 - depth;
    if (!look_into(kernel, &f) || f.count != 3 || f.places[0] != depth || f.places[1] != width || f.places[2] != depth ||
        f.sizes[0] != 16 || f.sizes[2] != 2 || (f.sizes[1] != 16 && f.sizes[1] != 32 && f.sizes[1] != 64) ||
        f.dims[depth] % 32 || f.dims[width] % f.sizes[1])
        return false;
    *pairs = (struct bit_pairs){
        .depth = (int)f.dims[depth], .width = (int)f.dims[width], .block = (int)f.sizes[1], .rows = (int)f.dims[2],
        .columns = (int)f.dims[3], .kernel_step = 1, .depth_stride = (size_t)f.strides[depth],
        .width_stride = (size_t)f.strides[width], .row_stride = (size_t)f.strides[2],
        .column_stride = (size_t)f.strides[3]};
    return true;
}

static dnnl_status_t make_attributes(bool added, dnnl_primitive_attr_t *attributes)
{
    dnnl_post_ops_t operations = NULL;
    dnnl_status_t status = dnnl_primitive_attr_create(attributes);
    if (status)
        return status;
    status = dnnl_primitive_attr_set_scratchpad_mode(*attributes, dnnl_scratchpad_mode_user);
    if (!status && added) {
        status = dnnl_post_ops_create(&operations);
        if (!status)
            status = append_sum(operations);
        if (!status)
            status = dnnl_primitive_attr_set_post_ops(*attributes, operations);
        if (operations)
            dnnl_post_ops_destroy(operations);
    }
    if (status)
        dnnl_primitive_attr_destroy(*attributes);
    return status;
}

/* oneDNN's own plain loops are slower than anything of ours. */
static dnnl_status_t refuse_reference(dnnl_status_t status, dnnl_primitive_desc_t *descriptor)
{
    const char *name = NULL;
    if (status)
        return status;
    if (!dnnl_primitive_desc_query(*descriptor, dnnl_query_impl_info_str, 0, &name) && name && !strncmp(name, "ref", 3)) {
        dnnl_primitive_desc_destroy(*descriptor);
        return dnnl_unimplemented;
    }
    return dnnl_success;
}

dnnl_status_t bit_dnnl_convolution_describe(enum bit_direction direction, const struct bit_dnnl_convolution *c,
                                            bool added, const_dnnl_primitive_desc_t hint, dnnl_primitive_desc_t *result)
{
    dnnl_primitive_attr_t attributes;
    dnnl_status_t status = make_attributes(added, &attributes);
    if (status)
        return status;
    status = refuse_reference(describe(direction, c, attributes, hint, result), result);
    dnnl_primitive_attr_destroy(attributes);
    return status;
}

dnnl_status_t bit_dnnl_product_describe(bit_dnnl_view a, bit_dnnl_view b, bit_dnnl_view c, dnnl_primitive_desc_t *result)
{
    dnnl_primitive_attr_t attributes;
    dnnl_status_t status = make_attributes(false, &attributes);
    if (status)
        return status;
    status = refuse_reference(describe_product(a, b, c, attributes, result), result);
    dnnl_primitive_attr_destroy(attributes);
    return status;
}
