/* metrics.jsonl: one JSON object a line, appended in the order of the steps. Rank 0's business; local. */
#ifndef RUN_METRICS_H
#define RUN_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "bit/error.h"
#include "bit/evaluate.h"

struct metrics;

/* Shares of the time since the line before. */
struct metrics_share { double data, forward, backward, reduce, update, checkpoint; };

struct metrics_step {
    uint64_t step;             /* steps done */
    double epoch, loss, rate, gradient_norm, weight_norm, images_per_second;
    bool applied;              /* false: the step was skipped */
    struct metrics_share share;
};

/* Opens the file to go on after `step`: what an interrupted run wrote beyond it is cut off, as is a torn last line.
 * evaluated: the evaluation of `step` itself is part of the past (its line stays). */
struct metrics *metrics_open(const char *path, uint64_t step, bool evaluated, struct bit_error *error);
/* Lines gather in memory and go out when there are many, or with metrics_flush. NaN and infinity become null. */
int metrics_add_step(struct metrics *metrics, const struct metrics_step *line, struct bit_error *error);
int metrics_add_evaluation(struct metrics *metrics, uint64_t step, double epoch, const struct bit_evaluation *evaluation,
                           struct bit_error *error);
/* A rank that takes `factor` times as long as the others, or no longer does. */
int metrics_add_slow(struct metrics *metrics, uint64_t step, int rank, double factor, struct bit_error *error);
/* The loss of this step jumped above `limit`. */
int metrics_add_spike(struct metrics *metrics, uint64_t step, double loss, double limit, struct bit_error *error);
/* Waiting for the network takes `seconds` a step, where it had been `before`; or no longer does. */
int metrics_add_network(struct metrics *metrics, uint64_t step, double seconds, double before, struct bit_error *error);
/* The run went back to `step`, because step `failed` could not be applied. */
int metrics_add_rollback(struct metrics *metrics, uint64_t step, uint64_t failed, const char *why, struct bit_error *error);
/* durable: on disk when this returns. */
int metrics_flush(struct metrics *metrics, bool durable, struct bit_error *error);
/* Flushes as far as that is possible. NULL is fine. */
void metrics_close(struct metrics *metrics);

#endif
