/* Which anchor is to find which box. Of each level only the cells are looked at whose anchors may meet the box. */
#include <math.h>
#include <stdbool.h>

#include "bit/detect.h"

/* While boxes are looked at, an anchor that box b took stands as FORCED - b. */
enum { FORCED = -3 };

/* The anchor that a box overlaps most, so far. */
struct favourite { long long overlap, distance; int anchor; };

struct search {
    const struct bit_anchors *anchors;
    const struct bit_box *box;
    int number;                   /* of the box */
    int32_t *match;
    double *best;
    struct favourite favourite;
};

/* Cells [*from, *to) of a line of `cells` whose anchors, which reach `half` pixels from the centre, may meet low .. high. */
static void cells_between(double low, double high, double half, double stride, int cells, int *from, int *to)
{
    const double first = floor((low - half) / stride - 0.5), last = ceil((high + half) / stride - 0.5) + 1;
    *from = first > 0 ? first < cells ? (int)first : cells : 0;
    *to = last > 0 ? last < cells ? (int)last : cells : 0;
}

/* Equal overlaps come up by the dozen, where rounding would decide; the nearest centre is no matter of rounding. */
static void compare_favourite(struct search *s, double overlap, const struct bit_box *a, int anchor)
{
    struct favourite *f = &s->favourite;
    const long long rank = llround(overlap * 0x1p20);
    if (rank < f->overlap)
        return;
    const double x = (a->x1 + a->x2) / 2 - (s->box->x1 + s->box->x2) / 2, y = (a->y1 + a->y2) / 2 - (s->box->y1 + s->box->y2) / 2;
    const long long distance = llround(16 * (x * x + y * y));
    if (rank > f->overlap || distance < f->distance) /* anchors come in order: of equals the first stays */
        *f = (struct favourite){rank, distance, anchor};
}

static void look_at_cell(struct search *s, int level, int y, int x)
{
    const struct bit_anchors *a = s->anchors;
    const int first = a->first[level] + (y * a->width[level] + x) * a->shapes;
    const double stride = 1 << (level + BIT_PYRAMID_FIRST), cx = (x + 0.5) * stride, cy = (y + 0.5) * stride;
    for (int shape = 0; shape < a->shapes; shape++) {
        const double w = a->shape_width[shape] * stride / 2, h = a->shape_height[shape] * stride / 2;
        const struct bit_box anchor = {cx - w, cy - h, cx + w, cy + h};
        const double overlap = bit_box_overlap(&anchor, s->box);
        if (!(overlap > 0))
            continue;
        compare_favourite(s, overlap, &anchor, first + shape);
        if (overlap > s->best[first + shape]) {
            s->best[first + shape] = overlap;
            if (s->match[first + shape] > FORCED)
                s->match[first + shape] = s->number;
        }
    }
}

static void look_at_box(struct search *s)
{
    const struct bit_anchors *a = s->anchors;
    double half_width = 0, half_height = 0;
    for (int shape = 0; shape < a->shapes; shape++) {
        half_width = fmax(half_width, a->shape_width[shape] / 2);
        half_height = fmax(half_height, a->shape_height[shape] / 2);
    }
    s->favourite = (struct favourite){-1, 0, -1};
    for (int level = 0; level < BIT_PYRAMID_LEVELS; level++) {
        const double stride = 1 << (level + BIT_PYRAMID_FIRST);
        int from_x, to_x, from_y, to_y;
        cells_between(s->box->x1, s->box->x2, half_width * stride, stride, a->width[level], &from_x, &to_x);
        cells_between(s->box->y1, s->box->y2, half_height * stride, stride, a->height[level], &from_y, &to_y);
        for (int y = from_y; y < to_y; y++)
            for (int x = from_x; x < to_x; x++)
                look_at_cell(s, level, y, x);
    }
}

void bit_match(const struct bit_anchors *anchors, const struct bit_match_options *options, const struct bit_box *boxes, int count,
               int32_t *match, double *best)
{
    const int all = anchors->first[BIT_PYRAMID_LEVELS];
    for (int a = 0; a < all; a++) {
        match[a] = BIT_MATCH_BACKGROUND;
        best[a] = 0;
    }
    struct search s = {.anchors = anchors, .match = match, .best = best};
    for (int b = 0; b < count; b++) {
        s.box = &boxes[b];
        s.number = b;
        look_at_box(&s);
        const int a = s.favourite.anchor;
        if (a >= 0 && match[a] > FORCED)
            match[a] = FORCED - b;
    }
    for (int a = 0; a < all && count; a++)
        if (match[a] <= FORCED)
            match[a] = FORCED - match[a];
        else if (best[a] < options->positive)
            match[a] = best[a] >= options->negative ? BIT_MATCH_IGNORED : BIT_MATCH_BACKGROUND;
}
