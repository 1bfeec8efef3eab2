/* Where bitd listens. */
#include "daemon/place.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void daemon_socket_path(char *path, size_t size)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    if (runtime && *runtime == '/')
        snprintf(path, size, "%.4000s/bitd/http", runtime);
    else
        snprintf(path, size, "/tmp/bitd-%u/http", (unsigned)getuid());
}
