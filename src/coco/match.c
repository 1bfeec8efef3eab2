#include "coco/match.h"

#include <string.h>

#include "bit/memory.h"

/* np.linspace(.5, .95, 10), rounding included: the ninth is not 0.9. */
const double bit_coco_thresholds[BIT_COCO_THRESHOLDS] = {0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0x1.cccccccccccccp-1, 0.95};
/* All, small, medium, large: both ends belong to a range. */
static const double areas[BIT_COCO_AREAS][2] = {{0, 1e10}, {0, 1024}, {1024, 9216}, {9216, 1e10}};

void bit_coco_space_free(struct bit_coco_space *space)
{
    bit_free(space->overlaps);
    bit_free(space->taken);
    bit_free(space->ignored);
    *space = (struct bit_coco_space){0};
}

static int make_room(struct bit_coco_space *s, size_t truths, size_t results, struct bit_error *error)
{
    if (truths > s->truths_room) {
        bit_free(s->taken);
        bit_free(s->ignored);
        s->ignored = NULL;
        s->truths_room = 0;
        if (!(s->taken = bit_allocate(truths, 2, "objects of an image", error)) ||
            !(s->ignored = bit_allocate(truths, 2, "objects of an image", error)))
            return -1;
        s->truths_room = 2 * truths;
    }
    if (truths * results > s->overlaps_room) {
        bit_free(s->overlaps);
        s->overlaps_room = 0;
        if (!(s->overlaps = bit_allocate(2 * truths * results, sizeof(double), "overlaps of an image", error)))
            return -1;
        s->overlaps_room = 2 * truths * results;
    }
    return 0;
}

/* Each operation in this order, in double: an overlap may stand exactly on a threshold. */
static double overlap(const double d[4], const double g[4], bool crowd)
{
    double right_d = d[2] + d[0], right_g = g[2] + g[0], low_d = d[3] + d[1], low_g = g[3] + g[1];
    double w = (right_d < right_g ? right_d : right_g) - (d[0] > g[0] ? d[0] : g[0]);
    double h = (low_d < low_g ? low_d : low_g) - (d[1] > g[1] ? d[1] : g[1]);
    if (!(w > 0 && h > 0))
        return 0;
    double inside = w * h, area = d[2] * d[3];
    return inside / (crowd ? area : (area + g[2] * g[3]) - inside);
}

static bool is_outside(double area, int range)
{
    return area < areas[range][0] || area > areas[range][1];
}

/* The object that a result of these overlaps takes, of those that are ignored or those that are not: the last of the highest; -1: none. */
static long find(const double *overlaps, const struct bit_coco_box *const *truths, size_t count, const struct bit_coco_space *s,
                 bool ignored, double least)
{
    long best = -1;
    for (size_t g = 0; g < count; g++)
        if (s->ignored[g] == ignored && (!s->taken[g] || truths[g]->is_crowd) && overlaps[g] >= least) {
            best = (long)g;
            least = overlaps[g];
        }
    return best;
}

/* All results at one threshold and area range, greedily in their order. */
static void assign(const struct bit_coco_box *const *truths, size_t truth_count, const struct bit_coco_result *const *results,
                   size_t result_count, struct bit_coco_space *s, struct bit_coco_entry *entries, int area, int threshold)
{
    uint64_t bit = 1ULL << (area * BIT_COCO_THRESHOLDS + threshold);
    double least = bit_coco_thresholds[threshold];
    if (truth_count)
        memset(s->taken, 0, truth_count);
    for (size_t r = 0; r < result_count; r++) {
        const double *overlaps = s->overlaps + r * truth_count;
        long took = find(overlaps, truths, truth_count, s, false, least);
        if (took < 0)
            took = find(overlaps, truths, truth_count, s, true, least);
        if (took >= 0)
            s->taken[took] = 1;
        /* An object of id 0 is taken, and yet looks to the usual tool as if nothing had been. */
        bool hit = took >= 0 && truths[took]->id != 0;
        bool is_void = (took >= 0 && s->ignored[took]) || (!hit && is_outside(results[r]->box[2] * results[r]->box[3], area));
        entries[r].hit |= hit ? bit : 0;
        entries[r].is_void |= is_void ? bit : 0;
    }
}

int bit_coco_match(const struct bit_coco_box *const *truths, size_t truth_count, const struct bit_coco_result *const *results,
                   size_t result_count, struct bit_coco_space *space, struct bit_coco_entry *entries, uint64_t wanted[BIT_COCO_AREAS],
                   struct bit_error *error)
{
    if (make_room(space, truth_count, result_count, error))
        return -1;
    for (size_t r = 0; r < result_count; r++) {
        entries[r] = (struct bit_coco_entry){.score = results[r]->score, .rank = (uint32_t)r};
        for (size_t g = 0; g < truth_count; g++)
            space->overlaps[r * truth_count + g] = overlap(results[r]->box, truths[g]->box, truths[g]->is_crowd);
    }
    for (int area = 0; area < BIT_COCO_AREAS; area++) {
        for (size_t g = 0; g < truth_count; g++) {
            space->ignored[g] = truths[g]->is_crowd || is_outside(truths[g]->area, area);
            wanted[area] += !space->ignored[g];
        }
        for (int t = 0; t < BIT_COCO_THRESHOLDS; t++)
            assign(truths, truth_count, results, result_count, space, entries, area, t);
    }
    return 0;
}
