/* From sums, counters and records to the metrics of classification; and which of them were chosen. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "heads/metrics.h"

enum suits { SUITS_BOTH, SUITS_SOFTMAX, SUITS_SIGMOID };

/* needs_logits: of every image; by_word: chosen by the word of the metric before it. */
static const struct {
    const char *name, *title;
    enum bit_metric_form form;
    bool higher_is_better, needs_logits, by_word;
    enum suits suits;
} known[BIT_CLASSIFY_METRICS] = {
    [BIT_TOP1] = {"top1", "top-1", BIT_METRIC_SHARE, true, false, false, SUITS_BOTH},
    [BIT_TOP5] = {"top5", "top-5", BIT_METRIC_SHARE, true, false, false, SUITS_BOTH},
    [BIT_RECALL] = {"recall", "mean class recall", BIT_METRIC_SHARE, true, false, false, SUITS_SOFTMAX},
    [BIT_F1] = {"f1", "macro F1", BIT_METRIC_SHARE, true, false, false, SUITS_SOFTMAX},
    [BIT_NLL] = {"nll", "NLL", BIT_METRIC_NUMBER, false, false, false, SUITS_SOFTMAX},
    [BIT_BRIER] = {"brier", "Brier", BIT_METRIC_NUMBER, false, false, false, SUITS_SOFTMAX},
    [BIT_ECE] = {"ece", "ECE", BIT_METRIC_SHARE, false, false, false, SUITS_SOFTMAX},
    [BIT_TEMPERATURE] = {"temperature", "temperature", BIT_METRIC_NUMBER, false, true, false, SUITS_SOFTMAX},
    [BIT_NLL_CALIBRATED] = {"nll_calibrated", "NLL calibrated", BIT_METRIC_NUMBER, false, true, true, SUITS_SOFTMAX},
    [BIT_ECE_CALIBRATED] = {"ece_calibrated", "ECE calibrated", BIT_METRIC_SHARE, false, true, true, SUITS_SOFTMAX},
    [BIT_TOP1_LABELLED] = {"top1_labelled", "top-1 among labelled", BIT_METRIC_SHARE, true, false, true, SUITS_SOFTMAX},
    [BIT_TOP5_LABELLED] = {"top5_labelled", "top-5 among labelled", BIT_METRIC_SHARE, true, false, true, SUITS_SOFTMAX},
    [BIT_MAP] = {"map", "mAP", BIT_METRIC_SHARE, true, true, false, SUITS_SIGMOID},
    [BIT_CP] = {"cp", "CP", BIT_METRIC_SHARE, true, false, false, SUITS_SIGMOID},
    [BIT_CR] = {"cr", "CR", BIT_METRIC_SHARE, true, false, false, SUITS_SIGMOID},
    [BIT_CF1] = {"cf1", "CF1", BIT_METRIC_SHARE, true, false, false, SUITS_SIGMOID},
    [BIT_OP] = {"op", "OP", BIT_METRIC_SHARE, true, false, false, SUITS_SIGMOID},
    [BIT_OR] = {"or", "OR", BIT_METRIC_SHARE, true, false, false, SUITS_SIGMOID},
    [BIT_OF1] = {"of1", "OF1", BIT_METRIC_SHARE, true, false, false, SUITS_SIGMOID},
};

static const struct bit_classify *settings(const struct bit_head *head)
{
    return (const struct bit_classify *)head;
}

/* ---- choosing ---- */

static bool suits(const struct bit_classify *c, int metric)
{
    return known[metric].suits == SUITS_BOTH || (known[metric].suits == SUITS_SOFTMAX) == (c->loss == BIT_SOFTMAX);
}

static int add(struct bit_classify *c, int metric, struct bit_error *error)
{
    for (int i = 0; i < c->metric_count; i++)
        if (c->metrics[i] == (enum bit_classify_metric)metric)
            return bit_fail(error, BIT_EUSAGE, "metric %s stands there twice", known[metric].name);
    if (c->metric_count == BIT_METRICS)
        return bit_fail(error, BIT_EUSAGE, "more than %d metrics", BIT_METRICS);
    c->metrics[c->metric_count++] = (enum bit_classify_metric)metric;
    c->keeps_logits |= known[metric].needs_logits;
    return 0;
}

/* A metric with those that its word brings. */
static int add_word(struct bit_classify *c, int metric, struct bit_error *error)
{
    int result = add(c, metric, error);
    for (int m = metric + 1; !result && metric == BIT_TEMPERATURE && m <= BIT_ECE_CALIBRATED; m++)
        result = add(c, m, error);
    return result;
}

static int add_many(struct bit_classify *c, bool all, struct bit_error *error)
{
    int result = 0;
    for (int m = 0; m < BIT_CLASSIFY_METRICS && !result; m++)
        if (suits(c, m) && !known[m].by_word && (all || !known[m].needs_logits))
            result = add_word(c, m, error);
    return result;
}

static int add_named(struct bit_classify *c, const char *name, size_t size, struct bit_error *error)
{
    if (size == 4 && (!strncmp(name, "auto", size)))
        return add_many(c, false, error);
    if (size == 3 && !strncmp(name, "all", size))
        return add_many(c, true, error);
    for (int m = 0; m < BIT_CLASSIFY_METRICS; m++) {
        if (known[m].by_word || strlen(known[m].name) != size || strncmp(known[m].name, name, size))
            continue;
        if (!suits(c, m))
            return bit_fail(error, BIT_EUSAGE, "metric %s is of the loss %s", known[m].name, c->loss == BIT_SOFTMAX ? "sigmoid" : "softmax");
        return add_word(c, m, error);
    }
    return bit_fail(error, BIT_EUSAGE, "no metric \"%.*s\"", (int)size, name);
}

int bit_classify_choose(struct bit_classify *c, const char *names, const struct bit_class_groups *groups, struct bit_error *error)
{
    int result = 0;
    c->metric_count = 0;
    c->keeps_logits = false;
    c->groups = groups;
    for (const char *at = names; !result;) {
        at += strspn(at, " ");
        size_t whole = strcspn(at, ","), size = whole;
        while (size && at[size - 1] == ' ')
            size--;
        result = add_named(c, at, size, error);
        if (!at[whole])
            break;
        at += whole + 1;
    }
    if (!result && groups)
        result = add(c, BIT_TOP1_LABELLED, error) || add(c, BIT_TOP5_LABELLED, error) ? -1 : 0;
    return result;
}

/* ---- sums ---- */

static uint64_t share_count(const struct classify_sum *s, enum bit_classify_metric metric)
{
    switch (metric) {
    case BIT_TOP1: return s->first;
    case BIT_TOP5: return s->five;
    case BIT_TOP1_LABELLED: return s->group_first;
    case BIT_TOP5_LABELLED: return s->group_five;
    default: return BIT_METRIC_UNCOUNTED;
    }
}

static double sum_value(const struct classify_sum *s, enum bit_classify_metric metric, uint64_t images)
{
    uint64_t count = share_count(s, metric);
    if (count != BIT_METRIC_UNCOUNTED)
        return images ? (double)count / (double)images : 0;
    switch (metric) {
    case BIT_NLL: return images ? s->nll / (double)images : NAN;
    case BIT_BRIER: return images ? s->brier / (double)images : NAN;
    case BIT_ECE: return calibration_error(s->bins);
    default: return NAN;
    }
}

/* Of images with several labels the first one is the precision at 1: the arg-max class is among the image's. */
void classify_report(const struct bit_head *head, const void *sum, uint64_t images, struct bit_metrics *metrics)
{
    static const struct classify_sum none;
    const struct bit_classify *c = settings(head);
    *metrics = (struct bit_metrics){.count = c->metric_count};
    for (int i = 0; i < c->metric_count; i++) {
        enum bit_classify_metric metric = c->metrics[i];
        struct bit_metric *m = &metrics->item[i];
        bool is_share = share_count(&none, metric) != BIT_METRIC_UNCOUNTED;
        *m = (struct bit_metric){.form = known[metric].form, .higher_is_better = known[metric].higher_is_better, .value = NAN,
                                 .count = is_share ? 0 : BIT_METRIC_UNCOUNTED};
        snprintf(m->name, sizeof m->name, "%s", known[metric].name);
        snprintf(m->title, sizeof m->title, "%s", known[metric].title);
        if (c->loss == BIT_SIGMOID && metric <= BIT_TOP5)
            snprintf(m->title, sizeof m->title, "precision-at-%d", metric == BIT_TOP5 ? 5 : 1);
        if (sum) {
            m->value = sum_value(sum, metric, images);
            m->count = share_count(sum, metric);
        }
    }
}

/* ---- counters ---- */

static double ratio(double a, double b)
{
    return b > 0 ? a / b : 0;
}

/* By class, over the classes that some image has (recall, precision) or that are predicted as well (F1); and over all images. */
struct by_class { double precision, recall, f1, all_precision, all_recall; };

static struct by_class sum_classes(const uint64_t *counters, int classes)
{
    double precision = 0, recall = 0, f1 = 0, labelled = 0, met = 0, all[CLASS_COUNTERS] = {0};
    for (int k = 0; k < classes; k++) {
        double has[CLASS_COUNTERS];
        for (int i = 0; i < CLASS_COUNTERS; i++)
            all[i] += has[i] = (double)counters[k * CLASS_COUNTERS + i];
        if (has[CLASS_LABELLED] > 0) {
            labelled++;
            precision += ratio(has[CLASS_RIGHT], has[CLASS_PREDICTED]);
            recall += has[CLASS_RIGHT] / has[CLASS_LABELLED];
        }
        if (has[CLASS_LABELLED] + has[CLASS_PREDICTED] > 0) {
            met++;
            f1 += 2 * has[CLASS_RIGHT] / (has[CLASS_LABELLED] + has[CLASS_PREDICTED]);
        }
    }
    return (struct by_class){ratio(precision, labelled), ratio(recall, labelled), ratio(f1, met),
                             ratio(all[CLASS_RIGHT], all[CLASS_PREDICTED]), ratio(all[CLASS_RIGHT], all[CLASS_LABELLED])};
}

static double counted_value(const struct by_class *b, enum bit_classify_metric metric)
{
    switch (metric) {
    case BIT_RECALL: case BIT_CR: return b->recall;
    case BIT_F1: return b->f1;
    case BIT_CP: return b->precision;
    case BIT_CF1: return ratio(2 * b->precision * b->recall, b->precision + b->recall);
    case BIT_OP: return b->all_precision;
    case BIT_OR: return b->all_recall;
    case BIT_OF1: return ratio(2 * b->all_precision * b->all_recall, b->all_precision + b->all_recall);
    default: return NAN;
    }
}

/* ---- all of it ---- */

static bool is_chosen(const struct bit_classify *c, enum bit_classify_metric metric)
{
    for (int i = 0; i < c->metric_count; i++)
        if (c->metrics[i] == metric)
            return true;
    return false;
}

int classify_conclude(const struct bit_head *head, const uint64_t *counters, const struct bit_records *records, struct bit_metrics *metrics,
                      struct bit_error *error)
{
    const struct bit_classify *c = settings(head);
    const struct by_class classes = sum_classes(counters, c->classes);
    struct calibration calibration = {NAN, NAN, NAN};
    double precision = NAN;
    bool logits = c->keeps_logits && records;
    if (logits && is_chosen(c, BIT_MAP) && mean_average_precision(records, c->classes, &precision, error))
        return -1;
    if (logits && is_chosen(c, BIT_TEMPERATURE) && calibrate(records, c->classes, c->fitted_share, &calibration, error))
        return -1;
    for (int i = 0; i < c->metric_count; i++) {
        enum bit_classify_metric metric = c->metrics[i];
        double value = counted_value(&classes, metric);
        value = metric == BIT_MAP ? precision : metric == BIT_TEMPERATURE ? calibration.temperature : value;
        value = metric == BIT_NLL_CALIBRATED ? calibration.nll : metric == BIT_ECE_CALIBRATED ? calibration.error : value;
        if (!isnan(value))
            metrics->item[i].value = value;
    }
    return 0;
}
