/* Pillow's steps in their order (ImagingResample of libImaging/Resample.c): weights in double, rounded to 22 bits; across first, rounded to
 * bytes; then down. */
#include "antialias.h"

#include <math.h>
#include <string.h>

#include "bit/memory.h"

enum { BITS = 22, HALF = 1 << (BITS - 1) };

int bit_taps_create(struct bit_taps *t, int size, struct bit_error *error)
{
    t->size = size;
    t->start = bit_allocate((size_t)size, sizeof *t->start, "a resampling table", error);
    t->count = t->start ? bit_allocate((size_t)size, sizeof *t->count, "a resampling table", error) : NULL;
    return t->count ? 0 : -1;
}

void bit_taps_free(struct bit_taps *t)
{
    bit_free(t->start);
    bit_free(t->count);
    bit_free(t->weight);
}

static int reserve(struct bit_taps *t, struct bit_error *error)
{
    size_t needed = (size_t)t->size * (size_t)t->most;
    if (needed <= t->capacity)
        return 0;
    bit_free(t->weight);
    t->weight = bit_allocate(needed + needed / 2, sizeof *t->weight, "a resampling table", error);
    t->capacity = t->weight ? needed + needed / 2 : 0;
    return t->weight ? 0 : -1;
}

static double triangle(double x)
{
    return fabs(x) < 1 ? 1 - fabs(x) : 0;
}

/* Output pixel o: its centre, pixels counted by their left edges from the least that may be read. */
static void fill_one(struct bit_taps *t, int o, double centre, double support, int pixels)
{
    int from = (int)(centre - support + 0.5), end = (int)(centre + support + 0.5);
    double sum = 0;
    int32_t *weight = t->weight + (size_t)o * (size_t)t->most;
    from = from < 0 ? 0 : from > pixels - 1 ? pixels - 1 : from;
    end = end > pixels ? pixels : end <= from ? from + 1 : end;
    for (int s = from; s < end; s++)
        sum += triangle((s - centre + 0.5) / support);
    for (int s = from; s < end; s++)
        weight[s - from] = sum > 0 ? (int32_t)(0.5 + triangle((s - centre + 0.5) / support) / sum * (1 << BITS)) : s == from ? 1 << BITS : 0;
    t->start[o] = from;
    t->count[o] = end - from;
}

int bit_taps_fill(struct bit_taps *t, double first, double length, int low, int high, struct bit_error *error)
{
    double step = length / t->size, support = step < 1 ? 1 : step;
    t->most = (int)ceil(support) * 2 + 1;
    if (reserve(t, error))
        return -1;
    t->first = high;
    t->last = low;
    for (int o = 0; o < t->size; o++) {
        double centre = first - low + (o + 0.5) * step, most = high - low + 1;
        fill_one(t, o, centre < 0 ? 0 : centre > most ? most : centre, support, high - low + 1); /* beyond the picture: its edge */
        t->start[o] += low;
        int last = t->start[o] + t->count[o] - 1;
        t->first = t->start[o] < t->first ? t->start[o] : t->first;
        t->last = last > t->last ? last : t->last;
    }
    return 0;
}

void bit_taps_reverse(struct bit_taps *t)
{
    for (int i = 0, j = t->size - 1; i < j; i++, j--) {
        int32_t *a = t->weight + (size_t)i * (size_t)t->most, *b = t->weight + (size_t)j * (size_t)t->most, kept;
        kept = t->start[i], t->start[i] = t->start[j], t->start[j] = kept;
        kept = t->count[i], t->count[i] = t->count[j], t->count[j] = kept;
        for (int k = 0; k < t->most; k++)
            kept = a[k], a[k] = b[k], b[k] = kept;
    }
}

typedef int32_t lanes __attribute__((vector_size(16)));
typedef uint8_t bytes __attribute__((vector_size(4)));

/* Weights are not negative and add up to 1 but for some 2^-22: sums need no bounds. */
void bit_taps_across(const struct bit_taps *x, const uint8_t *row, uint8_t *out)
{
    for (int o = 0; o < x->size; o++) {
        const uint8_t *from = row + 4 * (ptrdiff_t)(x->start[o] - x->first);
        const int32_t *weight = x->weight + (size_t)o * (size_t)x->most;
        lanes sum = {HALF, HALF, HALF, HALF};
        for (int k = 0; k < x->count[o]; k++) {
            bytes pixel;
            memcpy(&pixel, from + 4 * (ptrdiff_t)k, sizeof pixel);
            sum += __builtin_convertvector(pixel, lanes) * weight[k];
        }
        bytes rounded = __builtin_convertvector(sum >> BITS, bytes);
        memcpy(out + 4 * (ptrdiff_t)o, &rounded, sizeof rounded);
    }
}

void bit_taps_down(const struct bit_taps *y, int i, const uint8_t *ring, size_t stride, int pixels, int32_t *restrict sums, float *out)
{
    int count = 4 * pixels;
    for (int j = 0; j < count; j++)
        sums[j] = HALF;
    for (int k = 0; k < y->count[i]; k++) {
        const uint8_t *restrict row = ring + (size_t)((y->start[i] + k) % y->most) * stride;
        int32_t weight = y->weight[(size_t)i * (size_t)y->most + (size_t)k];
        for (int j = 0; j < count; j++)
            sums[j] += row[j] * weight;
    }
    for (int j = 0; j < pixels; j++)
        for (int c = 0; c < 3; c++)
            out[3 * j + c] = ((float)(sums[4 * j + c] >> BITS) - 127.5f) * (1 / 127.5f);
}
