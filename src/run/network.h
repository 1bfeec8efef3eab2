/* Finds that the network has become slow: waiting for it holds up every step. Reported, not ended. Rank 0's; local. */
#ifndef RUN_NETWORK_H
#define RUN_NETWORK_H

#include <stdbool.h>

/* Steps a window. The network is slow when in two windows running a step waited NETWORK_FACTOR times as long for it as in the
 * best window so far, and for more than NETWORK_SHARE of its time. */
enum { NETWORK_WINDOW = 10 };
#define NETWORK_FACTOR 3.0
#define NETWORK_SHARE 0.25

struct network {
    int steps, high;          /* of this window; windows running that were slow */
    double waited, spent;     /* seconds in this window */
    double best;              /* seconds waited a step in the best window; 0: none yet */
    bool told;
};

/* A step took `spent` seconds; `waited`: those of them spent in reduce and gather; seconds[rank 0 .. ranks) is what each rank's own work
 * took: waiting for a slower rank is not the network's. True when there is something to say: *now against *before, seconds a
 * step; told says whether it is slow. */
bool network_add(struct network *network, double waited, double spent, const double *seconds, int ranks, double *now, double *before);

#endif
