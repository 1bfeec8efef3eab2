/* Where a run stands, as it is kept with every generation (the checkpoint's `extra`). */
#ifndef RUN_STANDING_H
#define RUN_STANDING_H

#include <stdint.h>

#include "bit/error.h"
#include "bit/evaluate.h"
#include "bit/hash.h"
#include "bit/metric.h"
#include "bit/text.h"
#include "bit/observe.h"

struct standing {
    uint64_t step;                 /* optimiser steps done */
    uint64_t evaluated;            /* step of the newest evaluation; UINT64_MAX: none */
    struct bit_evaluation newest;  /* that evaluation */
    uint64_t probed;               /* step of the newest probe; UINT64_MAX: none */
    double best;                   /* of all evaluations, by the first metric; NaN: none */
    uint64_t best_step;
    uint64_t bad;                  /* bad training images met, all ranks */
    double seconds;                /* spent in the loop */
    uint64_t resumes, rollbacks;
    int skipped;                   /* steps in a row that were not applied */
    struct bit_losses losses;           /* of the losses */
    char start[BIT_HASH_TEXT];     /* hash of the weights to which schedule.start_decay pulls; "": it does not */
    char machine[96];              /* what the bits depend on: backend, instruction set, threads; "": not known */
};

void standing_init(struct standing *standing);
/* Notes an evaluation made at standing->step. */
void standing_evaluated(struct standing *standing, const struct bit_evaluation *evaluation);
/* Canonical JSON object of everything but the step. bad and seconds: up to now. */
void standing_write(const struct standing *standing, uint64_t bad, double seconds, struct bit_text *text);
/* Reads it back; `text` NULL: nothing is known. known: the head's metrics, for names and forms. Resumes and rollbacks
 * never go down. -1 (data) when it is not such an object. */
int standing_read(struct standing *standing, const char *text, uint64_t step, const struct bit_metrics *known,
                  struct bit_error *error);

#endif
