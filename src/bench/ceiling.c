/* What the machine can do at most: matrix products and copying. */
#include <string.h>

#include "bit/clock.h"
#include "bit/memory.h"
#include "bench/bench.h"

int bench_ceiling_product(int repeat, double *gigaflops, struct bit_error *error)
{
    enum { N = 2048 };
    const struct bit_backend *backend = bit_backend_find("openblas", error);
    float *block = backend ? bit_allocate((size_t)3 * N * N, sizeof *block, "a matrix product", error) : NULL;
    if (!block)
        return -1;
    for (size_t i = 0; i < (size_t)2 * N * N; i++)
        block[i] = 1;
    double best = 1e30;
    for (int i = 0; i <= repeat; i++) {
        double start = bit_clock_seconds();
        bit_matrix_multiply(backend, false, false, N, N, N, block, block + (size_t)N * N, 0, block + (size_t)2 * N * N);
        double seconds = bit_clock_seconds() - start;
        best = i && seconds < best ? seconds : best; /* the first one warms up */
    }
    bit_free(block);
    *gigaflops = 2.0 * N * N * N / best * 1e-9;
    return 0;
}

int bench_ceiling_copy(int repeat, double *gigabytes, struct bit_error *error)
{
    enum { PART = 1 << 20, PARTS = 256 };
    char *from = bit_allocate(PART, PARTS, "a copy", error), *to = from ? bit_allocate(PART, PARTS, "a copy", error) : NULL;
    double best = 1e30;
    for (int i = 0; i <= repeat && to; i++) {
        double start = bit_clock_seconds();
        #pragma omp parallel for num_threads(bit_compute_thread_count()) schedule(static)
        for (int p = 0; p < PARTS; p++)
            memcpy(to + (size_t)p * PART, from + (size_t)p * PART, PART);
        double seconds = bit_clock_seconds() - start;
        best = i && seconds < best ? seconds : best;
    }
    int result = to ? 0 : -1;
    bit_free(from);
    bit_free(to);
    *gigabytes = 2.0 * PART * PARTS / best * 1e-9;
    return result;
}
