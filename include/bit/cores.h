/* Cores: how many this process may keep busy. */
#ifndef BIT_CORES_H
#define BIT_CORES_H

#include <sched.h>

/* Cores in `set`: logical processors of one core count once. Local. */
int bit_cores_count(const cpu_set_t *set);
/* The processor time that the control groups of this process (version 1 or 2: cpu.cfs_quota_us, cpu.max), and those above them, allow, in
 * cores: 1.5 is three seconds in two; whichever allows least. INFINITY: no limit. root: "", or a folder with proc/ and sys/ for tests. Local. */
double bit_cores_quota(const char *root);
/* How many of `cores` cores are worth a thread under that quota, at least 1: the quota rounded up, but down when the last thread would get
 * less than a quarter of a core: then all threads stand still together more often than the last one helps. */
int bit_cores_within(int cores, double quota);
/* Cores that this process may run on, within its quota. Local. */
int bit_cores_usable(void);

#endif
