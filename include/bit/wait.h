/* Waiting for what others bring about, without keeping a processor busy: look, rest, look again, until it has happened or the time is up.
 *
 *     struct bit_wait wait = bit_wait_for(30, 0.1);
 *     while (!bit_file_exists(path) && bit_wait_more(&wait))
 *         ;
 *
 * Local. Ranks whose clocks run out at different moments leave such a loop at different moments: where all ranks must go on together, they
 * count looks instead. */
#ifndef BIT_WAIT_H
#define BIT_WAIT_H

#include <stdbool.h>

/* Sleeps for `seconds`; 0 and less only give the processor to who else wants it. A signal may cut it short. */
void bit_sleep(double seconds);

struct bit_wait {
    double limit;    /* seconds in all; INFINITY: for ever */
    double spin;     /* for so many seconds at first a rest is a yield only */
    double shortest; /* the first rest after that, in seconds; each later one is twice as long, up to `longest` */
    double longest;
    double since, pause; /* when waiting began (bit_clock_seconds); the last rest */
};

/* Looks every `pause` seconds for `limit` seconds from now on, and once at the end. */
struct bit_wait bit_wait_for(double limit, double pause);
/* Waiting begins now, with the shortest rests: for a struct that was filled by hand, or after something has happened. */
void bit_wait_restart(struct bit_wait *w);
/* Seconds since it began. */
double bit_wait_waited(const struct bit_wait *w);
/* How long the next rest should be, in seconds, for who rests in another way than bit_wait_more; 0: yield. */
double bit_wait_pause(struct bit_wait *w);
/* Rests once. False, at once, when the limit has passed. */
bool bit_wait_more(struct bit_wait *w);

#endif
