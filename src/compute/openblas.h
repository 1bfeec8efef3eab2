#ifndef BIT_COMPUTE_OPENBLAS_H
#define BIT_COMPUTE_OPENBLAS_H

#include <cblas.h>
#include <stdbool.h>
#include <stddef.h>

#include "bit/compute.h"

struct bit_operation;

/* Restarts the program with OPENBLAS_CORETYPE set where OpenBLAS has taken kernels much older than the processor, or others than BIT_ISA
 * asks for, unless the user has set it. */
void bit_openblas_choose(char **argv);

/* C[m,n] = op(A) op(B) + beta C on the calling thread; row-major. */
void bit_openblas_sgemm(bool transpose_a, bool transpose_b, int m, int n, int k, const float *a, int lda, const float *b,
                        int ldb, float beta, float *c, int ldc);
void bit_openblas_multiply(bool transpose_a, bool transpose_b, int m, int n, int k, const float *a, const float *b,
                           float beta, float *c);

/* Convolutions as gathered matrix products; fits the backend table. */
int bit_lowered_create(const struct bit_geometry *geometry, enum bit_type type, enum bit_direction direction,
                       struct bit_operation **operation, struct bit_error *error);

#endif
