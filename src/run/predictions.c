#include "run/predictions.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bit/classify.h"
#include "bit/file.h"
#include "bit/memory.h"
#include "bit/predictions.h"
#include "run/run.h"

_Static_assert((int)BIT_PREDICTIONS_TOP == (int)BIT_CLASSIFY_TOP, "a record has what a line of the file shows");

/* After the last step of a training, of a set that is not too large. */
static bool is_last(const struct run *run)
{
    return !run->recipe->detects && run->standing.step >= run->recipe->schedule.steps && bit_index_images(run->val) <= run->job->evaluation.predictions;
}

bool predictions_wanted(const struct run *run)
{
    return run->options->evaluate ? run->options->predictions || run->options->confusion : is_last(run);
}

static int check_file(const char *path, struct bit_error *error)
{
    char folder[PATH_MAX];
    if (!path)
        return 0;
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = 0;
    return access(slash ? folder : ".", W_OK) ? bit_fail_errno(error, BIT_EENVIRONMENT, "cannot write %s", path) : 0;
}

int predictions_check(struct run *run)
{
    if (run->recipe->detects && run->options->confusion)
        return bit_fail(&run->error, BIT_EUSAGE, "--confusion counts classes of images, and the task is detect");
    return check_file(run->options->predictions, &run->error) || check_file(run->options->confusion, &run->error) ? -1 : 0;
}

/* Takes `text`. */
static int write_file(const char *path, struct bit_text *text, struct bit_error *error)
{
    int result = text->failed ? bit_fail(error, BIT_EENVIRONMENT, "out of memory: %s", path)
                              : bit_file_write(path, text->data, text->size, error);
    bit_text_free(text);
    return result;
}

static const struct bit_classify_record *record_at(const struct bit_records *records, uint64_t i)
{
    return (const void *)((const char *)records->data + i * records->bytes);
}

/* ---- predictions ---- */

static int write_item(struct run *run, const struct bit_predictions *all, const struct bit_records *records, uint64_t i, struct bit_text *text)
{
    const struct bit_classify_record *r = record_at(records, i);
    char path[PATH_MAX];
    struct bit_prediction item = {.image = records->images[i], .path = path, .place = r->place, .probability = (double)r->probability,
                                  .top_count = r->top_count};
    if (bit_index_image_path(run->val, item.image, path, sizeof path, &run->error))
        return -1;
    item.label_count = bit_index_labels(run->val, item.image, &item.labels);
    for (int k = 0; k < r->top_count; k++) {
        item.top[k] = r->top[k];
        item.top_probability[k] = (double)r->top_probability[k];
    }
    bit_predictions_write_item(text, all, &item);
    return 0;
}

/* Outputs behind the last class of the data have no name of their own. */
static char **name_classes(const struct run *run, struct bit_error *error)
{
    char **names = bit_allocate((size_t)run->classes + 1, sizeof *names, "class names", error), number[32];
    for (int k = 0; names && k < run->classes; k++) {
        snprintf(number, sizeof number, "output %d", k);
        names[k] = bit_copy_text(k < bit_index_classes(run->train) ? bit_index_class_name(run->train, k) : number, error);
        if (!names[k])
            break;
    }
    return names;
}

static int write_predictions(struct run *run, const char *path, const struct bit_predictions *all, const struct bit_records *records)
{
    struct bit_text text = {0};
    int result = 0;
    bit_predictions_write_head(&text, all, records->count);
    for (uint64_t i = 0; i < records->count && !result; i++)
        result = write_item(run, all, records, i, &text);
    if (result)
        bit_text_free(&text);
    return result ? -1 : write_file(path, &text, &run->error);
}

/* ---- confusion ---- */

struct pair { int32_t label, predicted; };

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    int label = (x->label > y->label) - (x->label < y->label);
    return label ? label : (x->predicted > y->predicted) - (x->predicted < y->predicted);
}

/* The cells of the matrix that are not zero, by label and prediction. An image of several labels is in the row of its prediction when
 * that is one of them, else in its first label's. */
static int write_confusion(struct run *run, const struct bit_predictions *all, const struct bit_records *records)
{
    struct bit_text text = {0};
    const int32_t *labels;
    uint64_t count = 0;
    struct pair *pairs = bit_allocate(records->count + 1, sizeof *pairs, "the confusion matrix", &run->error);
    if (!pairs)
        return -1;
    for (uint64_t i = 0; i < records->count; i++) {
        const struct bit_classify_record *r = record_at(records, i);
        if (bit_index_labels(run->val, records->images[i], &labels) > 0 && r->top_count)
            pairs[count++] = (struct pair){r->place == 0 ? r->top[0] : labels[0], r->top[0]};
    }
    qsort(pairs, count, sizeof *pairs, compare_pairs);
    bit_text_add(&text, "label\tprediction\timages\n");
    for (uint64_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && !compare_pairs(&pairs[i], &pairs[end]);)
            end++;
        bit_text_add(&text, "%s\t%s\t%llu\n", all->names[pairs[i].label], all->names[pairs[i].predicted], (unsigned long long)(end - i));
    }
    bit_free(pairs);
    return write_file(run->options->confusion, &text, &run->error);
}

/* The file of a training is worth less than its weights, which are there. */
static int write_last(struct run *run, const struct bit_predictions *all, const struct bit_records *records)
{
    char path[PATH_MAX];
    if (run_path(run, BIT_RECORD_PREDICTIONS, path, &run->error) || write_predictions(run, path, all, records)) {
        run_tell(run, BIT_LOG_WARNING, "there are no predictions of this run: %s", run->error.text);
        run->error = (struct bit_error){0};
    }
    return 0;
}

static int write_asked(struct run *run, const struct bit_predictions *all, const struct bit_records *records)
{
    const struct options *o = run->options;
    int result = o->predictions ? write_predictions(run, o->predictions, all, records) : 0;
    return !result && o->confusion ? write_confusion(run, all, records) : result;
}

int predictions_write(struct run *run, const struct bit_records *records, uint64_t bad)
{
    struct bit_predictions all = {
        .job = run->job->name, .data = run->job->data.val, .is_sigmoid = run->recipe->head.classify.loss == BIT_SIGMOID,
        .step = run->standing.step, .bad = bad, .classes = run->classes, .names = name_classes(run, &run->error),
    };
    int result = run->error.code ? -1 : 0;
    if (!result)
        result = run->options->evaluate ? write_asked(run, &all, records) : write_last(run, &all, records);
    for (int k = 0; all.names && k < all.classes; k++)
        bit_free(all.names[k]);
    bit_free(all.names);
    return result;
}
