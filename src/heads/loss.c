/* Losses of classification, in double and without overflow for any finite logits. */
#include <math.h>

#include "bit/classify.h"

/* The labels of one image. */
struct target { const int32_t *labels; const float *weights; int count; };

static double weight(const struct target *t, int i)
{
    return t->weights ? (double)t->weights[i] : 1;
}

/* cross entropy = log(sum exp(x)) - x[label], the largest x taken out of the sum; gradient softmax(x) - target. */
static double softmax_hard(const float *x, int classes, int label, double scale, float *d)
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

/* The weight of class k, all its labels added up. */
static double weight_of(const struct target *t, int k)
{
    double sum = 0;
    for (int i = 0; i < t->count; i++)
        if (t->labels[i] == k)
            sum += weight(t, i);
    return sum;
}

static bool named_before(const struct target *t, int i)
{
    for (int j = 0; j < i; j++)
        if (t->labels[j] == t->labels[i])
            return true;
    return false;
}

/* With weights that sum to 1 over several classes: log(sum exp(x)) - sum of weight * x[label]. */
static double softmax_soft(const float *x, int classes, const struct target *t, double scale, float *d)
{
    double top = (double)x[0], sum = 0, mean = 0;
    for (int k = 1; k < classes; k++)
        if ((double)x[k] > top)
            top = (double)x[k];
    for (int k = 0; k < classes; k++)
        sum += exp((double)x[k] - top);
    for (int i = 0; i < t->count; i++)
        mean += weight(t, i) * ((double)x[t->labels[i]] - top);
    if (d) {
        for (int k = 0; k < classes; k++)
            d[k] = (float)(scale * exp((double)x[k] - top) / sum);
        for (int i = 0; i < t->count; i++) {
            int k = t->labels[i];
            if (!named_before(t, i))
                d[k] = (float)(scale * (exp((double)x[k] - top) / sum - weight_of(t, k)));
        }
    }
    return log(sum) - mean;
}

/* A label that has all the weight is a hard one, whatever else stands beside it with a weight of zero. */
static double softmax_image(const float *x, int classes, const struct target *t, double scale, float *d)
{
    if (!t->weights)
        return softmax_hard(x, classes, t->labels[0], scale, d);
    for (int i = 0; i < t->count; i++)
        if (weight(t, i) > 0 && weight_of(t, t->labels[i]) == 1)
            return softmax_hard(x, classes, t->labels[i], scale, d);
    return softmax_soft(x, classes, t, scale, d);
}

static double logistic(double x)
{
    double e = exp(-fabs(x));
    return x < 0 ? e / (1 + e) : 1 / (1 + e);
}

/* Sum over classes of log(1 + exp(x)) - target x; gradient logistic(x) - target. */
static double sigmoid_image(const float *x, int classes, const struct target *t, double scale, float *d)
{
    double loss = 0;
    for (int k = 0; k < classes; k++) {
        double v = (double)x[k];
        loss += (v > 0 ? v : 0) + log1p(exp(-fabs(v)));
        if (d)
            d[k] = (float)(scale * logistic(v));
    }
    for (int i = 0; i < t->count; i++) {
        if (named_before(t, i))
            continue;
        double v = (double)x[t->labels[i]], part = t->weights ? weight_of(t, t->labels[i]) : 1;
        loss -= part * v;
        if (d) /* a whole target without cancelling */
            d[t->labels[i]] = (float)(part == 1 ? -scale * logistic(-v) : scale * (logistic(v) - part));
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
        const struct target t = {targets->labels + first, targets->weights ? targets->weights + first : NULL, end - first};
        losses[i] = (loss == BIT_SOFTMAX ? softmax_image : sigmoid_image)(x, classes, &t, scale, d);
    }
}
