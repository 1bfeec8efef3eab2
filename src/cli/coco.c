/* bit coco: average precision of detections. */
#include <stddef.h>
#include <stdio.h>

#include "bit/coco.h"
#include "bit/json.h"
#include "bit/log.h"
#include "cli/cli.h"

struct options { bool json, class_agnostic; };

#define AT(member) .at = offsetof(struct options, member)
static const struct bit_option known[] = {
    {"--json", NULL, "one JSON object, with 17 digits, instead of tables", BIT_OPTION_FLAG, AT(json)},
    {"--class-agnostic", NULL, "all categories are one: are objects found, whatever they are taken for?", BIT_OPTION_FLAG,
     AT(class_agnostic)},
};
const struct bit_usage bit_coco_usage = {
    "bit coco", "ANNOTATIONS.json RESULTS.json",
    "Says how good detections are: the twelve numbers of the COCO evaluation for boxes, equal to those of pycocotools,\n"
    "and AP, AP50 and AR100 by category (-1: there is nothing to be found). ANNOTATIONS.json is a COCO file with images,\n"
    "annotations and categories; RESULTS.json an array of {\"image_id\", \"category_id\", \"bbox\": [x, y, width, height],\n"
    "\"score\"}. All listed images count, also those without results.",
    known, sizeof known / sizeof *known, .least = 2, .most = 2};

/* What pycocotools passes over without a word. */
static void warn(const char *annotations, const char *results, const struct bit_coco *truth, const struct bit_coco_scores *s)
{
    const struct { uint64_t count; const char *file, *what; } notes[] = {
        {s->unlisted_images, annotations, "annotations of images that are not listed: left out"},
        {s->unlisted_categories, annotations, "annotations of categories that are not listed: left out"},
        {truth->areas_missing, annotations, "annotations without an area: width * height is taken"},
        {s->ids_zero, annotations, "annotations with the id 0: what finds them counts as wrong, as in pycocotools"},
        {s->ids_twice, annotations, "annotations with the id of another one: the last of them is seen instead, as in pycocotools"},
        {s->results_dropped, results, "results of categories that are not listed: left out"}};
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++)
        if (notes[i].count)
            bit_log(BIT_LOG_WARNING, "%s: %llu %s", notes[i].file, (unsigned long long)notes[i].count, notes[i].what);
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

int bit_cli_coco(int argc, char **argv)
{
    struct options o = {0};
    struct bit_operands operands;
    struct bit_error error = {0};
    int code;
    if (!bit_cli_parse(&bit_coco_usage, argc, argv, &o, &operands, &code))
        return code;
    return evaluate(operands.word[0], operands.word[1], &o, &error) ? bit_cli_error(&error) : BIT_OK;
}
