/* outcome.json: how a run stands or ended, and why; and evaluation.json. Rank 0's business; local. */
#ifndef RUN_OUTCOME_H
#define RUN_OUTCOME_H

#include "bit/error.h"
#include "bit/record.h"

struct run;

/* Takes over from the outcome of the invocation before: the numbers of resumes and rollbacks. An unreadable file counts as none. */
void outcome_remember(struct run *run);
/* Puts back what outcome_remember found: for a start that was refused. Rank 0. */
int outcome_restore(const struct run *run, struct bit_error *error);

/* Writes DIR/outcome.json, atomically; end states also durably. The reason is the class and text of run->error. Leaves it as
 * it is when a watchdog has made this invocation late there. */
int outcome_write(const struct run *run, enum bit_run_state state, struct bit_error *error);

/* Writes DIR/evaluation.json from the standing's newest evaluation. */
int outcome_write_evaluation(const struct run *run, struct bit_error *error);

#endif
