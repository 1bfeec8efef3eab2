/* What only all ranks together know. */
#ifndef RUN_CENSUS_H
#define RUN_CENSUS_H

struct run;

/* Bad training images of this invocation over all ranks, into run->loop.bad. Collective. */
int census_bad(struct run *run);

/* Hash of the weights, compared over all ranks, into run->loop.hash; nothing when it is known for this step. -1: see setback_event.
 * Collective. */
int census_hash(struct run *run);

#endif
