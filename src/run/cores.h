/* Cores: how many threads a rank may start. */
#ifndef RUN_CORES_H
#define RUN_CORES_H

#include "bit/group.h"

/* *threads, for every rank when the job says 0: the cores this process is bound to, shared fairly among the ranks of the
 * same host that are bound to any of them; the smallest figure of all ranks, so that all use the same number. *here: the
 * cores that this host's ranks may use together. Logical processors of one core count once. Neither is
 * more than the host's CPU quota allows. Collective. */
int cores_share(struct bit_group *world, int *threads, int *here, struct bit_error *error);

#endif
