/* The OpenBLAS backend. OpenBLAS runs one thread a call and the threads are ours: so the partition, and with it the bits,
 * do not depend on the BLAS's own threading (whose pthreads would also fight with OpenMP's for the cores). */
#include "compute/openblas.h"

#include "compute/amx.h"
#include "compute/backend.h"
#include "compute/split.h"
#include "compute/tiled.h"
#include "compute/widened.h"
#include "compute/winograd.h"

void bit_openblas_sgemm(bool transpose_a, bool transpose_b, int m, int n, int k, const float *a, int lda, const float *b,
                        int ldb, float beta, float *c, int ldc)
{
    cblas_sgemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans, transpose_b ? CblasTrans : CblasNoTrans, m, n, k,
                1.0f, a, lda, b, ldb, beta, c, ldc);
}

/* C is cut into one part a thread along its longer side, in multiples of 16. */
void bit_openblas_multiply(bool transpose_a, bool transpose_b, int m, int n, int k, const float *a, const float *b,
                           float beta, float *c)
{
    int parts = (double)m * n * k < 1e6 ? 1 : bit_compute_thread_count(), side = m >= n ? m : n;
    int part = ((side + parts - 1) / parts + 15) / 16 * 16;
    #pragma omp parallel for num_threads(parts) schedule(static, 1)
    for (int i = 0; i < parts; i++) {
        int begin = i * part, count = side - begin < part ? side - begin : part;
        if (count <= 0)
            continue;
        if (m >= n)
            bit_openblas_sgemm(transpose_a, transpose_b, count, n, k, a + (size_t)begin * (transpose_a ? 1 : k),
                               transpose_a ? m : k, b, transpose_b ? k : n, beta, c + (size_t)begin * n, n);
        else
            bit_openblas_sgemm(transpose_a, transpose_b, m, count, k, a, transpose_a ? m : k,
                               b + (size_t)begin * (transpose_b ? k : 1), transpose_b ? k : n, beta, c + begin, n);
    }
}

static void set_threads(int threads)
{
    (void)threads;
#ifdef HAVE_OPENBLAS_SET_NUM_THREADS
    openblas_set_num_threads(1);
#endif
}

static int widened(const struct bit_geometry *geometry, enum bit_type type, enum bit_direction direction,
                   struct bit_operation **operation, struct bit_error *error)
{
    return bit_widened_create(&bit_backend_openblas, geometry, type, direction, operation, error);
}

/* float32: Winograd's 3x3, else three bfloat16 parts of each number on the tile units, else our own tiles, which follow pixels instead of gathering them for the BLAS. bfloat16: weight
 * gradients on the tile units, the rest through panels converted to float32 and the BLAS. */
static int create(const struct bit_geometry *geometry, enum bit_type type, enum bit_direction direction,
                  struct bit_operation **operation, struct bit_error *error)
{
    static const struct bit_way ways[] = {{"widened", widened}, {"winograd", bit_winograd_create}, {"split", bit_split_create}, {"tiled", bit_tiled_create},
                                          {"amx", bit_amx_create}, {"lowered", bit_lowered_create}};
    for (size_t i = 0; i < sizeof ways / sizeof *ways && !*operation; i++)
        if (bit_way_try(&ways[i], geometry, type, direction, operation, error))
            return -1;
    return 0;
}

const struct bit_backend bit_backend_openblas = {
    .name = "openblas", .below = &bit_backend_reference, .create = create, .multiply = bit_openblas_multiply,
    .threads = set_threads,
};
