#include "bit/clock.h"

#include <stdio.h>
#include <time.h>

double bit_clock_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void bit_clock_stamp(char *buffer, size_t size)
{
    time_t now = time(NULL);
    struct tm parts;
    gmtime_r(&now, &parts);
    if (strftime(buffer, size, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0 && size)
        buffer[0] = 0;
}

void bit_clock_duration(double seconds, char *buffer, size_t size)
{
    if (!(seconds >= 0) || seconds > 1e9)
        snprintf(buffer, size, "?");
    else if (seconds < 59.95) /* not "60.0 s" */
        snprintf(buffer, size, "%.1f s", seconds);
    else {
        long s = (long)(seconds + 0.5);
        if (s >= 86400)
            snprintf(buffer, size, "%ldd %ld:%02ld:%02ld", s / 86400, s / 3600 % 24, s / 60 % 60, s % 60);
        else
            snprintf(buffer, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    }
}
