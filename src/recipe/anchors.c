/* Do the anchors of a detection suit the boxes of its data? */
#include <math.h>
#include <string.h>

#include "bit/recipe.h"

/* Maps of the network for images of `size` pixels: each level's cells are half of those of the level below, rounded up. */
static void anchors_of(const struct bit_detect *detect, int size, struct bit_anchors *anchors)
{
    int cells[BIT_PYRAMID_LEVELS];
    for (int l = 0, at = size / 8; l < BIT_PYRAMID_LEVELS; l++, at = (at + 1) / 2)
        cells[l] = at;
    bit_anchors_init(anchors, cells, cells, detect->anchor_scale, detect->octaves, detect->ratios, detect->ratio_count);
}

/* The cell of `count` whose centre is nearest. */
static int nearest(double at, double stride, int count)
{
    double cell = floor(at / stride);
    return cell < 0 ? 0 : cell > count - 1 ? count - 1 : (int)cell;
}

/* The best overlap of a box with any anchor: of each shape the one of the nearest cell overlaps most. */
static double best_overlap(const struct bit_anchors *a, const struct bit_box *box)
{
    double best = 0;
    for (int l = 0; l < BIT_PYRAMID_LEVELS; l++) {
        double stride = 1 << (l + BIT_PYRAMID_FIRST);
        int column = nearest((box->x1 + box->x2) / 2, stride, a->width[l]), row = nearest((box->y1 + box->y2) / 2, stride, a->height[l]);
        for (int s = 0; s < a->shapes; s++) {
            struct bit_box anchor = bit_anchor_box(a, a->first[l] + (row * a->width[l] + column) * a->shapes + s);
            best = fmax(best, bit_box_overlap(&anchor, box));
        }
    }
    return best;
}

struct bit_box_counts bit_recipe_anchors(const struct bit_job *job, const struct bit_index *index)
{
    union bit_any_head head;
    struct bit_model_options options;
    struct bit_anchors anchors;
    struct bit_box_counts counts = {0};
    bit_recipe_model(job, bit_index_classes(index), 1, true, &head, &options);
    anchors_of(&head.detect, job->data.size, &anchors);
    for (uint64_t i = 0; i < bit_index_images(index); i++) {
        struct bit_index_boxes b;
        bit_index_boxes(index, i, &b);
        double scale = b.width && b.height ? (double)job->data.size / (b.width > b.height ? b.width : b.height) : 0;
        for (int k = 0; k < b.count && scale > 0; k++) {
            const double *x = b.boxes[k];
            struct bit_box box = {x[0] * scale, x[1] * scale, (x[0] + x[2]) * scale, (x[1] + x[3]) * scale};
            if (b.flags[k] & BIT_BOX_CROWD)
                continue;
            counts.boxes++;
            if (box.x2 - box.x1 < 1 || box.y2 - box.y1 < 1)
                counts.tiny++;
            else
                counts.missed += best_overlap(&anchors, &box) < head.detect.match.positive;
        }
    }
    return counts;
}
