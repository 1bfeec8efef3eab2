/* How much memory is left: the machine's, and that of the control groups this process is in. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bit/memory.h"

/* The two kinds of control groups. What was read from files and may be dropped counts as used there, but is not. */
static const struct kind { const char *mount, *limit, *used, *droppable; } kinds[] = {
    {"/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"},
    {"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"},
};

/* The number behind `key` in the first line of a file that starts with it and has one; `otherwise` when there is none. */
static uint64_t number_in(const char *folder, const char *name, const char *key, uint64_t otherwise)
{
    char path[PATH_MAX], line[256], *end;
    size_t skip = strlen(key);
    uint64_t number = otherwise;
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return otherwise;
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, key, skip))
            continue;
        unsigned long long value = strtoull(line + skip, &end, 10);
        if (end != line + skip) {
            number = value;
            break;
        }
    }
    if (file)
        fclose(file);
    return number;
}

/* What is left in group `path` and those above it, whichever has least. In a container the path may be one that only its host
 * sees: then the mount itself counts, which is the container's. */
static uint64_t left_in_group(const char *root, const struct kind *kind, const char *path)
{
    uint64_t least = UINT64_MAX;
    char folder[PATH_MAX];
    int mount = snprintf(folder, sizeof folder, "%s%s", root, kind->mount);
    if (snprintf(folder, sizeof folder, "%s%s%s", root, kind->mount, path) >= (int)sizeof folder)
        return least;
    for (;;) {
        uint64_t limit = number_in(folder, kind->limit, "", UINT64_MAX), used = number_in(folder, kind->used, "", 0);
        uint64_t droppable = number_in(folder, "memory.stat", kind->droppable, 0);
        used -= droppable < used ? droppable : used;
        if (limit != UINT64_MAX && (limit > used ? limit - used : 0) < least)
            least = limit > used ? limit - used : 0;
        if ((int)strlen(folder) <= mount)
            return least;
        *strrchr(folder, '/') = 0;
    }
}

uint64_t bit_memory_available(const char *root)
{
    char path[PATH_MAX], line[PATH_MAX];
    snprintf(path, sizeof path, "%s/proc", root);
    uint64_t left = number_in(path, "meminfo", "MemAvailable:", UINT64_MAX / 1024);
    left = left < UINT64_MAX / 1024 ? left * 1024 : UINT64_MAX;
    /* Lines "NUMBER:CONTROLLERS:PATH"; version 2 has one, without controllers. */
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) {
        char *controllers = strchr(line, ':'), *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group || group[1] != '/')
            continue;
        *group++ = 0;
        group[strcspn(group, "\n")] = 0;
        const struct kind *kind = !controllers[1] ? &kinds[0] : strstr(controllers, "memory") ? &kinds[1] : NULL;
        uint64_t in_group = kind ? left_in_group(root, kind, group) : UINT64_MAX;
        left = in_group < left ? in_group : left;
    }
    if (file)
        fclose(file);
    return left;
}
