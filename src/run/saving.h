/* A checkpoint in the making: copied at the boundary between two steps, written by a thread beside the following ones,
 * committed by all ranks together at a later boundary. */
#ifndef RUN_SAVING_H
#define RUN_SAVING_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct bit_save;
struct run;

struct saving {
    struct bit_save *save;  /* NULL: nothing is being written */
    uint64_t step;          /* whose state it is */
    double begun, stood;    /* clock; seconds that training stood still for it so far */
    pthread_t thread;
    bool threaded;
    atomic_bool written;    /* this rank's files are on disk, or have failed */
};

/* Begins a generation of the present state. `beside`: the files are written by a thread (where memory for a copy was
 * planned on this machine); otherwise they are written when this returns. Nothing may be in the making. -1: see setback_event. Collective. */
int saving_begin(struct run *run, bool beside);
/* Waits for this rank's files, commits or withdraws, tells. Nothing in the making: does nothing. -1: see setback_event. Collective. */
int saving_end(struct run *run);
/* Waits and gives up: what was written stays behind for the next run to clean up. Local. */
void saving_forget(struct run *run);
/* Whether saving_end would not have to wait on this rank. Local. */
bool saving_is_written(const struct run *run);

#endif
