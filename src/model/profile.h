/* Internal to model: time by kind of operation and by block; always on. */
#ifndef BIT_MODEL_PROFILE_H
#define BIT_MODEL_PROFILE_H

#include "bit/clock.h"

enum profile_kind {
    PROFILE_FORWARD_1, PROFILE_FORWARD_3, PROFILE_FORWARD_7,
    PROFILE_DATA_1, PROFILE_DATA_3,
    PROFILE_WEIGHTS_1, PROFILE_WEIGHTS_3, PROFILE_WEIGHTS_7,
    PROFILE_NORM_FORWARD, PROFILE_NORM_BACKWARD, PROFILE_POOL, PROFILE_HEAD, PROFILE_INPUT,
    PROFILE_STANDARDISE, PROFILE_STANDARDISE_BACKWARD, PROFILE_PACK, PROFILE_SINK, PROFILE_KINDS
};
enum { PROFILE_BLOCKS = 6 };

struct profile {
    struct { double seconds, flops; unsigned long calls; } kind[PROFILE_KINDS], block[PROFILE_BLOCKS];
};

/* Adds the time since *from and moves *from to now. */
static inline void profile_add(struct profile *p, enum profile_kind kind, int block, double flops, double *from)
{
    double now = bit_clock_seconds();
    p->kind[kind].seconds += now - *from;
    p->kind[kind].flops += flops;
    p->kind[kind].calls++;
    p->block[block].seconds += now - *from;
    p->block[block].flops += flops;
    p->block[block].calls++;
    *from = now;
}

#endif
