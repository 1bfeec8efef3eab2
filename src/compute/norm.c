/* Norm + ReLU, forward and backward. Every image is cut into tiles of rows; a tile's sums are float lanes a channel, the
 * tiles' sums are added up in double in the order of the rows, so the bits do not depend on who computes which tile.
 *
 * Group norm with enough images: a thread does all of an image at once, so that the second pass over it finds it in
 * cache. Otherwise all threads share the tiles of one image after another. Batch norm has to finish the sums over all
 * images before the second pass starts. */
#include "bit/kernels.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "compute/layer_kernels.h"

/* ---- a pass: one call, and how it is parted ---- */

struct pass {
    const struct bit_norm_shape *norm;
    const struct bit_norm_call *call;
    const struct bit_norm_gradient *gradient; /* backward */
    const struct layer_kernels *kernels;
    const struct row_functions *rows; /* of the type */
    int tiles; /* in an image */
    size_t image_bytes, row_bytes;
    bool shared;   /* all threads on one image */
    float *lanes;  /* [slots][SLOT_ROWS][channels]: coefficients of the image a thread is at */
    float *tiled;  /* [slots, or tiles when shared][2][channels] */
    double *sums;  /* [images][2][channels]: mean and sum of squared differences; or d_beta and d_gamma */
};

/* TILE: long enough that combining tiles costs little, short enough that the error of the float sums stays below that of
 * rounding x. The order of all sums hangs on it. */
enum { TILE = 32, SHIFT_ROWS = 8, SHIFT_PART = 8 };
enum { ROW_SHIFT, ROW_SCALE, ROW_OFFSET, ROW_MEAN, ROW_INVERSE, ROW_P, ROW_Q, SLOT_ROWS };

static size_t align(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

static int slot_count(const struct bit_norm_shape *norm)
{
    return norm->images >= norm->threads ? norm->threads : 1;
}

static int tile_count(const struct bit_norm_shape *norm)
{
    return (norm->rows + TILE - 1) / TILE;
}

static size_t lanes_bytes(const struct bit_norm_shape *norm)
{
    return align((size_t)slot_count(norm) * SLOT_ROWS * (size_t)norm->channels * sizeof(float));
}

static size_t tiled_bytes(const struct bit_norm_shape *norm)
{
    int buffers = norm->images >= norm->threads ? norm->threads : tile_count(norm);
    return align((size_t)buffers * 2 * (size_t)norm->channels * sizeof(float));
}

size_t bit_norm_scratch_bytes(const struct bit_norm_shape *norm)
{
    /* two rows more than images: batch norm's totals */
    return lanes_bytes(norm) + tiled_bytes(norm) +
           align((size_t)(norm->images + 1) * 2 * (size_t)norm->channels * sizeof(double));
}

size_t bit_norm_statistics(const struct bit_norm_shape *norm)
{
    return norm->groups ? (size_t)norm->images * (size_t)norm->groups : (size_t)norm->channels;
}

static struct pass pass_make(const struct bit_norm_shape *norm, const struct bit_norm_call *call,
                             const struct bit_norm_gradient *gradient)
{
    struct pass p = {.norm = norm, .call = call, .gradient = gradient,
                     .kernels = BIT_PICK(layer_kernels)};
    p.rows = &p.kernels->by_type[norm->type];
    p.tiles = tile_count(norm);
    p.row_bytes = (size_t)norm->channels * bit_type_size(norm->type);
    p.image_bytes = (size_t)norm->rows * p.row_bytes;
    p.shared = norm->images < norm->threads;
    char *scratch = call->scratch;
    p.lanes = (float *)scratch;
    p.tiled = (float *)(scratch + lanes_bytes(norm));
    p.sums = (double *)(scratch + lanes_bytes(norm) + tiled_bytes(norm));
    return p;
}

static float *lane(const struct pass *p, int slot, int row)
{
    return p->lanes + ((size_t)slot * SLOT_ROWS + (size_t)row) * (size_t)p->norm->channels;
}

static float *tile_sums(const struct pass *p, int slot, int tile)
{
    return p->tiled + (size_t)(p->shared ? tile : slot) * 2 * (size_t)p->norm->channels;
}

static double *image_sums(const struct pass *p, int image)
{
    return p->sums + (size_t)image * 2 * (size_t)p->norm->channels;
}

static int tile_size(const struct pass *p, int tile)
{
    int left = p->norm->rows - tile * TILE;
    return left < TILE ? left : TILE;
}

static size_t tile_at(const struct pass *p, int image, int tile)
{
    return (size_t)image * p->image_bytes + (size_t)tile * TILE * p->row_bytes;
}

/* Calls work(pass, image, slot) for every image: one image a thread, or one after another when its tiles are shared. */
static void each_image(const struct pass *p, void (*work)(const struct pass *, int, int))
{
    if (p->shared) {
        for (int image = 0; image < p->norm->images; image++)
            work(p, image, 0);
        return;
    }
#pragma omp parallel for schedule(static) num_threads(p->norm->threads)
    for (int image = 0; image < p->norm->images; image++)
        work(p, image, omp_get_thread_num());
}

/* Calls work(pass, image, slot, tile) for every tile of an image. */
static void each_tile(const struct pass *p, int image, int slot, void (*work)(const struct pass *, int, int, int))
{
    if (!p->shared) {
        for (int tile = 0; tile < p->tiles; tile++)
            work(p, image, slot, tile);
        return;
    }
#pragma omp parallel for schedule(static) num_threads(p->norm->threads)
    for (int tile = 0; tile < p->tiles; tile++)
        work(p, image, slot, tile);
}

static void add_tile(const struct pass *p, int slot, int tile, double *restrict sums)
{
    const size_t n = 2 * (size_t)p->norm->channels;
    const float *restrict t = tile_sums(p, slot, tile);
#pragma omp simd
    for (size_t c = 0; c < n; c++)
        sums[c] += (double)t[c];
}

/* Calls work for every tile, and adds up in double what it leaves in tile_sums: sums[2][channels]. */
static void sum_tiles(const struct pass *p, int image, int slot, void (*work)(const struct pass *, int, int, int),
                      double *sums)
{
    memset(sums, 0, 2 * (size_t)p->norm->channels * sizeof *sums);
    if (p->shared)
        each_tile(p, image, slot, work);
    for (int tile = 0; tile < p->tiles; tile++) {
        if (!p->shared)
            work(p, image, slot, tile);
        add_tile(p, slot, tile, sums);
    }
}

/* Adds rows [0, count) of n doubles into row 0 in a binary tree, neighbours first, as bit_group_sum adds ranks. */
static void add_tree(double *rows, int count, size_t n, size_t stride)
{
    for (int distance = 1; distance < count; distance *= 2)
        for (int i = 0; i + distance < count; i += 2 * distance) {
            double *a = rows + (size_t)i * stride;
            const double *b = rows + (size_t)(i + distance) * stride;
#pragma omp simd
            for (size_t c = 0; c < n; c++)
                a[c] += b[c];
        }
}

/* ---- statistics ---- */

static void moments_tile(const struct pass *p, int image, int slot, int tile)
{
    const size_t n = (size_t)p->norm->channels;
    float *sums = tile_sums(p, slot, tile);
    p->rows->moments((const char *)p->call->x + tile_at(p, image, tile), tile_size(p, tile), p->norm->channels,
                     lane(p, slot, ROW_SHIFT), sums, sums + n);
}

/* A first guess of each channel's mean, from a few rows. */
static void guess_means(const struct pass *p, int image, int slot)
{
    const struct bit_norm_shape *norm = p->norm;
    const size_t n = (size_t)norm->channels;
    const int part = norm->rows / SHIFT_PART, rows = part < 1 ? 1 : part > SHIFT_ROWS ? SHIFT_ROWS : part;
    float *shift = lane(p, slot, ROW_SHIFT), *row = lane(p, slot, ROW_P);
    memset(shift, 0, n * sizeof *shift);
    for (int r = 0; r < rows; r++) {
        size_t at = (size_t)image * p->image_bytes + (size_t)((int64_t)r * norm->rows / rows) * p->row_bytes;
        bit_cast_to_float(norm->type, (const char *)p->call->x + at, n, row, 1);
        for (size_t c = 0; c < n; c++)
            shift[c] += row[c];
    }
    for (size_t c = 0; c < n; c++)
        shift[c] *= 1.0f / (float)rows;
}

/* image_sums = mean, and sum of squared differences from it, of each channel of an image. */
static void moments_image(const struct pass *p, int image, int slot)
{
    const struct bit_norm_shape *norm = p->norm;
    const size_t n = (size_t)norm->channels;
    double *means = image_sums(p, image);
    guess_means(p, image, slot);
    sum_tiles(p, image, slot, moments_tile, means);
    p->kernels->channel_moments(lane(p, slot, ROW_SHIFT), norm->rows, n, means, means + n);
}

static void group_statistics(const struct pass *p, int image)
{
    const struct bit_norm_shape *norm = p->norm;
    const double *means = image_sums(p, image);
    p->kernels->group_moments(means, means + norm->channels, norm->rows, norm->groups, norm->channels / norm->groups,
                              norm->epsilon, p->call->mean + (size_t)image * (size_t)norm->groups,
                              p->call->inverse + (size_t)image * (size_t)norm->groups);
}

/* Batch norm: first the common mean, then every image's squared differences moved to it. */
static int batch_statistics(const struct pass *p, struct bit_error *error)
{
    const struct bit_norm_shape *norm = p->norm;
    const size_t n = (size_t)norm->channels;
    struct bit_group *group = norm->group ? norm->group : bit_group_self();
    double *total = image_sums(p, norm->images); /* the row after the images' */
    const double count = (double)norm->images * group->size;
    double *means = p->sums, *squares = p->sums + n;
    /* add_tree() destroys its input, and the means are needed below: sum a copy for each channel, in the same order of pairs. */
    for (size_t c = 0; c < n; c++) {
        double column[norm->images];
        for (int i = 0; i < norm->images; i++)
            column[i] = means[(size_t)i * 2 * n + c];
        add_tree(column, norm->images, 1, 1);
        total[c] = column[0];
    }
    if (bit_group_sum(group, total, n, error))
        return -1;
    for (size_t c = 0; c < n; c++) {
        double mean = total[c] / count, column[norm->images];
        for (int i = 0; i < norm->images; i++) {
            double difference = means[(size_t)i * 2 * n + c] - mean;
            column[i] = squares[(size_t)i * 2 * n + c] + norm->rows * difference * difference;
        }
        add_tree(column, norm->images, 1, 1);
        total[n + c] = column[0];
    }
    if (bit_group_sum(group, total + n, n, error))
        return -1;
    for (size_t c = 0; c < n; c++) {
        double variance = total[n + c] / (count * norm->rows);
        p->call->mean[c] = (float)(total[c] / count);
        p->call->inverse[c] = (float)(1 / sqrt((variance < 0 ? 0 : variance) + norm->epsilon));
    }
    return 0;
}

/* y = scale x + offset for an image: scale = inverse gamma, offset = beta - mean scale. Also spreads mean and inverse
 * from groups to channels. */
static void coefficients(const struct pass *p, int image, int slot)
{
    const struct bit_norm_shape *norm = p->norm;
    const int groups = norm->groups ? norm->groups : norm->channels;
    const size_t first = (size_t)image * (size_t)norm->groups;
    p->kernels->spread(p->call->mean + first, p->call->inverse + first, p->call->gamma, p->call->beta, groups,
                       norm->channels / groups, lane(p, slot, ROW_MEAN), lane(p, slot, ROW_INVERSE),
                       lane(p, slot, ROW_SCALE), lane(p, slot, ROW_OFFSET));
}

/* ---- forward ---- */

struct forward { struct pass pass; char *y, *copy; float *pooled; };

static void affine_tile(const struct pass *p, int image, int slot, int tile)
{
    const struct forward *f = (const struct forward *)p;
    size_t at = tile_at(p, image, tile);
    p->rows->affine((const char *)p->call->x + at, tile_size(p, tile), p->norm->channels, lane(p, slot, ROW_SCALE),
                    lane(p, slot, ROW_OFFSET), p->norm->relu, f->y + at, f->copy ? f->copy + at : NULL);
}

static void affine_sum_tile(const struct pass *p, int image, int slot, int tile)
{
    p->rows->affine_sum((const char *)p->call->x + tile_at(p, image, tile), tile_size(p, tile), p->norm->channels,
                        lane(p, slot, ROW_SCALE), lane(p, slot, ROW_OFFSET), tile_sums(p, slot, tile));
}

static void apply_image(const struct pass *p, int image, int slot)
{
    const struct forward *f = (const struct forward *)p;
    const size_t n = (size_t)p->norm->channels;
    if (!f->pooled && !f->y)
        return;
    coefficients(p, image, slot);
    if (!f->pooled) {
        each_tile(p, image, slot, affine_tile);
        return;
    }
    double *sums = image_sums(p, image);
    sum_tiles(p, image, slot, affine_sum_tile, sums);
    for (size_t c = 0; c < n; c++)
        f->pooled[(size_t)image * n + c] = (float)(sums[c] / p->norm->rows);
}

static void group_norm_image(const struct pass *p, int image, int slot)
{
    moments_image(p, image, slot);
    group_statistics(p, image);
    apply_image(p, image, slot);
}

static int forward(const struct forward *f, struct bit_error *error)
{
    const struct pass *p = &f->pass;
    if (p->call->known) {
        each_image(p, apply_image);
    } else if (p->norm->groups) {
        each_image(p, group_norm_image);
    } else {
        each_image(p, moments_image);
        if (batch_statistics(p, error))
            return -1;
        each_image(p, apply_image);
    }
    return 0;
}

int bit_norm_forward(const struct bit_norm_shape *norm, const struct bit_norm_call *call, void *y, void *copy,
                     struct bit_error *error)
{
    struct forward f = {pass_make(norm, call, NULL), y, copy, NULL};
    return forward(&f, error);
}

int bit_norm_forward_mean(const struct bit_norm_shape *norm, const struct bit_norm_call *call, float *pooled,
                          struct bit_error *error)
{
    struct forward f = {pass_make(norm, call, NULL), NULL, NULL, pooled};
    return forward(&f, error);
}

/* ---- backward ----
 *
 * With u = (x - mean) inverse, z = gamma u + beta and dz the gradient behind the ReLU:
 *   d_beta = sum dz, d_gamma = sum dz u.
 * u's mean is 0 and its mean square 1 (but for epsilon), so moving x moves mean and variance along, and
 *   dx = inverse (gamma dz - mean(gamma dz) - u mean(gamma dz u)),
 * the means over all that shares the statistics: M = rows * channels of a group, or all images' rows. The channel sums
 * above are all that is needed: mean(gamma dz) = sum_c gamma_c d_beta_c / M, mean(gamma dz u) = sum_c gamma_c d_gamma_c / M.
 * In terms of x: dx = scale dz + p x + q, p = -inverse^2 mean(gamma dz u), q = -inverse mean(gamma dz) - mean p. */

static void sums_tile(const struct pass *p, int image, int slot, int tile)
{
    const struct bit_norm_gradient *g = p->gradient;
    const int n = p->norm->channels;
    size_t at = tile_at(p, image, tile);
    const char *dy = (const char *)g->dy + (g->mean ? (size_t)image * p->row_bytes : at);
    float *sums = tile_sums(p, slot, tile);
    p->rows->backward_sums((const char *)p->call->x + at, dy, g->mean ? 0 : n, tile_size(p, tile), n,
                           lane(p, slot, ROW_SCALE), lane(p, slot, ROW_OFFSET), lane(p, slot, ROW_MEAN),
                           lane(p, slot, ROW_INVERSE), p->norm->relu, sums, sums + n, g->y ? (char *)g->y + at : NULL);
}

static void sums_image(const struct pass *p, int image, int slot)
{
    coefficients(p, image, slot);
    sum_tiles(p, image, slot, sums_tile, image_sums(p, image));
}

static void set_p_q(const struct pass *p, int slot, int channel, double mean_dz, double mean_dzu)
{
    double inverse = (double)lane(p, slot, ROW_INVERSE)[channel], mean = (double)lane(p, slot, ROW_MEAN)[channel];
    double slope = -inverse * inverse * mean_dzu;
    lane(p, slot, ROW_P)[channel] = (float)slope;
    lane(p, slot, ROW_Q)[channel] = (float)(-inverse * mean_dz - mean * slope);
}

static void backward_tile(const struct pass *p, int image, int slot, int tile)
{
    const struct bit_norm_gradient *g = p->gradient;
    const int n = p->norm->channels;
    size_t at = tile_at(p, image, tile);
    const char *dy = (const char *)g->dy + (g->mean ? (size_t)image * p->row_bytes : at);
    p->rows->backward_affine((const char *)p->call->x + at, dy, g->mean ? 0 : n, tile_size(p, tile), n,
                             lane(p, slot, ROW_SCALE), lane(p, slot, ROW_OFFSET), lane(p, slot, ROW_P),
                             lane(p, slot, ROW_Q), p->norm->relu, g->skip ? (const char *)g->skip + at : NULL,
                             (char *)g->dx + at);
}

static void group_backward_image(const struct pass *p, int image, int slot)
{
    const struct bit_norm_shape *norm = p->norm;
    sums_image(p, image, slot);
    const double *d_beta = image_sums(p, image);
    p->kernels->group_gradients(d_beta, d_beta + norm->channels, p->call->gamma, lane(p, slot, ROW_MEAN),
                                lane(p, slot, ROW_INVERSE), norm->rows, norm->groups, norm->channels / norm->groups,
                                lane(p, slot, ROW_P), lane(p, slot, ROW_Q));
    each_tile(p, image, slot, backward_tile);
}

/* Batch norm's second pass: the totals of all ranks stand in the row after the images'. */
static void batch_backward_image(const struct pass *p, int image, int slot)
{
    const struct bit_norm_shape *norm = p->norm;
    const double *total = image_sums(p, norm->images);
    const double count = (double)norm->rows * norm->images * (norm->group ? norm->group->size : 1);
    coefficients(p, image, slot);
    for (int c = 0; c < norm->channels; c++) {
        double gamma = p->call->gamma ? (double)p->call->gamma[c] : 1;
        set_p_q(p, slot, c, gamma * total[c] / count, gamma * total[norm->channels + c] / count);
    }
    each_tile(p, image, slot, backward_tile);
}

int bit_norm_backward(const struct bit_norm_shape *norm, const struct bit_norm_call *call,
                      const struct bit_norm_gradient *gradient, struct bit_error *error)
{
    const struct pass p = pass_make(norm, call, gradient);
    const size_t n = (size_t)norm->channels;
    each_image(&p, norm->groups ? group_backward_image : sums_image);
    add_tree(p.sums, norm->images, 2 * n, 2 * n);
    for (size_t c = 0; c < n; c++) {
        if (gradient->d_beta)
            gradient->d_beta[c] = (gradient->add ? gradient->d_beta[c] : 0) + (float)p.sums[c];
        if (gradient->d_gamma)
            gradient->d_gamma[c] = (gradient->add ? gradient->d_gamma[c] : 0) + (float)p.sums[n + c];
    }
    if (norm->groups)
        return 0;
    double *total = image_sums(&p, norm->images);
    memcpy(total, p.sums, 2 * n * sizeof *total);
    if (norm->group && bit_group_sum(norm->group, total, 2 * n, error))
        return -1;
    each_image(&p, batch_backward_image);
    return 0;
}
