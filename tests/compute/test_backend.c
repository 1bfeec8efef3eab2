/* The backend table, threads, the instruction set, and matrix products of every backend. */
#include <math.h>

#include "bit/compute.h"
#include "bit/memory.h"
#include "bit/random.h"
#include "unit.h"

static void test_find(void)
{
    struct bit_error error = {0};
    CHECK(bit_backend_find("auto", &error) == bit_backend_at(0));
    for (size_t i = 0; bit_backend_at(i); i++)
        CHECK(bit_backend_find(bit_backend_name(bit_backend_at(i)), &error) == bit_backend_at(i));
    CHECK(bit_backend_find("reference", &error) && bit_backend_find("openblas", &error));
    CHECK(error.code == BIT_OK);
    CHECK(bit_backend_find("cudnn", &error) == NULL);
    CHECK(error.code == BIT_EUSAGE);
    CHECK(strstr(error.text, "cudnn") && strstr(error.text, "openblas"));
}

static void test_threads(void)
{
    bit_compute_threads(3);
    CHECK(bit_compute_thread_count() == 3);
    bit_compute_threads(0);
    CHECK(bit_compute_thread_count() == 1);
}

static void test_isa(void)
{
    const char *isa = bit_compute_isa();
    static const char *const known[] = {"generic", "neon", "avx2", "avx512", "avx512_bf16", "amx"};
    bool found = false;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        found |= !strcmp(isa, known[i]);
    CHECK(found);
    CHECK(bit_compute_isa() == isa);
}

/* Every combination of transposes and beta, against the definition. */
static void check_product(const struct bit_backend *backend, int m, int n, int k, int threads)
{
    struct bit_random random;
    float *a = bit_allocate((size_t)m * k, sizeof *a, "a", NULL), *b = bit_allocate((size_t)n * k, sizeof *b, "b", NULL);
    float *c = bit_allocate((size_t)m * n, sizeof *c, "c", NULL);
    REQUIRE(a && b && c);
    bit_random_init(&random, 1, BIT_PURPOSE_TEST, (uint64_t)m, (uint64_t)n);
    for (int i = 0; i < m * k; i++)
        a[i] = (float)bit_random_normal(&random);
    for (int i = 0; i < n * k; i++)
        b[i] = (float)bit_random_normal(&random);
    bit_compute_threads(threads);
    for (int variant = 0; variant < 8; variant++) {
        bool ta = variant & 1, tb = variant & 2;
        float beta = variant & 4 ? 0.5f : 0;
        for (int i = 0; i < m * n; i++)
            c[i] = beta ? 2 : NAN;
        bit_matrix_multiply(backend, ta, tb, m, n, k, a, b, beta, c);
        double worst = 0;
        for (int i = 0; i < m; i++)
            for (int j = 0; j < n; j++) {
                double sum = beta * 2;
                for (int l = 0; l < k; l++)
                    sum += (double)a[ta ? l * m + i : i * k + l] * b[tb ? j * k + l : l * n + j];
                double off = fabs(sum - c[i * n + j]);
                worst = off <= worst ? worst : off; /* NaN wins */
            }
        /* test_convolution.c, rounding: of sums whose root mean square is sqrt(k), in any order and at any level */
        CHECK(worst <= sqrt(k) * 0x1p-24 * (8 + 7 * sqrt(k)));
    }
    bit_free(a);
    bit_free(b);
    bit_free(c);
}

static void test_products(void)
{
    for (size_t i = 0; bit_backend_at(i); i++)
        for (int threads = 1; threads <= 3; threads++) {
            check_product(bit_backend_at(i), 1, 1, 1, threads);
            check_product(bit_backend_at(i), 8, 10, 129, threads);
            check_product(bit_backend_at(i), 3, 1000, 65, threads);
            check_product(bit_backend_at(i), 157, 33, 401, threads);
        }
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"find", test_find}, {"threads", test_threads}, {"isa", test_isa}, {"products", test_products},
    };
    return unit_main("backend", tests, sizeof tests / sizeof *tests, argc, argv);
}
