/* What only all ranks together know. */
#ifndef RUN_CENSUS_H
#define RUN_CENSUS_H

#include <stdint.h>

struct bit_stream;
struct run;

/* Bad training images of this invocation over all ranks, into run->loop.bad. Collective. */
int census_bad(struct run *run);

/* Takes the lines about bad images from all ranks' streams into quarantine.tsv, which rank 0 writes. Collective. */
int census_list(struct run *run, struct bit_stream *stream);

/* Fails (data) when more than data.bad_share of `seen` images of a set of `images` were bad. Until one epoch (at most 10000
 * images) was seen, that number is the denominator. Nothing is judged before 100 were seen.
 * Local; all ranks have the same numbers. */
int census_judge(struct run *run, uint64_t bad, uint64_t seen, uint64_t images);

/* Hash of the weights, compared over all ranks, into run->loop.hash; nothing when it is known for this step. -1: see setback_event.
 * Collective. */
int census_hash(struct run *run);

#endif
