/* The page of bit report: what it knows of each run, and its parts. Each part appends HTML. */
#ifndef BIT_CLI_REPORT_H
#define BIT_CLI_REPORT_H

#include <limits.h>

#include "bit/job.h"
#include "bit/options.h"
#include "bit/predictions.h"
#include "bit/record.h"
#include "cli/plot.h"

enum { REPORT_CURVES = BIT_METRICS /* runs whose curves share a chart */, REPORT_RUNS = BIT_OPTION_VALUES };

struct report_run {
    char folder[PATH_MAX], name[256]; /* the folder's own name */
    const struct bit_job *job;       /* NULL: not there, or not readable */
    char *kin;                       /* the job without its name, comment and seed: equal for runs that differ by seed; NULL */
    struct bit_outcome outcome;      /* all unknown when there is none */
    struct bit_metrics metrics;      /* of the newest evaluation; count 0: none */
    uint64_t evaluated, images;      /* its step and images */
    struct plot_metrics curves;      /* empty when there are none */
    struct bit_predictions *predictions; /* NULL: none */
};

struct report {
    struct report_run *runs;
    size_t count;
    int mistakes;                    /* pictures a gallery shows at most */
};

extern const char report_style[];

/* A row a run; median, least, most and deviation of runs that differ by their seed only. */
void report_add_runs(struct bit_text *page, const struct report *report);
void report_add_seeds(struct bit_text *page, const struct report *report);
/* Of a run with predictions: how often probabilities are right, what is taken for what, the classes that fare worst. */
void report_add_calibration(struct bit_text *page, const struct bit_predictions *predictions);
void report_add_confusion(struct bit_text *page, const struct bit_predictions *predictions);
/* The mistakes as pictures, the surest first, by how far the label is from the top. -1 for lack of memory. */
int report_add_mistakes(struct bit_text *page, const struct report *report, const struct bit_predictions *predictions, struct bit_error *error);
/* What one of two runs got right and the other wrong, as pictures with both runs' bars; nothing when they saw other images. */
int report_add_disagreements(struct bit_text *page, const struct report *report, const struct report_run *a, const struct report_run *b,
                             struct bit_error *error);

/* Predictions by their probability. Sums: divide by images for means. */
enum { REPORT_BINS = 15 };
struct report_bin { double images, right, confidence; };
struct report_bin *report_fill_bins(const struct bit_predictions *predictions, struct report_bin bins[REPORT_BINS]);
/* Wrong pairs, each once with its number of images, the most first. pairs: one an image. Returns how many. */
struct report_pair { int32_t label, predicted; uint64_t images; };
uint64_t report_gather_pairs(const struct bit_predictions *predictions, struct report_pair *pairs);
/* All mistakes, the surest first. list: one an image. Returns how many. */
uint64_t report_gather_mistakes(const struct bit_predictions *predictions, const struct bit_prediction **list);
/* What the predictions of the first run say, as JSON. -1 for lack of memory. */
int report_add_json(struct bit_text *text, const struct report *report, struct bit_error *error);

/* "97.21 %" in a cell of a table; empty when it is not known. */
void report_add_value(struct bit_text *page, const struct bit_metric *metric, double value);

#endif
