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

/* ---- the head ---- */

/* Where P6 comes from: P5, before its norm; or C5. */
enum bit_p6 { BIT_P6_FROM_P5, BIT_P6_FROM_C5 };

/* Settings; bit_detect_init gives the usual ones, to be changed before the first use. Whether C3 to C5 are taken behind norm and ReLU stands in
 * head.activated. */
struct bit_detect {
    struct bit_head head;
    int classes;
    int channels;                 /* of the pyramid and both nets; a multiple of 32 with group norm */
    int layers;                   /* 3x3 convolutions of each net before the one that predicts; 1 to 8 */
    bool group_norm;              /* of 32 groups, with gamma and beta a level; else no norm */
    enum bit_p6 p6;
    double anchor_scale;
    int octaves, ratio_count;
    double ratios[BIT_ANCHOR_RATIOS];
    struct bit_match_options match;
    struct bit_focal_options focal;
    double box_beta, box_weight;  /* of smooth L1 */
    double prior;                 /* score of every class in the beginning */
    struct bit_detection_options detections;
};
void bit_detect_init(struct bit_detect *detect, int classes);

/* What the last loss found in an image: sums over its anchors, not divided by anything. */
struct bit_detect_loss { double focal, box; uint64_t positives; };
/* `call` is that of a model whose head is a struct bit_detect. An array of call->images, those of the loss filled. */
const struct bit_detect_loss *bit_detect_losses(const struct bit_head_call *call);
/* Outputs of the last forward pass, until the loss of a training pass: [images, height, width, shapes, classes or 4], and the pyramid behind
 * its norms, [images, height, width, channels] of the call's type. level: 0 to 4. */
const float *bit_detect_logits(const struct bit_head_call *call, int level);
const float *bit_detect_deltas(const struct bit_head_call *call, int level);
const void *bit_detect_pyramid(const struct bit_head_call *call, int level);
const struct bit_anchors *bit_detect_anchors(const struct bit_head_call *call);
/* What an evaluation keeps of an image: its boxes, best first, in pixels of the image as it is stored. count above detections.most: they could not
 * be found, for lack of memory. */
struct bit_detect_record { uint64_t count; struct bit_detection found[]; };
/* Boxes of an image of the last forward pass, which was none of training: bit_detections of its outputs. */
int bit_detect_boxes(const struct bit_head_call *call, int image, double width, double height, struct bit_detection *found,
                     struct bit_error *error);

#endif
