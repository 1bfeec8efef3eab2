/* A step that was not applied, or memory that changed: what the job wants to be done about it. */
#ifndef RUN_SETBACK_H
#define RUN_SETBACK_H

#include <stdbool.h>
#include <stdint.h>

#include "bit/error.h"
#include "bit/train.h"
#include "run/states.h"

struct run;

/* Of policy "rollback"; the same on all ranks. */
struct setback {
    uint64_t step;                 /* that failed, the furthest one; 0: none */
    int count;                     /* rollbacks in a row that did not lead past it */
    double loss;                   /* of the newest failure, and its reason */
    struct bit_error why;
    bool alike;                    /* the newest failure is the one before with the same bits */
    bool pending;                  /* decided, and not yet carried out */
    bool harmed;                   /* memory of a rank has changed since weights were last loaded */
};

/* Above which loss a step is not to be applied, by checks.loss_spike; INFINITY: none. Local. */
double setback_loss_limit(const struct run *run);
/* A step was applied: its loss is noted. Whether it is so high that checks.loss_spike wants it logged, and above what. Local. */
bool setback_note_loss(struct run *run, double loss, double *limit);
/* The step after the standing's was tried and not applied: EVENT_OK (skipped), EVENT_ROLLBACK or EVENT_FAILED. Local; the same
 * on all ranks. */
enum event setback_decide(struct run *run, const struct bit_step_result *result);
/* A check between two steps has found `harm` to a rank's memory: run->error, or a setback. Returns -1. Local; the same on all ranks. */
int setback_harm(struct run *run, const struct bit_error *harm);
/* After a failure that may have been a setback: EVENT_FAILED or EVENT_ROLLBACK. The same on all ranks; rank 0 alone may hold
 * an error here, on which resume_roll_back() agrees. */
enum event setback_event(const struct run *run);
/* May the run go back to a checkpoint? -1: no, and run->error says why. Local; the same on all ranks. */
int setback_judge(struct run *run);

#endif
