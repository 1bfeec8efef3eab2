/* What threads do when, for a timeline (bitrun --trace). Off, a span costs one branch. On, each thread writes into a ring of
 * its own without locks; one thread drains all rings from time to time. */
#ifndef BIT_TRACE_H
#define BIT_TRACE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "bit/clock.h"
#include "bit/text.h"

extern atomic_bool bit_trace_on;

/* Spans:  double start = bit_trace_start(); ... bit_trace_end("forward", micro, start);
 * `name` lives for ever (a literal); number -1: none. A full ring drops spans, and the timeline says how many. */
static inline double bit_trace_start(void)
{
    return atomic_load_explicit(&bit_trace_on, memory_order_relaxed) ? bit_clock_seconds() : 0;
}
struct bit_trace_row;
/* `row` NULL: that of this thread. */
void bit_trace_record(struct bit_trace_row *row, const char *name, long number, double start);
static inline void bit_trace_end(const char *name, long number, double start)
{
    if (start > 0)
        bit_trace_record(NULL, name, number, start);
}

/* Names this thread's row of the timeline; call it first in a thread. number -1: none. */
void bit_trace_thread(const char *name, int number);
/* A row that belongs to no thread, for things that overlap on one; one thread at a time may record on it. NULL without
 * memory. It lives until bit_trace_clear. */
struct bit_trace_row *bit_trace_row(const char *name, int number);

/* Appends what was recorded since the last call as events in Chrome's trace format, each behind ",\n": complete events
 * (start and length in microseconds since `origin` on this process's clock, which bit_clock_seconds reads) of process
 * `rank`, and a name for every new row. One thread at a time. */
void bit_trace_drain(int rank, double origin, struct bit_text *text);
/* Off, and all memory given back. No other thread may be recording. */
void bit_trace_clear(void);

#endif
