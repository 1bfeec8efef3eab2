/* Calibration, confused classes, and the classes that fare worst, from a predictions file. */
#include <math.h>
#include <stdlib.h>

#include "bit/memory.h"
#include "cli/report.h"

/* ---- calibration ---- */

enum { BINS = REPORT_BINS, SIDE = 300, LEFT = 44, TOP = 10, HISTOGRAM = 60, GAP = 26 };

struct report_bin *report_fill_bins(const struct bit_predictions *p, struct report_bin bins[BINS])
{
    for (uint64_t i = 0; i < p->count; i++) {
        double confidence = p->items[i].top_probability[0];
        int b = (int)(confidence * BINS);
        b = b < 0 ? 0 : b < BINS ? b : BINS - 1;
        bins[b].images++;
        bins[b].right += bit_prediction_is_right(&p->items[i]);
        bins[b].confidence += confidence;
    }
    return bins;
}

static void add_bar(struct bit_text *t, int b, const struct report_bin *bin, double most)
{
    const double width = (double)SIDE / BINS, x = LEFT + b * width + 1, images = bin->images;
    const int base = TOP + SIDE, floor = base + GAP + HISTOGRAM;
    if (!images)
        return;
    double right = bin->right / images, mean = bin->confidence / images, low = fmin(right, mean), high = fmax(right, mean);
    double share = images / most * HISTOGRAM;
    bit_text_add(t, "<g><title>%.0f images, mean probability %.3f, %.3f right</title>", images, mean, right);
    bit_text_add(t, "<rect class=right x=%.1f y=%.1f width=%.1f height=%.1f />", x, base - low * SIDE, width - 2, low * SIDE);
    bit_text_add(t, "<rect class=%s x=%.1f y=%.1f width=%.1f height=%.1f />", right < mean ? "sure" : "modest", x, base - high * SIDE, width - 2,
                 (high - low) * SIDE);
    bit_text_add(t, "<rect class=many x=%.1f y=%.1f width=%.1f height=%.1f /></g>", x, floor - share, width - 2, share);
}

static void add_diagram(struct bit_text *t, const struct report_bin *bins)
{
    double most = 1;
    const int base = TOP + SIDE, height = base + GAP + HISTOGRAM + 34;
    for (int b = 0; b < BINS; b++)
        most = fmax(most, bins[b].images);
    bit_text_add(t, "<svg class=calibration viewBox='0 0 %d %d' role=img aria-label='calibration'>", LEFT + SIDE + 16, height);
    for (int i = 0; i <= 4; i++) {
        double at = SIDE * i / 4.0;
        bit_text_add(t, "<line class=grid x1=%d x2=%d y1=%.1f y2=%.1f /><text x=%d y=%.1f text-anchor=end>%d%%</text>", LEFT, LEFT + SIDE,
                     base - at, base - at, LEFT - 6, base - at + 4, i * 25);
        bit_text_add(t, "<text x=%.1f y=%d text-anchor=middle>%.2g</text>", LEFT + at, base + 16, i / 4.0);
    }
    for (int b = 0; b < BINS; b++)
        add_bar(t, b, &bins[b], most);
    bit_text_add(t, "<line class=ideal x1=%d y1=%d x2=%d y2=%d />", LEFT, base, LEFT + SIDE, TOP);
    bit_text_add(t, "<text x=%d y=%d text-anchor=middle>probability of the prediction; below: images</text></svg>\n", LEFT + SIDE / 2, height - 8);
}

static void add_row(struct bit_text *t, const char *name, double value, int digits, const char *unit)
{
    bit_text_add(t, "<tr><td>%s</td>", name);
    if (isfinite(value))
        bit_text_add(t, "<td>%.*f%s</td></tr>", digits, value, unit);
    else
        bit_text_add(t, "<td></td></tr>");
}

void report_add_calibration(struct bit_text *t, const struct bit_predictions *p)
{
    struct report_bin bins[BINS] = {0};
    double n = (double)p->count, error = 0, confidence = 0, right = 0, five = 0, nll = 0;
    report_fill_bins(p, bins);
    for (int b = 0; b < BINS; b++) {
        error += fabs(bins[b].right - bins[b].confidence);
        confidence += bins[b].confidence;
        right += bins[b].right;
    }
    for (uint64_t i = 0; i < p->count; i++) {
        five += p->items[i].place < 5;
        nll -= log(fmax(p->items[i].probability, 1e-30));
    }
    bit_text_add(t, "<h3>Calibration</h3><div class=two>");
    add_diagram(t, bins);
    bit_text_add(t, "<table><tbody>");
    add_row(t, "images", n, 0, "");
    add_row(t, "right", 100 * right / n, 2, " %");
    add_row(t, "label among the first five", 100 * five / n, 2, " %");
    add_row(t, "mean probability of the prediction", 100 * confidence / n, 2, " %");
    add_row(t, "expected calibration error (15 bins)", 100 * error / n, 2, " %");
    if (!p->is_sigmoid)
        add_row(t, "NLL of the label", nll / n, 4, "");
    add_row(t, "bad images, left out", (double)p->bad, 0, "");
    bit_text_add(t, "</tbody></table></div>\n<p><small>Blue, dark and light: share of predictions that are right; light: by how much they are right more often than the "
                    "network says; orange: less often. On the dashed line probabilities are as often right as they say.</small></p>\n");
}

/* ---- confusion ---- */

enum { ROWS = 15 };

struct tally { int32_t class; uint64_t images, right; };

static int by_classes(const void *a, const void *b)
{
    const struct report_pair *x = a, *y = b;
    int label = (x->label > y->label) - (x->label < y->label);
    return label ? label : (x->predicted > y->predicted) - (x->predicted < y->predicted);
}

static int by_images(const void *a, const void *b)
{
    const struct report_pair *x = a, *y = b;
    return x->images != y->images ? (x->images < y->images ? 1 : -1) : by_classes(a, b);
}

static int by_recall(const void *a, const void *b)
{
    const struct tally *x = a, *y = b;
    double p = (double)x->right * (double)y->images, q = (double)y->right * (double)x->images;
    if (p != q)
        return p > q ? 1 : -1;
    return x->images != y->images ? (x->images < y->images ? 1 : -1) : (x->class > y->class) - (x->class < y->class);
}

/* The class that an image counts for: its prediction when that is a label, else its first label; -1: none. */
static int32_t class_of(const struct bit_prediction *item)
{
    return bit_prediction_is_right(item) ? item->top[0] : item->label_count ? item->labels[0] : -1;
}

uint64_t report_gather_pairs(const struct bit_predictions *p, struct report_pair *pairs)
{
    uint64_t count = 0, out = 0;
    for (uint64_t i = 0; i < p->count; i++)
        if (!bit_prediction_is_right(&p->items[i]) && p->items[i].label_count)
            pairs[count++] = (struct report_pair){p->items[i].labels[0], p->items[i].top[0], 1};
    qsort(pairs, count, sizeof *pairs, by_classes);
    for (uint64_t i = 0; i < count; i++) {
        if (out && !by_classes(&pairs[out - 1], &pairs[i]))
            pairs[out - 1].images++;
        else
            pairs[out++] = pairs[i];
    }
    qsort(pairs, out, sizeof *pairs, by_images);
    return out;
}

static void add_class(struct bit_text *t, const struct bit_predictions *p, int32_t class, const char *mark)
{
    bit_text_add(t, "<td class=\"text %s\">", mark);
    plot_add_escaped(t, p->names[class]);
    bit_text_add(t, "</td>");
}

static void add_pairs(struct bit_text *t, const struct bit_predictions *p, struct report_pair *pairs, const struct tally *tallies)
{
    uint64_t count = report_gather_pairs(p, pairs);
    if (!count)
        return;
    bit_text_add(t, "<div><h3>Most confused</h3><div class=wide><table><thead><tr><th>label<th class=text>taken for<th>images<th>of the label's</tr></thead><tbody>\n");
    for (uint64_t i = 0; i < count && i < ROWS; i++) {
        bit_text_add(t, "<tr>");
        add_class(t, p, pairs[i].label, "is");
        add_class(t, p, pairs[i].predicted, "said");
        bit_text_add(t, "<td>%llu</td><td>%.1f %%</td></tr>\n", (unsigned long long)pairs[i].images,
                     100 * (double)pairs[i].images / (double)tallies[pairs[i].label].images);
    }
    bit_text_add(t, "</tbody></table></div></div>\n");
}

static void add_worst(struct bit_text *t, const struct bit_predictions *p, struct tally *tallies)
{
    int count = 0;
    for (int k = 0; k < p->classes; k++)
        if (tallies[k].images)
            tallies[count++] = tallies[k];
    qsort(tallies, (size_t)count, sizeof *tallies, by_recall);
    bit_text_add(t, "<div><h3>Classes that fare worst</h3><div class=wide><table><thead><tr><th>class<th>images<th>right</tr></thead><tbody>\n");
    for (int i = 0; i < count && i < ROWS; i++) {
        bit_text_add(t, "<tr>");
        add_class(t, p, tallies[i].class, "is");
        bit_text_add(t, "<td>%llu</td><td>%.1f %%</td></tr>\n", (unsigned long long)tallies[i].images,
                     100 * (double)tallies[i].right / (double)tallies[i].images);
    }
    bit_text_add(t, "</tbody></table></div></div>\n");
}

void report_add_confusion(struct bit_text *t, const struct bit_predictions *p)
{
    struct report_pair *pairs = bit_allocate(p->count + 1, sizeof *pairs, "pairs of classes", NULL);
    struct tally *tallies = bit_allocate((size_t)p->classes + 1, sizeof *tallies, "classes", NULL);
    t->failed |= !pairs || !tallies;
    if (!t->failed) {
        for (int k = 0; k < p->classes; k++)
            tallies[k].class = k;
        for (uint64_t i = 0; i < p->count; i++) {
            int32_t k = class_of(&p->items[i]);
            if (k >= 0) {
                tallies[k].images++;
                tallies[k].right += bit_prediction_is_right(&p->items[i]);
            }
        }
        bit_text_add(t, "<div class=two>\n");
        add_pairs(t, p, pairs, tallies);
        add_worst(t, p, tallies);
        bit_text_add(t, "</div>\n");
    }
    bit_free(pairs);
    bit_free(tallies);
}
