/* A number that a task is judged by, with all that the rest needs to store, plot and print it without knowing the task. */
#ifndef BIT_METRIC_H
#define BIT_METRIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BIT_METRICS = 16, BIT_METRIC_NAME = 32 };

#define BIT_METRIC_UNCOUNTED UINT64_MAX

/* How a value is printed: a share of 1 as "98.75 %", or a plain number. */
enum bit_metric_form { BIT_METRIC_SHARE, BIT_METRIC_NUMBER };

struct bit_metric {
    char name[BIT_METRIC_NAME];  /* in files: small letters, digits and '_', as "top1" */
    char title[BIT_METRIC_NAME]; /* for people, as "top-1" */
    enum bit_metric_form form;
    bool higher_is_better;
    double value;                /* NaN: not known */
    uint64_t count;              /* of the images that make up a share; BIT_METRIC_UNCOUNTED: it is none of a number of images */
};

/* The first is the one by which the best evaluation is chosen. */
struct bit_metrics { int count; struct bit_metric item[BIT_METRICS]; };

/* Whether `a` is better than `b`; a number is better than NaN. */
bool bit_metric_is_better(const struct bit_metric *metric, double a, double b);
/* "98.75 %" or "1.234". */
void bit_metric_text(const struct bit_metric *metric, char *text, size_t size);
/* The metric of this name, or NULL. */
const struct bit_metric *bit_metrics_find(const struct bit_metrics *metrics, const char *name);

#endif
