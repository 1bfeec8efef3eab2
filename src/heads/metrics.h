/* The metrics of classification: what is summed up of each micro-batch, counted by class, kept of each image, and made of it all. */
#ifndef HEADS_METRICS_H
#define HEADS_METRICS_H

#include "bit/classify.h"

enum { CALIBRATION_BINS = 15 };

/* Images by the probability of their prediction: bin b has those in [b / 15, (b + 1) / 15), the last one 1 as well. */
struct calibration_bin { uint64_t images, right; double confidence; };

struct classify_sum {
    uint64_t first, five, group_first, group_five;
    double nll, brier;
    struct calibration_bin bins[CALIBRATION_BINS];
};

/* Counters of a class: images that have it as a label, that are predicted to have it, both. Softmax predicts one class an image, and
 * an image of several labels counts for the predicted one if it is among them, else for the first. Sigmoid predicts all classes of
 * probability 1/2 and more. */
enum class_counter { CLASS_LABELLED, CLASS_PREDICTED, CLASS_RIGHT, CLASS_COUNTERS };

/* Expected calibration error: the bins' distances between share of right images and mean confidence, weighted by their images. */
double calibration_error(const struct calibration_bin *bins);
void calibration_add(struct calibration_bin *bins, double confidence, bool right);

/* ---- the operations of struct bit_head_operations ---- */

void classify_score(const struct bit_head *head, const struct bit_head_call *call, const struct bit_targets *targets, int images, void *sum);
void classify_merge(const struct bit_head *head, void *sum, const void *other);
void classify_report(const struct bit_head *head, const void *sum, uint64_t images, struct bit_metrics *metrics);
size_t classify_counters(const struct bit_head *head);
void classify_count(const struct bit_head *head, const struct bit_head_call *call, const struct bit_targets *targets, int images,
                    uint64_t *counters);
size_t classify_record_bytes(const struct bit_head *head);
bool classify_needs_records(const struct bit_head *head);
void classify_keep(const struct bit_head *head, const struct bit_head_call *call, const struct bit_targets *targets, int image, void *record);
int classify_conclude(const struct bit_head *head, const uint64_t *counters, const struct bit_records *records, struct bit_metrics *metrics,
                      struct bit_error *error);

/* ---- parts of the last one ---- */

/* The logits of a record; where its labels' bits stand. */
static inline const float *record_logits(const void *record)
{
    return (const float *)((const struct bit_classify_record *)record + 1);
}
static inline bool record_has(const void *record, int classes, int k)
{
    const uint8_t *bits = (const uint8_t *)(record_logits(record) + classes);
    return bits[k / 8] >> (k % 8) & 1;
}
static inline const void *record_at(const struct bit_records *records, uint64_t i)
{
    return (const char *)records->data + i * records->bytes;
}

/* Mean average precision over the classes that some image has; NaN: none. AP is the sum over falling scores of precision times the
 * growth of recall, equal scores taken together. -1 for lack of memory. */
int mean_average_precision(const struct bit_records *records, int classes, double *value, struct bit_error *error);

/* The temperature by which the logits of a share of the images are divided to make their NLL least, and what the others come to with it. */
struct calibration { double temperature, nll, error; };
int calibrate(const struct bit_records *records, int classes, double fitted_share, struct calibration *result, struct bit_error *error);

#endif
