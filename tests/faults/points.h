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
 *   nan:N        a weight of the rank becomes NaN, when the phase is entered for the N-th time from STEP on (default: 1)
 *   sleep:S      sleeps S seconds, then goes on
 * and every time, from STEP on:
 *   slow:F       a forward or backward pass takes F times as long (PHASE says which; "any": both)
 * The points of the commit protocol (BIT_TEST_KILL_AT, src/store/points.h) are compiled in, too. */
#ifndef TESTS_FAULTS_POINTS_H
#define TESTS_FAULTS_POINTS_H

struct run;

/* Puts the faults of the environment in place. */
void points_install(struct run *run);

#endif
