#include "store/points.h"

#ifdef BIT_TEST_POINTS
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static const struct { const char *name; int every; } points[] = {
#define STORE_POINT_ROW(name, every) {#name, every},
    STORE_POINTS(STORE_POINT_ROW)
};

const char *store_point_name(int point)
{
    return point >= 0 && point < STORE_POINT_COUNT ? points[point].name : NULL;
}

int store_point_everywhere(int point)
{
    return points[point].every;
}

void store_point(enum store_point point, int rank)
{
    const char *wanted = getenv("BIT_TEST_KILL_AT");
    size_t length = strlen(points[point].name);
    if (!wanted || strncmp(wanted, points[point].name, length))
        return;
    if (wanted[length] == 0 || (wanted[length] == ':' && atoi(wanted + length + 1) == rank))
        raise(SIGKILL);
}
#endif
