#include "bit/observe.h"

#include <stdlib.h>
#include <string.h>

void bit_slow_rank_init(struct bit_slow_rank *s, int ranks, double *seconds)
{
    *s = (struct bit_slow_rank){.ranks = ranks, .seconds = seconds, .suspect = -1, .told = -1};
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* How much longer rank `rank` took than the median of the others. */
static double factor_of(const struct bit_slow_rank *s, int rank)
{
    double others[s->ranks];
    int count = 0;
    for (int r = 0; r < s->ranks; r++)
        if (r != rank)
            others[count++] = s->seconds[r];
    qsort(others, (size_t)count, sizeof *others, compare);
    double median = (others[(count - 1) / 2] + others[count / 2]) / 2;
    return median > 0 ? s->seconds[rank] / median : 1;
}

static int slowest(const struct bit_slow_rank *s)
{
    int slow = 0;
    for (int r = 1; r < s->ranks; r++)
        slow = s->seconds[r] > s->seconds[slow] ? r : slow;
    return slow;
}

/* At the end of a window. */
static bool judge(struct bit_slow_rank *s, int *rank, double *factor, double *each)
{
    int now = slowest(s), before = s->suspect, told = s->told;
    *rank = now;
    *factor = factor_of(s, now);
    s->suspect = *factor >= BIT_SLOW_FACTOR ? now : -1;
    *each = s->seconds[now] / s->steps;
    if (s->suspect >= 0 && s->suspect == before && now != told) {
        s->told = now;
        return true;
    }
    if (told < 0 || s->suspect == told || before == told)
        return false;
    /* Two windows without it. */
    s->told = -1;
    *rank = told;
    *factor = factor_of(s, told);
    *each = s->seconds[told] / s->steps;
    return true;
}

bool bit_slow_rank_add(struct bit_slow_rank *s, const double *seconds, int *rank, double *factor, double *each)
{
    if (s->ranks < 2)
        return false;
    for (int r = 0; r < s->ranks; r++)
        s->seconds[r] += seconds[r];
    if (++s->steps < BIT_SLOW_WINDOW)
        return false;
    bool say = judge(s, rank, factor, each);
    memset(s->seconds, 0, (size_t)s->ranks * sizeof *s->seconds);
    s->steps = 0;
    return say;
}
