#include "bit/host.h"

#include <string.h>
#include <unistd.h>

void bit_host_name(char *name, size_t size)
{
    char full[256] = ""; /* longer than any that Linux allows */
    if (gethostname(full, sizeof full - 1) || !*full)
        strcpy(full, "?");
    memset(name, 0, size);
    for (size_t i = 0; i + 1 < size && full[i]; i++)
        name[i] = full[i];
}
