/* Average precision: objects and results are sorted into cells of one category and image, matched there, and summed up by category. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bit/memory.h"
#include "coco/ids.h"
#include "coco/kept.h"
#include "coco/match.h"

enum { LEVELS = 101, LIMITS = 3, SETTINGS = BIT_COCO_AREAS * BIT_COCO_THRESHOLDS };
static const uint32_t limits[LIMITS] = {1, 10, BIT_COCO_RESULTS_MOST};

const char *const bit_coco_number_names[BIT_COCO_NUMBERS] = {"AP", "AP50", "AP75", "APs", "APm", "APl",
                                                             "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"};

/* Where an object or result belongs. `place`: its number in the file. */
struct placed { uint32_t category, image; size_t place; const void *what; };

struct scoring {
    const struct bit_coco *truth;
    const struct bit_coco_results *given;
    bool class_agnostic;
    struct bit_known *images;
    int64_t *categories;          /* ascending */
    size_t category_count;
    struct placed *truths, *results; /* by category, image, and then: of objects the place, of results the falling score and the place */
    size_t truth_count, result_count;
    struct bit_coco_entry *entries;  /* of one category */
    double *precisions;              /* room for as many */
    struct bit_coco_space space;
    struct bit_coco_scores *scores;
    struct bit_coco_kept *kept;      /* or NULL */
    double sums[BIT_COCO_NUMBERS];   /* over the categories that exist, and how many these are */
    uint64_t exist[BIT_COCO_AREAS];
};

/* ---- order ---- */

static int compare_ids(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int compare_cells(const struct placed *x, const struct placed *y)
{
    if (x->category != y->category)
        return x->category < y->category ? -1 : 1;
    return (x->image > y->image) - (x->image < y->image);
}

static int compare_truths(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    int order = compare_cells(x, y);
    return order ? order : (x->place > y->place) - (x->place < y->place);
}

static int compare_results(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    const struct bit_coco_result *p = x->what, *q = y->what;
    int order = compare_cells(x, y);
    if (!order)
        order = (p->score < q->score) - (p->score > q->score);
    return order ? order : (x->place > y->place) - (x->place < y->place);
}

/* By falling score, equals as they stand: qsort does not keep their order by itself. */
struct keyed { double score; uint64_t at; };
static int compare_keyed(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    int order = (x->score < y->score) - (x->score > y->score);
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

static long find_id(const int64_t *ids, size_t count, int64_t id)
{
    const int64_t *found = count ? bsearch(&id, ids, count, sizeof *ids, compare_ids) : NULL;
    return found ? (long)(found - ids) : -1;
}

static int sort_images(struct scoring *s, struct bit_error *error)
{
    const struct bit_coco *c = s->truth;
    if (!(s->images = bit_known_sort(c->images, c->image_count, sizeof *c->images, error)))
        return -1;
    for (size_t i = 1; i < c->image_count; i++)
        if (s->images[i].id == s->images[i - 1].id)
            return bit_fail(error, BIT_EDATA, "images[%zu] and images[%zu] have the same id, %lld", s->images[i - 1].place, s->images[i].place,
                            (long long)s->images[i].id);
    return 0;
}

/* Categories by ascending id, each once; and their scores, which say nothing yet. */
static int sort_categories(struct scoring *s, struct bit_error *error)
{
    const struct bit_coco *c = s->truth;
    size_t count = 0;
    if (!c->category_count)
        return bit_fail(error, BIT_EDATA, "no categories");
    if (!(s->categories = bit_allocate(c->category_count, sizeof *s->categories, "ids of categories", error)))
        return -1;
    for (size_t i = 0; i < c->category_count; i++)
        s->categories[i] = c->categories[i].id;
    qsort(s->categories, c->category_count, sizeof *s->categories, compare_ids);
    for (size_t i = 0; i < c->category_count; i++)
        if (!count || s->categories[i] != s->categories[count - 1])
            s->categories[count++] = s->categories[i];
    if (s->class_agnostic) {
        s->categories[0] = 1;
        count = 1;
    }
    s->category_count = s->scores->category_count = count;
    if (!(s->scores->categories = bit_allocate(count, sizeof *s->scores->categories, "scores of categories", error)))
        return -1;
    for (size_t i = 0; i < count; i++)
        s->scores->categories[i].id = s->categories[i];
    for (size_t i = 0; i < c->category_count && !s->class_agnostic; i++)
        s->scores->categories[find_id(s->categories, count, c->categories[i].id)].name = c->categories[i].name;
    return 0;
}

/* ---- cells ---- */

static long category_of(const struct scoring *s, int64_t id)
{
    return s->class_agnostic ? 0 : find_id(s->categories, s->category_count, id);
}

/* last[i]: the annotation that is seen in place of annotation i, the last one of its id. */
static int find_last(struct scoring *s, size_t *last, struct bit_error *error)
{
    size_t count = s->truth->box_count;
    struct bit_known *known = bit_known_sort(s->truth->boxes, count, sizeof *s->truth->boxes, error);
    if (!known)
        return -1;
    for (size_t i = count; i-- > 0;) {
        bool again = i + 1 < count && known[i + 1].id == known[i].id;
        last[known[i].place] = again ? last[known[i + 1].place] : known[i].place;
        s->scores->ids_twice += again;
        s->scores->ids_zero += known[i].id == 0;
    }
    bit_free(known);
    return 0;
}

static int place_truths(struct scoring *s, struct bit_error *error)
{
    const struct bit_coco *c = s->truth;
    size_t *last = bit_allocate(c->box_count + 1, sizeof *last, "objects", error);
    s->truths = bit_allocate(c->box_count + 1, sizeof *s->truths, "objects", error);
    if (!last || !s->truths || find_last(s, last, error)) {
        bit_free(last);
        return -1;
    }
    for (size_t i = 0; i < c->box_count; i++) {
        const struct bit_coco_box *box = &c->boxes[last[i]];
        long image = bit_known_find(s->images, s->truth->image_count, box->image), category = category_of(s, box->category);
        s->scores->unlisted_images += image < 0;
        s->scores->unlisted_categories += category < 0;
        if (image >= 0 && category >= 0)
            s->truths[s->truth_count++] = (struct placed){(uint32_t)category, (uint32_t)image, i, box};
    }
    qsort(s->truths, s->truth_count, sizeof *s->truths, compare_truths);
    bit_free(last);
    return 0;
}

static int place_results(struct scoring *s, struct bit_error *error)
{
    if (!(s->results = bit_allocate(s->given->count + 1, sizeof *s->results, "results", error)))
        return -1;
    for (size_t i = 0; i < s->given->count; i++) {
        const struct bit_coco_result *result = &s->given->results[i];
        long image = bit_known_find(s->images, s->truth->image_count, result->image), category = category_of(s, result->category);
        if (image < 0)
            return bit_fail(error, BIT_EDATA, "results[%zu]: image_id %lld is not among the images of the annotations", i,
                            (long long)result->image);
        s->scores->results_dropped += category < 0;
        if (category >= 0)
            s->results[s->result_count++] = (struct placed){(uint32_t)category, (uint32_t)image, i, result};
    }
    qsort(s->results, s->result_count, sizeof *s->results, compare_results);
    return 0;
}

/* ---- one category ---- */

/* A part of the sorted objects and results. */
struct range { size_t truth, truth_end, result, result_end; };

/* Matches the cell at the beginning of the range, which is shortened by it. */
static int match_cell(struct scoring *s, struct range *r, size_t *entries, uint64_t wanted[BIT_COCO_AREAS], struct bit_error *error)
{
    const struct bit_coco_result *results[BIT_COCO_RESULTS_MOST];
    const struct bit_coco_box *few[64], **truths = few;
    uint32_t image = r->truth < r->truth_end ? s->truths[r->truth].image : UINT32_MAX;
    size_t truth_count = 0, result_count = 0;
    if (r->result < r->result_end && s->results[r->result].image < image)
        image = s->results[r->result].image;
    while (r->truth + truth_count < r->truth_end && s->truths[r->truth + truth_count].image == image)
        truth_count++;
    if (truth_count > sizeof few / sizeof *few && !(truths = bit_allocate(truth_count, sizeof *truths, "objects of an image", error)))
        return -1;
    for (size_t i = 0; i < truth_count; i++)
        truths[i] = s->truths[r->truth++].what;
    for (; r->result < r->result_end && s->results[r->result].image == image; r->result++)
        if (result_count < BIT_COCO_RESULTS_MOST)
            results[result_count++] = s->results[r->result].what;
    const uint64_t before = wanted[0];
    int failed = bit_coco_match(truths, truth_count, results, result_count, &s->space, s->entries + *entries, wanted, error);
    for (size_t i = 0; i < result_count; i++)
        s->entries[(*entries)++].image = image;
    if (s->kept && wanted[0] > before)
        s->kept->wanted[s->kept->wanted_count++] = (struct bit_coco_kept_wanted){image, (uint32_t)(wanted[0] - before)};
    if (truths != few)
        bit_free(truths);
    return failed;
}

/* By falling score, equals in the order in which they stand. */
static int sort_entries(struct scoring *s, size_t count, struct bit_error *error)
{
    struct keyed *keys = bit_allocate(count + 1, sizeof *keys, "scores of results", error);
    struct bit_coco_entry *sorted = keys ? bit_allocate(count + 1, sizeof *sorted, "scores of results", error) : NULL;
    if (sorted) {
        for (size_t i = 0; i < count; i++)
            keys[i] = (struct keyed){s->entries[i].score, i};
        qsort(keys, count, sizeof *keys, compare_keyed);
        for (size_t i = 0; i < count; i++)
            sorted[i] = s->entries[keys[i].at];
        memcpy(s->entries, sorted, count * sizeof *sorted);
    }
    bit_free(keys);
    bit_free(sorted);
    return sorted ? 0 : -1;
}

/* The precision that is reached at each of the recall levels, added up; *recall is the last one reached. Recall grows at hits only, and
 * precision falls behind each: hits are all that has to be looked at. */
static double curve(struct scoring *s, size_t count, int setting, uint32_t limit, uint64_t wanted, double *recall)
{
    uint64_t hits = 0, misses = 0, bit = 1ULL << setting;
    for (size_t i = 0; i < count; i++) {
        const struct bit_coco_entry *e = &s->entries[i];
        if (e->rank >= limit || e->is_void & bit)
            continue;
        if (e->hit & bit) {
            hits++;
            s->precisions[hits - 1] = (double)hits / ((double)misses + (double)hits + 0x1p-52);
        } else {
            misses++;
        }
    }
    *recall = (double)hits / (double)wanted;
    for (uint64_t i = hits; i-- > 1;)
        if (s->precisions[i - 1] < s->precisions[i])
            s->precisions[i - 1] = s->precisions[i];
    double sum = 0;
    uint64_t at = 1;
    for (int level = 0; level < LEVELS && hits; level++) {
        double least = level < LEVELS - 1 ? level * 0.01 : 1.0;
        while (at <= hits && (double)at / (double)wanted < least)
            at++;
        if (at > hits)
            break;
        sum += s->precisions[at - 1];
    }
    return sum;
}

/* Curves of a category for an area range: adds to the sums of all categories. */
static void score_area(struct scoring *s, size_t count, int area, uint64_t wanted, struct bit_coco_category_score *score)
{
    double ap = 0, ap50 = 0, ap75 = 0, ar[LIMITS] = {0};
    for (int limit = 0; limit < LIMITS; limit++)
        for (int t = 0; t < BIT_COCO_THRESHOLDS; t++) {
            double recall, sum = curve(s, count, area * BIT_COCO_THRESHOLDS + t, limits[limit], wanted, &recall);
            ar[limit] += recall / BIT_COCO_THRESHOLDS;
            s->scores->precision_sum += sum;
            s->scores->recall_sum += recall;
            if (limit < LIMITS - 1)
                continue;
            ap += sum / (LEVELS * BIT_COCO_THRESHOLDS);
            ap50 = t == 0 ? sum / LEVELS : ap50;
            ap75 = t == 5 ? sum / LEVELS : ap75;
        }
    s->exist[area]++;
    if (area) {
        s->sums[BIT_COCO_AP_SMALL + area - 1] += ap;
        s->sums[BIT_COCO_AR_SMALL + area - 1] += ar[LIMITS - 1];
        return;
    }
    s->sums[BIT_COCO_AP] += ap;
    s->sums[BIT_COCO_AP50] += ap50;
    s->sums[BIT_COCO_AP75] += ap75;
    for (int limit = 0; limit < LIMITS; limit++)
        s->sums[BIT_COCO_AR1 + limit] += ar[limit];
    score->ap = ap;
    score->ap50 = ap50;
    score->ar100 = ar[LIMITS - 1];
}

/* The sorted results of a category, for all sizes of objects. */
static void keep(struct bit_coco_kept *k, const struct bit_coco_entry *entries, size_t count, uint32_t category)
{
    const uint32_t all = (1u << BIT_COCO_THRESHOLDS) - 1;
    for (size_t i = 0; i < count; i++) {
        const struct bit_coco_entry *e = &entries[i];
        k->results[k->result_count++] =
            (struct bit_coco_kept_result){.image = e->image, .hit = (uint32_t)e->hit & all, .is_void = (uint32_t)e->is_void & all,
                                          .ties = i && e[-1].image == e->image && e[-1].score <= e->score};
    }
    k->ends[category] = (struct bit_coco_kept_end){k->result_count, k->wanted_count};
}

static int score_category(struct scoring *s, uint32_t category, struct range *all, struct bit_error *error)
{
    struct bit_coco_category_score *score = &s->scores->categories[category];
    struct range r = {all->truth, all->truth, all->result, all->result};
    uint64_t wanted[BIT_COCO_AREAS] = {0};
    size_t count = 0;
    while (r.truth_end < s->truth_count && s->truths[r.truth_end].category == category)
        r.truth_end++;
    while (r.result_end < s->result_count && s->results[r.result_end].category == category)
        r.result_end++;
    *all = (struct range){.truth = r.truth_end, .result = r.result_end};
    while (r.truth < r.truth_end || r.result < r.result_end)
        if (match_cell(s, &r, &count, wanted, error))
            return -1;
    if (sort_entries(s, count, error))
        return -1;
    if (s->kept)
        keep(s->kept, s->entries, count, category);
    score->ap = score->ap50 = score->ar100 = -1;
    score->truths = wanted[0];
    for (int area = 0; area < BIT_COCO_AREAS; area++)
        if (wanted[area])
            score_area(s, count, area, wanted[area], score);
    return 0;
}

/* ---- all ---- */

static void take_means(struct scoring *s)
{
    for (int n = 0; n < BIT_COCO_NUMBERS; n++) {
        int area = n >= BIT_COCO_AR_SMALL                            ? n - BIT_COCO_AR_SMALL + 1
                   : n >= BIT_COCO_AP_SMALL && n < BIT_COCO_AR1 ? n - BIT_COCO_AP_SMALL + 1
                                                                     : 0;
        s->scores->numbers[n] = s->exist[area] ? s->sums[n] / (double)s->exist[area] : -1;
    }
}

static int make_kept(struct scoring *s, struct bit_error *error)
{
    struct bit_coco_kept *k = s->kept;
    k->category_count = s->category_count;
    k->results = bit_allocate(s->result_count + 1, sizeof *k->results, "results", error);
    k->wanted = bit_allocate(s->truth_count + 1, sizeof *k->wanted, "objects", error);
    k->ends = bit_allocate(s->category_count, sizeof *k->ends, "categories", error);
    return k->results && k->wanted && k->ends ? 0 : -1;
}

static int score_all(struct scoring *s, struct bit_error *error)
{
    struct range all = {0};
    if (sort_images(s, error) || sort_categories(s, error) || place_truths(s, error) || place_results(s, error))
        return -1;
    if (s->kept && make_kept(s, error))
        return -1;
    if (!(s->entries = bit_allocate(s->result_count + 1, sizeof *s->entries, "results", error)) ||
        !(s->precisions = bit_allocate(s->result_count + 1, sizeof *s->precisions, "results", error)))
        return -1;
    for (uint32_t category = 0; category < s->category_count; category++)
        if (score_category(s, category, &all, error))
            return -1;
    take_means(s);
    return 0;
}

int bit_coco_score(const struct bit_coco *truth, const struct bit_coco_results *results, bool class_agnostic,
                   struct bit_coco_scores *scores, struct bit_error *error)
{
    return bit_coco_score_and_keep(truth, results, class_agnostic, scores, NULL, error);
}

int bit_coco_score_and_keep(const struct bit_coco *truth, const struct bit_coco_results *results, bool class_agnostic,
                            struct bit_coco_scores *scores, struct bit_coco_kept *kept, struct bit_error *error)
{
    struct scoring s = {.truth = truth, .given = results, .class_agnostic = class_agnostic, .scores = scores, .kept = kept};
    *scores = (struct bit_coco_scores){0};
    if (kept)
        *kept = (struct bit_coco_kept){0};
    int failed = score_all(&s, error);
    bit_free(s.images);
    bit_free(s.categories);
    bit_free(s.truths);
    bit_free(s.results);
    bit_free(s.entries);
    bit_free(s.precisions);
    bit_coco_space_free(&s.space);
    if (failed) {
        bit_coco_scores_free(scores);
        bit_coco_kept_free(kept);
    }
    return failed;
}

void bit_coco_scores_free(struct bit_coco_scores *scores)
{
    bit_free(scores->categories);
    *scores = (struct bit_coco_scores){0};
}
