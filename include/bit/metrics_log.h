/* metrics.jsonl: the curves of a run, one JSON object a line, in the order of the steps. Rank 0 writes; anybody reads. Local. */
#ifndef BIT_METRICS_LOG_H
#define BIT_METRICS_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bit/error.h"
#include "bit/metric.h"

/* ---- what lines say ---- */

/* Shares of the time since the line before. */
struct bit_time_shares { double data, forward, backward, reduce, update, checkpoint; };

struct bit_step_line {
    uint64_t step;             /* steps done */
    double epoch, loss, rate, gradient_norm, weight_norm, images_per_second;
    bool applied;              /* false: the step was skipped */
    struct bit_time_shares share;
};

struct bit_evaluation_line {
    uint64_t step, images, bad;
    double epoch, loss, seconds;
    struct bit_metrics metrics;
};

/* A probe of the features: median accuracy over the seeds, by images a class. */
enum { BIT_PROBE_ROWS = 16 };
struct bit_probe_line { double epoch; int count, shots[BIT_PROBE_ROWS]; double median[BIT_PROBE_ROWS]; };

/* ---- writing ---- */

struct bit_metrics_log;

/* Opens the file to go on after `step`: what an interrupted run wrote beyond it is cut off, as is a torn last line.
 * evaluated, probed: the evaluation or the probe of `step` itself is part of the past (its line stays). */
struct bit_metrics_log *bit_metrics_log_open(const char *path, uint64_t step, bool evaluated, bool probed, struct bit_error *error);
/* Lines gather in memory and go out when there are many, or with bit_metrics_log_flush. NaN and infinity become null. */
int bit_metrics_log_step(struct bit_metrics_log *log, const struct bit_step_line *line, struct bit_error *error);
int bit_metrics_log_evaluation(struct bit_metrics_log *log, const struct bit_evaluation_line *line, struct bit_error *error);
/* A probe of the features: `members` of a JSON object, without a comma in front. */
int bit_metrics_log_probe(struct bit_metrics_log *log, uint64_t step, double epoch, double seconds, const char *members, struct bit_error *error);
/* A rank that takes `factor` times as long as the others, or no longer does. */
int bit_metrics_log_slow_rank(struct bit_metrics_log *log, uint64_t step, int rank, double factor, struct bit_error *error);
/* The loss of this step jumped above `limit`. */
int bit_metrics_log_spike(struct bit_metrics_log *log, uint64_t step, double loss, double limit, struct bit_error *error);
/* Waiting for the interconnect takes `seconds` a step, where it had been `before`; or no longer does. */
int bit_metrics_log_slow_link(struct bit_metrics_log *log, uint64_t step, double seconds, double before, struct bit_error *error);
/* The run went back to `step`, because step `failed` could not be applied. */
int bit_metrics_log_rollback(struct bit_metrics_log *log, uint64_t step, uint64_t failed, const char *why, struct bit_error *error);
/* durable: on disk when this returns. */
int bit_metrics_log_flush(struct bit_metrics_log *log, bool durable, struct bit_error *error);
/* Flushes as far as that is possible. NULL is fine. */
void bit_metrics_log_close(struct bit_metrics_log *log);

/* ---- reading ---- */

enum bit_metrics_kind {
    BIT_METRICS_BAD,           /* not a line of such a file, or torn */
    BIT_METRICS_STEP, BIT_METRICS_EVALUATION, BIT_METRICS_PROBE,
    BIT_METRICS_OTHER,         /* an event: only its step is read */
};

struct bit_metrics_line {
    enum bit_metrics_kind kind;
    uint64_t step;             /* of any kind but BAD */
    struct bit_step_line at;          /* STEP */
    struct bit_evaluation_line evaluation; /* EVALUATION */
    struct bit_probe_line probe;      /* PROBE */
};

/* Takes a line apart; numbers that are missing or null become NaN (counts 0). Never fails: see the kind. line[size] is 0. */
void bit_metrics_line_parse(const char *line, size_t size, struct bit_metrics_line *parsed);

#endif
