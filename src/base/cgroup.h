/* The control groups that this process is in. */
#ifndef BIT_BASE_CGROUP_H
#define BIT_BASE_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

/* Calls `look` for this process's group that `controller` ("memory", "cpu", "pids") belongs to, then for each group above it, up to the
 * highest one that can be seen, first in the hierarchy of version 2, then in that of version 1. folder: of the group; unified: version 2.
 * root: "", or a folder with proc/ and sys/ for tests. */
void bit_cgroup_walk(const char *root, const char *controller, void (*look)(const char *folder, bool unified, void *context),
                     void *context);
/* The number behind `key` in the first line of the file folder/name that starts with it and has one; `otherwise` when there is none. */
uint64_t bit_cgroup_number(const char *folder, const char *name, const char *key, uint64_t otherwise);

#endif
