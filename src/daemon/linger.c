/* Whether the user's service manager will end bitd, and all that it runs, when the user logs out. */
#include "daemon/linger.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool linger_is_missing(const char *root, const char *user)
{
    char path[PATH_MAX], line[1024];
    bool managed = false;
    snprintf(path, sizeof path, "%.2000s/proc/self/cgroup", root);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        managed |= strstr(line, "/user@") != NULL;
    if (file)
        fclose(file);
    snprintf(path, sizeof path, "%.2000s/var/lib/systemd/linger/%.200s", root, user);
    return managed && access(path, F_OK) != 0;
}
