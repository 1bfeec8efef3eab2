/* What ranks must have in common for equal bits. */
#ifndef RUN_PEERS_H
#define RUN_PEERS_H

struct run;

/* Compares program version, instruction set, backend and threads of all ranks with rank 0's; a difference fails (usage)
 * naming the ranks. 0 or -1, agreed. Collective. */
int peers_compare(struct run *run);

#endif
