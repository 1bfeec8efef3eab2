/* Anchors, and boxes as seen from them. */
#include <math.h>

#include "bit/detect.h"

void bit_anchors_init(struct bit_anchors *a, const int *height, const int *width, double scale, int octaves, const double *ratios,
                      int ratio_count)
{
    *a = (struct bit_anchors){.shapes = octaves * ratio_count};
    for (int l = 0; l < BIT_PYRAMID_LEVELS; l++) {
        a->height[l] = height[l];
        a->width[l] = width[l];
        a->first[l + 1] = a->first[l] + height[l] * width[l] * a->shapes;
    }
    for (int s = 0; s < a->shapes; s++) {
        const double side = scale * pow(2, (double)(s / ratio_count) / octaves), root = sqrt(ratios[s % ratio_count]);
        a->shape_width[s] = side / root;
        a->shape_height[s] = side * root;
    }
}

struct bit_box bit_anchor_box(const struct bit_anchors *a, int number)
{
    int level = 0;
    while (number >= a->first[level + 1])
        level++;
    const int shape = (number - a->first[level]) % a->shapes, cell = (number - a->first[level]) / a->shapes;
    const double stride = 1 << (level + BIT_PYRAMID_FIRST);
    const double x = (cell % a->width[level] + 0.5) * stride, y = (cell / a->width[level] + 0.5) * stride;
    const double w = a->shape_width[shape] * stride / 2, h = a->shape_height[shape] * stride / 2;
    return (struct bit_box){x - w, y - h, x + w, y + h};
}

void bit_box_encode(const struct bit_box *a, const struct bit_box *b, double delta[4])
{
    const double w = a->x2 - a->x1, h = a->y2 - a->y1;
    delta[0] = ((b->x1 + b->x2) / 2 - (a->x1 + a->x2) / 2) / w;
    delta[1] = ((b->y1 + b->y2) / 2 - (a->y1 + a->y2) / 2) / h;
    delta[2] = log((b->x2 - b->x1) / w);
    delta[3] = log((b->y2 - b->y1) / h);
}

struct bit_box bit_box_decode(const struct bit_box *a, const double delta[4])
{
    const double most = 4.135166556742356; /* log(1000 / 16): beyond any image, and exp does not overflow */
    const double w = a->x2 - a->x1, h = a->y2 - a->y1;
    const double x = (a->x1 + a->x2) / 2 + delta[0] * w, y = (a->y1 + a->y2) / 2 + delta[1] * h;
    const double half_w = w * exp(delta[2] < most ? delta[2] : most) / 2, half_h = h * exp(delta[3] < most ? delta[3] : most) / 2;
    return (struct bit_box){x - half_w, y - half_h, x + half_w, y + half_h};
}

double bit_box_overlap(const struct bit_box *a, const struct bit_box *b)
{
    const double w = fmin(a->x2, b->x2) - fmax(a->x1, b->x1), h = fmin(a->y2, b->y2) - fmax(a->y1, b->y1);
    if (!(w > 0 && h > 0))
        return 0;
    const double shared = w * h;
    return shared / ((a->x2 - a->x1) * (a->y2 - a->y1) + (b->x2 - b->x1) * (b->y2 - b->y1) - shared);
}
