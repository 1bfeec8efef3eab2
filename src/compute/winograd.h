/* 3x3 stride 1 convolutions in float32 by Winograd's minimal filtering: 2.25 to 4 times fewer multiplications. */
#ifndef BIT_COMPUTE_WINOGRAD_H
#define BIT_COMPUTE_WINOGRAD_H

#include "compute/backend.h"

/* As bit_backend.create: *operation stays NULL where the shape does not suit (kernel, stride, type, channel counts, images
 * too small for 4x4 tiles to pay). Results do not depend on the number of threads. */
int bit_winograd_create(const struct bit_geometry *geometry, enum bit_type type, enum bit_direction direction,
                        struct bit_operation **operation, struct bit_error *error);

#endif
