/* What the user sees while a run trains: one live line on a terminal, otherwise a line now and then. Rank 0; local. */
#ifndef RUN_PROGRESS_H
#define RUN_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool active, live;
    bool drawn;            /* a live line stands on the terminal */
    uint64_t steps;        /* of the whole run */
    double epochs;
    uint64_t lines;        /* log lines written */
    double lined, drawn_at; /* clock */
    double window_start;   /* clock and step at which the running mean of the speed begins */
    uint64_t window_step;
    double speed;          /* steps a second; 0: not known yet */
};

struct progress_state { uint64_t step; double epoch, loss, rate; int batch; };

void progress_start(struct progress *progress, bool quiet, uint64_t step, uint64_t steps, double epochs);
/* After each step. */
void progress_step(struct progress *progress, const struct progress_state *state);
/* Time went by that was not training (evaluation, a stall of saving): the speed is measured anew from here. */
void progress_pause(struct progress *progress, uint64_t step);
/* Wipes the live line. */
void progress_end(struct progress *progress);

#endif
