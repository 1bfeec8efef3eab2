/* The trainer's inside, shared by trainer.c and step.c. */
#ifndef BIT_TRAIN_TRAINER_H
#define BIT_TRAIN_TRAINER_H

#include "bit/train.h"

enum { BIT_HOST = 64 };

/* Batch norm needs the rank's whole batch in one forward call: the stream's micro-batches one after another. */
struct bit_collector {
    size_t pixel_bytes;      /* of a micro-batch */
    char *pixels;
    int32_t *labels, *label_start;
    float *weights;          /* one a label, where images are mixed */
    size_t label_capacity;
    struct bit_batch batch;  /* what has been collected, as if the stream had handed it out */
};
int bit_collector_init(struct bit_collector *c, const struct bit_trainer_options *options, int micro_batches,
                       struct bit_error *error);
void bit_collector_free(struct bit_collector *c);
void bit_collector_clear(struct bit_collector *c);
/* Copies; the batch may be released afterwards. */
int bit_collector_add(struct bit_collector *c, const struct bit_batch *batch, struct bit_error *error);

struct bit_trainer {
    struct bit_trainer_options options;
    const struct bit_table *table;
    int micro_batches;             /* of this rank, a step */
    bool together;                 /* batch norm: they go through the network at once */
    struct bit_collector collector;
    struct bit_reducer *reducer;
    struct bit_gradient *gradient;
    float *weights;                /* block */
    float *velocity;               /* share */
    float *start;                  /* share: the weights that the run began with; NULL where nothing pulls at them */
    double *losses;                /* of the images of one forward call */
    double *sums;                  /* of each forward call */
    uint64_t positives;            /* of this rank's images of the step, for heads that divide by their number */
    void *verdicts;                /* room for what all ranks say about a step */
    float *statistics;             /* batch norm's running statistics before the step; NULL with group norm */
    struct bit_guard *guard;
    char (*hosts)[BIT_HOST];       /* of all ranks */
    void *endings;                 /* room for what all ranks say after an update */
};

/* Bytes of what one rank says before and after an update. */
size_t bit_step_verdict_bytes(void);
size_t bit_step_ending_bytes(void);

/* harm.c: what is the matter with rank `rank`'s memory. Local. */
void bit_harm_describe(const struct bit_trainer *t, int rank, const struct bit_harm *harm, struct bit_error *what);

#endif
