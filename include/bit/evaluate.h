/* Evaluation over every validation image exactly once, at any number of ranks. */
#ifndef BIT_EVALUATE_H
#define BIT_EVALUATE_H

#include <stdint.h>

#include "bit/data.h"
#include "bit/group.h"
#include "bit/model.h"

struct bit_evaluation {
    uint64_t images;
    double loss;        /* mean over images */
    double top1, top5;  /* shares; multi-label: top1 is precision at 1 (the arg-max class is among the image's) */
    uint64_t top1_count, top5_count, bad;
    double seconds;
};

/* `stream` is an evaluation stream (rank, ranks set), `model` has its weights set. Ties: the lower class wins. The sums
 * are the same bits at any number of ranks. Collective. */
int bit_evaluate(struct bit_model *model, struct bit_stream *stream, struct bit_group *group, enum bit_loss loss,
                 int classes, int micro_batch, uint64_t images, struct bit_evaluation *result,
                 struct bit_error *error);

#endif
