#include "bit/cores.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cgroup.h"

/* The lowest processor of the core that `cpu` belongs to; `cpu` itself when the system does not say. */
static int first_sibling(int cpu)
{
    char path[96];
    int first = cpu;
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
    FILE *file = fopen(path, "re");
    if (file) {
        if (fscanf(file, "%d", &first) != 1 || first < 0 || first >= CPU_SETSIZE)
            first = cpu;
        fclose(file);
    }
    return first;
}

int bit_cores_count(const cpu_set_t *set)
{
    cpu_set_t cores;
    CPU_ZERO(&cores);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, set))
            CPU_SET(first_sibling(cpu), &cores);
    return CPU_COUNT(&cores);
}

/* Version 2: one file "QUOTA PERIOD" or "max PERIOD"; version 1: two files, quota -1 for none. */
static void look_at_quota(const char *folder, bool unified, void *context)
{
    double *least = context, period = 0;
    uint64_t quota;
    if (unified) {
        char text[64] = "", path[4096];
        FILE *file = snprintf(path, sizeof path, "%s/cpu.max", folder) < (int)sizeof path ? fopen(path, "re") : NULL;
        char *end = text;
        quota = file && fgets(text, sizeof text, file) && *text >= '0' && *text <= '9' ? strtoull(text, &end, 10) : 0;
        period = quota ? strtod(end, NULL) : 0;
        if (file)
            fclose(file);
    } else { /* "-1" becomes a number beyond all others */
        quota = bit_cgroup_number(folder, "cpu.cfs_quota_us", "", 0);
        period = (double)bit_cgroup_number(folder, "cpu.cfs_period_us", "", 0);
    }
    if (quota > 0 && quota < UINT64_MAX / 2 && period > 0 && (double)quota / period < *least)
        *least = (double)quota / period;
}

double bit_cores_quota(const char *root)
{
    double least = INFINITY;
    bit_cgroup_walk(root, "cpu", look_at_quota, &least);
    return least;
}

int bit_cores_within(int cores, double quota)
{
    int most = quota < cores ? (int)(quota + 0.75) : cores;
    return most < cores ? (most > 1 ? most : 1) : cores;
}

int bit_cores_usable(void)
{
    cpu_set_t set;
    int cores;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        cores = bit_cores_count(&set);
    else
        cores = (int)sysconf(_SC_NPROCESSORS_ONLN);
    return bit_cores_within(cores > 0 ? cores : 1, bit_cores_quota(""));
}
