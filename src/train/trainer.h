/* The trainer's inside, shared by trainer.c and step.c. */
#ifndef BIT_TRAIN_TRAINER_H
#define BIT_TRAIN_TRAINER_H

#include "bit/train.h"

struct bit_trainer {
    struct bit_trainer_options options;
    const struct bit_table *table;
    int micro_batches;             /* of this rank, a step */
    struct bit_reducer *reducer;
    struct bit_gradient *gradient;
    float *weights;                /* block */
    float *velocity;               /* share */
    float *d_logits;               /* a micro-batch's */
    double *losses;                /* an image of a micro-batch's each */
    double *sums;                  /* a micro-batch's each */
    void *verdicts;                /* room for what all ranks say about a step */
    float *statistics;             /* batch norm's running statistics before the step; NULL with group norm */
    int skipped;                   /* consecutive steps not applied */
};

/* Bytes of one rank's verdict. */
size_t bit_step_verdict_bytes(void);

/* Batch norm's running statistics, where ranks have different ones (scope "rank"), become their mean over all ranks.
 * Collective. */
int bit_trainer_average_statistics(struct bit_trainer *trainer, struct bit_error *error);

#endif
