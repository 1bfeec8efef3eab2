/* What ranks must have in common for equal bits. */
#ifndef RUN_PEERS_H
#define RUN_PEERS_H

#include <stddef.h>

struct run;

/* Compares program version, instruction set, backend and threads of all ranks with rank 0's; a difference fails (usage)
 * naming the ranks. 0 or -1, agreed. Collective. */
int peers_compare(struct run *run);

/* What the bits depend on besides the job: "onednn, avx512, 2 threads". Local. */
void peers_machine(const struct run *run, char *buffer, size_t size);

#endif
