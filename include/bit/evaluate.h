/* Evaluation over every validation image exactly once, at any number of ranks. */
#ifndef BIT_EVALUATE_H
#define BIT_EVALUATE_H

#include <stdbool.h>
#include <stdint.h>

#include "bit/classify.h"
#include "bit/data.h"
#include "bit/group.h"
#include "bit/model.h"

struct bit_evaluation {
    uint64_t images;    /* without the bad ones, which are left out */
    double loss;        /* mean over images, or over positives where the head counts these */
    struct bit_metrics metrics; /* the head's */
    uint64_t bad;
    double seconds;
};

struct bit_evaluation_options {
    struct bit_model *model;      /* its weights are set, and it has a head */
    struct bit_stream *stream;    /* an evaluation stream at its beginning; rank and ranks are the group's */
    struct bit_group *group;
    int micro_batch;
    uint64_t images;              /* in the index; over all ranks */
    bool (*stop)(void);           /* asked before each micro-batch; true ends the evaluation early. NULL: never */
    /* What the head cannot judge by itself, on rank 0, behind its `conclude`: fills in metrics from the records (NULL when none were kept). NULL:
     * nothing. */
    int (*judge)(void *context, const struct bit_records *records, struct bit_metrics *metrics, struct bit_error *error);
    void *context;
    struct bit_records *records;  /* NULL, or what rank 0 gets there: the head's records of all images; free with bit_records_free */
};

/* Frees what a bit_records holds. Local. */
void bit_records_free(struct bit_records *records);

/* The classes that are labels of images of the index, those that stand together on some image in one group: a union of such sets. Groups
 * stand by their least class, members ascending. NULL for lack of memory; free with bit_class_groups_free. Local. */
struct bit_class_groups *bit_class_groups_create(const struct bit_index *index, int classes, struct bit_error *error);
void bit_class_groups_free(struct bit_class_groups *groups);

/* Every sum is added in the order of the micro-batches, and records stand in the order of the images, so the result has the same bits at
 * any number of ranks. 0: *result is filled, equal on all ranks; 1: `stop` ended it on some rank and *result is void;
 * -1: failed, all ranks hold the same error. Collective. */
int bit_evaluate(const struct bit_evaluation_options *options, struct bit_evaluation *result, struct bit_error *error);

#endif
