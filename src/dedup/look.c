/* Of 64 x 64 grey values the cosine transform's coefficients (u, v) of frequencies 0 to 16. A mirrored picture has the same ones with the sign
 * of odd u changed, a flipped one with that of odd v, a transposed one has them transposed: all eight hashes come from one transform. */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "bit/dedup.h"
#include "bit/hamming.h"

enum { SIDE = BIT_PRINT_SIDE, WAVES = 17, PHASH = 8, WIDE = 16 };
/* What compression and resizing do to a coefficient. Symmetric pictures have half of their coefficients near 0, and so near the median: without
 * this margin chance would set their bits, and copies of such pictures be missed (1 to 2 % of cut-out objects and drawings). */
static const float noise = 4;

static float cosines[WAVES][SIDE];

static void fill_cosines(void)
{
    for (int u = 0; u < WAVES; u++)
        for (int x = 0; x < SIDE; x++)
            cosines[u][x] = (float)(cos((x + 0.5) * u * M_PI / SIDE) * sqrt((u ? 2.0 : 1.0) / SIDE));
}

/* From 0 to 255. */
static void to_grey(const float *pixels, float grey[SIDE * SIDE])
{
    for (int i = 0; i < SIDE * SIDE; i++)
        grey[i] = (0.299f * pixels[3 * i] + 0.587f * pixels[3 * i + 1] + 0.114f * pixels[3 * i + 2] + 1) * 127.5f;
}

/* Sums in a fixed order and without fused operations (local.mk): the same hashes on every machine. */
static void transform(const float grey[SIDE * SIDE], float coefficients[WAVES][WAVES])
{
    static const float zero[SIDE];
    float across[WAVES][SIDE]; /* [u][y] */
    for (int u = 0; u < WAVES; u++) {
        memcpy(across[u], zero, sizeof zero);
        for (int y = 0; y < SIDE; y++) {
            float sum = 0;
            for (int x = 0; x < SIDE; x++)
                sum += grey[y * SIDE + x] * cosines[u][x];
            across[u][y] = sum;
        }
    }
    for (int v = 0; v < WAVES; v++)
        for (int u = 0; u < WAVES; u++) {
            float sum = 0;
            for (int y = 0; y < SIDE; y++)
                sum += across[u][y] * cosines[v][y];
            coefficients[v][u] = sum;
        }
}

/* The lower one of the two in the middle of an even number. Selection by halves; `values` are shuffled. */
static float median(float *values, int count)
{
    int low = 0, high = count - 1, middle = (count - 1) / 2;
    while (low < high) {
        float pivot = values[middle];
        int i = low, j = high;
        while (i <= j) {
            while (values[i] < pivot)
                i++;
            while (pivot < values[j])
                j--;
            if (i <= j) {
                float kept = values[i];
                values[i++] = values[j];
                values[j--] = kept;
            }
        }
        if (j < middle)
            low = i;
        if (middle < i)
            high = j;
    }
    return values[middle];
}

/* The coefficient (u, v) of the turned picture. */
static float turned(const float c[WAVES][WAVES], int turn, int u, int v)
{
    static const struct { int swaps, negates_u, negates_v; } turns[BIT_TURNS] = {
        {0, 0, 0}, {0, 1, 0}, {0, 1, 1}, {0, 0, 1}, {1, 0, 0}, {1, 1, 0}, {1, 1, 1}, {1, 0, 1}};
    float value = turns[turn].swaps ? c[u][v] : c[v][u];
    return ((turns[turn].negates_u & u) ^ (turns[turn].negates_v & v)) & 1 ? -value : value;
}

/* Bits of a square of coefficients from (from, from) on that lie above their median by more than noise; the constant one does not count in it. */
static void hash(const float c[WAVES][WAVES], int turn, int from, int side, uint64_t *words)
{
    float values[WIDE * WIDE], sorted[WIDE * WIDE];
    int count = side * side, skipped = from == 0;
    for (int i = 0; i < count; i++)
        values[i] = turned(c, turn, from + i % side, from + i / side);
    memcpy(sorted, values + skipped, (size_t)(count - skipped) * sizeof *sorted);
    float middle = median(sorted, count - skipped);
    for (int i = 0; i < count; i++)
        words[i / 64] |= (uint64_t)(values[i] > middle + noise) << i % 64;
}

/* Steps between neighbours, in hundredths of the range, as PDQ counts them. */
static int quality_of(const float grey[SIDE * SIDE])
{
    int sum = 0;
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            if (x + 1 < SIDE)
                sum += abs((int)((grey[y * SIDE + x] - grey[y * SIDE + x + 1]) * 100 / 255));
            if (y + 1 < SIDE)
                sum += abs((int)((grey[y * SIDE + x] - grey[(y + 1) * SIDE + x]) * 100 / 255));
        }
    return sum / 90 > 100 ? 100 : sum / 90;
}

void bit_look_at(const float *pixels, int turns, struct bit_look *looks, int *quality)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    float grey[SIDE * SIDE], c[WAVES][WAVES];
    pthread_once(&once, fill_cosines);
    to_grey(pixels, grey);
    transform(grey, c);
    for (int t = 0; t < turns; t++) {
        looks[t] = (struct bit_look){0};
        hash(c, t, 0, PHASH, &looks[t].hash);
        hash(c, t, 1, WIDE, looks[t].wide);
    }
    *quality = quality_of(grey);
}

int bit_look_distance(const struct bit_look *a, const struct bit_look *b)
{
    int sum = 0;
    for (int i = 0; i < 4; i++)
        sum += bit_hamming(a->wide[i], b->wide[i]);
    return sum;
}

/* As coefficients are turned. */
int bit_look_place(int turn, int side, int x, int y)
{
    static const int swaps[BIT_TURNS] = {0, 0, 0, 0, 1, 1, 1, 1}, back_x[BIT_TURNS] = {0, 1, 1, 0, 0, 1, 1, 0},
                     back_y[BIT_TURNS] = {0, 0, 1, 1, 0, 0, 1, 1};
    int u = back_x[turn] ? side - 1 - x : x, v = back_y[turn] ? side - 1 - y : y;
    return swaps[turn] ? u * side + v : v * side + u;
}

double bit_look_difference(const float *a, const float *b, int turn)
{
    double sum = 0;
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            for (int c = 0; c < 3; c++)
                sum += fabs((double)a[(y * SIDE + x) * 3 + c] - (double)b[bit_look_place(turn, SIDE, x, y) * 3 + c]);
    return sum / BIT_PRINT_PIXELS * 127.5;
}

double bit_look_contrast(const float *pixels)
{
    double mean[3] = {0}, sum = 0;
    for (int i = 0; i < BIT_PRINT_PIXELS; i++)
        mean[i % 3] += (double)pixels[i] * 3 / BIT_PRINT_PIXELS;
    for (int i = 0; i < BIT_PRINT_PIXELS; i++)
        sum += fabs((double)pixels[i] - mean[i % 3]);
    return sum / BIT_PRINT_PIXELS * 127.5;
}

double bit_look_most(const float *pixels, double most, double share)
{
    static const double compression = 4;
    double part = share * bit_look_contrast(pixels);
    part = part > compression ? part : compression;
    return part < most ? part : most;
}
