/* Finds that the links between hosts have become slow: waiting for it holds up every step. Reported, not ended. Rank 0's; local. */
#ifndef RUN_LINK_H
#define RUN_LINK_H

#include <stdbool.h>

/* Steps a window. The network is slow when in two windows running a step waited LINK_FACTOR times as long for it as in the
 * best window so far, and for more than LINK_SHARE of its time. */
enum { LINK_WINDOW = 10 };
#define LINK_FACTOR 3.0
#define LINK_SHARE 0.25

struct link {
    int steps, high;          /* of this window; windows running that were slow */
    double waited, spent;     /* seconds in this window */
    double best;              /* seconds waited a step in the best window; 0: none yet */
    bool told;
};

/* A step took `spent` seconds; `waited`: those of them spent in reduce and gather; seconds[rank 0 .. ranks) is what each rank's own work
 * took: waiting for a slower rank is not the network's. True when there is something to say: *now against *before, seconds a
 * step; told says whether it is slow. */
bool link_add(struct link *link, double waited, double spent, const double *seconds, int ranks, double *now, double *before);

#endif
