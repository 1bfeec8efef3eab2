#include "daemon/points.h"

#ifdef BIT_TEST_POINTS
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const names[] = {
#define DAEMON_POINT_NAME(name) #name,
    DAEMON_POINTS(DAEMON_POINT_NAME) UPGRADE_POINTS(DAEMON_POINT_NAME) KEEPER_POINTS(DAEMON_POINT_NAME)
};

void daemon_point(enum daemon_point point)
{
    static long passings[DAEMON_POINT_COUNT];
    const char *wanted = getenv(point >= POINT_keeper_locked ? "KEEPER_TEST_KILL_AT" : "BITD_TEST_KILL_AT");
    size_t length = strlen(names[point]);
    char *file;
    passings[point]++;
    if (!wanted || strncmp(wanted, names[point], length) || wanted[length] != ':')
        return;
    if (strtol(wanted + length + 1, &file, 10) == passings[point] && *file == ':' && unlink(file + 1) == 0)
        raise(SIGKILL);
}
#endif
