/* What a backend is to the rest of this room. */
#ifndef BIT_COMPUTE_BACKEND_H
#define BIT_COMPUTE_BACKEND_H

#include "bit/compute.h"

/* One direction of one convolution at one shape; the backend's own struct starts with it. The three directions have one
 * calling shape:
 *   forward           first = source,        second = packed kernel,  result = destination
 *   backward data     first = d_destination, second = packed kernel,  result = d_source
 *   backward weights  first = source,        second = d_destination,  result = d_kernel (accumulate is false) */
struct bit_operation {
    struct bit_geometry geometry;
    enum bit_type type;
    const char *kernel;   /* which of the ways of src/compute/README.md; set by the backend's create */
    bool packs_any_size;  /* the packed kernel does not hang on the size of images nor on their number */
    size_t packed_bytes;  /* 0 for backward weights */
    size_t scratch_bytes;
    int (*pack)(struct bit_operation *o, const float *kernel, void *packed, struct bit_error *error);
    /* NULL where packing cannot do that on the way; see bit_convolution_pack_scaled */
    void (*pack_scaled)(struct bit_operation *o, const float *kernel, const float *scale, const float *offset, void *packed);
    int (*run)(struct bit_operation *o, const void *first, const void *second, bool accumulate, void *result,
               void *scratch, struct bit_error *error);
    void (*destroy)(struct bit_operation *o);
};

struct bit_backend {
    const char *name;
    const struct bit_backend *below; /* does what this one leaves */
    /* One operation. 0 with *operation NULL: this backend leaves the shape to the one below. */
    int (*create)(const struct bit_geometry *geometry, enum bit_type type, enum bit_direction direction,
                  struct bit_operation **operation, struct bit_error *error);
    /* NULL: the one below does it. */
    void (*multiply)(bool transpose_a, bool transpose_b, int m, int n, int k, const float *a, const float *b, float beta,
                     float *c);
    void (*threads)(int threads); /* told of a new number; NULL: does not care */
};

/* One way of computing a convolution, with the name that the kernel map has for it. */
struct bit_way {
    const char *kernel;
    int (*create)(const struct bit_geometry *geometry, enum bit_type type, enum bit_direction direction, struct bit_operation **operation,
                  struct bit_error *error);
};
/* Its create, and the name on what that made, unless it has named it. 0 with *operation NULL: it leaves the shape to the next way. */
int bit_way_try(const struct bit_way *way, const struct bit_geometry *geometry, enum bit_type type, enum bit_direction direction,
                struct bit_operation **operation, struct bit_error *error);

extern const struct bit_backend bit_backend_reference, bit_backend_openblas;
#ifdef HAVE_ONEDNN
extern const struct bit_backend bit_backend_onednn;
#endif

#endif
