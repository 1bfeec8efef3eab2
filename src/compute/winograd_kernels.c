/* F(4x4, 3x3) of A. Lavin and S. Gray, "Fast algorithms for convolutional neural networks", CVPR 2016:
 *     y = A^T [(G g G^T) . (B^T d B)] A
 * with the points 0, +-1, +-2 and infinity. Its derivative with respect to g, summed over tiles, is
 *     dg = G^T [(B^T d B) . (A dy A^T)] G.
 * Everything is vectorised over channels, which are contiguous in NHWC. */
#include "compute/winograd_kernels.h"

#include <string.h>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

typedef float vector __attribute__((vector_size(BIT_LANES * 4)));

/* The register tile of `multiply`: ROWS x WIDE accumulators, WIDE vectors of b and one of a fill the register file. */
#if defined __AVX512F__ || defined __aarch64__
enum { WIDE = 4 };
#else
enum { WIDE = 2 };
#endif
enum { ROWS = 6, LANES = BIT_LANES, COLUMNS = WIDE * LANES };

static inline vector load(const float *from)
{
    vector v;
    memcpy(&v, from, sizeof v);
    return v;
}

static inline void store(float *to, vector v)
{
    memcpy(to, &v, sizeof v);
}

/* A whole line of the cache to a place that nobody reads soon: past the caches, which neither read it first nor lose what they hold.
 * `to` is aligned to it. */
static inline void stream(float *to, vector v)
{
#ifdef __AVX512F__
    _mm512_stream_ps(to, (__m512)v);
#else
    store(to, v);
#endif
}

static inline vector splat(float x)
{
    return x - (vector){0};
}

/* ---- one dimension of each transform: strides in elements of the arrays ---- */

/* B^T x */
static inline void input_line(const vector *x, int from, vector *y, int to)
{
    vector x0 = x[0], x1 = x[from], x2 = x[2 * from], x3 = x[3 * from], x4 = x[4 * from], x5 = x[5 * from];
    vector a = x4 - 4.0f * x2, b = x3 - 4.0f * x1, c = x4 - x2, d = 2.0f * (x3 - x1);
    y[0] = 4.0f * x0 - 5.0f * x2 + x4;
    y[to] = a + b;
    y[2 * to] = a - b;
    y[3 * to] = c + d;
    y[4 * to] = c - d;
    y[5 * to] = 4.0f * x1 - 5.0f * x3 + x5;
}

/* A^T x */
static inline void output_line(const vector *x, int from, vector *y, int to)
{
    vector x1 = x[from], x2 = x[2 * from], x3 = x[3 * from], x4 = x[4 * from];
    vector a = x1 + x2, b = x1 - x2, c = x3 + x4, d = x3 - x4;
    y[0] = x[0] + a + c;
    y[to] = b + 2.0f * d;
    y[2 * to] = a + 4.0f * c;
    y[3 * to] = b + 8.0f * d + x[5 * from];
}

/* A x */
static inline void gradient_line(const vector *x, int from, vector *y, int to)
{
    vector x0 = x[0], x1 = x[from], x2 = x[2 * from], x3 = x[3 * from];
    vector a = x0 + x2, b = x1 + x3, c = x0 + 4.0f * x2, d = 2.0f * x1 + 8.0f * x3;
    y[0] = x0;
    y[to] = a + b;
    y[2 * to] = a - b;
    y[3 * to] = c + d;
    y[4 * to] = c - d;
    y[5 * to] = x3;
}

/* G x */
static inline void kernel_line(const vector *x, int from, vector *y, int to)
{
    vector x0 = x[0], x1 = x[from], x2 = x[2 * from];
    vector a = (x0 + x2) * (-1.0f / 6), b = x1 * (1.0f / 6), c = x0 * (1.0f / 24) + x2 * (1.0f / 6), d = x1 * (1.0f / 12);
    y[0] = 0.25f * x0;
    y[to] = a - b;
    y[2 * to] = a + b;
    y[3 * to] = c + d;
    y[4 * to] = c - d;
    y[5 * to] = x2;
}

/* G^T x */
static inline void kernel_gradient_line(const vector *x, int from, vector *y, int to)
{
    vector x1 = x[from], x2 = x[2 * from], x3 = x[3 * from], x4 = x[4 * from];
    vector a = (x1 + x2) * (-1.0f / 6), b = x3 + x4;
    y[0] = 0.25f * x[0] + a + b * (1.0f / 24);
    y[to] = (x2 - x1) * (1.0f / 6) + (x3 - x4) * (1.0f / 12);
    y[2 * to] = a + b * (1.0f / 6) + x[5 * from];
}

/* ---- tiles ---- */

/* Addresses of size x size pixels; NULL outside the image. */
static inline void tile_addresses(const float *data, const struct winograd_tile *t, int size, const float **address)
{
    for (int i = 0; i < size; i++)
        for (int j = 0; j < size; j++) {
            int row = t->row + i, column = t->column + j;
            bool inside = row >= 0 && row < t->height && column >= 0 && column < t->width;
            address[i * size + j] = inside ? data + ((size_t)row * t->width + column) * t->channels : NULL;
        }
}

static void input(const float *data, const struct winograd_tile *tile, float *points, size_t step)
{
    const float *address[36];
    tile_addresses(data, tile, 6, address);
    for (int c = 0; c < tile->channels; c += LANES) {
        vector x[36], y[36];
        #pragma GCC unroll 36
        for (int i = 0; i < 36; i++)
            x[i] = address[i] ? load(address[i] + c) : (vector){0};
        #pragma GCC unroll 36
        for (int i = 0; i < 6; i++)
            input_line(x + i, 6, y + i, 6);
        #pragma GCC unroll 36
        for (int i = 0; i < 6; i++)
            input_line(y + 6 * i, 1, x + 6 * i, 1);
        #pragma GCC unroll 36
        for (int i = 0; i < 36; i++)
            store(points + step * (size_t)i + c, x[i]);
    }
}

static void gradient(const float *data, const struct winograd_tile *tile, float *points, size_t step)
{
    const float *address[16];
    tile_addresses(data, tile, 4, address);
    for (int c = 0; c < tile->channels; c += LANES) {
        vector x[16], y[24], z[36];
        #pragma GCC unroll 36
        for (int i = 0; i < 16; i++)
            x[i] = address[i] ? load(address[i] + c) : (vector){0};
        #pragma GCC unroll 36
        for (int i = 0; i < 4; i++)
            gradient_line(x + i, 4, y + i, 4);
        #pragma GCC unroll 36
        for (int i = 0; i < 6; i++)
            gradient_line(y + 4 * i, 1, z + 6 * i, 1);
        #pragma GCC unroll 36
        for (int i = 0; i < 36; i++)
            store(points + step * (size_t)i + c, z[i]);
    }
}

static void output(const float *points, size_t step, const struct winograd_tile *tile, bool accumulate, float *data)
{
    const float *address[16];
    tile_addresses(data, tile, 4, address);
    for (int c = 0; c < tile->channels; c += LANES) {
        vector x[36], y[24], z[16];
        #pragma GCC unroll 36
        for (int i = 0; i < 36; i++)
            x[i] = load(points + step * (size_t)i + c);
        #pragma GCC unroll 36
        for (int i = 0; i < 6; i++)
            output_line(x + i, 6, y + i, 6);
        #pragma GCC unroll 36
        for (int i = 0; i < 4; i++)
            output_line(y + 6 * i, 1, z + 4 * i, 1);
        #pragma GCC unroll 36
        for (int i = 0; i < 16; i++)
            if (address[i]) {
                float *to = (float *)address[i] + c;
                store(to, accumulate ? z[i] + load(to) : z[i]);
            }
    }
}

static void kernel(const float *from, int inputs, int outputs, int first, int last, bool flip, float *points,
                   size_t step)
{
    size_t tap = (size_t)inputs * outputs;
    for (int c = first; c < last; c++)
        for (int o = 0; o < outputs; o += LANES) {
            vector x[9], y[18], z[36];
            #pragma GCC unroll 36
            for (int i = 0; i < 9; i++)
                x[i] = load(from + tap * (size_t)(flip ? 8 - i : i) + (size_t)c * outputs + o);
            #pragma GCC unroll 36
            for (int i = 0; i < 3; i++)
                kernel_line(x + i, 3, y + i, 3);
            #pragma GCC unroll 36
            for (int i = 0; i < 6; i++)
                kernel_line(y + 3 * i, 1, z + 6 * i, 1);
            float *to = points + ((size_t)(o / COLUMNS) * inputs + c) * COLUMNS + o % COLUMNS;
            #pragma GCC unroll 36
            for (int i = 0; i < 36; i++)
                stream(to + step * (size_t)i, z[i]);
        }
#ifdef __AVX512F__
    _mm_sfence(); /* before other threads read them */
#endif
}

static void kernel_gradient(const float *points, size_t step, int inputs, int outputs, int first, int last,
                            float *d_kernel)
{
    size_t tap = (size_t)inputs * outputs;
    for (size_t at = (size_t)first * outputs; at < (size_t)last * outputs; at += LANES) {
        vector x[36], y[18], z[9];
        #pragma GCC unroll 36
        for (int i = 0; i < 36; i++)
            x[i] = load(points + step * (size_t)i + at);
        #pragma GCC unroll 36
        for (int i = 0; i < 6; i++)
            kernel_gradient_line(x + i, 6, y + i, 6);
        #pragma GCC unroll 36
        for (int i = 0; i < 3; i++)
            kernel_gradient_line(y + 6 * i, 1, z + 3 * i, 1);
        #pragma GCC unroll 36
        for (int i = 0; i < 9; i++)
            store(d_kernel + tap * (size_t)i + at, z[i]);
    }
}

/* ---- matrix product ---- */

/* rows x COLUMNS of c; `rows` is a constant wherever this is inlined. */
static inline __attribute__((always_inline)) void product(int rows, int depth, const float *a, size_t a_row,
                                                          size_t a_depth, const float *b, size_t b_row, bool accumulate,
                                                          float *c, size_t c_row)
{
    vector s[ROWS][WIDE];
    #pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
        #pragma GCC unroll 8
        for (int j = 0; j < WIDE; j++)
            s[i][j] = (vector){0};
    for (int k = 0; k < depth; k++) {
        vector right[WIDE];
        #pragma GCC unroll 8
        for (int j = 0; j < WIDE; j++)
            right[j] = load(b + j * LANES);
        #pragma GCC unroll 8
        for (int i = 0; i < rows; i++) {
            vector left = splat(a[(size_t)i * a_row]);
            #pragma GCC unroll 8
            for (int j = 0; j < WIDE; j++)
                s[i][j] += left * right[j];
        }
        a += a_depth;
        b += b_row;
    }
    #pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
        #pragma GCC unroll 8
        for (int j = 0; j < WIDE; j++) {
            float *to = c + (size_t)i * c_row + j * LANES;
            store(to, accumulate ? s[i][j] + load(to) : s[i][j]);
        }
}

#define PRODUCT(rows) \
    static __attribute__((noinline)) void product_##rows(int depth, const float *a, size_t a_row, size_t a_depth, \
                                                         const float *b, size_t b_row, bool accumulate, float *c, \
                                                         size_t c_row) \
    { \
        product(rows, depth, a, a_row, a_depth, b, b_row, accumulate, c, c_row); \
    }
PRODUCT(1) PRODUCT(2) PRODUCT(3) PRODUCT(4) PRODUCT(5) PRODUCT(6)

typedef void product_function(int, const float *, size_t, size_t, const float *, size_t, bool, float *, size_t);
static product_function *const products[ROWS + 1] = {
    NULL, product_1, product_2, product_3, product_4, product_5, product_6,
};

static void multiply(int m, int n, int depth, const float *a, size_t a_row, size_t a_depth, const float *b, size_t b_row,
                     bool accumulate, float *c, size_t c_row)
{
    int tiles = (m + ROWS - 1) / ROWS;
    for (int j = 0; j < n; j += COLUMNS) {
        const float *panel = b_row ? b + j : b + (size_t)j * depth;
        /* Rows are spread evenly, so that no tile is left with one row. */
        for (int t = 0; t < tiles; t++) {
            int i = (int)((long)m * t / tiles), rows = (int)((long)m * (t + 1) / tiles) - i;
            products[rows](depth, a + (size_t)i * a_row, a_row, a_depth, panel, b_row ? b_row : COLUMNS, accumulate,
                           c + (size_t)i * c_row + j, c_row);
        }
    }
}

const struct winograd_kernels BIT_KERNELS(winograd_kernels) = {
    .columns = COLUMNS,
    .kernel = kernel,
    .input = input,
    .output = output,
    .gradient = gradient,
    .kernel_gradient = kernel_gradient,
    .multiply = multiply,
};
