/* bit compare: do two runs differ on the same images? */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bit/memory.h"
#include "bit/predictions.h"
#include "bit/statistics.h"
#include "cli/cli.h"

struct options { bool common, json; };

#define AT(member) .at = offsetof(struct options, member)
static const struct bit_option known[] = {
    {"--common", NULL, "compares the images that are in both, where the sets differ", BIT_OPTION_FLAG, AT(common)},
    {"--json", NULL, "one JSON object instead of lines", BIT_OPTION_FLAG, AT(json)},
};
const struct bit_usage bit_compare_usage = {
    "bit compare", "A B",
    "Compares what two networks said of the same images. A and B are predictions files (bitrun JOB --evaluate --predictions FILE) or\n"
    "folders with a predictions.jsonl. Prints both shares of right predictions with 95 % intervals (Wilson), their difference, and how likely\n"
    "one of that size is when both are equally good (McNemar's exact test). A prediction is right when it is one of the image's labels.",
    known, sizeof known / sizeof *known, .least = 2, .most = 2};

/* Images are the same when their paths below the data are. */
struct entry { const char *path; const struct bit_prediction *item; };
struct side { const char *name; struct bit_predictions *p; struct entry *entries; };

/* How many images both, the first alone, the second alone get right; of all that were compared. */
struct tally { uint64_t images, both, first, second, missing; };

static const char *below(const char *path, const char *data)
{
    size_t size = strlen(data);
    while (size && data[size - 1] == '/')
        size--;
    if (!strncmp(path, data, size) && path[size] == '/')
        return path + size + 1;
    while (size && data[size - 1] != '/') /* a list: its folder */
        size--;
    return size && !strncmp(path, data, size) ? path + size : path;
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = strcmp(x->path, y->path);
    return order ? order : (x->item->image > y->item->image) - (x->item->image < y->item->image);
}

static int open_side(struct side *s, struct bit_error *error)
{
    if (!(s->p = bit_predictions_read(s->name, error)) ||
        !(s->entries = bit_allocate(s->p->count + 1, sizeof *s->entries, "the images", error)))
        return -1;
    for (uint64_t i = 0; i < s->p->count; i++)
        s->entries[i] = (struct entry){below(s->p->items[i].path, s->p->data), &s->p->items[i]};
    qsort(s->entries, s->p->count, sizeof *s->entries, compare_entries);
    return 0;
}

static bool same_labels(const struct side *a, const struct bit_prediction *x, const struct side *b, const struct bit_prediction *y)
{
    bool same = x->label_count == y->label_count;
    for (int i = 0; same && i < x->label_count; i++)
        same = !strcmp(a->p->names[x->labels[i]], b->p->names[y->labels[i]]);
    return same;
}

static int add_pair(struct tally *t, const struct side *a, const struct bit_prediction *x, const struct side *b, const struct bit_prediction *y,
                    struct bit_error *error)
{
    bool first = bit_prediction_is_right(x), second = bit_prediction_is_right(y);
    if (!same_labels(a, x, b, y))
        return bit_fail(error, BIT_EDATA, "%s has other labels in %s than in %s: expected evaluations of the same data", x->path, a->name, b->name);
    t->images++;
    t->both += first && second;
    t->first += first && !second;
    t->second += second && !first;
    return 0;
}

/* Walks both in the order of the paths. *alone: the first image that only one has. */
static int match(const struct side *a, const struct side *b, struct tally *t, const char **alone, struct bit_error *error)
{
    uint64_t i = 0, j = 0;
    while (i < a->p->count || j < b->p->count) {
        const struct entry *x = &a->entries[i], *y = &b->entries[j];
        int order = i == a->p->count ? 1 : j == b->p->count ? -1 : strcmp(x->path, y->path);
        if (order) {
            *alone = t->missing++ ? *alone : order < 0 ? x->path : y->path;
            i += order < 0;
            j += order > 0;
            continue;
        }
        if (add_pair(t, a, x->item, b, y->item, error))
            return -1;
        i++, j++;
    }
    return 0;
}

/* The difference of the shares, second minus first, with its 95 % interval of paired images. */
static void difference(const struct tally *t, double *value, double *half)
{
    double n = (double)t->images, d = (double)t->second - (double)t->first, apart = (double)(t->second + t->first);
    *value = d / n;
    *half = 1.9599639845400545 * sqrt(apart - d * d / n) / n;
}

static void print_text(const struct side *sides, const struct tally *t)
{
    uint64_t right[2] = {t->both + t->first, t->both + t->second};
    double value, half, p = bit_mcnemar(t->first, t->second);
    difference(t, &value, &half);
    printf("images %llu", (unsigned long long)t->images);
    if (t->missing)
        printf(" in both, %llu in one of them only", (unsigned long long)t->missing);
    printf("\n");
    for (int i = 0; i < 2; i++) {
        double low, high;
        bit_wilson(right[i], t->images, &low, &high);
        printf("%s: %.2f %% right (%llu), 95 %% interval %.2f to %.2f %%\n", sides[i].name, 100 * (double)right[i] / (double)t->images,
               (unsigned long long)right[i], 100 * low, 100 * high);
    }
    printf("difference, second minus first: %+.2f %%, 95 %% interval %+.2f to %+.2f %%\n", 100 * value, 100 * (value - half), 100 * (value + half));
    printf("right by the first only: %llu; by the second only: %llu\n", (unsigned long long)t->first, (unsigned long long)t->second);
    printf("McNemar's exact test: p = %.4g, %s\n", p, p >= 0.05 ? "no difference is shown at 5 %" : t->first > t->second ? "the first is better at 5 %"
                                                                                                              : "the second is better at 5 %");
}

static void print_json(const struct side *sides, const struct tally *t)
{
    struct bit_text text = {0};
    uint64_t right[2] = {t->both + t->first, t->both + t->second};
    double value, half;
    difference(t, &value, &half);
    bit_text_add(&text, "{\"images\":%llu,\"in_one_only\":%llu,\"runs\":[", (unsigned long long)t->images, (unsigned long long)t->missing);
    for (int i = 0; i < 2; i++) {
        double low, high;
        bit_wilson(right[i], t->images, &low, &high);
        bit_text_add(&text, i ? ",{\"file\":" : "{\"file\":");
        bit_text_add_json(&text, sides[i].name);
        bit_text_add(&text, ",\"right\":%llu,\"right_alone\":%llu,\"share\":%.9g,\"interval\":[%.9g,%.9g]}", (unsigned long long)right[i],
                     (unsigned long long)(i ? t->second : t->first), (double)right[i] / (double)t->images, low, high);
    }
    bit_text_add(&text, "],\"difference\":%.9g,\"difference_interval\":[%.9g,%.9g],\"p\":%.9g}\n", value, value - half, value + half,
                 bit_mcnemar(t->first, t->second));
    fputs(text.data ? text.data : "", stdout);
    bit_text_free(&text);
}

static int compare(struct side *sides, const struct options *o, struct bit_error *error)
{
    struct tally t = {0};
    const char *alone = "";
    if (open_side(&sides[0], error) || open_side(&sides[1], error) || match(&sides[0], &sides[1], &t, &alone, error))
        return -1;
    if (t.missing && !o->common)
        return bit_fail(error, BIT_EDATA, "%llu images are in one of %s and %s only, the first is %s: expected evaluations of the same data, or --common",
                        (unsigned long long)t.missing, sides[0].name, sides[1].name, alone);
    if (!t.images)
        return bit_fail(error, BIT_EDATA, "%s and %s have no image in common", sides[0].name, sides[1].name);
    (o->json ? print_json : print_text)(sides, &t);
    return 0;
}

int bit_cli_compare(int argc, char **argv)
{
    struct options options = {0};
    struct bit_operands operands;
    struct bit_error error = {0};
    int code;
    if (!bit_cli_parse(&bit_compare_usage, argc, argv, &options, &operands, &code))
        return code;
    struct side sides[2] = {{.name = operands.word[0]}, {.name = operands.word[1]}};
    int result = compare(sides, &options, &error);
    for (int i = 0; i < 2; i++) {
        bit_free(sides[i].entries);
        bit_predictions_free(sides[i].p);
    }
    return result ? bit_cli_error(&error) : BIT_OK;
}
