#include "run/detections.h"

#include <math.h>
#include <string.h>

#include "bit/coco.h"
#include "bit/detect.h"
#include "bit/file.h"
#include "bit/memory.h"
#include "run/predictions.h"
#include "run/run.h"

/* Boxes of all images in COCO's terms: its ids, and its form of a box. Each is rounded to what the file says, so that average precision is that
 * of the file. */
struct collection { struct bit_coco_results results; struct bit_text text; bool writes; };

static const struct bit_detect_record *record_at(const struct bit_records *records, uint64_t i)
{
    return (const void *)((const char *)records->data + i * records->bytes);
}

static int reserve(struct collection *c, const struct bit_records *records, uint64_t most, struct bit_error *error)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < records->count; i++) {
        if (record_at(records, i)->count > most)
            return bit_fail(error, BIT_EENVIRONMENT, "out of memory: the boxes of an image");
        count += record_at(records, i)->count;
    }
    c->results.results = bit_allocate(count + 1, sizeof *c->results.results, "boxes of the evaluation", error);
    return c->results.results ? 0 : -1;
}

static void add_image(struct collection *c, const struct bit_index *index, uint64_t image, const struct bit_detect_record *record)
{
    struct bit_index_boxes truth;
    bit_index_boxes(index, image, &truth);
    for (uint64_t i = 0; i < record->count; i++) {
        const struct bit_detection *d = &record->found[i];
        struct bit_coco_result *r = &c->results.results[c->results.count++];
        *r = (struct bit_coco_result){.image = truth.image_id, .category = bit_index_category(index, d->label), .score = d->score,
                                      .box = {d->box.x1, d->box.y1, d->box.x2 - d->box.x1, d->box.y2 - d->box.y1}};
        if (c->writes && c->results.count > 1)
            bit_text_add(&c->text, ",\n");
        else if (!c->writes)
            c->text.size = 0;
        bit_coco_result_add(&c->text, r);
    }
}

static int collect(const struct run *run, const struct bit_records *records, struct collection *c, struct bit_error *error)
{
    if (reserve(c, records, (uint64_t)run->recipe->head.detect.detections.most, error))
        return -1;
    if (c->writes)
        bit_text_add(&c->text, "[");
    for (uint64_t i = 0; i < records->count; i++)
        add_image(c, run->val, records->images[i], record_at(records, i));
    if (c->writes)
        bit_text_add(&c->text, "]\n");
    return c->text.failed ? bit_fail(error, BIT_EENVIRONMENT, "out of memory: boxes of the evaluation") : 0;
}

static int judge(const struct run *run, const struct bit_coco_results *results, struct bit_metrics *metrics, struct bit_error *error)
{
    static const struct { const char *name; enum bit_coco_number number; } known[] = {
        {"ap", BIT_COCO_AP}, {"ap50", BIT_COCO_AP50}, {"ap75", BIT_COCO_AP75}, {"ap_small", BIT_COCO_AP_SMALL},
        {"ap_medium", BIT_COCO_AP_MEDIUM}, {"ap_large", BIT_COCO_AP_LARGE}, {"ar100", BIT_COCO_AR100}};
    struct bit_coco *truth = bit_index_truth(run->val, error);
    struct bit_coco_scores scores;
    if (!truth)
        return -1;
    const int result = bit_coco_score(truth, results, false, &scores, error);
    for (int i = 0; !result && i < metrics->count; i++)
        for (size_t k = 0; k < sizeof known / sizeof *known; k++)
            if (!strcmp(metrics->item[i].name, known[k].name) && scores.numbers[known[k].number] >= 0) /* -1: nothing could be found */
                metrics->item[i].value = scores.numbers[known[k].number];
    if (!result)
        bit_coco_scores_free(&scores);
    bit_coco_destroy(truth);
    return result;
}

int detections_judge(void *context, const struct bit_records *records, struct bit_metrics *metrics, struct bit_error *error)
{
    const struct run *run = context;
    struct collection c = {.writes = predictions_wanted(run) && run->options->predictions};
    int result = records ? collect(run, records, &c, error) : bit_fail(error, BIT_EINTERNAL, "an evaluation of boxes without records");
    if (!result)
        result = judge(run, &c.results, metrics, error);
    if (!result && c.writes)
        result = bit_file_write(run->options->predictions, c.text.data, c.text.size, error);
    bit_text_free(&c.text);
    bit_free(c.results.results);
    return result;
}
