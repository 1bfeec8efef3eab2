#include "base/cgroup.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 2 * PATH_MAX };

uint64_t bit_cgroup_number(const char *folder, const char *name, const char *key, uint64_t otherwise)
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

static FILE *open_below(const char *root, const char *name)
{
    char path[PATH_MAX];
    return snprintf(path, sizeof path, "%s%s", root, name) < (int)sizeof path ? fopen(path, "re") : NULL;
}

/* Whether the words of `list`, with commas between, have `word` among them. */
static bool has_word(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = list; at && *at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (!strncmp(at, word, length) && (!at[length] || at[length] == ',' || at[length] == '\n'))
            return true;
    return false;
}

/* Where a hierarchy is mounted, and which of its groups is to be seen there ("/": the highest one). */
struct mount { char point[PATH_MAX], top[PATH_MAX]; };

/* A line of mountinfo: "ID PARENT DEVICE TOP POINT OPTIONS... - TYPE SOURCE CONTROLLERS". Where there is no such file, or no such mount in
 * it: where systems have them. */
static void find_mount(const char *root, const char *controller, bool unified, struct mount *m)
{
    char line[LINE], type[32], options[1024];
    FILE *file = open_below(root, "/proc/self/mountinfo");
    if (unified)
        strcpy(m->point, "/sys/fs/cgroup");
    else
        snprintf(m->point, sizeof m->point, "/sys/fs/cgroup/%s", controller);
    strcpy(m->top, "/");
    while (file && fgets(line, sizeof line, file)) {
        struct mount found;
        const char *rest = strstr(line, " - ");
        _Static_assert(PATH_MAX == 4096, "the width below");
        if (!rest || sscanf(rest, " - %31s %*s %1023s", type, options) != 2 ||
            strcmp(type, unified ? "cgroup2" : "cgroup") || (!unified && !has_word(options, controller)) ||
            sscanf(line, "%*s %*s %*s %4095s %4095s", found.top, found.point) != 2)
            continue;
        *m = found;
        break;
    }
    if (file)
        fclose(file);
}

/* Group `path` and those above it. In a container the path may be one that only its host sees: then the mount itself counts, which is the
 * container's own group. */
static void walk_up(const char *root, const struct mount *m, const char *path, bool unified,
                    void (*look)(const char *, bool, void *), void *context)
{
    char folder[LINE];
    size_t top = strlen(m->top);
    int mount = snprintf(folder, sizeof folder, "%s%s", root, m->point);
    if (top > 1 && !strncmp(path, m->top, top) && (path[top] == '/' || !path[top]))
        path += top;
    if (snprintf(folder, sizeof folder, "%s%s%s", root, m->point, path) >= (int)sizeof folder)
        return;
    for (;;) {
        look(folder, unified, context);
        if ((int)strlen(folder) <= mount)
            return;
        *strrchr(folder, '/') = 0;
    }
}

void bit_cgroup_walk(const char *root, const char *controller, void (*look)(const char *folder, bool unified, void *context),
                     void *context)
{
    char line[LINE];
    for (int unified = 1; unified >= 0; unified--) {
        /* Lines "NUMBER:CONTROLLERS:PATH"; version 2 has one, without controllers. */
        FILE *file = open_below(root, "/proc/self/cgroup");
        while (file && fgets(line, sizeof line, file)) {
            struct mount mount;
            char *controllers = strchr(line, ':'), *group = controllers ? strchr(controllers + 1, ':') : NULL;
            if (!group || group[1] != '/')
                continue;
            *group++ = 0;
            group[strcspn(group, "\n")] = 0;
            if (unified ? controllers[1] != 0 : !has_word(controllers + 1, controller))
                continue;
            find_mount(root, controller, unified, &mount);
            walk_up(root, &mount, group, unified, look, context);
        }
        if (file)
            fclose(file);
    }
}
