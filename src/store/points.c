#include "store/points.h"

#ifdef BIT_TEST_POINTS
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* Whether the variable names this point, this rank (or none) and this passing of it (or none). */
static int is_named(const char *variable, enum store_point point, int rank, int passing)
{
    const char *wanted = getenv(variable);
    size_t length = strlen(points[point].name);
    int where = rank, when = passing;
    if (!wanted || strncmp(wanted, points[point].name, length) || (wanted[length] && wanted[length] != ':'))
        return 0;
    sscanf(wanted + length, ":%d:%d", &where, &when);
    return where == rank && when == passing;
}

/* One thread at a time passes a point. */
void store_point(enum store_point point, int rank)
{
    static int passings[STORE_POINT_COUNT];
    int passing = ++passings[point];
    if (is_named("BIT_TEST_WAIT_AT", point, rank, passing))
        sleep(1);
    if (is_named("BIT_TEST_KILL_AT", point, rank, passing))
        raise(SIGKILL);
}
#endif
