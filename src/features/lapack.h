/* The double-precision products and the Cholesky solver that features need, of the OpenBLAS that compute links. One thread a call:
 * threads are ours. */
#ifndef FEATURES_LAPACK_H
#define FEATURES_LAPACK_H

#include <cblas.h>

/* Solves A X = B for a symmetric positive definite A [n, n], column-major; `lower`: which triangle is given. X overwrites B. */
extern void dposv_(const char *triangle, const int *n, const int *columns, double *a, const int *lda, double *b, const int *ldb, int *info,
                   size_t triangle_length);

#endif
