/* Ridge regression from features to classes. With standardised (so centred) columns the constant column is at right angles to all
 * others, and its weights are 100 sum(Y) / (100^2 n + l2): they are not part of the system that is solved, whose numbers then stay of one size.
 * What is left is (X'X + l2 I) w = X'Y, of channels unknowns, or with fewer images than that w = X'(XX' + l2 I)^-1 Y. */
#include "bit/probe.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "bit/compute.h"
#include "bit/memory.h"
#include "features/lapack.h"

enum { ROWS = 256 /* test images at a time */ };

void bit_ridge_free(struct bit_ridge *ridge)
{
    bit_free(ridge->mean);
    bit_free(ridge->scale);
    bit_free(ridge->weights);
    *ridge = (struct bit_ridge){0};
}

static const float *row_of(const struct bit_feature_set *set, const uint64_t *rows, uint64_t i)
{
    return set->features + (rows ? rows[i] : i) * (uint64_t)set->channels;
}

static void standardise(const struct bit_ridge *r, const float *from, double *to)
{
    for (int c = 0; c < r->channels; c++)
        to[c] = (from[c] - r->mean[c]) / r->scale[c];
}

/* Mean and deviation of each column in two passes. */
static void measure_columns(const struct bit_feature_set *set, const uint64_t *rows, uint64_t count, struct bit_ridge *r)
{
    for (uint64_t i = 0; i < count; i++) {
        const float *x = row_of(set, rows, i);
        for (int c = 0; c < r->channels; c++)
            r->mean[c] += x[c];
    }
    for (int c = 0; c < r->channels; c++)
        r->mean[c] /= (double)count;
    for (uint64_t i = 0; i < count; i++) {
        const float *x = row_of(set, rows, i);
        for (int c = 0; c < r->channels; c++)
            r->scale[c] += (x[c] - r->mean[c]) * (x[c] - r->mean[c]);
    }
    for (int c = 0; c < r->channels; c++)
        r->scale[c] = sqrt(r->scale[c] / (double)count) + 1e-5;
}

/* Y [count, classes], and the weights of the constant column. */
static void fill_targets(const struct bit_feature_set *set, const uint64_t *rows, uint64_t count, double l2, double *y, double *constant)
{
    const size_t classes = (size_t)set->classes;
    for (uint64_t i = 0; i < count; i++) {
        const uint64_t row = rows ? rows[i] : i;
        for (size_t c = 0; c < classes; c++)
            y[i * classes + c] = -1;
        for (uint64_t l = set->label_start[row]; l < set->label_start[row + 1]; l++)
            y[i * classes + (size_t)set->labels[l]] = 1;
        for (size_t c = 0; c < classes; c++)
            constant[c] += y[i * classes + c];
    }
    for (size_t c = 0; c < classes; c++)
        constant[c] *= BIT_RIDGE_CONSTANT / (BIT_RIDGE_CONSTANT * BIT_RIDGE_CONSTANT * (double)count + l2);
}

/* What is solved: X [n, d] and Y [n, c], row-major, and room for the smaller of the two systems. */
struct system { int n, d, c; double *x, *y, *gram, *right; };

/* right [size, c] becomes the solution; columns of LAPACK are rows of ours, so it is given transposed. */
static int solve(struct system *s, int size, double l2, double *transposed, struct bit_error *error)
{
    int info = 0;
    for (int i = 0; i < size; i++)
        s->gram[(size_t)i * (size_t)size + (size_t)i] += l2;
    for (int i = 0; i < size; i++)
        for (int j = 0; j < s->c; j++)
            transposed[(size_t)j * (size_t)size + (size_t)i] = s->right[(size_t)i * (size_t)s->c + (size_t)j];
    dposv_("U", &size, &s->c, s->gram, &size, transposed, &size, &info, 1); /* our lower triangle is LAPACK's upper one */
    for (int i = 0; i < size; i++)
        for (int j = 0; j < s->c; j++)
            s->right[(size_t)i * (size_t)s->c + (size_t)j] = transposed[(size_t)j * (size_t)size + (size_t)i];
    return info ? bit_fail(error, BIT_EDATA, "the regression on these features has no solution: they are not finite") : 0;
}

static int fit(struct system *s, double l2, double *weights, struct bit_error *error)
{
    const int size = s->n >= s->d + 1 ? s->d : s->n;
    double *transposed = NULL;
    int result = -1;
    s->gram = bit_allocate((size_t)size * (size_t)size, sizeof *s->gram, "the matrix of a regression", error);
    s->right = bit_allocate((size_t)size * (size_t)s->c, sizeof *s->right, "a regression", error);
    transposed = bit_allocate((size_t)size * (size_t)s->c, sizeof *transposed, "a regression", error);
    if (!s->gram || !s->right || !transposed)
        goto out;
    if (size == s->d) {
        cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, s->d, s->n, 1, s->x, s->d, 0, s->gram, s->d);
        cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, s->d, s->c, s->n, 1, s->x, s->d, s->y, s->c, 0, s->right, s->c);
        result = solve(s, size, l2, transposed, error);
        memcpy(weights, s->right, (size_t)s->d * (size_t)s->c * sizeof *weights);
    } else {
        cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, s->n, s->d, 1, s->x, s->d, 0, s->gram, s->n);
        memcpy(s->right, s->y, (size_t)s->n * (size_t)s->c * sizeof *s->y);
        result = solve(s, size, l2, transposed, error);
        cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, s->d, s->c, s->n, 1, s->x, s->d, s->right, s->c, 0, weights, s->c);
    }
out:
    bit_free(transposed);
    bit_free(s->right);
    bit_free(s->gram);
    return result;
}

int bit_ridge_fit(const struct bit_feature_set *set, const uint64_t *rows, uint64_t count, double l2, struct bit_ridge *r,
                  struct bit_error *error)
{
    const size_t d = (size_t)set->channels, c = (size_t)set->classes;
    *r = (struct bit_ridge){.channels = set->channels, .classes = set->classes};
    if (count == 0 || count > INT_MAX)
        return bit_fail(error, BIT_EDATA, "a regression on %llu images: expected 1 to %d", (unsigned long long)count, INT_MAX);
    struct system s = {.n = (int)count, .d = set->channels, .c = set->classes};
    r->mean = bit_allocate(d, sizeof *r->mean, "means of features", error);
    r->scale = bit_allocate(d, sizeof *r->scale, "deviations of features", error);
    r->weights = bit_allocate((d + 1) * c, sizeof *r->weights, "weights of a regression", error);
    s.x = bit_allocate(count * d, sizeof *s.x, "standardised features", error);
    s.y = bit_allocate(count * c, sizeof *s.y, "targets of a regression", error);
    int result = r->mean && r->scale && r->weights && s.x && s.y ? 0 : -1;
    if (!result) {
        measure_columns(set, rows, count, r);
        for (uint64_t i = 0; i < count; i++)
            standardise(r, row_of(set, rows, i), s.x + i * d);
        fill_targets(set, rows, count, l2, s.y, r->weights + d * c);
        result = fit(&s, l2, r->weights, error);
    }
    bit_free(s.x);
    bit_free(s.y);
    if (result)
        bit_ridge_free(r);
    return result;
}

/* ---- scoring ---- */

static bool is_right(const struct bit_feature_set *set, uint64_t image, size_t class)
{
    for (uint64_t l = set->label_start[image]; l < set->label_start[image + 1]; l++)
        if ((size_t)set->labels[l] == class)
            return true;
    return false;
}

/* Room of one thread: ROWS standardised images and their outputs. */
struct room { double *x, *y; };

static uint64_t score_rows(const struct bit_ridge *r, const struct bit_feature_set *test, uint64_t from, uint64_t rows, const struct room *room)
{
    const size_t d = (size_t)r->channels, classes = (size_t)r->classes;
    uint64_t right = 0;
    for (uint64_t i = 0; i < rows; i++) {
        standardise(r, test->features + (from + i) * d, room->x + i * d);
        for (size_t c = 0; c < classes; c++)
            room->y[i * classes + c] = BIT_RIDGE_CONSTANT * r->weights[d * classes + c];
    }
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)rows, r->classes, r->channels, 1, room->x, r->channels, r->weights, r->classes, 1,
                room->y, r->classes);
    for (uint64_t i = 0; i < rows; i++) {
        const double *y = room->y + i * classes;
        size_t best = 0;
        for (size_t c = 1; c < classes; c++)
            best = y[c] > y[best] ? c : best;
        right += is_right(test, from + i, best);
    }
    return right;
}

int bit_ridge_score(const struct bit_ridge *r, const struct bit_feature_set *test, uint64_t *right, struct bit_error *error)
{
    const int threads = bit_compute_thread_count();
    const size_t d = (size_t)r->channels, classes = (size_t)r->classes, each = ROWS * (d + classes);
    const uint64_t parts = (test->count + ROWS - 1) / ROWS;
    double *memory = bit_allocate((size_t)threads * each, sizeof *memory, "outputs of a regression", error);
    uint64_t sum = 0;
    if (!memory)
        return -1;
    #pragma omp parallel for num_threads(threads) schedule(static) reduction(+ : sum)
    for (int t = 0; t < threads; t++) {
        const struct room room = {memory + (size_t)t * each, memory + (size_t)t * each + ROWS * d};
        for (uint64_t part = (uint64_t)t; part < parts; part += (uint64_t)threads) {
            uint64_t from = part * ROWS, rows = test->count - from < ROWS ? test->count - from : ROWS;
            sum += score_rows(r, test, from, rows, &room);
        }
    }
    bit_free(memory);
    *right = sum;
    return 0;
}
