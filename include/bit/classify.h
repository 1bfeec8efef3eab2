/* The head that tells classes apart: one linear layer from the pooled features to a logit a class. */
#ifndef BIT_CLASSIFY_H
#define BIT_CLASSIFY_H

#include "bit/head.h"

enum bit_loss { BIT_SOFTMAX, BIT_SIGMOID };

struct bit_classify {
    struct bit_head head;
    int classes;
    enum bit_loss loss;
    double bias;         /* each bias to begin with */
};

/* bias NaN: the loss's default (softmax 0, sigmoid -10). Its parameters are resnet/head/conv2d/kernel [1, 1, channels,
 * classes], zero to begin with, and resnet/head/conv2d/bias [classes]. Metrics: top1 and top5, the shares of images one of
 * whose labels has the largest logit, or one of the five largest (of equal logits the lower class comes first). */
void bit_classify_init(struct bit_classify *classify, int classes, enum bit_loss loss, double bias);

/* The logits of the last forward pass, [images, classes]. */
const float *bit_classify_logits(const struct bit_head_call *call);

/* Losses of `images` rows, and gradients with respect to the logits scaled by `scale`; d_logits may be NULL.
 * softmax: cross entropy with the labels' weights as the target (they sum to 1; without weights the first label has all);
 * sigmoid: binary cross entropy summed over classes (a label named twice: without weights counts once, with weights they add
 * up). Without weights the bits are those of weights of 1. Local. */
void bit_loss_compute(enum bit_loss loss, const float *logits, int images, int classes,
                      const struct bit_targets *targets, double scale, double *losses, float *d_logits);

#endif
