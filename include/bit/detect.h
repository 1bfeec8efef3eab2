/* Detection: RetinaNet (Lin et al., "Focal loss for dense object detection", 2017) over the backbone's blocks 2 to 4. A feature pyramid of
 * five levels P3 to P7 (strides 8 to 128), a class net and a box net that all levels share, anchors, focal loss and smooth L1, and from
 * outputs to boxes. Boxes are in pixels of the network's input, from its upper left corner, continuous (a box's width is x2 - x1). */
#ifndef BIT_DETECT_H
#define BIT_DETECT_H

#include "bit/head.h"
#include "bit/kernels.h"

enum { BIT_PYRAMID_FIRST = 3, BIT_PYRAMID_LEVELS = 5, BIT_ANCHOR_SHAPES = 32, BIT_ANCHOR_RATIOS = 8 };

/* ---- anchors ---- */

/* The anchors of one image: level, then row, column, shape. Level i (of 0 to 4) has a stride of 2^(i + 3) pixels; the centre of a cell's
 * anchors is the cell's. Corners are neither rounded nor clipped. */
struct bit_anchors {
    int height[BIT_PYRAMID_LEVELS], width[BIT_PYRAMID_LEVELS]; /* cells */
    int first[BIT_PYRAMID_LEVELS + 1]; /* number of each level's first anchor; the last: all of them */
    int shapes;                        /* a cell: octave, then ratio */
    double shape_width[BIT_ANCHOR_SHAPES], shape_height[BIT_ANCHOR_SHAPES]; /* in strides */
};
/* Sides are scale * stride * 2^(o / octaves), ratios are height / width at an equal area. At most BIT_ANCHOR_SHAPES shapes. height, width:
 * cells of each level. */
void bit_anchors_init(struct bit_anchors *anchors, const int *height, const int *width, double scale, int octaves, const double *ratios,
                      int ratio_count);
struct bit_box bit_anchor_box(const struct bit_anchors *anchors, int number);

/* A box as seen from an anchor: centre moved by dx widths and dy heights, width and height times e^dw, e^dh; and back, where dw and dh
 * count for at most log(1000 / 16). */
void bit_box_encode(const struct bit_box *anchor, const struct bit_box *box, double delta[4]);
struct bit_box bit_box_decode(const struct bit_box *anchor, const double delta[4]);
/* Intersection over union, 0 where they do not meet. */
double bit_box_overlap(const struct bit_box *a, const struct bit_box *b);

/* ---- which anchor is to find which box ---- */

enum { BIT_MATCH_BACKGROUND = -1, BIT_MATCH_IGNORED = -2 };

/* match[anchor] = number of the box it overlaps most (the first of equals) if by `positive` or more; ignored if by `negative` or more; else
 * background. Then boxes in order: each takes the anchor that it overlaps most - by llround(overlap 2^20), then by the smallest
 * llround(16 squared distance of centres), then the first - unless an earlier box took it so. `best`: room for a double an anchor. Local. */
struct bit_match_options { double positive, negative; };
void bit_match(const struct bit_anchors *anchors, const struct bit_match_options *options, const struct bit_box *boxes, int count,
               int32_t *match, double *best);

/* Smooth L1 of one difference: d^2 / (2 beta) below beta, |d| - beta / 2 above; beta 0: |d|. *slope: its derivative. */
double bit_smooth_l1(double difference, double beta, double *slope);

/* ---- from outputs to boxes ---- */

struct bit_detection { int32_t label; float logit; double score; struct bit_box box; };

struct bit_detection_options {
    double score;                 /* pairs of anchor and class with a lower or equal one are no candidates */
    int candidates;               /* of each level: those with the largest logits */
    double overlap;               /* of two boxes of one class above which the worse one is dropped */
    int most;                     /* boxes of an image */
};
/* Boxes of one image, best first. logits[level][cells, shapes, classes], deltas[level][cells, shapes, 4]; boxes are clipped to width x height.
 * Equal logits: in the order of levels, then of anchors and classes. found: room for options->most. Returns their number, or -1 for lack
 * of memory. *candidates (or NULL): how many there were. Local. */
int bit_detections(const struct bit_anchors *anchors, const struct bit_detection_options *options, int classes,
                   const float *const logits[BIT_PYRAMID_LEVELS], const float *const deltas[BIT_PYRAMID_LEVELS], double width,
                   double height, struct bit_detection *found, int *candidates, struct bit_error *error);

#endif
