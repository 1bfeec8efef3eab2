/* bit predict with a network that detects boxes. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "apply/csv.h"
#include "bit/features.h"
#include "bit/file.h"
#include "bit/json.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "cli/predict.h"

struct drawing { struct bit_text page; uint64_t shown; };

/* ---- forms ---- */

static void tell_json(struct predict_telling *t, const struct predict_found *f)
{
    bit_text_add(&t->text, "%s\n{\"path\": ", t->told ? "," : "");
    bit_text_add_json(&t->text, f->path);
    bit_text_add(&t->text, ", \"width\": %d, \"height\": %d, \"boxes\": [", f->width, f->height);
    for (int i = 0; i < f->count; i++) {
        const struct bit_detection *d = &f->boxes[i];
        const double bbox[4] = {d->box.x1, d->box.y1, d->box.x2 - d->box.x1, d->box.y2 - d->box.y1};
        bit_text_add(&t->text, "%s{\"class\": ", i ? ", " : "");
        bit_text_add_json(&t->text, t->trained->classes[d->label]);
        bit_text_add(&t->text, ", \"number\": %d, \"score\": ", (int)d->label);
        bit_json_add_number(&t->text, d->score, 9);
        for (int k = 0; k < 4; k++) {
            bit_text_add(&t->text, k ? ", " : ", \"bbox\": [");
            bit_json_add_number(&t->text, bbox[k], 9);
        }
        bit_text_add(&t->text, "]}");
    }
    bit_text_add(&t->text, "]}");
}

static void tell_csv(struct predict_telling *t, const struct predict_found *f)
{
    for (int i = 0; i < f->count; i++) {
        const struct bit_detection *d = &f->boxes[i];
        csv_add(&t->text, f->path);
        bit_text_add(&t->text, ",");
        csv_add(&t->text, t->trained->classes[d->label]);
        bit_text_add(&t->text, ",%.9g,%.9g,%.9g,%.9g,%.9g\n", d->score, d->box.x1, d->box.y1, d->box.x2 - d->box.x1, d->box.y2 - d->box.y1);
    }
}

static void tell_plainly(struct predict_telling *t, const struct predict_found *f)
{
    char shown[PATH_MAX];
    bit_text_escape(shown, sizeof shown, f->path, "\\");
    bit_text_add(&t->text, "%s:%s", shown, f->count ? "" : " no boxes");
    for (int i = 0; i < f->count; i++) {
        const struct bit_detection *d = &f->boxes[i];
        char name[1024];
        bit_text_escape(name, sizeof name, t->trained->classes[d->label], "\\");
        bit_text_add(&t->text, "%s %s %.1f %% at %.0f,%.0f %.0f x %.0f", i ? "," : "", name, 100 * d->score, d->box.x1,
                     d->box.y1, d->box.x2 - d->box.x1, d->box.y2 - d->box.y1);
    }
    bit_text_add(&t->text, "\n");
}

/* Lines for people leave out what is hardly believed; the page hides it. */
static void tell(struct predict_telling *t, struct predict_found f)
{
    const double plain = 0.3;
    if (t->options->json) {
        tell_json(t, &f);
    } else if (t->options->csv) {
        tell_csv(t, &f);
    } else {
        while (t->options->score < 0 && f.count && f.boxes[f.count - 1].score < plain)
            f.count--;
        tell_plainly(t, &f);
    }
    t->told++;
}

/* ---- images ---- */

static int tell_image(struct predict_telling *t, struct drawing *drawing, const struct bit_batch *batch, int image, struct bit_detect_record *record,
                      struct bit_error *error)
{
    const struct bit_head *head = bit_model_head(t->trained->model);
    const struct bit_frame *frame = &batch->targets.frames[image];
    const int most = t->trained->head.detect.detections.most;
    char path[PATH_MAX];
    if (predict_path(t, batch->samples[image], path, error))
        return -1;
    head->operations->keep(head, bit_model_call(t->trained->model), &batch->targets, image, record);
    if (record->count > (uint64_t)most)
        return bit_fail(error, BIT_EENVIRONMENT, "out of memory: the boxes of an image");
    struct predict_found f = {path, (int)lrint(frame->width / frame->scale_x), (int)lrint(frame->height / frame->scale_y), 0, record->found};
    while (f.count < (int)record->count && (!t->options->top || f.count < t->options->top) && record->found[f.count].score >= t->options->score)
        f.count++;
    tell(t, f);
    if (t->options->page && drawing->shown < (uint64_t)t->options->pictures && ++drawing->shown &&
        predict_page_add(&drawing->page, &f, t->trained->classes, error))
        return -1;
    return t->text.failed || drawing->page.failed ? bit_fail(error, BIT_EENVIRONMENT, "out of memory: what is to be printed") : 0;
}

static int tell_batch(struct predict_telling *t, struct drawing *drawing, const struct bit_batch *batch, struct bit_detect_record *record,
                      struct bit_error *error)
{
    predict_tell_bad(t);
    t->bad += bit_extract_tell_bad(t->stream);
    if (batch->images && bit_model_forward(t->trained->model, batch->pixels, false, error))
        return -1;
    for (int i = 0; i < batch->images; i++)
        if (tell_image(t, drawing, batch, i, record, error))
            return -1;
    return predict_flush(t, error);
}

static int write_page(struct predict_telling *t, struct drawing *drawing, struct bit_error *error)
{
    if (!t->options->page)
        return 0;
    predict_page_end(&drawing->page, drawing->shown, t->told);
    if (drawing->page.failed)
        return bit_fail(error, BIT_EENVIRONMENT, "out of memory: the page");
    if (bit_file_write(t->options->page, drawing->page.data, drawing->page.size, error))
        return -1;
    bit_log(BIT_LOG_INFO, "%s: %llu of %llu pictures with their boxes", t->options->page, (unsigned long long)drawing->shown,
            (unsigned long long)t->told);
    return 0;
}

int predict_boxes(struct predict_telling *t, struct bit_error *error)
{
    const struct bit_head *head = bit_model_head(t->trained->model);
    struct drawing drawing = {0};
    struct bit_detect_record *record = bit_allocate(1, head->operations->record_bytes(head), "boxes of an image", error);
    int result = record ? 1 : -1;
    if (t->options->page)
        predict_page_begin(&drawing.page, t->trained->name);
    if (t->options->json)
        fputs("[", stdout);
    else if (t->options->csv)
        puts("path,class,score,x,y,width,height");
    while (result > 0) {
        struct bit_batch *batch;
        if ((result = bit_stream_next(t->stream, &batch, error)) <= 0)
            break;
        if (tell_batch(t, &drawing, batch, record, error))
            result = -1;
        bit_stream_release(t->stream, batch);
    }
    if (t->options->json)
        puts("\n]");
    if (!result)
        result = write_page(t, &drawing, error);
    bit_text_free(&drawing.page);
    bit_text_free(&t->text);
    bit_free(record);
    return result;
}
