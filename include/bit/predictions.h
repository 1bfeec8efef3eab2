/* A predictions file: what a network said of each image of an evaluation, a JSON object a line. bitrun writes it; bit compare and bit report
 * read it. The first line speaks of the evaluation:
 *     {"kind":"predictions","version":1,"job":...,"step":N,"images":N,"bad":N,"loss":"softmax","data":PATH,"classes":[NAME,...]}
 * and each other one of an image, in the order of the index:
 *     {"image":N,"path":PATH,"labels":[NAME,...],"place":N,"probability":P,"top":[[NAME,P],...]}
 * place: of the best of its labels among all classes, from 0; probability: of its labels together (softmax), or of that label (sigmoid); top:
 * at most five classes with their probabilities, falling. All local. */
#ifndef BIT_PREDICTIONS_H
#define BIT_PREDICTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bit/error.h"
#include "bit/text.h"

enum { BIT_PREDICTIONS_VERSION = 1, BIT_PREDICTIONS_TOP = 5 };

/* Of an image; classes by their numbers. */
struct bit_prediction {
    uint64_t image;               /* in the index */
    const char *path;
    const int32_t *labels;
    int label_count;
    int place;
    double probability;
    int top_count;
    int32_t top[BIT_PREDICTIONS_TOP];
    double top_probability[BIT_PREDICTIONS_TOP];
};

/* Of the whole file; everything belongs to it. */
struct bit_predictions {
    char *job, *data;
    bool is_sigmoid;
    uint64_t step, bad;
    int classes;
    char **names;                 /* of the classes */
    uint64_t count;
    struct bit_prediction *items;
    int32_t *labels;              /* of all items */
};

/* Whether the prediction at the top is one of its labels. */
static inline bool bit_prediction_is_right(const struct bit_prediction *p)
{
    return p->place == 0;
}

/* ---- writing ---- */

/* Appends the first line; of `predictions` all but labels and items is used, and `images` stands for its count. */
void bit_predictions_write_head(struct bit_text *text, const struct bit_predictions *predictions, uint64_t images);
/* Appends the line of an image. */
void bit_predictions_write_item(struct bit_text *text, const struct bit_predictions *predictions, const struct bit_prediction *item);

/* ---- reading ---- */

/* The file, or of a folder its predictions.jsonl. NULL: no-input when there is none; data, with the line, when it is not one or not whole. */
struct bit_predictions *bit_predictions_read(const char *path, struct bit_error *error);
void bit_predictions_free(struct bit_predictions *predictions);

#endif
