/* Norms, pooling, casts: against plain double loops and finite differences, on awkward shapes, for every number of threads
 * and every instruction set. */
#include "unit.h"

#include <math.h>

#include "bit/bfloat16.h"
#include "bit/kernels.h"
#include "bit/memory.h"
#include "bit/random.h"
#include "compute/layer_kernels.h"

static struct bit_random numbers;

static void draw(float *x, size_t count, double center, double spread)
{
    for (size_t i = 0; i < count; i++)
        x[i] = (float)(center + spread * bit_random_normal(&numbers));
}

static void *get(size_t count, size_t size)
{
    struct bit_error error = {0};
    void *memory = bit_allocate(count ? count : 1, size, "a test", &error);
    if (!memory)
        abort();
    return memory;
}

/* ---- plain truth ---- */

struct truth { double *mean, *inverse, *y, *dx, *d_gamma, *d_beta; };

/* Members of the set that shares statistics with (image, channel). */
static void truth_make(const struct bit_norm_shape *n, const float *x, const float *gamma, const float *beta,
                       const float *dy, const float *skip, struct truth *t)
{
    const int sets = n->groups ? n->images * n->groups : n->channels, size = n->groups ? n->channels / n->groups : 1;
    const size_t count = (size_t)n->images * (size_t)n->rows * (size_t)n->channels;
    double *sum = get((size_t)sets, 8), *square = get((size_t)sets, 8), *a = get((size_t)sets, 8), *b = get((size_t)sets, 8);
    double m = n->groups ? (double)n->rows * size : (double)n->rows * n->images;
#define SET(i) (n->groups ? (int)((i) / ((size_t)n->rows * (size_t)n->channels)) * n->groups + \
    (int)((i) % (size_t)n->channels) / size : (int)((i) % (size_t)n->channels))
    for (size_t i = 0; i < count; i++)
        sum[SET(i)] += (double)x[i] / m;
    for (size_t i = 0; i < count; i++)
        square[SET(i)] += ((double)x[i] - sum[SET(i)]) * ((double)x[i] - sum[SET(i)]) / m;
    for (int s = 0; s < sets; s++) {
        t->mean[s] = sum[s];
        t->inverse[s] = 1 / sqrt(square[s] + n->epsilon);
    }
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < count; i++) {
            int s = SET(i), c = (int)(i % (size_t)n->channels);
            double g = gamma ? (double)gamma[c] : 1, u = ((double)x[i] - t->mean[s]) * t->inverse[s];
            double z = g * u + (beta ? (double)beta[c] : 0), dz = n->relu && z <= 0 ? 0 : (double)dy[i];
            if (pass == 0) {
                t->y[i] = n->relu && z < 0 ? 0 : z;
                t->d_beta[c] += dz;
                t->d_gamma[c] += dz * u;
                a[s] += g * dz / m;
                b[s] += g * dz * u / m;
            } else {
                t->dx[i] = t->inverse[s] * (g * dz - a[s] - u * b[s]) + (skip ? (double)skip[i] : 0);
            }
        }
#undef SET
    bit_free(sum), bit_free(square), bit_free(a), bit_free(b);
}

static double apart(const void *x, enum bit_type type, const double *y, size_t count)
{
    double worst = 0, scale = 0.1; /* all tensors here are of order one */
    float *f = get(count, sizeof *f);
    bit_cast_to_float(type, x, count, f, 1);
    for (size_t i = 0; i < count; i++) {
        scale = fmax(scale, fabs(y[i]));
        worst = fmax(worst, fabs((double)f[i] - y[i]));
        if (isnan(f[i]))
            worst = INFINITY;
    }
    bit_free(f);
    return worst / scale;
}

struct buffers { void *x, *dy, *skip, *y, *copy, *again, *dx; float *mean, *inverse, *d_gamma, *d_beta, *gamma, *beta; };

/* Forward and backward; the results stay in b. */
static void run_norm(const struct bit_norm_shape *n, const struct buffers *b)
{
    struct bit_error error = {0};
    void *scratch = get(bit_norm_scratch_bytes(n), 1);
    memset(scratch, 0xFF, bit_norm_scratch_bytes(n));
    struct bit_norm_call call = {.x = b->x, .gamma = b->gamma, .beta = b->beta, .mean = b->mean, .inverse = b->inverse,
                                 .scratch = scratch};
    struct bit_norm_gradient gradient = {.dy = b->dy, .skip = b->skip, .y = b->again, .dx = b->dx,
                                         .d_gamma = b->d_gamma, .d_beta = b->d_beta};
    CHECK(bit_norm_forward(n, &call, b->y, b->copy, &error) == 0);
    memset(scratch, 0xFF, bit_norm_scratch_bytes(n));
    CHECK(bit_norm_backward(n, &call, &gradient, &error) == 0);
    bit_free(scratch);
}

static double largest(const double *x, size_t count)
{
    double most = 0;
    for (size_t i = 0; i < count; i++)
        most = fmax(most, fabs(x[i]));
    return most;
}

/* What cancellation may leave in float32's y, as apart() measures it. Where the variance is 0 or next to it, x gamma / deviation and
 * mean gamma / deviation are far larger than their difference: the mean, the factor gamma / deviation, its product with the mean, the subtraction
 * from beta, the product with x and the last sum are six roundings of such a number, by half a unit in the last place (2^-24) each at most. */
static double cancellation(const struct bit_norm_shape *n, const float *x, const float *gamma, const struct truth *t)
{
    const size_t count = (size_t)n->images * (size_t)n->rows * (size_t)n->channels;
    double most_x = 0, most_gamma = gamma ? 0 : 1;
    for (size_t i = 0; i < count; i++)
        most_x = fmax(most_x, fabs((double)x[i]));
    for (int c = 0; gamma && c < n->channels; c++)
        most_gamma = fmax(most_gamma, fabs((double)gamma[c]));
    return 6 * ldexp(1, -24) * most_x * most_gamma * largest(t->inverse, bit_norm_statistics(n)) / fmax(0.1, largest(t->y, count));
}

static void check_norm(struct bit_norm_shape n, bool affine, bool skips)
{
    const size_t count = (size_t)n.images * (size_t)n.rows * (size_t)n.channels, size = bit_type_size(n.type);
    const size_t channels = (size_t)n.channels;
    float *x = get(count, 4), *dy = get(count, 4), *skip = get(count, 4);
    draw(x, count, 3, 2), draw(dy, count, 0.1, 1), draw(skip, count, 0, 1);
    struct buffers b = {get(count, size), get(count, size), get(count, size), get(count, size), get(count, size),
                        get(count, size), get(count, size), get(bit_norm_statistics(&n), 4),
                        get(bit_norm_statistics(&n), 4), get(channels, 4), get(channels, 4), get(channels, 4),
                        get(channels, 4)};
    draw(b.gamma, channels, 1, 0.3), draw(b.beta, channels, 0, 0.3);
    void *keep_skip = b.skip;
    float *gamma = b.gamma, *beta = b.beta;
    if (!skips)
        b.skip = NULL;
    if (!affine)
        b.gamma = b.beta = NULL;
    bit_cast_from_float(n.type, x, count, b.x, 1), bit_cast_to_float(n.type, b.x, count, x, 1);
    bit_cast_from_float(n.type, dy, count, b.dy, 1), bit_cast_to_float(n.type, b.dy, count, dy, 1);
    bit_cast_from_float(n.type, skip, count, keep_skip, 1), bit_cast_to_float(n.type, keep_skip, count, skip, 1);
    size_t sets = bit_norm_statistics(&n);
    struct truth t = {get(sets, 8), get(sets, 8), get(count, 8), get(count, 8), get(channels, 8), get(channels, 8)};
    truth_make(&n, x, b.gamma, b.beta, dy, skips ? skip : NULL, &t);
    const double tolerance = n.type == BIT_BFLOAT16 ? 1.5e-2 : fmax(3e-5, cancellation(&n, x, b.gamma, &t));
    void *first_dx = get(count, size), *first_y = get(count, size);
    float *first_gamma = get(channels, 4);
    for (int threads = 1; threads <= 4; threads++) {
        n.threads = threads;
        run_norm(&n, &b);
        CHECK(apart(b.mean, BIT_FLOAT32, t.mean, sets) < 1e-6);
        CHECK(apart(b.inverse, BIT_FLOAT32, t.inverse, sets) < 1e-5);
        CHECK(apart(b.y, n.type, t.y, count) < tolerance);
        CHECK(apart(b.dx, n.type, t.dx, count) < tolerance);
        CHECK(apart(b.d_gamma, BIT_FLOAT32, t.d_gamma, channels) < 3e-5);
        CHECK(apart(b.d_beta, BIT_FLOAT32, t.d_beta, channels) < 3e-5);
        CHECK(!memcmp(b.copy, b.x, count * size));
        if (n.relu)
            CHECK(!memcmp(b.again, b.y, count * size));
        if (threads == 1) {
            memcpy(first_dx, b.dx, count * size), memcpy(first_y, b.y, count * size);
            memcpy(first_gamma, b.d_gamma, channels * 4);
        }
        CHECK(!memcmp(first_dx, b.dx, count * size) && !memcmp(first_y, b.y, count * size));
        CHECK(!memcmp(first_gamma, b.d_gamma, channels * 4));
    }
    void *all[] = {x, dy, skip, b.x, b.dy, keep_skip, b.y, b.copy, b.again, b.dx, b.mean, b.inverse, b.d_gamma, b.d_beta,
                   gamma, beta, t.mean, t.inverse, t.y, t.dx, t.d_gamma, t.d_beta, first_dx, first_y, first_gamma};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        bit_free(all[i]);
}

static const struct { int images, rows, channels, groups; } shapes[] = {
    {1, 1, 64, 32},  /* 1x1 image */
    {1, 49, 32, 32}, /* one channel a group */
    {2, 1, 32, 32},  /* one value a group: variance 0 */
    {3, 35, 96, 32}, {4, 64, 64, 32}, {5, 33, 48, 16}, {2, 225, 72, 8}, {1, 576, 13, 13}, {4, 7, 20, 0}, {3, 100, 33, 0},
    {1, 2, 5, 0},
};

static void test_float32(void)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int relu = 0; relu < 2; relu++) {
            struct bit_norm_shape n = {.images = shapes[i].images, .rows = shapes[i].rows, .channels = shapes[i].channels,
                                       .groups = shapes[i].groups, .relu = relu, .epsilon = 1e-5};
            check_norm(n, relu, i % 2 == 0);
        }
}

static void test_bfloat16(void)
{
    for (size_t i = 3; i < sizeof shapes / sizeof *shapes; i++) {
        struct bit_norm_shape n = {.images = shapes[i].images, .rows = shapes[i].rows, .channels = shapes[i].channels,
                                   .groups = shapes[i].groups, .relu = true, .epsilon = 1e-5, .type = BIT_BFLOAT16};
        check_norm(n, true, i % 2 == 0);
    }
}

/* The mean over an image's rows, and a gradient that is the same row for all of them; in place. */
static void test_mean(void)
{
    struct bit_norm_shape n = {.images = 3, .rows = 49, .channels = 64, .groups = 32, .relu = true, .epsilon = 1e-5,
                               .threads = 2};
    const size_t count = 3 * 49 * 64;
    struct bit_error error = {0};
    float *x = get(count, 4), *y = get(count, 4), *dy = get(count, 4), *dx = get(count, 4), *other = get(count, 4);
    float row[3 * 64], pooled[3 * 64], mean[96], inverse[96];
    draw(x, count, 0.5, 1), draw(row, 3 * 64, 0, 1);
    struct bit_norm_call call = {.x = x, .mean = mean, .inverse = inverse, .scratch = get(bit_norm_scratch_bytes(&n), 1)};
    CHECK(bit_norm_forward_mean(&n, &call, pooled, &error) == 0 && bit_norm_forward(&n, &call, y, NULL, &error) == 0);
    for (int i = 0; i < 3; i++)
        for (int c = 0; c < 64; c++) {
            double sum = 0;
            for (int r = 0; r < 49; r++) {
                sum += (double)y[(i * 49 + r) * 64 + c];
                dy[(i * 49 + r) * 64 + c] = row[i * 64 + c];
            }
            CHECK(fabs(sum / 49 - (double)pooled[i * 64 + c]) < 1e-6);
        }
    struct bit_norm_gradient whole = {.dy = dy, .dx = dy}, rows = {.dy = row, .mean = true, .dx = dx};
    CHECK(bit_norm_backward(&n, &call, &rows, &error) == 0 && bit_norm_backward(&n, &call, &whole, &error) == 0);
    CHECK(!memcmp(dx, dy, count * 4)); /* and dx may be dy */
    bit_free(x), bit_free(y), bit_free(dy), bit_free(dx), bit_free(other), bit_free(call.scratch);
}

/* NaN must not disappear in a ReLU: it is how a broken run is noticed. */
static void test_nan(void)
{
    struct bit_norm_shape n = {.images = 1, .rows = 4, .channels = 32, .groups = 32, .relu = true, .epsilon = 1e-5, .threads = 1};
    float x[128], y[128], mean[32], inverse[32];
    struct bit_error error = {0};
    draw(x, 128, 0, 1);
    x[37] = NAN;
    struct bit_norm_call call = {.x = x, .mean = mean, .inverse = inverse, .scratch = get(bit_norm_scratch_bytes(&n), 1)};
    CHECK(bit_norm_forward(&n, &call, y, NULL, &error) == 0);
    CHECK(isnan(y[37]) && isnan(y[5]) && !isnan(y[36]));
    bit_free(call.scratch);
}

static void check_pool(int height, int width, int channels, enum bit_type type)
{
    enum { IMAGES = 2 };
    struct bit_pool p = {.images = IMAGES, .height = height, .width = width, .channels = channels, .type = type};
    const int oh = (height + 2 - 3) / 2 + 1, ow = (width + 2 - 3) / 2 + 1;
    const size_t in = (size_t)(IMAGES * height * width * channels), out = (size_t)(IMAGES * oh * ow * channels);
    float *x = get(in, 4), *dy = get(out, 4), *y = get(out, 4), *dx = get(in, 4);
    void *tx = get(in, 4), *tdy = get(out, 4), *ty = get(out, 4), *tdx = get(in, 4);
    uint8_t *which = get(out, 1);
    double *true_y = get(out, 8), *true_dx = get(in, 8);
    draw(x, in, -0.5, 1), draw(dy, out, 0, 1); /* the border often wins */
    bit_cast_from_float(type, x, in, tx, 1), bit_cast_to_float(type, tx, in, x, 1);
    bit_cast_from_float(type, dy, out, tdy, 1), bit_cast_to_float(type, tdy, out, dy, 1);
    for (int i = 0; i < IMAGES; i++)
        for (int r = 0; r < oh; r++)
            for (int q = 0; q < ow; q++)
                for (int c = 0; c < channels; c++) {
                    size_t o = (((size_t)i * (size_t)oh + (size_t)r) * (size_t)ow + (size_t)q) * (size_t)channels + (size_t)c;
                    double best = -INFINITY;
                    long from = -1;
                    for (int k = 0; k < 9; k++) {
                        int a = 2 * r - 1 + k / 3, b = 2 * q - 1 + k % 3;
                        bool inside = a >= 0 && a < height && b >= 0 && b < width;
                        long at = (((long)i * height + a) * width + b) * channels + c;
                        double v = inside ? (double)x[at] : 0;
                        if (v > best)
                            best = v, from = inside ? at : -1;
                    }
                    true_y[o] = best;
                    if (from >= 0)
                        true_dx[from] += (double)dy[o];
                }
    for (p.threads = 1; p.threads <= 3; p.threads++) {
        void *scratch = get(bit_pool_scratch_bytes(&p), 1);
        bit_pool_forward(&p, tx, ty, which, scratch);
        bit_pool_backward(&p, tdy, which, tdx, scratch);
        CHECK(apart(ty, type, true_y, out) == 0);
        CHECK(apart(tdx, type, true_dx, in) < (type == BIT_FLOAT32 ? 1e-6 : 5e-3));
        bit_free(scratch);
    }
    void *all[] = {x, dy, y, dx, tx, tdy, ty, tdx, which, true_y, true_dx};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        bit_free(all[i]);
}

static void test_pool(void)
{
    const int sizes[][2] = {{1, 1}, {2, 2}, {3, 5}, {8, 8}, {7, 6}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int type = 0; type < 2; type++) {
            check_pool(sizes[i][0], sizes[i][1], 64, (enum bit_type)type);
            check_pool(sizes[i][0], sizes[i][1], 5, (enum bit_type)type);
        }
}

#ifdef __x86_64__
/* Every instruction set's copy agrees with the generic one. */
static void check_isa(const struct layer_kernels *a, const struct layer_kernels *b)
{
    enum { ROWS = 37, CHANNELS = 83, COUNT = ROWS * CHANNELS };
    float x[COUNT], dy[COUNT], per[4][CHANNELS], s[2][2][CHANNELS], out[2][COUNT];
    draw(x, COUNT, 1, 1), draw(dy, COUNT, 0, 1);
    for (int i = 0; i < 4; i++)
        draw(per[i], CHANNELS, 0.5, 0.2);
    for (int type = 0; type < 2; type++) {
        bit_bfloat16 bx[COUNT], bdy[COUNT], by[2][COUNT];
        b->to_bfloat16(x, COUNT, by[0]), a->to_bfloat16(x, COUNT, bx), a->to_bfloat16(dy, COUNT, bdy);
        CHECK(!memcmp(bx, by[0], sizeof bx));
        const void *px = type ? (void *)bx : (void *)x, *pdy = type ? (void *)bdy : (void *)dy;
        for (int v = 0; v < 2; v++) {
            const struct row_functions *f = &(v ? b : a)->by_type[type];
            void *to = type ? (void *)by[v] : (void *)out[v];
            f->moments(px, ROWS, CHANNELS, per[0], s[v][0], s[v][1]);
            f->affine(px, ROWS, CHANNELS, per[0], per[1], 1, to, NULL);
            f->backward_affine(px, pdy, CHANNELS, ROWS, CHANNELS, per[0], per[1], per[2], per[3], 1, px, to);
        }
        for (int c = 0; c < CHANNELS; c++)
            CHECK(fabsf(s[0][0][c] - s[1][0][c]) < 1e-3f && fabsf(s[0][1][c] - s[1][1][c]) < 1e-2f);
        for (int i = 0; i < COUNT; i++) {
            float u = type ? bit_bfloat16_to_float(by[0][i]) : out[0][i], w = type ? bit_bfloat16_to_float(by[1][i]) : out[1][i];
            CHECK(fabsf(u - w) <= (type ? 0.05f : 1e-5f));
        }
    }
}
#endif

static void test_isa(void)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        check_isa(&layer_kernels_generic, &layer_kernels_avx2);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        check_isa(&layer_kernels_generic, &layer_kernels_avx512);
#endif
    CHECK(bit_compute_isa() != NULL);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"float32", test_float32}, {"bfloat16", test_bfloat16}, {"mean", test_mean}, {"nan", test_nan},
        {"pool", test_pool},       {"isa", test_isa},
    };
    bit_random_init(&numbers, 1, BIT_PURPOSE_TEST, 0, 0);
    return unit_main("norm", tests, sizeof tests / sizeof *tests, argc, argv);
}
