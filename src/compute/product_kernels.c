#include "compute/product_kernels.h"

/* As many sums as registers hold beside one row of b and one number of a: 6 x 4 of AVX-512's 32 (or of NEON's, 6 x 4), 6 x 2
 * of AVX2's 16, 4 x 2 of SSE's 16. */
#if defined __AVX512F__ || defined __aarch64__
enum { ROWS = 6, VECTORS = 4 };
#elif defined __AVX__
enum { ROWS = 6, VECTORS = 2 };
#else
enum { ROWS = 4, VECTORS = 2 };
#endif
enum { COLUMNS = VECTORS * BIT_LANES };

typedef float vector __attribute__((vector_size(4 * BIT_LANES)));
/* The same in memory: any alignment of a float, and allowed to alias floats. */
typedef float loose_vector __attribute__((vector_size(4 * BIT_LANES), aligned(4), may_alias));

/* m is a constant where these are called, so that the sums live in registers. */
#define ALWAYS static inline __attribute__((always_inline))
#ifdef __clang__
#define UNROLLED _Pragma("clang loop unroll(full)")
#else
#define UNROLLED _Pragma("GCC unroll 8")
#endif

ALWAYS vector load_vector(const float *from)
{
    return *(const loose_vector *)from;
}

ALWAYS void tile_begin(int m, bool load, const float *c, size_t c_stride, vector sum[ROWS][VECTORS])
{
    UNROLLED for (int i = 0; i < m; i++)
        UNROLLED for (int v = 0; v < VECTORS; v++)
            sum[i][v] = load ? load_vector(c + (size_t)i * c_stride + v * BIT_LANES) : (vector){0};
}

ALWAYS void tile_end(int m, vector sum[ROWS][VECTORS], float *c, size_t c_stride)
{
    UNROLLED for (int i = 0; i < m; i++)
        UNROLLED for (int v = 0; v < VECTORS; v++)
            *(loose_vector *)(c + (size_t)i * c_stride + v * BIT_LANES) = sum[i][v];
}

ALWAYS void gathered_tile(int m, const float *const *a, size_t tap_stride, size_t taps, size_t offset, size_t run,
                          const float *b, bool load, float *c, size_t c_stride)
{
    vector sum[ROWS][VECTORS];
    tile_begin(m, load, c, c_stride, sum);
    for (size_t t = 0; t < taps; t++) {
        const float *row[ROWS];
        UNROLLED for (int i = 0; i < m; i++)
            row[i] = a[t * tap_stride + (size_t)i] + offset;
        for (size_t k = 0; k < run; k++, b += COLUMNS) {
            vector right[VECTORS];
            UNROLLED for (int v = 0; v < VECTORS; v++)
                right[v] = load_vector(b + v * BIT_LANES);
            UNROLLED for (int i = 0; i < m; i++)
                UNROLLED for (int v = 0; v < VECTORS; v++)
                    sum[i][v] += row[i][k] * right[v];
        }
    }
    tile_end(m, sum, c, c_stride);
}

ALWAYS void outer_tile(int m, const float *const *a, size_t offset, size_t depth, const float *b, bool load, float *c,
                       size_t c_stride)
{
    vector sum[ROWS][VECTORS];
    tile_begin(m, load, c, c_stride, sum);
    for (size_t p = 0; p < depth; p++, b += COLUMNS) {
        const float *row = a[p] + offset;
        vector right[VECTORS];
        UNROLLED for (int v = 0; v < VECTORS; v++)
            right[v] = load_vector(b + v * BIT_LANES);
        UNROLLED for (int i = 0; i < m; i++)
            UNROLLED for (int v = 0; v < VECTORS; v++)
                sum[i][v] += row[i] * right[v];
    }
    tile_end(m, sum, c, c_stride);
}

static void gathered(int m, const float *const *a, size_t tap_stride, size_t taps, size_t offset, size_t run,
                     const float *b, bool load, float *c, size_t c_stride)
{
    switch (m) {
    case 1: gathered_tile(1, a, tap_stride, taps, offset, run, b, load, c, c_stride); break;
    case 2: gathered_tile(2, a, tap_stride, taps, offset, run, b, load, c, c_stride); break;
    case 3: gathered_tile(3, a, tap_stride, taps, offset, run, b, load, c, c_stride); break;
    case 4: gathered_tile(4, a, tap_stride, taps, offset, run, b, load, c, c_stride); break;
#if defined __AVX__ || defined __aarch64__
    case 5: gathered_tile(5, a, tap_stride, taps, offset, run, b, load, c, c_stride); break;
    case 6: gathered_tile(6, a, tap_stride, taps, offset, run, b, load, c, c_stride); break;
#endif
    }
}

static void outer(int m, const float *const *a, size_t offset, size_t depth, const float *b, bool load, float *c,
                  size_t c_stride)
{
    switch (m) {
    case 1: outer_tile(1, a, offset, depth, b, load, c, c_stride); break;
    case 2: outer_tile(2, a, offset, depth, b, load, c, c_stride); break;
    case 3: outer_tile(3, a, offset, depth, b, load, c, c_stride); break;
    case 4: outer_tile(4, a, offset, depth, b, load, c, c_stride); break;
#if defined __AVX__ || defined __aarch64__
    case 5: outer_tile(5, a, offset, depth, b, load, c, c_stride); break;
    case 6: outer_tile(6, a, offset, depth, b, load, c, c_stride); break;
#endif
    }
}

const struct product_kernels BIT_KERNELS(product_kernels) = {
    .rows = ROWS, .columns = COLUMNS, .gathered = gathered, .outer = outer,
};
