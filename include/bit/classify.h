/* The head that tells classes apart: one linear layer from the pooled features to a logit a class. */
#ifndef BIT_CLASSIFY_H
#define BIT_CLASSIFY_H

#include "bit/head.h"

enum bit_loss { BIT_SOFTMAX, BIT_SIGMOID };

/* What classification can be judged by; docs/METRICS.md has the formulas. Softmax first, then both, then sigmoid. */
enum bit_classify_metric {
    BIT_TOP1, BIT_TOP5,
    BIT_RECALL, BIT_F1, BIT_NLL, BIT_BRIER, BIT_ECE,                         /* softmax */
    BIT_TEMPERATURE, BIT_NLL_CALIBRATED, BIT_ECE_CALIBRATED,                 /* softmax: all by the word "temperature" */
    BIT_TOP1_LABELLED, BIT_TOP5_LABELLED,                                    /* softmax: with `groups`, behind the others */
    BIT_MAP, BIT_CP, BIT_CR, BIT_CF1, BIT_OP, BIT_OR, BIT_OF1,               /* sigmoid */
    BIT_CLASSIFY_METRICS
};

/* Classes that are told apart in groups: group g has the classes member[start[g]] to member[start[g + 1] - 1]; a class is in one
 * group or in none. The labels of an image are all of one group. */
struct bit_class_groups { int count; const int32_t *start, *member; };

struct bit_classify {
    struct bit_head head;
    int classes;
    enum bit_loss loss;
    double bias;         /* each bias to begin with */
    double dropout;      /* training: share of the pooled features that are dropped, drawn by (seed, step, image); 0 at first */
    int metric_count;
    enum bit_classify_metric metrics[BIT_METRICS]; /* in the order in which they are reported */
    bool keeps_logits;   /* records hold them: for mAP and for the temperature */
    const struct bit_class_groups *groups; /* or NULL; borrowed */
    double fitted_share; /* of the images, evenly spread: the temperature is fitted to them and judged by the others */
};

/* bias NaN: the loss's default (softmax 0, sigmoid -10). Its parameters are resnet/head/conv2d/kernel [1, 1, channels,
 * classes], zero to begin with, and resnet/head/conv2d/bias [classes]. Metrics: those of "auto"; top1 and top5 are the shares of images
 * one of whose labels has the largest logit, or one of the five largest (of equal logits the lower class comes first). */
void bit_classify_init(struct bit_classify *classify, int classes, enum bit_loss loss, double bias);
/* Chooses the metrics: names with commas between, "auto" for all but what needs every logit of every image (temperature, map), "all".
 * Groups, where there are some, bring two more. -1 (usage): no such name, one of the other loss, or one twice. */
int bit_classify_choose(struct bit_classify *classify, const char *names, const struct bit_class_groups *groups, struct bit_error *error);

/* What is kept of an image. Of softmax, probabilities; of sigmoid, each class's own. Labels that a softmax image has beside its first
 * one are as right as that: their probabilities add up. Behind it stand, with keeps_logits, float logits[classes], and a bit a class:
 * it is a label (bit k % 8 of byte k / 8). */
enum { BIT_CLASSIFY_TOP = 5 };
struct bit_classify_record {
    int32_t label;                           /* of the image's labels the one with the largest logit; -1: none */
    int32_t place;                           /* of it among the logits, from 0 */
    float probability;                       /* of the labels */
    int32_t top_count;                       /* at most the classes */
    int32_t top[BIT_CLASSIFY_TOP];           /* the classes with the largest logits */
    float top_probability[BIT_CLASSIFY_TOP];
};

/* The logits of the last forward pass, [images, classes]. */
const float *bit_classify_logits(const struct bit_head_call *call);

/* Losses of `images` rows, and gradients with respect to the logits scaled by `scale`; d_logits may be NULL.
 * softmax: cross entropy with the labels' weights as the target (they sum to 1; without weights the first label has all);
 * sigmoid: binary cross entropy summed over classes (a label named twice: without weights counts once, with weights they add
 * up). Without weights the bits are those of weights of 1. Local. */
void bit_loss_compute(enum bit_loss loss, const float *logits, int images, int classes,
                      const struct bit_targets *targets, double scale, double *losses, float *d_logits);

#endif
