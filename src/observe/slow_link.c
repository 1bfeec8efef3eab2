#include "bit/observe.h"

static const double LEAST = 1e-3; /* seconds a step: less than that is nobody's trouble */

/* At the end of a window. */
static bool judge(struct bit_slow_link *n, double each, double share, double *before)
{
    bool slow = n->best > 0 && each >= BIT_LINK_FACTOR * n->best && share >= BIT_LINK_SHARE;
    *before = n->best;
    if (!slow && (n->best <= 0 || each < n->best))
        n->best = each > LEAST ? each : LEAST;
    n->high = slow ? n->high + 1 : 0;
    if (n->told ? n->high == 0 : n->high == 2) {
        n->told = !n->told;
        return true;
    }
    return false;
}

bool bit_slow_link_add(struct bit_slow_link *n, double waited, double spent, const double *seconds, int ranks, double *now, double *before)
{
    double most = seconds[0];
    if (ranks < 2)
        return false;
    for (int r = 1; r < ranks; r++)
        most = seconds[r] > most ? seconds[r] : most;
    waited -= most - seconds[0];
    n->waited += waited > 0 ? waited : 0;
    n->spent += spent;
    if (++n->steps < BIT_LINK_WINDOW)
        return false;
    *now = n->waited / n->steps;
    bool say = judge(n, *now, n->spent > 0 ? n->waited / n->spent : 0, before);
    n->steps = 0;
    n->waited = n->spent = 0;
    return say;
}
