/* What classification is judged by: sums of a micro-batch, counters by class, records of images. */
#include "heads/metrics.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "heads/score.h"

static const struct bit_classify *settings(const struct bit_head *head)
{
    return (const struct bit_classify *)head;
}

/* One image: its logits and labels. */
struct image { const float *logits; int classes; const int32_t *labels; int count; };

static struct image image_of(const struct bit_head *head, const struct bit_head_call *call, const struct bit_targets *targets, int i)
{
    const int classes = settings(head)->classes;
    int start = targets->label_start ? targets->label_start[i] : i;
    return (struct image){(const float *)call->work + (size_t)i * (size_t)classes, classes, targets->labels + start,
                          targets->label_start ? targets->label_start[i + 1] - start : 1};
}

static bool has_label(const struct image *image, int k)
{
    for (int i = 0; i < image->count; i++)
        if (image->labels[i] == k)
            return true;
    return false;
}

/* The one of its labels that stands first among the logits; -1: none. */
static int best_label(const struct image *image)
{
    int best = -1, place = 0;
    for (int i = 0; i < image->count; i++) {
        int at = score_place(image->logits, image->classes, &image->labels[i], 1);
        if (best < 0 || at < place)
            best = image->labels[i], place = at;
    }
    return best;
}

/* ---- softmax ---- */

struct softmax { double top, sum; };

static struct softmax softmax_of(const struct image *image)
{
    struct softmax s = {(double)image->logits[0], 0};
    for (int k = 1; k < image->classes; k++)
        s.top = fmax(s.top, (double)image->logits[k]);
    for (int k = 0; k < image->classes; k++)
        s.sum += exp((double)image->logits[k] - s.top);
    return s;
}

static double probability(const struct image *image, const struct softmax *s, int k)
{
    return exp((double)image->logits[k] - s->top) / s->sum;
}

/* Of all its labels together, each counted once. */
static double label_probability(const struct image *image, const struct softmax *s)
{
    double sum = 0;
    for (int i = 0; i < image->count; i++)
        if (!has_label(&(struct image){.labels = image->labels, .count = i}, image->labels[i]))
            sum += exp((double)image->logits[image->labels[i]] - s->top);
    return sum / s->sum;
}

/* The negative logarithm of that, which stays exact where the probability of a single label is too small for a double. */
static double log_loss(const struct image *image, const struct softmax *s)
{
    return image->count == 1 ? log(s->sum) + s->top - (double)image->logits[image->labels[0]] : -log(label_probability(image, s));
}

/* Sum over classes of (probability - target)^2, the labels taken as one class. */
static double brier(const struct image *image, const struct softmax *s)
{
    double missing = 1 - label_probability(image, s), sum = missing * missing;
    for (int k = 0; k < image->classes; k++)
        if (!has_label(image, k)) {
            double p = probability(image, s, k);
            sum += p * p;
        }
    return sum;
}

/* ---- groups ---- */

static float group_best(const struct image *image, const struct bit_class_groups *groups, int g)
{
    float best = -INFINITY;
    for (int i = groups->start[g]; i < groups->start[g + 1]; i++)
        best = !(image->logits[groups->member[i]] <= best) ? image->logits[groups->member[i]] : best;
    return best;
}

/* Place of the image's group among all groups, each by its largest logit; INT_MAX when it is in none. */
static int group_place(const struct image *image, const struct bit_class_groups *groups)
{
    int mine = -1, place = 0;
    for (int g = 0; g < groups->count && mine < 0; g++)
        for (int i = groups->start[g]; i < groups->start[g + 1]; i++)
            if (image->count && groups->member[i] == image->labels[0])
                mine = g;
    if (mine < 0)
        return INT_MAX;
    float best = group_best(image, groups, mine);
    for (int g = 0; g < groups->count; g++) {
        float other = group_best(image, groups, g);
        place += g != mine && (!(other <= best) || (other == best && g < mine));
    }
    return best == best ? place : INT_MAX;
}

/* ---- sums ---- */

void calibration_add(struct calibration_bin *bins, double confidence, bool right)
{
    int b = (int)(confidence * CALIBRATION_BINS);
    b = b < CALIBRATION_BINS ? b : CALIBRATION_BINS - 1;
    if (!(confidence >= 0)) /* NaN */
        return;
    bins[b].images++;
    bins[b].right += right;
    bins[b].confidence += confidence;
}

double calibration_error(const struct calibration_bin *bins)
{
    double sum = 0;
    uint64_t images = 0;
    for (int b = 0; b < CALIBRATION_BINS; b++) {
        sum += fabs((double)bins[b].right - bins[b].confidence);
        images += bins[b].images;
    }
    return images ? sum / (double)images : NAN;
}

void classify_score(const struct bit_head *head, const struct bit_head_call *call, const struct bit_targets *targets, int images, void *sum)
{
    const struct bit_classify *c = settings(head);
    struct classify_sum *s = sum;
    for (int i = 0; i < images; i++) {
        const struct image image = image_of(head, call, targets, i);
        int place = score_place(image.logits, image.classes, image.labels, image.count);
        s->first += place < 1;
        s->five += place < 5;
        if (c->groups) {
            place = group_place(&image, c->groups);
            s->group_first += place < 1;
            s->group_five += place < 5;
        }
        if (c->loss != BIT_SOFTMAX)
            continue;
        const struct softmax all = softmax_of(&image);
        s->nll += log_loss(&image, &all);
        s->brier += brier(&image, &all);
        int first = 0;
        for (int k = 1; k < image.classes; k++)
            first = image.logits[k] > image.logits[first] ? k : first;
        calibration_add(s->bins, probability(&image, &all, first), has_label(&image, first));
    }
}

void classify_merge(const struct bit_head *head, void *sum, const void *other)
{
    struct classify_sum *s = sum;
    const struct classify_sum *more = other;
    (void)head;
    s->first += more->first;
    s->five += more->five;
    s->group_first += more->group_first;
    s->group_five += more->group_five;
    s->nll += more->nll;
    s->brier += more->brier;
    for (int b = 0; b < CALIBRATION_BINS; b++) {
        s->bins[b].images += more->bins[b].images;
        s->bins[b].right += more->bins[b].right;
        s->bins[b].confidence += more->bins[b].confidence;
    }
}

/* ---- counters ---- */

size_t classify_counters(const struct bit_head *head)
{
    return (size_t)settings(head)->classes * CLASS_COUNTERS;
}

static void count_softmax(const struct image *image, uint64_t *counters)
{
    int first = 0;
    for (int k = 1; k < image->classes; k++)
        first = image->logits[k] > image->logits[first] ? k : first;
    bool right = has_label(image, first);
    int label = right ? first : image->count ? image->labels[0] : -1;
    counters[first * CLASS_COUNTERS + CLASS_PREDICTED]++;
    counters[first * CLASS_COUNTERS + CLASS_RIGHT] += right;
    if (label >= 0)
        counters[label * CLASS_COUNTERS + CLASS_LABELLED]++;
}

static void count_sigmoid(const struct image *image, uint64_t *counters)
{
    for (int k = 0; k < image->classes; k++) {
        bool predicted = image->logits[k] >= 0;
        counters[k * CLASS_COUNTERS + CLASS_PREDICTED] += predicted;
    }
    for (int i = 0; i < image->count; i++) {
        int k = image->labels[i];
        if (has_label(&(struct image){.labels = image->labels, .count = i}, k)) /* named before */
            continue;
        counters[k * CLASS_COUNTERS + CLASS_LABELLED]++;
        counters[k * CLASS_COUNTERS + CLASS_RIGHT] += image->logits[k] >= 0;
    }
}

void classify_count(const struct bit_head *head, const struct bit_head_call *call, const struct bit_targets *targets, int images,
                    uint64_t *counters)
{
    for (int i = 0; i < images; i++) {
        const struct image image = image_of(head, call, targets, i);
        (settings(head)->loss == BIT_SOFTMAX ? count_softmax : count_sigmoid)(&image, counters);
    }
}

/* ---- records ---- */

size_t classify_record_bytes(const struct bit_head *head)
{
    const struct bit_classify *c = settings(head);
    size_t logits = (size_t)c->classes * sizeof(float) + ((size_t)c->classes + 7) / 8;
    return (sizeof(struct bit_classify_record) + (c->keeps_logits ? logits : 0) + 7) / 8 * 8;
}

bool classify_needs_records(const struct bit_head *head)
{
    return settings(head)->keeps_logits;
}

/* Whether logit k stands before logit j. */
static bool stands_before(const float *logits, int k, int j)
{
    bool nan_k = logits[k] != logits[k], nan_j = logits[j] != logits[j];
    if (nan_k || nan_j)
        return nan_k && (!nan_j || k < j);
    return logits[k] > logits[j] || (logits[k] == logits[j] && k < j);
}

static void keep_top(const struct image *image, struct bit_classify_record *r)
{
    for (int k = 0; k < image->classes; k++) {
        int at = r->top_count;
        while (at > 0 && stands_before(image->logits, k, r->top[at - 1]))
            at--;
        if (at == BIT_CLASSIFY_TOP)
            continue;
        r->top_count += r->top_count < BIT_CLASSIFY_TOP;
        for (int i = r->top_count - 1; i > at; i--)
            r->top[i] = r->top[i - 1];
        r->top[at] = k;
    }
}

static double logistic(double x)
{
    return 1 / (1 + exp(-x));
}

void classify_keep(const struct bit_head *head, const struct bit_head_call *call, const struct bit_targets *targets, int image, void *record)
{
    const struct bit_classify *c = settings(head);
    const struct image m = image_of(head, call, targets, image);
    const bool soft = c->loss == BIT_SOFTMAX;
    const struct softmax all = soft ? softmax_of(&m) : (struct softmax){0};
    struct bit_classify_record *r = record;
    keep_top(&m, r);
    for (int i = 0; i < r->top_count; i++)
        r->top_probability[i] = (float)(soft ? probability(&m, &all, r->top[i]) : logistic((double)m.logits[r->top[i]]));
    r->label = best_label(&m);
    r->place = score_place(m.logits, m.classes, m.labels, m.count);
    if (r->label >= 0)
        r->probability = (float)(soft ? label_probability(&m, &all) : logistic((double)m.logits[r->label]));
    if (!c->keeps_logits)
        return;
    float *logits = (float *)(r + 1);
    uint8_t *bits = (uint8_t *)(logits + m.classes);
    memcpy(logits, m.logits, (size_t)m.classes * sizeof *logits);
    for (int i = 0; i < m.count; i++)
        bits[m.labels[i] / 8] |= (uint8_t)(1 << m.labels[i] % 8);
}
