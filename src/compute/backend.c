#include "compute/backend.h"

#include <omp.h>
#include <string.h>

#include "bit/limits.h"

/* Best first. */
static const struct bit_backend *const backends[] = {
#ifdef HAVE_ONEDNN
    &bit_backend_onednn,
#endif
    &bit_backend_openblas,
    &bit_backend_reference,
};
enum { BACKENDS = sizeof backends / sizeof *backends };

static int thread_count; /* 0: not set yet */

const struct bit_backend *bit_backend_at(size_t i)
{
    return i < BACKENDS ? backends[i] : NULL;
}

const char *bit_backend_name(const struct bit_backend *backend)
{
    return backend->name;
}

const struct bit_backend *bit_backend_find(const char *name, struct bit_error *error)
{
    if (!strcmp(name, "auto"))
        return backends[0];
    for (size_t i = 0; i < BACKENDS; i++)
        if (!strcmp(name, backends[i]->name))
            return backends[i];
    char list[128] = "";
    for (size_t i = 0; i < BACKENDS; i++) {
        strcat(list, i ? ", " : "");
        strcat(list, backends[i]->name);
    }
    bit_fail(error, BIT_EUSAGE, "backend '%s' is not built in; there are auto, %s", name, list);
    return NULL;
}

void bit_compute_threads(int threads)
{
    thread_count = threads < 1 ? 1 : threads;
    omp_set_dynamic(0);
    omp_set_num_threads(thread_count);
    for (size_t i = 0; i < BACKENDS; i++)
        if (backends[i]->threads)
            backends[i]->threads(thread_count);
}

int bit_compute_threads_start(struct bit_error *error)
{
    int count = bit_compute_thread_count(), there = 0;
    if (bit_limits_threads(count - 1, error))
        return -1;
    /* OpenMP keeps its threads from the first parallel region on. */
    #pragma omp parallel num_threads(count) reduction(+ : there)
    there++;
    return there == count ? 0 : bit_fail(error, BIT_EENVIRONMENT, "OpenMP started %d threads instead of %d: does OMP_THREAD_LIMIT say so?", there, count);
}

int bit_compute_thread_count(void)
{
    if (!thread_count)
        bit_compute_threads(omp_get_max_threads());
    return thread_count;
}

void bit_matrix_multiply(const struct bit_backend *backend, bool transpose_a, bool transpose_b, int m, int n, int k,
                         const float *a, const float *b, float beta, float *c)
{
    while (!backend->multiply)
        backend = backend->below;
    backend->multiply(transpose_a, transpose_b, m, n, k, a, b, beta, c);
}
