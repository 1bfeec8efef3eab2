/* The loops of layer_kernels.c for one element type: ELEMENT, LOAD(x), STORE(x), NAME(function). No guard: included once
 * a type. Channels run innermost, so the compiler vectorises across them and a sum over rows has one order. Four rows
 * share one update of an accumulator, which otherwise would cost more than the row's own data. */

static void NAME(moments)(const void *restrict x0, int rows, int channels, const float *restrict shift,
                          float *restrict sum, float *restrict square)
{
    const ELEMENT *restrict x = x0;
    const size_t n = (size_t)channels;
    memset(sum, 0, n * sizeof *sum);
    memset(square, 0, n * sizeof *square);
    int r = 0;
    for (; r + 4 <= rows; r += 4, x += 4 * n) {
        const ELEMENT *restrict x1 = x + n, *restrict x2 = x + 2 * n, *restrict x3 = x + 3 * n;
#pragma omp simd
        for (size_t c = 0; c < n; c++) {
            float k = shift[c], a = LOAD(x[c]) - k, b = LOAD(x1[c]) - k, d = LOAD(x2[c]) - k, e = LOAD(x3[c]) - k;
            sum[c] += (a + b) + (d + e);
            square[c] += (a * a + b * b) + (d * d + e * e);
        }
    }
    for (; r < rows; r++, x += n)
#pragma omp simd
        for (size_t c = 0; c < n; c++) {
            float a = LOAD(x[c]) - shift[c];
            sum[c] += a;
            square[c] += a * a;
        }
}

static inline __attribute__((always_inline)) void NAME(affine_loop)(const ELEMENT *restrict x, int rows, int channels,
                                                                    const float *restrict scale,
                                                                    const float *restrict offset, int relu,
                                                                    ELEMENT *restrict y, ELEMENT *restrict copy)
{
    const size_t n = (size_t)channels;
    for (int r = 0; r < rows; r++, x += n, y += n) {
#pragma omp simd
        for (size_t c = 0; c < n; c++) {
            float z = scale[c] * LOAD(x[c]) + offset[c];
            y[c] = STORE(relu && z < 0 ? 0 : z); /* NaN stays */
            if (copy)
                copy[c] = x[c];
        }
        if (copy)
            copy += n;
    }
}

static void NAME(affine)(const void *x, int rows, int channels, const float *scale, const float *offset, int relu,
                         void *y, void *copy)
{
    if (copy)
        NAME(affine_loop)(x, rows, channels, scale, offset, relu, y, copy);
    else if (relu)
        NAME(affine_loop)(x, rows, channels, scale, offset, 1, y, NULL);
    else
        NAME(affine_loop)(x, rows, channels, scale, offset, 0, y, NULL);
}

static void NAME(affine_sum)(const void *restrict x0, int rows, int channels, const float *restrict scale,
                             const float *restrict offset, float *restrict sum)
{
    const ELEMENT *restrict x = x0;
    const size_t n = (size_t)channels;
    memset(sum, 0, n * sizeof *sum);
    for (int r = 0; r < rows; r++, x += n)
#pragma omp simd
        for (size_t c = 0; c < n; c++) {
            float z = scale[c] * LOAD(x[c]) + offset[c];
            sum[c] += z < 0 ? 0 : z;
        }
}

static inline __attribute__((always_inline)) void
NAME(sums_loop)(const ELEMENT *restrict x, const ELEMENT *restrict dy, size_t stride, int rows, int channels,
                const float *restrict scale, const float *restrict offset, const float *restrict mean,
                const float *restrict inverse, int relu, float *restrict d_offset, float *restrict d_scale,
                ELEMENT *restrict y)
{
    const size_t n = (size_t)channels;
    int r = 0;
    memset(d_offset, 0, n * sizeof *d_offset);
    memset(d_scale, 0, n * sizeof *d_scale);
    for (; r + 2 <= rows; r += 2, x += 2 * n, dy += 2 * stride) {
        const ELEMENT *restrict x1 = x + n, *restrict dy1 = dy + stride;
        ELEMENT *restrict y1 = y ? y + n : NULL;
#pragma omp simd
        for (size_t c = 0; c < n; c++) {
            float v0 = LOAD(x[c]), v1 = LOAD(x1[c]), d0 = LOAD(dy[c]), d1 = LOAD(dy1[c]);
            float z0 = scale[c] * v0 + offset[c], z1 = scale[c] * v1 + offset[c];
            if (relu) {
                d0 = z0 > 0 ? d0 : 0;
                d1 = z1 > 0 ? d1 : 0;
                z0 = z0 < 0 ? 0 : z0;
                z1 = z1 < 0 ? 0 : z1;
            }
            d_offset[c] += d0 + d1;
            d_scale[c] += (d0 * (v0 - mean[c]) + d1 * (v1 - mean[c])) * inverse[c];
            if (y) {
                y[c] = STORE(z0);
                y1[c] = STORE(z1);
            }
        }
        if (y)
            y += 2 * n;
    }
    if (r < rows)
#pragma omp simd
        for (size_t c = 0; c < n; c++) {
            float v = LOAD(x[c]), d = LOAD(dy[c]), z = scale[c] * v + offset[c];
            if (relu) {
                d = z > 0 ? d : 0;
                z = z < 0 ? 0 : z;
            }
            d_offset[c] += d;
            d_scale[c] += d * (v - mean[c]) * inverse[c];
            if (y)
                y[c] = STORE(z);
        }
}

static void NAME(backward_sums)(const void *x, const void *dy, int dy_stride, int rows, int channels,
                                const float *scale, const float *offset, const float *mean, const float *inverse,
                                int relu, float *d_offset, float *d_scale, void *y)
{
    size_t s = (size_t)dy_stride;
    if (relu && y)
        NAME(sums_loop)(x, dy, s, rows, channels, scale, offset, mean, inverse, 1, d_offset, d_scale, y);
    else if (relu)
        NAME(sums_loop)(x, dy, s, rows, channels, scale, offset, mean, inverse, 1, d_offset, d_scale, NULL);
    else
        NAME(sums_loop)(x, dy, s, rows, channels, scale, offset, mean, inverse, 0, d_offset, d_scale, NULL);
}

/* dx may alias dy or skip element by element, which `omp simd` allows and `restrict` would not. */
static inline __attribute__((always_inline)) void
NAME(backward_loop)(const ELEMENT *x, const ELEMENT *dy, size_t stride, int rows, int channels,
                    const float *scale, const float *offset, const float *p,
                    const float *q, int relu, const ELEMENT *skip, ELEMENT *dx)
{
    const size_t n = (size_t)channels;
    for (int r = 0; r < rows; r++, x += n, dy += stride, dx += n) {
#pragma omp simd
        for (size_t c = 0; c < n; c++) {
            float v = LOAD(x[c]), d = LOAD(dy[c]);
            if (relu)
                d = scale[c] * v + offset[c] > 0 ? d : 0;
            float z = scale[c] * d + (p[c] * v + q[c]);
            if (skip)
                z += LOAD(skip[c]);
            dx[c] = STORE(z);
        }
        if (skip)
            skip += n;
    }
}

static void NAME(backward_affine)(const void *x, const void *dy, int dy_stride, int rows, int channels,
                                  const float *scale, const float *offset, const float *p, const float *q, int relu,
                                  const void *skip, void *dx)
{
    size_t s = (size_t)dy_stride;
    if (relu && skip)
        NAME(backward_loop)(x, dy, s, rows, channels, scale, offset, p, q, 1, skip, dx);
    else if (relu)
        NAME(backward_loop)(x, dy, s, rows, channels, scale, offset, p, q, 1, NULL, dx);
    else if (skip)
        NAME(backward_loop)(x, dy, s, rows, channels, scale, offset, p, q, 0, skip, dx);
    else
        NAME(backward_loop)(x, dy, s, rows, channels, scale, offset, p, q, 0, NULL, dx);
}

static void NAME(pool)(const void *x0, int height, int width, int channels, int row, int out_width, const void *zero,
                       void *y0, uint8_t *which)
{
    const ELEMENT *x = x0;
    ELEMENT *y = y0;
    const size_t n = (size_t)channels;
    for (int o = 0; o < out_width; o++, y += n, which += n) {
        const ELEMENT *at[9];
        for (int k = 0; k < 9; k++) {
            int i = 2 * row - 1 + k / 3, j = 2 * o - 1 + k % 3;
            at[k] = i < 0 || i >= height || j < 0 || j >= width ? zero : x + ((size_t)i * (size_t)width + (size_t)j) * n;
        }
#pragma omp simd
        for (size_t c = 0; c < n; c++) {
            float best = LOAD(at[0][c]);
            int32_t place = 0;
#define BIT_POOL_STEP(k) \
    { \
        float v = LOAD(at[k][c]); \
        int better = (v > best) | (v != v); /* NaN stays */ \
        place = better ? k : place; \
        best = better ? v : best; \
    }
            BIT_POOL_STEP(1)
            BIT_POOL_STEP(2)
            BIT_POOL_STEP(3)
            BIT_POOL_STEP(4)
            BIT_POOL_STEP(5)
            BIT_POOL_STEP(6)
            BIT_POOL_STEP(7)
            BIT_POOL_STEP(8)
#undef BIT_POOL_STEP
            y[c] = STORE(best);
            which[c] = (uint8_t)place;
        }
    }
}

static void NAME(pool_backward)(const void *dy0, const uint8_t *which, int out_height, int out_width, int channels,
                                int row, int width, float *restrict sums, void *dx0)
{
    const ELEMENT *dy = dy0;
    ELEMENT *dx = dx0;
    const size_t n = (size_t)channels;
    for (int j = 0; j < width; j++, dx += n) {
        memset(sums, 0, n * sizeof *sums);
        for (int k = 0; k < 9; k++) { /* input row = 2 output row - 1 + ky */
            int i2 = row + 1 - k / 3, j2 = j + 1 - k % 3;
            if (i2 < 0 || j2 < 0 || i2 % 2 || j2 % 2 || i2 / 2 >= out_height || j2 / 2 >= out_width)
                continue;
            size_t at = ((size_t)(i2 / 2) * (size_t)out_width + (size_t)(j2 / 2)) * n;
            const ELEMENT *d = dy + at;
            const uint8_t *w = which + at;
#pragma omp simd
            for (size_t c = 0; c < n; c++)
                sums[c] += w[c] == k ? LOAD(d[c]) : 0;
        }
#pragma omp simd
        for (size_t c = 0; c < n; c++)
            dx[c] = STORE(sums[c]);
    }
}
