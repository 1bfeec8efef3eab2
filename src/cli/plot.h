/* What a run's metrics.jsonl holds, and the page made of it. */
#ifndef BIT_CLI_PLOT_H
#define BIT_CLI_PLOT_H

#include <stddef.h>
#include <stdio.h>

#include "bit/error.h"
#include "bit/metric.h"
#include "bit/text.h"

enum plot_column {
    PLOT_STEP, PLOT_EPOCH, PLOT_LOSS, /* in both tables */
    PLOT_RATE, PLOT_GRADIENT_NORM, PLOT_WEIGHT_NORM, PLOT_SPEED, PLOT_DATA, PLOT_FORWARD, PLOT_BACKWARD, PLOT_REDUCE,
    PLOT_UPDATE, PLOT_CHECKPOINT, /* of steps */
    PLOT_METRIC,                  /* and those behind it: the metrics of evaluations, in their order; of probes the numbers of images a class */
    PLOT_COLUMNS = PLOT_METRIC + BIT_METRICS,
};

/* Rows ascending by step; NaN where a number is missing. */
struct plot_row { double at[PLOT_COLUMNS]; };
struct plot_table { struct plot_row *rows; size_t count, capacity; };
/* metrics: those of the last evaluation, without values. */
struct plot_metrics {
    struct plot_table steps, evaluations, probes;
    size_t bad_lines;
    struct bit_metrics metrics;
    int shot_count, shots[BIT_METRICS];  /* of the columns of probes */
    char shot_names[BIT_METRICS][24];    /* "5 a class" */
};

/* The curves of a chart: which table, which column. */
struct plot_curve { const char *name; const struct plot_table *table; enum plot_column column; };
struct plot_chart {
    const char *title, *unit;
    struct plot_curve curves[BIT_METRICS];
    size_t curve_count;
    int stacked, percent, from_zero, may_be_log;
};

/* Reads a metrics.jsonl and means neighbouring rows so that a curve has at most some 1500 points. Free with plot_metrics_free.
 * -1: no-input when there is none. */
int plot_metrics_read(const char *path, struct plot_metrics *metrics, struct bit_error *error);
void plot_metrics_free(struct plot_metrics *metrics);

/* Appends text as it stands in HTML. */
void plot_add_escaped(struct bit_text *page, const char *text);
/* Appends bytes as in a data: address. */
void plot_add_base64(struct bit_text *page, const unsigned char *data, size_t size);
/* Appends one chart as SVG; nothing when it has no finite number. */
void plot_chart_add(struct bit_text *page, const struct plot_chart *chart, int number);
/* What stands around a page of charts: from the doctype to <body>, `more` behind the style of the charts; numbers and script of the charts, to the end. */
void plot_page_begin(struct bit_text *page, const char *title, const char *more);
void plot_page_end(struct bit_text *page, const struct plot_chart *charts, size_t count);
/* The whole page. */
void plot_page(struct bit_text *page, const struct plot_metrics *metrics, const char *name);

#endif
