/* Convolutions in float32 by the register-sized products of product_kernels.h: nothing is gathered into panels, the kernels
 * follow pointers to pixels (the idea of M. Dukhan, "The indirect convolution algorithm", 2019). */
#ifndef BIT_COMPUTE_TILED_H
#define BIT_COMPUTE_TILED_H

#include "compute/gather.h"
#include "compute/product_kernels.h"

struct bit_operation;

/* How the rows of a gather are read: `taps` runs of `run` neighbouring floats a pixel. With few channels a row of taps is
 * one run, read from a copy of the image that is padded with zeros. */
struct bit_walk {
    struct bit_gather gather;
    size_t taps, run;      /* taps * run = gather.depth */
    bool padded;
    int height, width;     /* of the padded copy */
    size_t copy_elements;  /* floats of the padded copy of all images; 0 unless padded */
};

struct bit_walk bit_walk_make(const struct bit_gather *gather);
/* Fills the padded copy; on all threads of the enclosing parallel region, which must wait before using it. */
void bit_walk_copy(const struct bit_walk *walk, const float *from, float *copy);
/* pointers[t * stride + n] = where the run of tap t for pixel first + n starts. `from` is the image or its padded copy;
 * `zeros` are at least `run` zeros. */
void bit_walk_point(const struct bit_walk *walk, const float *from, const float *zeros, size_t first, size_t count,
                    size_t stride, const float **pointers);

/* Operations for the backend table; float32 only (*operation stays NULL otherwise). */
int bit_tiled_create(const struct bit_geometry *geometry, enum bit_type type, enum bit_direction direction,
                     struct bit_operation **operation, struct bit_error *error);
int bit_tiled_weights_create(const struct bit_geometry *geometry, struct bit_operation **operation,
                             struct bit_error *error);

#endif
