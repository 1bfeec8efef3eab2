/* bfloat16 convolutions by float32's kernels, on processors that have no faster ones. */
#ifndef BIT_COMPUTE_WIDENED_H
#define BIT_COMPUTE_WIDENED_H

#include "compute/backend.h"

/* The operation of `backend` in float32, with conversions around it. *operation NULL: float32, or a processor with AMX. */
int bit_widened_create(const struct bit_backend *backend, const struct bit_geometry *geometry, enum bit_type type,
                       enum bit_direction direction, struct bit_operation **operation, struct bit_error *error);

#endif
