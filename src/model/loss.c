/* Losses, in double and without overflow for any finite logits. */
#include <math.h>

#include "bit/model.h"

/* cross entropy = log(sum exp(x)) - x[label], the largest x taken out of the sum; gradient softmax(x) - target. */
static double softmax_image(const float *x, int classes, int label, double scale, float *d)
{
    double top = (double)x[0], sum = 0;
    for (int k = 1; k < classes; k++)
        if ((double)x[k] > top)
            top = (double)x[k];
    for (int k = 0; k < classes; k++)
        sum += exp((double)x[k] - top);
    if (d) {
        for (int k = 0; k < classes; k++)
            d[k] = (float)(scale * exp((double)x[k] - top) / sum);
        double others = 0; /* 1 - softmax of the label without cancelling */
        for (int k = 0; k < classes; k++)
            if (k != label)
                others += exp((double)x[k] - top);
        d[label] = (float)(-scale * others / sum);
    }
    return log(sum) + top - (double)x[label];
}

static double logistic(double x)
{
    double e = exp(-fabs(x));
    return x < 0 ? e / (1 + e) : 1 / (1 + e);
}

static int repeated(const int32_t *labels, int count)
{
    for (int i = 0; i < count; i++)
        if (labels[i] == labels[count])
            return 1;
    return 0;
}

/* Sum over classes of log(1 + exp(x)) - target x; gradient logistic(x) - target. A class named twice counts once. */
static double sigmoid_image(const float *x, int classes, const int32_t *labels, int count, double scale, float *d)
{
    double loss = 0;
    for (int k = 0; k < classes; k++) {
        double v = (double)x[k];
        loss += (v > 0 ? v : 0) + log1p(exp(-fabs(v)));
        if (d)
            d[k] = (float)(scale * logistic(v));
    }
    for (int i = 0; i < count; i++) {
        if (repeated(labels, i))
            continue;
        double v = (double)x[labels[i]];
        loss -= v;
        if (d)
            d[labels[i]] = (float)(-scale * logistic(-v));
    }
    return loss;
}

void bit_loss_compute(enum bit_loss loss, const float *logits, int images, int classes,
                      const struct bit_targets *targets, double scale, double *losses, float *d_logits)
{
#pragma omp parallel for schedule(static) num_threads(bit_compute_thread_count()) if ((double)images * classes > 2000)
    for (int i = 0; i < images; i++) {
        const float *x = logits + (size_t)i * (size_t)classes;
        float *d = d_logits ? d_logits + (size_t)i * (size_t)classes : NULL;
        int first = targets->label_start ? targets->label_start[i] : i;
        int end = targets->label_start ? targets->label_start[i + 1] : i + 1;
        losses[i] = loss == BIT_SOFTMAX ? softmax_image(x, classes, targets->labels[first], scale, d)
                                        : sigmoid_image(x, classes, targets->labels + first, end - first, scale, d);
    }
}
