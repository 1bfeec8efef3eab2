/* Nearest neighbours by cosine, by brute force: test images in blocks of which each thread takes its own, training images streaming
 * past, the nearest kept in a heap. */
#include "bit/probe.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "bit/compute.h"
#include "bit/memory.h"
#include "features/lapack.h"

enum { TESTS = 64, TRAINS = 512 /* images of a block */ };

struct neighbour { double cosine; uint64_t image; };

/* What all threads read. */
struct search {
    const struct bit_feature_set *train, *test;
    const double *train_scale;   /* 1 / length of each */
    const int *k;
    int count, most;             /* most: the last k, or all training images */
    double temperature;
};

/* What one thread works in: blocks, products, a heap for each test image, votes. */
struct room { double *tests, *trains, *products, *votes; struct neighbour *heaps; int *sizes; uint64_t *right; };

static bool is_nearer(const struct neighbour *a, const struct neighbour *b)
{
    return a->cosine > b->cosine || (a->cosine == b->cosine && a->image < b->image);
}

/* The farthest stands at the root. */
static void sink(struct neighbour *heap, int size, int i)
{
    for (;;) {
        int child = 2 * i + 1, far = i;
        for (int c = child; c < child + 2 && c < size; c++)
            if (is_nearer(&heap[far], &heap[c]))
                far = c;
        if (far == i)
            return;
        struct neighbour kept = heap[i];
        heap[i] = heap[far];
        heap[far] = kept;
        i = far;
    }
}

static void offer(struct neighbour *heap, int *size, int most, struct neighbour one)
{
    if (*size < most) {
        int i = (*size)++;
        for (; i > 0 && is_nearer(&heap[(i - 1) / 2], &one); i = (i - 1) / 2)
            heap[i] = heap[(i - 1) / 2];
        heap[i] = one;
    } else if (is_nearer(&one, &heap[0])) {
        heap[0] = one;
        sink(heap, *size, 0);
    }
}

static void sort_nearest_first(struct neighbour *heap, int size)
{
    while (size > 1) {
        struct neighbour kept = heap[--size];
        heap[size] = heap[0];
        heap[0] = kept;
        sink(heap, size, 0);
    }
}

static void widen(const float *from, size_t count, double *to)
{
    for (size_t i = 0; i < count; i++)
        to[i] = from[i];
}

static double scale_of(const float *features, int channels)
{
    double sum = 0;
    for (int c = 0; c < channels; c++)
        sum += (double)features[c] * features[c];
    return sum > 0 ? 1 / sqrt(sum) : 0;
}

/* The class with most votes of the nearest k, for each k; `heap` is sorted. */
static void vote(const struct search *s, const struct neighbour *heap, int size, uint64_t image, const struct room *room)
{
    const struct bit_feature_set *train = s->train, *test = s->test;
    int at = 0;
    memset(room->votes, 0, (size_t)train->classes * sizeof *room->votes);
    for (int i = 0; i < s->count; i++) {
        for (; at < size && at < s->k[i]; at++)
            for (uint64_t l = train->label_start[heap[at].image]; l < train->label_start[heap[at].image + 1]; l++)
                room->votes[train->labels[l]] += exp(heap[at].cosine / s->temperature);
        int32_t best = 0;
        for (int32_t c = 1; c < train->classes; c++)
            best = room->votes[c] > room->votes[best] ? c : best;
        for (uint64_t l = test->label_start[image]; l < test->label_start[image + 1]; l++)
            if (test->labels[l] == best) {
                room->right[i]++;
                break;
            }
    }
}

/* Test images from `from` on, `rows` of them. */
static void search_block(const struct search *s, uint64_t from, int rows, const struct room *room)
{
    const int channels = s->train->channels;
    double scale[TESTS];
    widen(s->test->features + from * (uint64_t)channels, (size_t)rows * (size_t)channels, room->tests);
    for (int i = 0; i < rows; i++)
        scale[i] = scale_of(s->test->features + (from + (uint64_t)i) * (uint64_t)channels, channels);
    memset(room->sizes, 0, TESTS * sizeof *room->sizes);
    for (uint64_t first = 0; first < s->train->count; first += TRAINS) {
        int columns = s->train->count - first < TRAINS ? (int)(s->train->count - first) : TRAINS;
        widen(s->train->features + first * (uint64_t)channels, (size_t)columns * (size_t)channels, room->trains);
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, columns, channels, 1, room->tests, channels, room->trains, channels, 0,
                    room->products, TRAINS);
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++)
                offer(room->heaps + (size_t)i * (size_t)s->most, &room->sizes[i], s->most,
                      (struct neighbour){room->products[i * TRAINS + j] * scale[i] * s->train_scale[first + (uint64_t)j], first + (uint64_t)j});
    }
    for (int i = 0; i < rows; i++) {
        struct neighbour *heap = room->heaps + (size_t)i * (size_t)s->most;
        sort_nearest_first(heap, room->sizes[i]);
        vote(s, heap, room->sizes[i], from + (uint64_t)i, room);
    }
}

static int make_room(const struct search *s, struct room *room, struct bit_error *error)
{
    const size_t channels = (size_t)s->train->channels;
    static const char what[] = "a search for neighbours";
    room->tests = bit_allocate(TESTS * channels, sizeof *room->tests, what, error);
    room->trains = bit_allocate(TRAINS * channels, sizeof *room->trains, what, error);
    room->products = bit_allocate(TESTS * TRAINS, sizeof *room->products, what, error);
    room->votes = bit_allocate((size_t)s->train->classes, sizeof *room->votes, what, error);
    room->heaps = bit_allocate(TESTS * (size_t)s->most, sizeof *room->heaps, what, error);
    room->sizes = bit_allocate(TESTS, sizeof *room->sizes, what, error);
    room->right = bit_allocate((size_t)s->count, sizeof *room->right, what, error);
    return room->tests && room->trains && room->products && room->votes && room->heaps && room->sizes && room->right ? 0 : -1;
}

static void free_room(struct room *room)
{
    bit_free(room->tests);
    bit_free(room->trains);
    bit_free(room->products);
    bit_free(room->votes);
    bit_free(room->heaps);
    bit_free(room->sizes);
    bit_free(room->right);
}

static void search_all(const struct search *s, struct room *rooms, int threads)
{
    const uint64_t blocks = (s->test->count + TESTS - 1) / TESTS;
    #pragma omp parallel for num_threads(threads) schedule(static)
    for (int t = 0; t < threads; t++)
        for (uint64_t block = (uint64_t)t; block < blocks; block += (uint64_t)threads) {
            uint64_t from = block * TESTS, left = s->test->count - from;
            search_block(s, from, left < TESTS ? (int)left : TESTS, &rooms[t]);
        }
}

int bit_neighbours_score(const struct bit_feature_set *train, const struct bit_feature_set *test, const int *k, int count,
                         double temperature, uint64_t *right, struct bit_error *error)
{
    const int threads = bit_compute_thread_count();
    struct search s = {.train = train, .test = test, .k = k, .count = count, .temperature = temperature};
    if (count < 1 || k[0] < 1 || k[count - 1] > BIT_NEIGHBOURS_MOST)
        return bit_fail(error, BIT_EUSAGE, "numbers of neighbours: expected 1 to %d", BIT_NEIGHBOURS_MOST);
    if (!train->count)
        return bit_fail(error, BIT_EDATA, "no training image to be a neighbour");
    s.most = train->count < (uint64_t)k[count - 1] ? (int)train->count : k[count - 1];
    double *scale = bit_allocate(train->count, sizeof *scale, "lengths of features", error);
    struct room *rooms = bit_allocate((size_t)threads, sizeof *rooms, "a search for neighbours", error);
    int result = scale && rooms ? 0 : -1;
    for (int t = 0; !result && t < threads; t++)
        result = make_room(&s, &rooms[t], error);
    if (!result) {
        for (uint64_t i = 0; i < train->count; i++)
            scale[i] = scale_of(train->features + i * (uint64_t)train->channels, train->channels);
        s.train_scale = scale;
        search_all(&s, rooms, threads);
        for (int i = 0; i < count; i++) {
            right[i] = 0;
            for (int t = 0; t < threads; t++)
                right[i] += rooms[t].right[i];
        }
    }
    for (int t = 0; rooms && t < threads; t++)
        free_room(&rooms[t]);
    bit_free(rooms);
    bit_free(scale);
    return result;
}
