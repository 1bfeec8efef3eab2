/* Are some results better than others? Average precision of both on the same random draws of the images. */
#include <math.h>
#include <stdlib.h>

#include "bit/memory.h"
#include "bit/random.h"
#include "coco/kept.h"
#include "coco/match.h"

enum { LEVELS = 101 };

static const enum bit_coco_number numbers[BIT_COCO_DIFFERENCES] = {BIT_COCO_AP, BIT_COCO_AP50, BIT_COCO_AP75};

/* A place of a precision-recall curve at which recall grows. */
struct point { double hits, precision; };
/* `times`: how often each image was drawn. `points`: room for as many as a category has results in the draw. */
struct draw { uint32_t *times; struct point *points; size_t room; };

void bit_coco_kept_free(struct bit_coco_kept *k)
{
    if (!k)
        return;
    bit_free(k->results);
    bit_free(k->wanted);
    bit_free(k->ends);
    *k = (struct bit_coco_kept){0};
}

/* Counts the results from `from` to `end`, which have one image and score, as often as the image was drawn. Copies of an image stand one behind
 * the other. */
static void count_ties(const struct bit_coco_kept_result *from, const struct bit_coco_kept_result *end, int threshold, const struct draw *d,
                       double *misses, double *hits, size_t *points)
{
    for (uint32_t copy = 0; copy < d->times[from->image]; copy++)
        for (const struct bit_coco_kept_result *r = from; r < end; r++) {
            if (r->is_void >> threshold & 1)
                continue;
            if (!(r->hit >> threshold & 1)) {
                ++*misses;
                continue;
            }
            ++*hits;
            d->points[(*points)++] = (struct point){*hits, *hits / (*misses + *hits + 0x1p-52)};
        }
}

/* The mean precision at the recall levels. */
static double curve(const struct bit_coco_kept_result *results, size_t count, int threshold, double wanted, const struct draw *d)
{
    double hits = 0, misses = 0, sum = 0;
    size_t points = 0, at = 0;
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && results[end].ties; end++)
            ;
        count_ties(results + i, results + end, threshold, d, &misses, &hits, &points);
    }
    for (size_t i = points; i-- > 1;)
        d->points[i - 1].precision = fmax(d->points[i - 1].precision, d->points[i].precision);
    for (int level = 0; level < LEVELS; level++) {
        const double least = level < LEVELS - 1 ? level * 0.01 : 1.0;
        while (at < points && d->points[at].hits / wanted < least)
            at++;
        if (at == points)
            break;
        sum += d->points[at].precision;
    }
    return sum / LEVELS;
}

/* Adds the means over the categories of which the draw has objects. */
static void judge(const struct bit_coco_kept *k, const struct draw *d, double total[BIT_COCO_DIFFERENCES])
{
    double sum[BIT_COCO_DIFFERENCES] = {0};
    size_t exist = 0;
    struct bit_coco_kept_end from = {0};
    for (size_t c = 0; c < k->category_count; from = k->ends[c++]) {
        double wanted = 0;
        for (size_t i = from.wanted; i < k->ends[c].wanted; i++)
            wanted += (double)k->wanted[i].count * d->times[k->wanted[i].image];
        if (!(wanted > 0))
            continue;
        exist++;
        for (int t = 0; t < BIT_COCO_THRESHOLDS; t++) {
            const double precision = curve(k->results + from.result, k->ends[c].result - from.result, t, wanted, d);
            sum[0] += precision / BIT_COCO_THRESHOLDS;
            sum[1] += t == 0 ? precision : 0;
            sum[2] += t == 5 ? precision : 0;
        }
    }
    for (int n = 0; n < BIT_COCO_DIFFERENCES && exist; n++)
        total[n] += sum[n] / (double)exist;
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, size_t count, double share)
{
    const double place = share * (double)(count - 1), below = floor(place);
    const size_t at = (size_t)below;
    return at + 1 < count ? sorted[at] + (place - below) * (sorted[at + 1] - sorted[at]) : sorted[at];
}

/* What comparing needs while it goes on. */
struct comparing {
    struct bit_coco_kept *kept; /* the first group, then the second */
    size_t count[2];
    double *differences[BIT_COCO_DIFFERENCES]; /* of each draw */
    struct draw draw;
};

/* Draws the images, and makes room for the results of a category. */
static int draw_images(struct comparing *c, size_t images, uint64_t seed, uint64_t number, struct bit_error *error)
{
    struct draw *d = &c->draw;
    struct bit_random random;
    size_t most = 1;
    bit_random_init(&random, seed, BIT_PURPOSE_BOOTSTRAP, 0, number);
    for (size_t i = 0; i < images; i++)
        d->times[i] = 0;
    for (size_t i = 0; i < images; i++)
        d->times[bit_random_below(&random, images)]++;
    for (size_t i = 0; i < c->count[0] + c->count[1]; i++) {
        size_t drawn = 0;
        for (size_t r = 0; r < c->kept[i].result_count; r++)
            drawn += d->times[c->kept[i].results[r].image];
        most = drawn > most ? drawn : most;
    }
    if (most <= d->room)
        return 0;
    bit_free(d->points);
    d->room = 0;
    if (!(d->points = bit_allocate(2 * most, sizeof *d->points, "a curve", error)))
        return -1;
    d->room = 2 * most;
    return 0;
}

static int draw_all(struct comparing *c, size_t images, uint64_t draws, uint64_t seed, struct bit_error *error)
{
    for (uint64_t draw = 0; draw < draws; draw++) {
        double mean[2][BIT_COCO_DIFFERENCES] = {{0}};
        if (draw_images(c, images, seed, draw, error))
            return -1;
        for (size_t i = 0; i < c->count[0] + c->count[1]; i++)
            judge(&c->kept[i], &c->draw, mean[i >= c->count[0]]);
        for (int n = 0; n < BIT_COCO_DIFFERENCES; n++)
            c->differences[n][draw] = mean[1][n] / (double)c->count[1] - mean[0][n] / (double)c->count[0];
    }
    return 0;
}

static int score_all(struct comparing *c, const struct bit_coco *truth, const struct bit_coco_results *const results[2], bool class_agnostic,
                     struct bit_coco_difference *difference, struct bit_error *error)
{
    for (size_t i = 0; i < c->count[0] + c->count[1]; i++) {
        const int side = i >= c->count[0];
        struct bit_coco_scores scores;
        if (bit_coco_score_and_keep(truth, &results[side][side ? i - c->count[0] : i], class_agnostic, &scores, &c->kept[i], error))
            return -1;
        for (int n = 0; n < BIT_COCO_DIFFERENCES; n++)
            difference[n].mean[side] += scores.numbers[numbers[n]] / (double)c->count[side];
        const bool empty = scores.numbers[BIT_COCO_AP] < 0;
        bit_coco_scores_free(&scores);
        if (empty)
            return bit_fail(error, BIT_EDATA, "no objects that could be found: nothing can be compared");
    }
    return 0;
}

static int prepare(struct comparing *c, size_t images, uint64_t draws, struct bit_error *error)
{
    for (int n = 0; n < BIT_COCO_DIFFERENCES; n++)
        if (!(c->differences[n] = bit_allocate(draws, sizeof *c->differences[n], "differences", error)))
            return -1;
    return (c->draw.times = bit_allocate(images, sizeof *c->draw.times, "draws of images", error)) ? 0 : -1;
}

/* The middle of the differences, and how many are above 0. */
static void sum_up(struct comparing *c, uint64_t draws, struct bit_coco_difference *difference)
{
    for (int n = 0; n < BIT_COCO_DIFFERENCES; n++) {
        uint64_t above = 0;
        qsort(c->differences[n], draws, sizeof *c->differences[n], compare_doubles);
        for (uint64_t i = 0; i < draws; i++)
            above += c->differences[n][i] > 0;
        difference[n].number = numbers[n];
        difference[n].least = quantile(c->differences[n], draws, 0.025);
        difference[n].most = quantile(c->differences[n], draws, 0.975);
        difference[n].above = (double)above / (double)draws;
    }
}

int bit_coco_compare(const struct bit_coco *truth, const struct bit_coco_results *const results[2], const size_t count[2], bool class_agnostic,
                     uint64_t draws, uint64_t seed, struct bit_coco_difference difference[BIT_COCO_DIFFERENCES], struct bit_error *error)
{
    struct comparing c = {.count = {count[0], count[1]}};
    for (int n = 0; n < BIT_COCO_DIFFERENCES; n++)
        difference[n] = (struct bit_coco_difference){0};
    int failed = !(c.kept = bit_allocate(count[0] + count[1], sizeof *c.kept, "results to compare", error)) ||
                 score_all(&c, truth, results, class_agnostic, difference, error) || prepare(&c, truth->image_count, draws, error);
    if (!failed && !(failed = draw_all(&c, truth->image_count, draws, seed, error)))
        sum_up(&c, draws, difference);
    for (size_t i = 0; c.kept && i < count[0] + count[1]; i++)
        bit_coco_kept_free(&c.kept[i]);
    for (int n = 0; n < BIT_COCO_DIFFERENCES; n++)
        bit_free(c.differences[n]);
    bit_free(c.kept);
    bit_free(c.draw.times);
    bit_free(c.draw.points);
    return failed ? -1 : 0;
}
