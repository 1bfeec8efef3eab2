/* Between two steps: what comes next. Pure; the same on all ranks, because all have the same facts. */
#ifndef RUN_BOUNDARY_H
#define RUN_BOUNDARY_H

#include "run/states.h"

/* What is so at a boundary. */
enum boundary_fact {
    BOUNDARY_MAKING = 1,     /* a generation is in the making */
    BOUNDARY_WRITTEN = 2,    /* every rank has written its part of it */
    BOUNDARY_ASKED = 4,      /* somebody waits for a checkpoint */
    BOUNDARY_STOPPING = 8,   /* the run is to stop, before its end */
    BOUNDARY_EVALUATION = 16, /* an evaluation is due */
    BOUNDARY_SAVE = 32,      /* a checkpoint is due */
    BOUNDARY_DONE = 64,      /* all steps are done */
};
enum { BOUNDARY_FACTS = 7 };

/* The event for a set of facts. */
enum event boundary_event(unsigned facts);

#endif
