/* What the oneDNN backend's files share: oneDNN 2.x and 3.x under one set of names, a primitive with its memories, and
 * the operations built from them. */
#ifndef BIT_COMPUTE_ONEDNN_H
#define BIT_COMPUTE_ONEDNN_H

#include <oneapi/dnnl/dnnl.h>
#include <stdbool.h>

#include "bit/compute.h"
#include "compute/backend.h"
#include "compute/pairs.h"

/* ---- versions: 3.x made memory descriptors opaque and removed operation descriptors ---- */

#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t bit_dnnl_view;
#else
typedef const dnnl_memory_desc_t *bit_dnnl_view;
#endif
struct bit_dnnl_shape { dnnl_memory_desc_t held; bool made; }; /* zero-initialise */
dnnl_status_t bit_dnnl_shape_tag(struct bit_dnnl_shape *shape, int count, const dnnl_dims_t dims, dnnl_data_type_t type,
                                 dnnl_format_tag_t tag);
dnnl_status_t bit_dnnl_shape_strides(struct bit_dnnl_shape *shape, int count, const dnnl_dims_t dims,
                                     dnnl_data_type_t type, const dnnl_dims_t strides);
void bit_dnnl_shape_free(struct bit_dnnl_shape *shape);
bit_dnnl_view bit_dnnl_view_of(const struct bit_dnnl_shape *shape);

/* True where a kernel's format is one of ours, which it describes. depth: the dimension summed over (0 or 1), the other one
 * is the width. Its first tap is taken to be the kernel's. */
bool bit_dnnl_pairs(bit_dnnl_view kernel, int depth, struct bit_pairs *pairs);

struct bit_dnnl_convolution { bit_dnnl_view source, kernel, destination; dnnl_dims_t strides, before, after; };
/* Primitive descriptor of a direction with user scratchpad; `added`: result += . `hint`: forward's, for backward ones. */
dnnl_status_t bit_dnnl_convolution_describe(enum bit_direction direction, const struct bit_dnnl_convolution *c,
                                            bool added, const_dnnl_primitive_desc_t hint, dnnl_primitive_desc_t *result);
dnnl_status_t bit_dnnl_product_describe(bit_dnnl_view a, bit_dnnl_view b, bit_dnnl_view c, dnnl_primitive_desc_t *result);

/* The CPU engine and its stream, made at first use and kept; 0 or -1. */
int bit_dnnl_start(struct bit_error *error);
dnnl_engine_t bit_dnnl_engine(void);
static inline dnnl_data_type_t bit_dnnl_type(enum bit_type type) { return type == BIT_FLOAT32 ? dnnl_f32 : dnnl_bf16; }

/* ---- a primitive with its memories ---- */

enum { BIT_DNNL_ARGUMENTS = 4 };
struct bit_dnnl_call {
    dnnl_primitive_t primitive; /* NULL: there is none */
    dnnl_exec_arg_t arguments[BIT_DNNL_ARGUMENTS];
    int count;                  /* the last one is the scratchpad where scratchpad_bytes > 0 */
    size_t scratchpad_bytes;
};
/* Creates the primitive and a memory for each (argument, shape) pair; takes over `descriptor`. */
dnnl_status_t bit_dnnl_call_create(struct bit_dnnl_call *call, dnnl_primitive_desc_t descriptor, int count,
                                   const int *arguments, const bit_dnnl_view *shapes);
/* handles[i] is the data of the i-th argument given to create. */
int bit_dnnl_call_run(const struct bit_dnnl_call *call, void *const *handles, void *scratchpad, struct bit_error *error);
void bit_dnnl_call_free(struct bit_dnnl_call *call);
dnnl_status_t bit_dnnl_reorder(struct bit_dnnl_call *call, bit_dnnl_view from, bit_dnnl_view to);

/* Turns a status of create into the table's answer: refused shapes are left to the backend below (0), the rest fails. */
int bit_dnnl_refused(dnnl_status_t status, struct bit_error *error);

static inline size_t bit_dnnl_round(size_t bytes) { return (bytes + 63) / 64 * 64; }

/* ---- operations; each fits the backend table ---- */

/* The convolution primitive of a direction. */
int bit_dnnl_direct_create(const struct bit_geometry *geometry, enum bit_type type, enum bit_direction direction,
                           struct bit_operation **operation, struct bit_error *error);
/* Backward data of 1x1 convolutions: the forward primitive with the transposed kernel. */
int bit_dnnl_turned_create(const struct bit_geometry *geometry, enum bit_type type, struct bit_operation **operation,
                           struct bit_error *error);
/* Backward data of strided convolutions: a forward primitive for each class of pixels. */
int bit_dnnl_phases_create(const struct bit_geometry *geometry, enum bit_type type, struct bit_operation **operation,
                           struct bit_error *error);
/* Backward weights of 1x1 convolutions: one matrix product. */
int bit_dnnl_product_create(const struct bit_geometry *geometry, enum bit_type type, struct bit_operation **operation,
                            struct bit_error *error);

#endif
