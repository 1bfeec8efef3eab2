/* Convolutions in float32 on bfloat16 tiles: see split_kernels.h. */
#ifndef BIT_COMPUTE_SPLIT_H
#define BIT_COMPUTE_SPLIT_H

#include "compute/backend.h"

/* As bit_backend.create: *operation stays NULL where there are no tiles or the shape does not suit (type, channel counts no
 * multiples of 32). Results do not depend on the number of threads. */
int bit_split_create(const struct bit_geometry *geometry, enum bit_type type, enum bit_direction direction,
                     struct bit_operation **operation, struct bit_error *error);
/* Backward weights; called by the above. */
int bit_split_weights_create(const struct bit_geometry *geometry, struct bit_operation **operation,
                             struct bit_error *error);

#endif
