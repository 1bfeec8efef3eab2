/* Files of an evaluation that speak of single images (bitrun --evaluate --predictions FILE, --confusion FILE). */
#ifndef RUN_PREDICTIONS_H
#define RUN_PREDICTIONS_H

#include "bit/head.h"

struct run;

/* Whether any is asked for. */
bool predictions_wanted(const struct run *run);
/* Rank 0, before the evaluation: can they be written? */
int predictions_check(struct run *run);
/* Rank 0: writes them from the records of the images. */
int predictions_write(struct run *run, const struct bit_records *records, uint64_t bad);

#endif
