/* Waiting: yield first, then sleep for longer and longer. */
#include "bit/wait.h"

#include <math.h>
#include <sched.h>
#include <time.h>

#include "bit/clock.h"

void bit_sleep(double seconds)
{
    if (seconds <= 0) {
        sched_yield();
        return;
    }
    struct timespec t = {.tv_sec = (time_t)seconds};
    t.tv_nsec = (long)((seconds - (double)t.tv_sec) * 1e9);
    nanosleep(&t, NULL);
}

struct bit_wait bit_wait_for(double limit, double pause)
{
    struct bit_wait w = {.limit = limit, .shortest = pause, .longest = pause};
    bit_wait_restart(&w);
    return w;
}

void bit_wait_restart(struct bit_wait *w)
{
    w->since = bit_clock_seconds();
    w->pause = 0;
}

double bit_wait_waited(const struct bit_wait *w)
{
    return bit_clock_seconds() - w->since;
}

double bit_wait_pause(struct bit_wait *w)
{
    if (w->pause == 0 && bit_wait_waited(w) < w->spin)
        return 0;
    w->pause = fmin(w->pause == 0 ? w->shortest : 2 * w->pause, w->longest);
    return w->pause;
}

bool bit_wait_more(struct bit_wait *w)
{
    double left = w->limit - bit_wait_waited(w);
    if (left <= 0)
        return false;
    bit_sleep(fmin(bit_wait_pause(w), left));
    return true;
}
