#include "plain.h"

#include <math.h>
#include <stdlib.h>

enum { MOST = 4096, PICTURES = 64 };

struct found { double score; int hit, none; };

static double threshold(int t)
{
    return t == 9 ? 0.95 : 0.5 + t * ((0.95 - 0.5) / 9);
}

static double level(int l)
{
    return l == 100 ? 1.0 : l * 0.01;
}

static double iou(const double *d, const double *g, int crowd)
{
    double w = fmin(d[0] + d[2], g[0] + g[2]) - fmax(d[0], g[0]), h = fmin(d[1] + d[3], g[1] + g[3]) - fmax(d[1], g[1]);
    if (w <= 0 || h <= 0)
        return 0;
    double i = w * h, u = d[2] * d[3] + g[2] * g[3];
    return crowd ? i / (d[2] * d[3]) : i / (u - i);
}

static int ignored(const struct bit_coco_box *g, double low, double high)
{
    return g->is_crowd || g->area < low || g->area > high;
}

/* One image's results of a category at a threshold: appends to `out`, and returns how many objects were to be found. */
static int match(const struct bit_coco *truth, const struct bit_coco_results *all, int64_t image, int64_t category, double low,
                 double high, double t, int limit, struct found *out, int *count)
{
    static int order[MOST], taken[MOST];
    int n = 0, wanted = 0;
    for (size_t i = 0; i < all->count; i++)
        if (all->results[i].image == image && all->results[i].category == category) {
            int at = n++; /* insertion keeps equals in their order */
            for (; at > 0 && all->results[order[at - 1]].score < all->results[i].score; at--)
                order[at] = order[at - 1];
            order[at] = (int)i;
        }
    for (size_t g = 0; g < truth->box_count; g++) {
        taken[g] = 0;
        wanted += truth->boxes[g].image == image && truth->boxes[g].category == category && !ignored(&truth->boxes[g], low, high);
    }
    for (int r = 0; r < n && r < 100; r++) {
        const struct bit_coco_result *d = &all->results[order[r]];
        int best = -1;
        for (int pass = 0; pass < 2 && best < 0; pass++) {
            double high_iou = 0;
            for (size_t g = 0; g < truth->box_count; g++) {
                const struct bit_coco_box *b = &truth->boxes[g];
                double o = iou(d->box, b->box, b->is_crowd);
                if (b->image == image && b->category == category && ignored(b, low, high) == pass && (!taken[g] || b->is_crowd) && o >= t &&
                    o >= high_iou) {
                    high_iou = o;
                    best = (int)g;
                }
            }
        }
        struct found f = {d->score, 0, 0};
        if (best >= 0) {
            taken[best] = 1;
            f.hit = truth->boxes[best].id != 0;
            f.none = ignored(&truth->boxes[best], low, high);
        }
        if (!f.hit && (d->box[2] * d->box[3] < low || d->box[2] * d->box[3] > high))
            f.none = 1;
        if (r < limit)
            out[(*count)++] = f;
    }
    return wanted;
}

/* AP at one threshold and the recall reached; 0 where nothing is to be found. */
static int setting(const struct bit_coco *truth, const struct bit_coco_results *all, const int64_t *images, int64_t category, double low,
                   double high, double t, int limit, double *ap, double *recall)
{
    static struct found f[MOST], sorted[MOST];
    static double recalls[MOST], precisions[MOST];
    int count = 0, wanted = 0, tp = 0, fp = 0;
    for (size_t i = 0; i < truth->image_count; i++)
        wanted += match(truth, all, images[i], category, low, high, t, limit, f, &count);
    if (!wanted)
        return 0;
    for (int i = 0; i < count; i++) {
        int at = i;
        for (; at > 0 && sorted[at - 1].score < f[i].score; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = f[i];
    }
    for (int i = 0; i < count; i++) {
        tp += sorted[i].hit && !sorted[i].none;
        fp += !sorted[i].hit && !sorted[i].none;
        recalls[i] = (double)tp / wanted;
        precisions[i] = tp / (fp + tp + pow(2, -52));
    }
    for (int i = count - 1; i > 0; i--)
        precisions[i - 1] = fmax(precisions[i - 1], precisions[i]);
    *ap = 0;
    for (int l = 0; l < 101; l++) {
        int i = 0;
        while (i < count && recalls[i] < level(l))
            i++;
        *ap += i < count ? precisions[i] / 101 : 0;
    }
    *recall = count ? recalls[count - 1] : 0;
    return 1;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* Mean over thresholds from `first` to `last`: kind 0 AP, 1 recall; -1 where nothing is to be found. */
static double mean(const struct bit_coco *truth, const struct bit_coco_results *all, const int64_t *images, int64_t category, int area,
                   int first, int last, int limit, int kind)
{
    static const double lows[] = {0, 0, 1024, 9216}, highs[] = {1e10, 1024, 9216, 1e10};
    double sum = 0, value[2];
    for (int t = first; t <= last; t++) {
        if (!setting(truth, all, images, category, lows[area], highs[area], threshold(t), limit, &value[0], &value[1]))
            return -1;
        sum += value[kind];
    }
    return sum / (last - first + 1);
}

void plain_score(const struct bit_coco *truth, const struct bit_coco_results *results, double numbers[12], double (*categories)[3])
{
    static const struct { int area, first, last, limit, kind; } what[12] = {
        {0, 0, 9, 100, 0}, {0, 0, 0, 100, 0}, {0, 5, 5, 100, 0}, {1, 0, 9, 100, 0}, {2, 0, 9, 100, 0}, {3, 0, 9, 100, 0},
        {0, 0, 9, 1, 1}, {0, 0, 9, 10, 1}, {0, 0, 9, 100, 1}, {1, 0, 9, 100, 1}, {2, 0, 9, 100, 1}, {3, 0, 9, 100, 1}};
    int64_t images[PICTURES], ids[PICTURES];
    for (size_t i = 0; i < truth->image_count; i++)
        images[i] = truth->images[i].id;
    for (size_t i = 0; i < truth->category_count; i++)
        ids[i] = truth->categories[i].id;
    qsort(images, truth->image_count, sizeof *images, compare);
    qsort(ids, truth->category_count, sizeof *ids, compare);
    for (int n = 0; n < 12; n++) {
        double sum = 0;
        int exist = 0;
        for (size_t k = 0; k < truth->category_count; k++) {
            double value = mean(truth, results, images, ids[k], what[n].area, what[n].first, what[n].last, what[n].limit, what[n].kind);
            if (n == 0 || n == 1 || n == 8)
                categories[k][n == 8 ? 2 : n] = value;
            sum += value < 0 ? 0 : value;
            exist += value >= 0;
        }
        numbers[n] = exist ? sum / exist : -1;
    }
}
