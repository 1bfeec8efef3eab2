/* The loops of map_kernels.c for one element type, as in layer_body.h. No guard: included once a type. */

static void NAME(add_bias)(void *x0, int rows, int channels, const float *restrict bias, int relu)
{
    ELEMENT *restrict x = x0;
    const size_t n = (size_t)channels;
    for (int r = 0; r < rows; r++, x += n)
#pragma omp simd
        for (size_t c = 0; c < n; c++) {
            float z = LOAD(x[c]) + bias[c];
            x[c] = STORE(relu && z < 0 ? 0 : z);
        }
}

static void NAME(sum_rows)(const void *restrict x0, int rows, int channels, float *restrict sum)
{
    const ELEMENT *restrict x = x0;
    const size_t n = (size_t)channels;
    memset(sum, 0, n * sizeof *sum);
    int r = 0;
    for (; r + 4 <= rows; r += 4, x += 4 * n)
#pragma omp simd
        for (size_t c = 0; c < n; c++)
            sum[c] += (LOAD(x[c]) + LOAD(x[n + c])) + (LOAD(x[2 * n + c]) + LOAD(x[3 * n + c]));
    for (; r < rows; r++, x += n)
#pragma omp simd
        for (size_t c = 0; c < n; c++)
            sum[c] += LOAD(x[c]);
}

static void NAME(relu)(const void *x0, size_t count, void *y0)
{
    const ELEMENT *x = x0;
    ELEMENT *y = y0;
#pragma omp simd
    for (size_t i = 0; i < count; i++) {
        float v = LOAD(x[i]);
        y[i] = STORE(v < 0 ? 0 : v);
    }
}

/* dx may be dy. */
static void NAME(relu_backward)(const void *x0, const void *dy0, size_t count, int add, void *dx0)
{
    const ELEMENT *x = x0, *dy = dy0;
    ELEMENT *dx = dx0;
    if (add) {
#pragma omp simd
        for (size_t i = 0; i < count; i++)
            dx[i] = STORE(LOAD(dx[i]) + (LOAD(x[i]) > 0 ? LOAD(dy[i]) : 0));
        return;
    }
#pragma omp simd
    for (size_t i = 0; i < count; i++)
        dx[i] = STORE(LOAD(x[i]) > 0 ? LOAD(dy[i]) : 0);
}

static void NAME(double_row)(const void *restrict x0, int width, int channels, void *restrict y0)
{
    const ELEMENT *restrict x = x0;
    ELEMENT *restrict y = y0;
    const size_t n = (size_t)channels;
    for (int i = 0; i < width; i++, x += n, y += 2 * n)
#pragma omp simd
        for (size_t c = 0; c < n; c++) {
            float v = LOAD(x[c]);
            y[c] = STORE(LOAD(y[c]) + v);
            y[n + c] = STORE(LOAD(y[n + c]) + v);
        }
}

static void NAME(halve_rows)(const void *restrict a0, const void *restrict b0, int width, int channels, void *restrict x0)
{
    const ELEMENT *restrict a = a0, *restrict b = b0;
    ELEMENT *restrict x = x0;
    const size_t n = (size_t)channels;
    for (int i = 0; i < width; i++, x += n, a += 2 * n, b += 2 * n)
#pragma omp simd
        for (size_t c = 0; c < n; c++)
            x[c] = STORE(LOAD(x[c]) + ((LOAD(a[c]) + LOAD(a[n + c])) + (LOAD(b[c]) + LOAD(b[n + c]))));
}
