/* Losses of a match: focal loss of the logits, smooth L1 of the box targets. */
#include "heads/detect/net.h"

#include <math.h>
#include <string.h>

double bit_smooth_l1(double difference, double beta, double *slope)
{
    const double size = fabs(difference);
    if (size < beta) {
        *slope = difference / beta;
        return 0.5 * difference * difference / beta;
    }
    *slope = difference > 0 ? 1 : difference < 0 ? -1 : 0;
    return size - 0.5 * beta;
}

/* ---- of a micro-batch ---- */

/* One image's slice of anchors. */
struct slice {
    const struct net *net;
    const struct bit_head_call *call;
    const struct bit_box *boxes;
    const int32_t *labels, *match;
    double scale;                 /* of gradients */
    bool training;
};

/* What stands for anchors [first, first + count) of a level in the two outputs of an image. */
static float *outputs_of(const struct slice *s, int net, int image, int level, int first)
{
    const size_t each = (size_t)net_outputs(s->net->detect, net) / (size_t)s->net->anchors.shapes;
    return net_output(s->net, s->call, net, level) +
           (size_t)image * s->net->cells[level] * (size_t)net_outputs(s->net->detect, net) + (size_t)first * each;
}

static void box_loss(const struct slice *s, int anchor, float *deltas, struct bit_detect_loss *sum)
{
    const struct bit_detect *d = s->net->detect;
    const struct bit_box box = bit_anchor_box(&s->net->anchors, anchor);
    double target[4], slope;
    bit_box_encode(&box, &s->boxes[s->match[anchor]], target);
    for (int k = 0; k < 4; k++) {
        sum->box += bit_smooth_l1((double)deltas[k] - target[k], d->box_beta, &slope);
        if (s->training)
            deltas[k] = (float)(s->scale * d->box_weight * slope);
    }
}

/* A run of logits of one target, whose gradients take their place. */
static void focal_loss(const struct slice *s, bool target, float *logits, size_t count, struct bit_detect_loss *sum)
{
    sum->focal += bit_focal(&s->net->detect->focal, target, logits, count, s->scale, s->training ? logits : NULL);
}

/* Anchors [first, end) of all, which are of one level. Runs of background are gone through at one go. */
static void slice_loss(const struct slice *s, int image, int level, int first, int end, struct bit_detect_loss *sum)
{
    const size_t classes = (size_t)s->net->detect->classes;
    const int start = s->net->anchors.first[level];
    float *logits = outputs_of(s, CLASS_NET, image, level, first - start), *deltas = outputs_of(s, BOX_NET, image, level, first - start);
    for (int a = first; a < end;) {
        const int kind = s->match[a], from = a;
        for (a++; kind < 0 && a < end && s->match[a] == kind;)
            a++;
        const size_t run = (size_t)(a - from);
        if (kind == BIT_MATCH_IGNORED && s->training)
            memset(logits, 0, run * classes * sizeof *logits);
        if (kind == BIT_MATCH_BACKGROUND)
            focal_loss(s, false, logits, run * classes, sum);
        if (kind >= 0) {
            const size_t label = (size_t)s->labels[kind];
            focal_loss(s, false, logits, label, sum);
            focal_loss(s, true, logits + label, 1, sum);
            focal_loss(s, false, logits + label + 1, classes - label - 1, sum);
            box_loss(s, from, deltas, sum);
            sum->positives++;
        } else if (s->training) {
            memset(deltas, 0, run * 4 * sizeof *deltas);
        }
        logits += run * classes;
        deltas += run * 4;
    }
}

/* Anchors [first, first + LOSS_SLICE) of an image, whatever their levels. */
static void numbered_slice(const struct slice *s, int image, int first, struct bit_detect_loss *sum)
{
    const int *start = s->net->anchors.first, all = start[BIT_PYRAMID_LEVELS], end = all - first < LOSS_SLICE ? all : first + LOSS_SLICE;
    *sum = (struct bit_detect_loss){0};
    for (int l = 0; l < BIT_PYRAMID_LEVELS; l++) {
        const int from = first > start[l] ? first : start[l], to = end < start[l + 1] ? end : start[l + 1];
        if (from < to)
            slice_loss(s, image, l, from, to, sum);
    }
}

static struct slice slice_of(const struct net *n, const struct bit_head_call *call, const struct bit_targets *targets, int image, double scale)
{
    const int32_t from = targets->label_start[image];
    return (struct slice){.net = n, .call = call, .boxes = targets->boxes + from, .labels = targets->labels + from,
                          .match = (int32_t *)net_at(call, n->match) + (size_t)image * (size_t)n->anchors.first[BIT_PYRAMID_LEVELS],
                          .scale = scale, .training = call->training};
}

static void match_image(const struct net *n, const struct bit_head_call *call, const struct bit_targets *targets, int image)
{
    const size_t anchors = (size_t)n->anchors.first[BIT_PYRAMID_LEVELS], at = (size_t)image * anchors;
    const int32_t from = targets->label_start[image];
    bit_match(&n->anchors, &n->detect->match, targets->boxes + from, targets->label_start[image + 1] - from,
              (int32_t *)net_at(call, n->match) + at, (double *)net_at(call, n->best) + at);
}

/* Images without a loss have no gradients. */
static void clear_rest(const struct net *n, const struct bit_head_call *call, int images)
{
    for (int net = 0; net < NETS; net++)
        for (int l = 0; l < BIT_PYRAMID_LEVELS; l++) {
            const size_t image = n->cells[l] * (size_t)net_outputs(n->detect, net);
            memset(net_output(n, call, net, l) + (size_t)images * image, 0, (size_t)(call->images - images) * image * sizeof(float));
        }
}

/* Slices are of one size and added in their order, so that threads do not matter. */
void net_loss(const struct bit_head *head, const struct bit_head_call *call, const struct bit_targets *targets, int images, double scale,
              double *losses)
{
    const struct net *n = call->state;
    const int slices = n->anchors.first[BIT_PYRAMID_LEVELS] / LOSS_SLICE + 1;
    struct bit_detect_loss *parts = net_at(call, n->slices), *sums = net_at(call, n->losses);
    (void)head;
#pragma omp parallel for schedule(dynamic) num_threads(n->threads)
    for (int i = 0; i < images; i++)
        match_image(n, call, targets, i);
#pragma omp parallel for schedule(dynamic) num_threads(n->threads)
    for (int i = 0; i < images * slices; i++) {
        const struct slice s = slice_of(n, call, targets, i / slices, scale);
        numbered_slice(&s, i / slices, i % slices * LOSS_SLICE, &parts[i]);
    }
    for (int i = 0; i < images; i++) {
        sums[i] = (struct bit_detect_loss){0};
        for (int k = 0; k < slices; k++) {
            sums[i].focal += parts[i * slices + k].focal;
            sums[i].box += parts[i * slices + k].box;
            sums[i].positives += parts[i * slices + k].positives;
        }
        losses[i] = sums[i].focal + n->detect->box_weight * sums[i].box;
    }
    if (call->training)
        clear_rest(n, call, images);
}
