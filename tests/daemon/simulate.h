/* What the halves of the simulation share: the daemon's rows, the clock and the dice. See simulate.c. */
#ifndef TESTS_DAEMON_SIMULATE_H
#define TESTS_DAEMON_SIMULATE_H

#include <stdbool.h>
#include <stdint.h>

#include "bit/random.h"
#include "daemon/next.h"
#include "daemon/schedule.h"

enum { JOBS = 24 };

struct row {                    /* of the store */
    bool exists;
    struct daemon_life life;
    int attempt;                /* number of the newest; 0: none */
    bool has_identity;          /* of its keeper */
    int ranks[SCHEDULE_HOSTS], priority, most, needs; /* needs: job, or -1 */
    double since;
    bool is_slurm;
    int number;                 /* of Slurm's job; 0: not known */
};

extern struct row disk[JOBS], memory[JOBS]; /* what was committed, and what the daemon believes */
extern bool is_calm;            /* nothing fails any more */
extern double now;
extern struct bit_random dice;

static inline int below(int n) { return (int)bit_random_below(&dice, (uint64_t)n); }
static inline bool chance(double p) { return bit_random_uniform(&dice) < p; }
/* A rule is broken: says so, and ends. job -1: of none. */
void die(const char *what, int job) __attribute__((noreturn));
/* An event of a job; false: it changes nothing. */
bool feed(int job, enum daemon_event event, enum daemon_end end, bool progressed);

/* ---- simulate_slurm.c ---- */

bool slurm_is_away(void);
uint64_t slurm_handed_over(void); /* how many submissions there were */
bool lives_in_slurm(int job);
void submit_to_slurm(int job);
void stop_in_slurm(int job);
void live_on_in_slurm(void);
/* What the daemon hears: of submissions, and from squeue. */
void look_at_slurm(void);
/* It forgets an attempt that is over; it was killed, and begins to ask anew. */
void forget_slurm(int job);
void reload_slurm(int job);

#endif
