#include "resize.h"

#include <string.h>

#include "antialias.h"
#include "bit/memory.h"
#include "resample.h"

struct bit_resizer {
    int size;
    enum bit_filter filter;
    enum bit_type precision;
    struct bit_axis x, y;           /* of the stored picture: REDUCED, BILINEAR */
    struct bit_taps wide_x, wide_y; /* ANTIALIAS, QUICK */
    float *blended, *scratch;
    int32_t *sums;
    uint8_t *ring;
    size_t blended_capacity /* floats */, ring_capacity;
};

/* ---- life ---- */

static int create_axis(struct bit_axis *axis, int size, struct bit_error *error)
{
    axis->size = size;
    axis->index = bit_allocate((size_t)size, sizeof *axis->index, "a resampling table", error);
    axis->weight = axis->index ? bit_allocate((size_t)size, sizeof *axis->weight, "a resampling table", error) : NULL;
    return axis->weight ? 0 : -1;
}

static int create_tables(struct bit_resizer *r, struct bit_error *error)
{
    size_t size = (size_t)r->size;
    if (!(r->scratch = bit_allocate(3 * size, sizeof *r->scratch, "a pixel row", error)))
        return -1;
    if (r->filter == BIT_FILTER_REDUCED || r->filter == BIT_FILTER_BILINEAR)
        return create_axis(&r->x, r->size, error) || create_axis(&r->y, r->size, error) ? -1 : 0;
    if (!(r->sums = bit_allocate(4 * size, sizeof *r->sums, "a pixel row", error)))
        return -1;
    return bit_taps_create(&r->wide_x, r->size, error) || bit_taps_create(&r->wide_y, r->size, error) ? -1 : 0;
}

struct bit_resizer *bit_resizer_create(int size, enum bit_filter filter, enum bit_type precision, struct bit_error *error)
{
    struct bit_resizer *r = bit_allocate(1, sizeof *r, "a picture resizer", error);
    if (!r)
        return NULL;
    r->size = size;
    r->filter = filter;
    r->precision = precision;
    if (create_tables(r, error)) {
        bit_resizer_destroy(r);
        return NULL;
    }
    return r;
}

void bit_resizer_destroy(struct bit_resizer *r)
{
    if (!r)
        return;
    bit_free(r->x.index);
    bit_free(r->x.weight);
    bit_free(r->y.index);
    bit_free(r->y.weight);
    bit_taps_free(&r->wide_x);
    bit_taps_free(&r->wide_y);
    bit_free(r->blended);
    bit_free(r->scratch);
    bit_free(r->sums);
    bit_free(r->ring);
    bit_free(r);
}

/* Doubling keeps the number of allocations small; contents are dropped. */
static void *reserve(void *old, size_t *capacity, size_t needed, size_t size, const char *what, struct bit_error *error)
{
    if (needed <= *capacity)
        return old;
    bit_free(old);
    size_t wanted = needed + needed / 2;
    void *memory = bit_allocate(wanted, size, what, error);
    *capacity = memory ? wanted : 0;
    return memory;
}

/* ---- the window, in the stored picture ---- */

/* An axis of the stored picture. */
struct span { struct bit_span window; bool reversed; /* the order of the output pixels */ };
struct place { struct span x, y; bool swapped; };

static struct span turn(struct bit_span window, int pixels, bool turned, bool mirrored)
{
    struct span s = {window, turned != mirrored};
    if (turned) {
        s.window.first = pixels - window.first - window.length;
        s.window.low = pixels - 1 - window.high;
        s.window.high = pixels - 1 - window.low;
    }
    return s;
}

static struct place find_place(int width, int height, enum bit_orientation o, const struct bit_window *w)
{
    bool swapped = bit_orientation_swaps(o);
    return (struct place){turn(swapped ? w->y : w->x, width, bit_orientation_turns_x(o), w->mirror && !swapped),
                          turn(swapped ? w->x : w->y, height, bit_orientation_turns_y(o), w->mirror && swapped), swapped};
}

/* The largest reduction that leaves the window at least as large as the output: the reduction never makes the resampling
 * enlarge. Only the factors for which libjpeg-turbo has fast code; the same for PNG, so that the format does not matter. */
static int choose_factor(const struct place *place, int size)
{
    int factor = 8;
    while (factor > 1 && (place->x.window.length < (double)size * factor || place->y.window.length < (double)size * factor))
        factor /= 2;
    return factor;
}

/* ---- rows ---- */

/* Output row i, in the order of the stored rows. */
static void *row_at(const struct bit_resizer *r, const struct place *place, int i, void *pixels)
{
    size_t row = place->y.reversed ? (size_t)(r->size - 1 - i) : (size_t)i;
    return (char *)pixels + row * 3 * (size_t)r->size * bit_type_size(r->precision);
}

static int resample(struct bit_resizer *r, struct bit_picture *picture, const struct place *place, void *pixels, struct bit_error *error)
{
    int count = 4 * (r->x.last - r->x.first + 1);
    r->blended = reserve(r->blended, &r->blended_capacity, (size_t)count + 20, sizeof *r->blended, "a pixel row", error);
    if (!r->blended)
        return -1;
    /* The pixel past the end is read with weight 0. */
    memset(r->blended + count, 0, 4 * sizeof *r->blended);
    for (int i = 0; i < r->size; i++) {
        int top = r->y.index[i];
        const uint8_t *upper = bit_picture_row(picture, top, error);
        const uint8_t *lower = upper && r->y.weight[i] > 0 ? bit_picture_row(picture, top + 1, error) : upper;
        if (!lower)
            return -1;
        bit_row_blend(upper, lower, r->y.weight[i], count, r->blended);
        if (r->precision == BIT_FLOAT32)
            bit_row_spread(r->blended, &r->x, row_at(r, place, i, pixels));
        else
            bit_row_spread_bfloat16(r->blended, &r->x, r->scratch, row_at(r, place, i, pixels));
    }
    return 0;
}

static int run_between(struct bit_resizer *r, struct bit_picture *picture, int width, int height, const struct place *place, void *pixels,
                       struct bit_error *error)
{
    const struct bit_span *x = &place->x.window, *y = &place->y.window;
    int factor = r->filter == BIT_FILTER_REDUCED ? choose_factor(place, r->size) : 1;
    bit_axis_fill(&r->x, x->first, x->length, x->low, x->high, factor, (width + factor - 1) / factor);
    bit_axis_fill(&r->y, y->first, y->length, y->low, y->high, factor, (height + factor - 1) / factor);
    if (place->x.reversed)
        bit_axis_reverse(&r->x);
    struct bit_region region = {factor, r->x.first, r->y.first, r->x.last, r->y.last};
    return bit_picture_start(picture, &region, error) || resample(r, picture, place, pixels, error) ? -1 : 0;
}

static int resample_wide(struct bit_resizer *r, struct bit_picture *picture, const struct place *place, void *pixels, struct bit_error *error)
{
    size_t stride = 4 * (size_t)r->size;
    int next = r->wide_y.first;
    for (int i = 0; i < r->size; i++) {
        for (; next < r->wide_y.start[i] + r->wide_y.count[i]; next++) {
            const uint8_t *row = bit_picture_row(picture, next, error);
            if (!row)
                return -1;
            bit_taps_across(&r->wide_x, row, r->ring + (size_t)(next % r->wide_y.most) * stride);
        }
        float *out = r->precision == BIT_FLOAT32 ? row_at(r, place, i, pixels) : r->scratch;
        bit_taps_down(&r->wide_y, i, r->ring, stride, r->size, r->sums, out);
        if (r->precision != BIT_FLOAT32)
            bit_row_round(r->scratch, 3 * r->size, row_at(r, place, i, pixels));
    }
    return 0;
}

/* In pixels of a picture of `pixels` that is reduced `factor` times. */
static struct bit_span reduce(struct bit_span s, int factor, int pixels)
{
    int high = s.high / factor, most = (pixels + factor - 1) / factor - 1;
    return (struct bit_span){s.first / factor, s.length / factor, s.low / factor, high < most ? high : most};
}

static int run_wide(struct bit_resizer *r, struct bit_picture *picture, int width, int height, const struct place *place, void *pixels,
                    struct bit_error *error)
{
    int factor = r->filter == BIT_FILTER_QUICK ? choose_factor(place, 2 * r->size) : 1;
    struct bit_span x = reduce(place->x.window, factor, width), y = reduce(place->y.window, factor, height);
    if (bit_taps_fill(&r->wide_x, x.first, x.length, x.low, x.high, error) || bit_taps_fill(&r->wide_y, y.first, y.length, y.low, y.high, error))
        return -1;
    r->ring = reserve(r->ring, &r->ring_capacity, (size_t)r->wide_y.most * 4 * (size_t)r->size, 1, "pixel rows", error);
    if (!r->ring)
        return -1;
    if (place->x.reversed)
        bit_taps_reverse(&r->wide_x);
    struct bit_region region = {factor, r->wide_x.first, r->wide_y.first, r->wide_x.last, r->wide_y.last};
    return bit_picture_start(picture, &region, error) || resample_wide(r, picture, place, pixels, error) ? -1 : 0;
}

/* Mirrors the square at its diagonal. */
static void swap_axes(char *pixels, int size, size_t pixel)
{
    char kept[3 * sizeof(float)];
    for (size_t i = 0; i < (size_t)size; i++)
        for (size_t j = 0; j < i; j++) {
            char *a = pixels + (i * (size_t)size + j) * pixel, *b = pixels + (j * (size_t)size + i) * pixel;
            memcpy(kept, a, pixel);
            memcpy(a, b, pixel);
            memcpy(b, kept, pixel);
        }
}

int bit_resizer_run(struct bit_resizer *r, struct bit_picture *picture, int width, int height, enum bit_orientation orientation,
                    const struct bit_window *window, void *pixels, struct bit_error *error)
{
    struct place place = find_place(width, height, orientation, window);
    bool wide = r->filter == BIT_FILTER_ANTIALIAS || r->filter == BIT_FILTER_QUICK;
    int result = wide ? run_wide(r, picture, width, height, &place, pixels, error)
                      : run_between(r, picture, width, height, &place, pixels, error);
    if (!result && place.swapped)
        swap_axes(pixels, r->size, 3 * bit_type_size(r->precision));
    return result;
}
