/* bit report --json: of one run what its predictions say, for programs; bitd's page draws it. */
#include <math.h>

#include "bit/json.h"
#include "bit/memory.h"
#include "cli/report.h"

enum { DIGITS = 6, PAIRS = 15 };

static void add_name(struct bit_text *t, const struct bit_predictions *p, int32_t class)
{
    bit_text_add_json(t, p->names[class]);
}

static void add_bins(struct bit_text *t, const struct bit_predictions *p)
{
    struct report_bin bins[REPORT_BINS] = {0};
    double right = 0, five = 0, confidence = 0, error = 0, n = (double)p->count;
    report_fill_bins(p, bins);
    for (uint64_t i = 0; i < p->count; i++)
        five += p->items[i].place < 5;
    bit_text_add(t, "\"images\":%llu,\"bins\":[", (unsigned long long)p->count);
    for (int b = 0; b < REPORT_BINS; b++) {
        right += bins[b].right;
        confidence += bins[b].confidence;
        error += fabs(bins[b].right - bins[b].confidence);
        bit_text_add(t, "%s{\"images\":%.0f", b ? "," : "", bins[b].images);
        bit_json_add_member(t, "right", bins[b].images > 0 ? bins[b].right / bins[b].images : NAN, DIGITS);
        bit_json_add_member(t, "confidence", bins[b].images > 0 ? bins[b].confidence / bins[b].images : NAN, DIGITS);
        bit_text_add(t, "}");
    }
    bit_text_add(t, "]");
    bit_json_add_member(t, "right", right / n, DIGITS);
    bit_json_add_member(t, "right_in_five", five / n, DIGITS);
    bit_json_add_member(t, "confidence", confidence / n, DIGITS);
    bit_json_add_member(t, "calibration_error", error / n, DIGITS);
}

static int add_pairs(struct bit_text *t, const struct bit_predictions *p, struct bit_error *error)
{
    struct report_pair *pairs = bit_allocate(p->count + 1, sizeof *pairs, "pairs of classes", error);
    if (!pairs)
        return -1;
    uint64_t count = report_gather_pairs(p, pairs);
    bit_text_add(t, ",\"confused\":[");
    for (uint64_t i = 0; i < count && i < PAIRS; i++) {
        bit_text_add(t, "%s{\"label\":", i ? "," : "");
        add_name(t, p, pairs[i].label);
        bit_text_add(t, ",\"predicted\":");
        add_name(t, p, pairs[i].predicted);
        bit_text_add(t, ",\"images\":%llu}", (unsigned long long)pairs[i].images);
    }
    bit_text_add(t, "]");
    bit_free(pairs);
    return 0;
}

static void add_mistake(struct bit_text *t, const struct bit_predictions *p, const struct bit_prediction *item)
{
    bit_text_add(t, "{\"path\":");
    bit_text_add_json(t, item->path);
    bit_text_add(t, ",\"place\":%d,\"labels\":[", item->place + 1);
    for (int i = 0; i < item->label_count; i++) {
        bit_text_add(t, i ? "," : "");
        add_name(t, p, item->labels[i]);
    }
    bit_text_add(t, "],\"said\":[");
    for (int i = 0; i < item->top_count; i++) {
        bit_text_add(t, "%s{\"name\":", i ? "," : "");
        add_name(t, p, item->top[i]);
        bit_json_add_member(t, "probability", item->top_probability[i], DIGITS);
        bit_text_add(t, "}");
    }
    bit_text_add(t, "]}");
}

static int add_mistakes(struct bit_text *t, const struct bit_predictions *p, int most, struct bit_error *error)
{
    const struct bit_prediction **list = bit_allocate(p->count + 1, sizeof *list, "the mistakes", error);
    if (!list)
        return -1;
    uint64_t count = report_gather_mistakes(p, list);
    bit_text_add(t, ",\"wrong\":%llu,\"mistakes\":[", (unsigned long long)count);
    for (uint64_t i = 0; i < count && i < (uint64_t)most; i++) {
        bit_text_add(t, i ? "," : "");
        add_mistake(t, p, list[i]);
    }
    bit_text_add(t, "]");
    bit_free(list);
    return 0;
}

int report_add_json(struct bit_text *t, const struct report *r, struct bit_error *error)
{
    const struct bit_predictions *p = r->runs[0].predictions;
    bit_text_add(t, "{\"predictions\":");
    if (!p || !p->count) {
        bit_text_add(t, "null}\n");
        return 0;
    }
    bit_text_add(t, "{");
    add_bins(t, p);
    if (add_pairs(t, p, error) || add_mistakes(t, p, r->mistakes, error))
        return -1;
    bit_text_add(t, "}}\n");
    return 0;
}
