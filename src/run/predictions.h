/* Files of an evaluation that speak of single images: bitrun --evaluate --predictions FILE, --confusion FILE; and predictions.jsonl of the run's folder,
 * which the evaluation after the last step of a training writes (evaluation.predictions). */
#ifndef RUN_PREDICTIONS_H
#define RUN_PREDICTIONS_H

#include "bit/head.h"

struct run;

/* Whether the evaluation that is due writes any. The same on all ranks. */
bool predictions_wanted(const struct run *run);
/* Rank 0, before the evaluation: can they be written? */
int predictions_check(struct run *run);
/* Rank 0: writes them from the records of the images. A failure of those that nobody has named on the command line is only logged: the run goes on. */
int predictions_write(struct run *run, const struct bit_records *records, uint64_t bad);

#endif
