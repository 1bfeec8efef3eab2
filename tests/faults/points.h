/* Faults in a test build of bitrun (bitrun_points). In the environment
 *
 *   BIT_TEST_FAULT=PHASE[:RANK[:STEP]]=ACTION[,...]
 *
 * PHASE: as the watchdog names it, or "any"; RANK: a number or "all" (default: all); STEP: the action happens when at
 * least so many steps are done (default 0). ACTION, once each when the phase is entered:
 *   loop         computes for ever
 *   stop         SIGSTOP to the process
 *   read         reads from a pipe that nobody writes to
 *   kill, exit   SIGKILL; exit code 3 at once
 *   nan:N, inf:N a weight of the rank is NaN or infinite until the reduction, from the N-th time on that the phase is entered after
 *                STEP (default: 1): in forward it spoils the loss, in backward the gradient alone
 *   jump:F       the head's kernel is F times as large until the reduction
 *   flip-weight:S, flip-momentum:S, flip-gradient:S
 *                one bit of the rank's weights, of its share of the momentum or of the summed gradient flips; which, is drawn from
 *                the seed S
 *   sleep:S      sleeps S seconds, then goes on
 * and every time, from STEP on:
 *   slow:F       a forward or backward pass takes F times as long (PHASE says which; "any": both)
 *   pause:S      sleeps S seconds when the phase is entered
 * With BIT_TEST_FAULT_ONCE=PREFIX an action that happens once does not happen again in later starts: PREFIX.RANK.N shows that the
 * N-th fault has.
 * The points of the commit protocol (BIT_TEST_KILL_AT, src/store/points.h) are compiled in, too. */
#ifndef TESTS_FAULTS_POINTS_H
#define TESTS_FAULTS_POINTS_H

struct run;

/* Puts the faults of the environment in place. */
void points_install(struct run *run);

#endif
