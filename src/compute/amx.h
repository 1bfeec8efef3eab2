/* bfloat16 weight gradients as tile products (AMX). */
#ifndef BIT_COMPUTE_AMX_H
#define BIT_COMPUTE_AMX_H

#include "compute/backend.h"

/* As bit_backend.create: *operation stays NULL where there are no tiles or the shape does not suit (type, direction, channel
 * counts no multiples of 32, root kernels). Results do not depend on the number of threads. */
int bit_amx_create(const struct bit_geometry *geometry, enum bit_type type, enum bit_direction direction,
                   struct bit_operation **operation, struct bit_error *error);

/* The same for few channels and wide kernels (the root). Results depend on the number of threads. */
int bit_amx_narrow_create(const struct bit_geometry *geometry, enum bit_type type, enum bit_direction direction,
                          struct bit_operation **operation, struct bit_error *error);

#endif
