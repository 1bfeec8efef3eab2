/* Requests from outside, kept as flags. */
#ifndef RUN_SIGNALS_H
#define RUN_SIGNALS_H

#include <stdbool.h>

/* USR1, CONT: checkpoint and go on. TERM, INT, USR2: checkpoint and stop. A dead reader of our output (PIPE) is ignored.
 * CONT counts, because mpirun sends CONT, TERM 1 s later and KILL 1 s after that (Slurm likewise): so there are two seconds for a
 * checkpoint. */
void signals_install(void);

bool signals_save(void);       /* USR1 or CONT came since the last signals_saved() */
void signals_saved(void);
/* Stop was asked for. Stays true. Also bit_evaluation_options.stop. */
bool signals_stop(void);
int signals_number(void);         /* of the first signal that asked to stop, or 0 */
/* Another rank was asked to stop by this signal: as if it had come here, unless one has come already. */
void signals_adopt(int number);
const char *signals_name(void);   /* of signals_number(), "TERM", "INT", "USR2", or "" */

#endif
