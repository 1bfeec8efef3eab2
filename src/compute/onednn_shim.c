/* oneDNN 2.x and 3.x under one set of names. */
#include <string.h>

#include "compute/onednn.h"

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
