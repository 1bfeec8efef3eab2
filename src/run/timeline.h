/* bitrun --trace FILE: what all ranks do when, as one file in Chrome's trace format. */
#ifndef RUN_TIMELINE_H
#define RUN_TIMELINE_H

#include <stdint.h>

#include "bit/error.h"
#include "bit/group.h"

struct timeline;

/* Rank 0 creates `path`; a file of that name becomes `path`.1. Steps from number `from` of this invocation on (1: the first), `count` of them, will be recorded.
 * The ranks' clocks are compared. All ranks get one, or all NULL and the same error. Collective. */
struct timeline *timeline_open(struct bit_group *world, const char *path, uint64_t from, uint64_t count,
                               struct bit_error *error);
/* Between steps, when `taken` steps of this invocation are done: writes what all ranks have recorded, and turns recording on
 * or off. The file is whole JSON after each call. When it cannot be written (a full disk), rank 0 warns and the timeline ends
 * with the steps before; the training goes on. Collective. */
void timeline_turn(struct timeline *timeline, uint64_t taken);
/* When all other threads have ended. NULL is fine. Local. */
void timeline_close(struct timeline *timeline);

#endif
