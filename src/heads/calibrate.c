/* The temperature: logits are divided by one number so that probabilities are as often right as they say. */
#include <math.h>

#include "bit/compute.h"
#include "bit/memory.h"
#include "heads/metrics.h"

/* Of one image at the factor b = 1 / temperature: its NLL and that one's first two derivatives by b. */
struct slope { double nll, first, second; };

static struct slope image_slope(const void *record, int classes, double b)
{
    const float *x = record_logits(record);
    double top = (double)x[0], label_top = -INFINITY, sum = 0, mean = 0, square = 0, label_sum = 0, label_mean = 0, label_square = 0;
    for (int k = 1; k < classes; k++)
        top = fmax(top, (double)x[k]);
    for (int k = 0; k < classes; k++)
        if (record_has(record, classes, k))
            label_top = fmax(label_top, (double)x[k]);
    for (int k = 0; k < classes; k++) {
        double away = (double)x[k] - top, e = exp(b * away);
        sum += e, mean += e * away, square += e * away * away;
        if (!record_has(record, classes, k))
            continue;
        double near = (double)x[k] - label_top;
        e = exp(b * near);
        label_sum += e, label_mean += e * near, label_square += e * near * near;
    }
    mean /= sum, square /= sum, label_mean /= label_sum, label_square /= label_sum;
    return (struct slope){log(sum) + b * top - log(label_sum) - b * label_top, mean + top - label_mean - label_top,
                          square - mean * mean - (label_square - label_mean * label_mean)};
}

/* Image i of the records is fitted to when the whole part of i x share grows behind it: evenly spread over the classes of a folder. */
static bool is_fitted(uint64_t i, double share)
{
    return floor((double)(i + 1) * share) > floor((double)i * share);
}

static bool has_labels(const struct bit_records *records, uint64_t i)
{
    return ((const struct bit_classify_record *)record_at(records, i))->label >= 0;
}

/* Added up in the order of the images. `each`: room for one a record. */
static struct slope slope_of(const struct bit_records *records, int classes, double share, double b, struct slope *each)
{
    struct slope sum = {0};
#pragma omp parallel for schedule(static) num_threads(bit_compute_thread_count())
    for (uint64_t i = 0; i < records->count; i++)
        if (is_fitted(i, share) && has_labels(records, i))
            each[i] = image_slope(record_at(records, i), classes, b);
    for (uint64_t i = 0; i < records->count; i++)
        if (is_fitted(i, share) && has_labels(records, i))
            sum.nll += each[i].nll, sum.first += each[i].first, sum.second += each[i].second;
    return sum;
}

/* Where the slope is zero: Newton's steps, kept between bounds that close in. With one label an image the NLL is convex in b. */
static double fit(const struct bit_records *records, int classes, double share, struct slope *each)
{
    double low = 0.01, high = 100, b = 1;
    for (int i = 0; i < 60; i++) {
        const struct slope s = slope_of(records, classes, share, b, each);
        if (s.first > 0)
            high = b;
        else
            low = b;
        double next = s.second > 0 ? b - s.first / s.second : NAN;
        if (!(next > low && next < high))
            next = sqrt(low * high);
        if (fabs(next - b) <= 1e-12 * b)
            break;
        b = next;
    }
    return b;
}

static void judge(const struct bit_records *records, int classes, double share, double b, struct calibration *result)
{
    struct calibration_bin bins[CALIBRATION_BINS] = {0};
    double nll = 0;
    uint64_t images = 0;
    for (uint64_t i = 0; i < records->count; i++) {
        const struct bit_classify_record *r = record_at(records, i);
        const float *x = record_logits(r);
        double sum = 0;
        if (is_fitted(i, share) || !has_labels(records, i))
            continue;
        for (int k = 0; k < classes; k++)
            sum += exp(b * ((double)x[k] - (double)x[r->top[0]]));
        calibration_add(bins, 1 / sum, r->place == 0);
        nll += image_slope(r, classes, b).nll;
        images++;
    }
    *result = (struct calibration){1 / b, images ? nll / (double)images : NAN, calibration_error(bins)};
}

int calibrate(const struct bit_records *records, int classes, double share, struct calibration *result, struct bit_error *error)
{
    struct slope *each = bit_allocate(records->count + 1, sizeof *each, "losses of the images", error);
    uint64_t fitted = 0;
    if (!each)
        return -1;
    for (uint64_t i = 0; i < records->count; i++)
        fitted += is_fitted(i, share) && has_labels(records, i);
    *result = (struct calibration){NAN, NAN, NAN};
    if (fitted)
        judge(records, classes, share, fit(records, classes, share, each), result);
    bit_free(each);
    return 0;
}
