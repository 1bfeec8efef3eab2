/* Old generations of a run that is over. */
#ifndef BIT_STORE_PRUNE_H
#define BIT_STORE_PRUNE_H

#include <stdint.h>

#include "bit/error.h"

struct bit_store_pruned { int kept, removed; uint64_t bytes; /* of those removed */ };

/* Removes the generations of a run's folder that are older than its `keep` (at least 1) newest good ones: good by every checksum, read now. What is
 * damaged or set aside stays, and so does everything where fewer than `keep` are good. Nothing may run in the folder: its lock is
 * taken (environment). Local. */
int bit_store_prune(const char *folder, int keep, struct bit_store_pruned *pruned, struct bit_error *error);

#endif
