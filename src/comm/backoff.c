/* Waiting for another rank: spin first, then sleep for longer and longer. */
#include <sched.h>
#include <time.h>

#include "bit/clock.h"
#include "comm/internal.h"

void bit_backoff_reset(struct bit_backoff *b)
{
    b->since = bit_clock_seconds();
    b->sleep = 0;
}

double bit_backoff_next(struct bit_backoff *b)
{
    if (b->sleep == 0 && bit_clock_seconds() - b->since < b->spin)
        return 0;
    b->sleep = b->sleep == 0 ? b->shortest : 2 * b->sleep;
    if (b->sleep > b->longest)
        b->sleep = b->longest;
    return b->sleep;
}

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
