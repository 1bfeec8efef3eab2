/* bitrun --bench-reduce: what `bit bench reduce` starts under mpirun. */
#ifndef BENCH_REDUCE_RANKS_H
#define BENCH_REDUCE_RANKS_H

#include "bit/error.h"
#include "bit/group.h"

/* `how`: "elements=N,bucket=N,rounds=N,threads=N,milliseconds=N,json=0|1,fit=FILE", each with a default. Rank 0 prints.
 * Collective. */
int bench_reduce_ranks(struct bit_group *world, const char *how, struct bit_error *error);

#endif
