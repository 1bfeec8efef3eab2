/* Who looks at a run and changes nothing: ranks and links that are slow, losses that jump, progress for people, a timeline. Nothing here knows
 * the run; the driver feeds it. */
#ifndef BIT_OBSERVE_H
#define BIT_OBSERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "bit/error.h"
#include "bit/group.h"
#include "bit/text.h"

/* ---- slow ranks ---- */

/* Finds ranks that are slower than the others: they hold up every step, and are reported, not ended. Rank 0's; local. */

/* Steps a window; a rank is slow when it took BIT_SLOW_FACTOR times as long as the others in two windows running. */
enum { BIT_SLOW_WINDOW = 12 };
#define BIT_SLOW_FACTOR 1.35

struct bit_slow_rank {
    int ranks, steps;  /* steps in this window */
    double *seconds;   /* of each rank in this window */
    int suspect, told; /* the slowest of the last window, if slow; the one reported; -1: none */
};

/* `seconds` has room for as many numbers as there are ranks, all zero. */
void bit_slow_rank_init(struct bit_slow_rank *slow, int ranks, double *seconds);
/* Adds what each rank spent in a step. True when there is something to say: *rank is slow by *factor against the median of the
 * others, *each seconds a step; or, with *factor below BIT_SLOW_FACTOR, no longer. */
bool bit_slow_rank_add(struct bit_slow_rank *slow, const double *seconds, int *rank, double *factor, double *each);

/* ---- slow links between hosts ---- */

/* Finds that the links between hosts have become slow: waiting for it holds up every step. Reported, not ended. Rank 0's; local. */

/* Steps a window. The network is slow when in two windows running a step waited BIT_LINK_FACTOR times as long for it as in the
 * best window so far, and for more than BIT_LINK_SHARE of its time. */
enum { BIT_LINK_WINDOW = 10 };
#define BIT_LINK_FACTOR 3.0
#define BIT_LINK_SHARE 0.25

struct bit_slow_link {
    int steps, high;          /* of this window; windows running that were slow */
    double waited, spent;     /* seconds in this window */
    double best;              /* seconds waited a step in the best window; 0: none yet */
    bool told;
};

/* A step took `spent` seconds; `waited`: those of them spent in reduce and gather; seconds[rank 0 .. ranks) is what each rank's own work
 * took: waiting for a slower rank is not the network's. True when there is something to say: *now against *before, seconds a
 * step; told says whether it is slow. */
bool bit_slow_link_add(struct bit_slow_link *link, double waited, double spent, const double *seconds, int ranks, double *now, double *before);

/* ---- recent losses ---- */

/* How high the recent losses were, so that one that jumps is noticed. Kept with every generation: a run that resumes judges as
 * one that was never interrupted. Local; the same on all ranks. */

enum { BIT_LOSSES_KEPT = 64, BIT_LOSSES_LEAST = 8 };

struct bit_losses { int count; double recent[BIT_LOSSES_KEPT]; /* oldest first */ };

/* Adds the loss of a step that was applied. */
void bit_losses_add(struct bit_losses *losses, double loss);
/* The median, or INFINITY while there are fewer than BIT_LOSSES_LEAST losses. */
double bit_losses_median(const struct bit_losses *losses);
/* As a JSON array: every bit. */
void bit_losses_write(const struct bit_losses *losses, struct bit_text *text);

/* ---- progress ---- */

/* What the user sees while a run trains: one live line on a terminal, otherwise a line now and then. Rank 0; local. */

struct bit_progress {
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

struct bit_progress_state { uint64_t step; double epoch, loss, rate; int batch; };

void bit_progress_start(struct bit_progress *progress, bool quiet, uint64_t step, uint64_t steps, double epochs);
/* After each step. */
void bit_progress_step(struct bit_progress *progress, const struct bit_progress_state *state);
/* Time went by that was not training (evaluation, a stall of saving): the speed is measured anew from here. */
void bit_progress_pause(struct bit_progress *progress, uint64_t step);
/* Wipes the live line. */
void bit_progress_end(struct bit_progress *progress);

/* ---- timeline ---- */

/* bitrun --trace FILE: what all ranks do when, as one file in Chrome's trace format. */

struct bit_timeline;

/* Rank 0 creates `path`; a file of that name becomes `path`.1. Steps from number `from` of this invocation on (1: the first), `count` of them, will be recorded.
 * The ranks' clocks are compared. All ranks get one, or all NULL and the same error. Collective. */
struct bit_timeline *bit_timeline_open(struct bit_group *world, const char *path, uint64_t from, uint64_t count,
                               struct bit_error *error);
/* Between steps, when `taken` steps of this invocation are done: writes what all ranks have recorded, and turns recording on
 * or off. The file is whole JSON after each call. When it cannot be written (a full disk), rank 0 warns and the timeline ends
 * with the steps before; the training goes on. Collective. */
void bit_timeline_turn(struct bit_timeline *timeline, uint64_t taken);
/* When all other threads have ended. NULL is fine. Local. */
void bit_timeline_close(struct bit_timeline *timeline);

#endif
