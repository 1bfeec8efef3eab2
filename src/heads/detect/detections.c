/* From outputs to boxes: the best pairs of anchor and class of each level, decoded; of each class those that overlap a better one too much
 * are dropped. */
#include <math.h>
#include <stdlib.h>

#include "bit/detect.h"
#include "bit/memory.h"

/* A pair of anchor and class: number = anchor in its level * classes + class. */
struct pair { float logit; int level; uint64_t number; }; /* 64 bits: a level's anchors times many classes pass 32 */

static int before(const struct pair *a, const struct pair *b)
{
    if (a->logit != b->logit)
        return a->logit > b->logit ? -1 : 1;
    if (a->level != b->level)
        return a->level < b->level ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

static int compare_pairs(const void *a, const void *b)
{
    return before(a, b);
}

/* A heap with the worst pair on top, which the next better one replaces. */
static void sift_down(struct pair *heap, int count, int at)
{
    for (int child = 2 * at + 1; child < count; at = child, child = 2 * at + 1) {
        if (child + 1 < count && before(&heap[child], &heap[child + 1]) < 0)
            child++;
        if (before(&heap[at], &heap[child]) >= 0)
            return;
        const struct pair swap = heap[at];
        heap[at] = heap[child];
        heap[child] = swap;
    }
}

/* The best `most` pairs of a level with logits above `limit`, in any order. */
static int best_of_level(const float *logits, size_t count, int level, float limit, int most, struct pair *heap)
{
    int kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (!(logits[i] > limit))
            continue;
        const struct pair pair = {logits[i], level, i};
        if (kept < most) {
            heap[kept++] = pair;
            for (int at = kept / 2 - 1; kept == most && at >= 0; at--)
                sift_down(heap, kept, at);
        } else if (before(&pair, &heap[0]) < 0) {
            heap[0] = pair;
            sift_down(heap, kept, 0);
        }
    }
    return kept;
}

/* The largest float32 whose score does not exceed the limit's. */
static float logit_of(double score)
{
    const double logit = log(score / (1 - score));
    float limit = (float)logit;
    if ((double)limit > logit)
        limit = nextafterf(limit, -INFINITY);
    return limit;
}

/* NaN, too, becomes a place in the image. */
static double inside(double value, double most)
{
    return !(value > 0) ? 0 : value > most ? most : value;
}

static struct bit_detection detection_of(const struct bit_anchors *anchors, const struct pair *p, int classes,
                                         const float *const deltas[BIT_PYRAMID_LEVELS], double width, double height)
{
    const uint64_t anchor = p->number / (uint64_t)classes;
    const struct bit_box from = bit_anchor_box(anchors, anchors->first[p->level] + (int)anchor);
    const float *d = deltas[p->level] + anchor * 4;
    const struct bit_box box = bit_box_decode(&from, (const double[4]){(double)d[0], (double)d[1], (double)d[2], (double)d[3]});
    return (struct bit_detection){
        .label = (int32_t)(p->number % (uint64_t)classes), .logit = p->logit, .score = 1 / (1 + exp(-(double)p->logit)),
        .box = {inside(box.x1, width), inside(box.y1, height), inside(box.x2, width), inside(box.y2, height)}};
}

static bool overlaps_a_better_one(const struct bit_detection *found, int count, const struct bit_detection *next, double most)
{
    for (int i = 0; i < count; i++)
        if (found[i].label == next->label && bit_box_overlap(&found[i].box, &next->box) > most)
            return true;
    return false;
}

int bit_detections(const struct bit_anchors *anchors, const struct bit_detection_options *options, int classes,
                   const float *const logits[BIT_PYRAMID_LEVELS], const float *const deltas[BIT_PYRAMID_LEVELS], double width,
                   double height, struct bit_detection *found, int *candidates, struct bit_error *error)
{
    struct pair *pairs = bit_allocate((size_t)options->candidates * BIT_PYRAMID_LEVELS, sizeof *pairs, "candidates of an image", error);
    const float limit = logit_of(options->score);
    int count = 0, kept = 0;
    if (!pairs)
        return -1;
    for (int l = 0; l < BIT_PYRAMID_LEVELS; l++)
        count += best_of_level(logits[l], (size_t)(anchors->first[l + 1] - anchors->first[l]) * (size_t)classes, l, limit,
                               options->candidates, pairs + count);
    qsort(pairs, (size_t)count, sizeof *pairs, compare_pairs);
    for (int i = 0; i < count && kept < options->most; i++) {
        const struct bit_detection next = detection_of(anchors, &pairs[i], classes, deltas, width, height);
        if (!overlaps_a_better_one(found, kept, &next, options->overlap))
            found[kept++] = next;
    }
    if (candidates)
        *candidates = count;
    bit_free(pairs);
    return kept;
}
