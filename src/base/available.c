/* How much memory is left: the machine's, and that of the control groups this process is in; and who was killed for it. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/cgroup.h"
#include "bit/memory.h"

/* The two kinds of control groups. Both count page cache that the kernel can drop as used: it is
 * subtracted. */
static const struct kind { const char *limit, *used, *droppable; } kinds[] = {
    {"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"},
    {"memory.max", "memory.current", "inactive_file"},
};

static void look_at_memory(const char *folder, bool unified, void *context)
{
    const struct kind *kind = &kinds[unified];
    uint64_t limit = bit_cgroup_number(folder, kind->limit, "", UINT64_MAX), *least = context;
    uint64_t used = bit_cgroup_number(folder, kind->used, "", 0);
    uint64_t droppable = bit_cgroup_number(folder, "memory.stat", kind->droppable, 0);
    used -= droppable < used ? droppable : used;
    if (limit != UINT64_MAX && (limit > used ? limit - used : 0) < *least)
        *least = limit > used ? limit - used : 0;
}

uint64_t bit_memory_available(const char *root)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/proc", root);
    uint64_t left = bit_cgroup_number(path, "meminfo", "MemAvailable:", UINT64_MAX / 1024);
    left = left < UINT64_MAX / 1024 ? left * 1024 : UINT64_MAX;
    bit_cgroup_walk(root, "memory", look_at_memory, &left);
    return left;
}

static void look_at_limit(const char *folder, bool unified, void *context)
{
    uint64_t limit = bit_cgroup_number(folder, kinds[unified].limit, "", UINT64_MAX), *least = context;
    *least = limit < *least ? limit : *least;
}

/* The nearest group counts: version 2 counts those below it, too. */
static void look_at_kills(const char *folder, bool unified, void *context)
{
    uint64_t *kills = context;
    if (*kills == UINT64_MAX)
        *kills = bit_cgroup_number(folder, unified ? "memory.events" : "memory.oom_control", "oom_kill ", UINT64_MAX);
}

void bit_memory_kills(const char *root, struct bit_memory_kills *kills)
{
    char path[PATH_MAX];
    uint64_t group = UINT64_MAX;
    snprintf(path, sizeof path, "%s/proc", root);
    *kills = (struct bit_memory_kills){.machine = bit_cgroup_number(path, "vmstat", "oom_kill ", 0), .limit = UINT64_MAX};
    bit_cgroup_walk(root, "memory", look_at_kills, &group);
    kills->group = group == UINT64_MAX ? 0 : group;
    bit_cgroup_walk(root, "memory", look_at_limit, &kills->limit);
    if (kills->limit > (uint64_t)1 << 62) /* version 1 has a number of that size for none */
        kills->limit = UINT64_MAX;
}
