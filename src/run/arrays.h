/* What a generation of this run holds and says. */
#ifndef RUN_ARRAYS_H
#define RUN_ARRAYS_H

#include "bit/store.h"

struct run;

/* The run's own arrays, to be saved from or loaded into. Without a trainer: weights and statistics only. */
void arrays_fill(const struct run *run, struct bit_arrays *arrays);

/* Everything a generation says at the run's present standing. Job and model point into the run; the other texts are
 * allocated: give back with arrays_forget. Fills run->error and returns -1 on failure. Local. */
int arrays_describe(struct run *run, struct bit_checkpoint *checkpoint);
void arrays_forget(struct bit_checkpoint *checkpoint);

#endif
