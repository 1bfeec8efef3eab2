/* Preloaded into bitd: the time of day is as many seconds off as the file FAKE_CLOCK says, which may change while it runs. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *t)
{
    static int (*real)(clockid_t, struct timespec *);
    const char *path = getenv("FAKE_CLOCK");
    long off = 0;
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, t);
    FILE *file = clock == CLOCK_REALTIME && path ? fopen(path, "re") : NULL;
    if (file) {
        if (fscanf(file, "%ld", &off) == 1)
            t->tv_sec += off;
        fclose(file);
    }
    return result;
}
