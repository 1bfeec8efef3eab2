/* bit coco: average precision of detections. */
#include <stddef.h>
#include <stdio.h>

#include "bit/coco.h"
#include "bit/json.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "cli/cli.h"

struct options { bool json, class_agnostic; struct bit_option_list against; uint64_t draws, seed; };

#define AT(member) .at = offsetof(struct options, member)
static const struct bit_option known[] = {
    {"--json", NULL, "one JSON object, with 17 digits, instead of tables", BIT_OPTION_FLAG, AT(json)},
    {"--class-agnostic", NULL, "all categories are one: are objects found, whatever they are taken for?", BIT_OPTION_FLAG,
     AT(class_agnostic)},
    {"--against", "RESULTS", "is this better? A paired bootstrap over the images: AP, AP50 and AP75 of both on the same draws. May be\n"
     "repeated, as RESULTS.json may be then: means of several seeds on each side", BIT_OPTION_LIST, AT(against)},
    {"--draws", "N", "draws of the bootstrap (1000)", BIT_OPTION_COUNT, AT(draws), .least = 10, .most = 1e6},
    {"--seed", "N", "of the draws (0)", BIT_OPTION_COUNT, AT(seed), .least = 0, .most = 0x1p52},
};
const struct bit_usage bit_coco_usage = {
    "bit coco", "ANNOTATIONS.json RESULTS.json...",
    "Says how good detections are: the twelve numbers of the COCO evaluation for boxes, equal to those of pycocotools,\n"
    "and AP, AP50 and AR100 by category (-1: there is nothing to be found). ANNOTATIONS.json is a COCO file with images,\n"
    "annotations and categories; RESULTS.json an array of {\"image_id\", \"category_id\", \"bbox\": [x, y, width, height],\n"
    "\"score\"}. All listed images count, also those without results.",
    known, sizeof known / sizeof *known, .least = 2, .most = BIT_OPTION_VALUES};

/* What pycocotools passes over without a word. */
static void warn(const char *annotations, const char *results, const struct bit_coco *truth, const struct bit_coco_scores *s)
{
    const struct { uint64_t count; const char *file, *what, *then; } notes[] = {
        {s->unlisted_images, annotations, "annotation", "of images that are not listed: left out"},
        {s->unlisted_categories, annotations, "annotation", "of categories that are not listed: left out"},
        {truth->areas_missing, annotations, "annotation", "without an area: width * height is taken"},
        {truth->areas_negative, annotations, "annotation", "with a negative area: not looked for, as in pycocotools"},
        {s->ids_zero, annotations, "annotation", "with the id 0: what finds such counts as wrong, as in pycocotools"},
        {s->ids_twice, annotations, "annotation", "with the id of another one: the last of them is seen instead, as in pycocotools"},
        {s->results_dropped, results, "result", "of categories that are not listed: left out"}};
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++)
        if (notes[i].count)
            bit_log(BIT_LOG_WARNING, "%s: %llu %s%s %s", notes[i].file, (unsigned long long)notes[i].count, notes[i].what,
                    notes[i].count == 1 ? "" : "s", notes[i].then);
}

static void print_json(const struct bit_coco *truth, const struct bit_coco_scores *s, bool class_agnostic)
{
    struct bit_text t = {0};
    bit_text_add(&t, "{\"stats\":{");
    for (int n = 0; n < BIT_COCO_NUMBERS; n++)
        bit_text_add(&t, "%s\"%s\":%.17g", n ? "," : "", bit_coco_number_names[n], s->numbers[n]);
    bit_text_add(&t, "},\"by_category\":{");
    for (size_t i = 0; i < s->category_count; i++) {
        const struct bit_coco_category_score *c = &s->categories[i];
        bit_text_add(&t, "%s\"%lld\":{\"name\":", i ? "," : "", (long long)c->id);
        bit_text_add_json(&t, class_agnostic ? "all" : bit_coco_name(truth, c->name));
        bit_json_add_member(&t, "AP", c->ap, 17);
        bit_json_add_member(&t, "AP50", c->ap50, 17);
        bit_json_add_member(&t, "AR100", c->ar100, 17);
        bit_text_add(&t, ",\"truths\":%llu}", (unsigned long long)c->truths);
    }
    bit_text_add(&t, "}}");
    puts(t.failed ? "" : t.data);
    bit_text_free(&t);
}

static void print_tables(const struct bit_coco *truth, const struct bit_coco_scores *s, bool class_agnostic)
{
    static const char *const meanings[BIT_COCO_NUMBERS] = {
        "IoU 0.50 to 0.95", "IoU 0.50", "IoU 0.75", "objects up to 32 x 32 pixels", "objects up to 96 x 96", "larger objects",
        "best result of a picture and category", "best 10", "best 100", "small objects, best 100", "medium", "large"};
    for (int n = 0; n < BIT_COCO_NUMBERS; n++)
        printf("%-6s %9.6f  %s\n", bit_coco_number_names[n], s->numbers[n], meanings[n]);
    printf("\n%10s %9s %9s %9s %8s  %s\n", "category", "AP", "AP50", "AR100", "objects", "name");
    for (size_t i = 0; i < s->category_count; i++) {
        const struct bit_coco_category_score *c = &s->categories[i];
        char name[256];
        bit_text_escape(name, sizeof name, class_agnostic ? "all" : bit_coco_name(truth, c->name), "");
        printf("%10lld %9.6f %9.6f %9.6f %8llu  %s\n", (long long)c->id, c->ap, c->ap50, c->ar100, (unsigned long long)c->truths, name);
    }
}

static int evaluate(const char *annotations, const char *results_path, const struct options *o, struct bit_error *error)
{
    struct bit_coco_results results = {0};
    struct bit_coco_scores scores = {0};
    struct bit_coco *truth = bit_coco_read(annotations, error);
    int failed = !truth || bit_coco_results_read(results_path, &results, error);
    if (!failed && (failed = bit_coco_score(truth, &results, o->class_agnostic, &scores, error)))
        bit_fail_at(error, "%s, %s", annotations, results_path);
    if (!failed) {
        warn(annotations, results_path, truth, &scores);
        (o->json ? print_json : print_tables)(truth, &scores, o->class_agnostic);
    }
    bit_coco_scores_free(&scores);
    bit_coco_results_free(&results);
    bit_coco_destroy(truth);
    return failed;
}

/* ---- comparing ---- */

struct group { struct bit_coco_results *results; size_t count; };

static int read_group(struct group *g, char *const *paths, size_t count, struct bit_error *error)
{
    if (!(g->results = bit_allocate(count, sizeof *g->results, "results", error)))
        return -1;
    for (; g->count < count; g->count++)
        if (bit_coco_results_read(paths[g->count], &g->results[g->count], error))
            return -1;
    return 0;
}

static void free_group(struct group *g)
{
    for (size_t i = 0; i < g->count; i++)
        bit_coco_results_free(&g->results[i]);
    bit_free(g->results);
}

static void print_differences(const struct bit_coco_difference *d, const struct bit_coco *truth, const struct options *o)
{
    if (!o->json) {
        printf("%-6s %9s %9s %11s  %-22s %s\n", "", "results", "against", "difference", "95 % of the draws", "draws above 0");
        for (int n = 0; n < BIT_COCO_DIFFERENCES; n++, d++)
            printf("%-6s %9.6f %9.6f %+11.6f  %+.6f to %+.6f %7.2f %%\n", bit_coco_number_names[d->number], d->mean[0], d->mean[1],
                   d->mean[1] - d->mean[0], d->least, d->most, 100 * d->above);
        return;
    }
    struct bit_text t = {0};
    bit_text_add(&t, "{\"images\":%zu,\"draws\":%llu,\"seed\":%llu,\"differences\":{", truth->image_count, (unsigned long long)o->draws,
                 (unsigned long long)o->seed);
    for (int n = 0; n < BIT_COCO_DIFFERENCES; n++, d++)
        bit_text_add(&t, "%s\"%s\":{\"results\":%.17g,\"against\":%.17g,\"difference\":%.17g,\"least\":%.17g,\"most\":%.17g,\"above\":%.17g}",
                     n ? "," : "", bit_coco_number_names[d->number], d->mean[0], d->mean[1], d->mean[1] - d->mean[0], d->least, d->most, d->above);
    bit_text_add(&t, "}}");
    puts(t.failed ? "" : t.data);
    bit_text_free(&t);
}

/* What is wrong or odd with one file is said with its name. */
static int look_at(const struct bit_coco *truth, const char *annotations, const struct group *g, char *const *paths, bool class_agnostic,
                   struct bit_error *error)
{
    for (size_t i = 0; i < g->count; i++) {
        struct bit_coco_scores scores;
        if (bit_coco_score(truth, &g->results[i], class_agnostic, &scores, error)) {
            bit_fail_at(error, "%s, %s", annotations, paths[i]);
            return -1;
        }
        if (scores.results_dropped || !i)
            warn(annotations, paths[i], truth, &scores);
        bit_coco_scores_free(&scores);
    }
    return 0;
}

static int compare(const struct bit_operands *operands, const struct options *o, struct bit_error *error)
{
    struct group groups[2] = {{0}};
    struct bit_coco_difference differences[BIT_COCO_DIFFERENCES];
    struct bit_coco *truth = bit_coco_read(operands->word[0], error);
    int failed = !truth || read_group(&groups[0], operands->word + 1, (size_t)operands->count - 1, error) ||
                 read_group(&groups[1], (char *const *)o->against.value, o->against.count, error) ||
                 look_at(truth, operands->word[0], &groups[0], operands->word + 1, o->class_agnostic, error) ||
                 look_at(truth, operands->word[0], &groups[1], (char *const *)o->against.value, o->class_agnostic, error);
    const struct bit_coco_results *const results[2] = {groups[0].results, groups[1].results};
    const size_t count[2] = {groups[0].count, groups[1].count};
    if (!failed && (failed = bit_coco_compare(truth, results, count, o->class_agnostic, o->draws, o->seed, differences, error)))
        bit_fail_at(error, "%s", operands->word[0]);
    if (!failed)
        print_differences(differences, truth, o);
    for (int g = 0; g < 2; g++)
        free_group(&groups[g]);
    bit_coco_destroy(truth);
    return failed;
}

int bit_cli_coco(int argc, char **argv)
{
    struct options o = {.draws = 1000};
    struct bit_operands operands;
    struct bit_error error = {0};
    int code;
    if (!bit_cli_parse(&bit_coco_usage, argc, argv, &o, &operands, &code))
        return code;
    if (!o.against.count && operands.count > 2) {
        bit_fail(&error, BIT_EUSAGE, "bit coco: several results go with --against alone: expected ANNOTATIONS.json RESULTS.json");
        return bit_cli_error(&error);
    }
    return (o.against.count ? compare(&operands, &o, &error) : evaluate(operands.word[0], operands.word[1], &o, &error)) ? bit_cli_error(&error)
                                                                                                                        : BIT_OK;
}
