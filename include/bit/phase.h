/* What this process is doing, for whoever watches it from another thread: a few relaxed stores, no lock, no clock. */
#ifndef BIT_PHASE_H
#define BIT_PHASE_H

#include <stdint.h>

/* X(constant, name). */
#define BIT_PHASES_TABLE(X) \
    X(IDLE, "idle") X(START, "start") X(INDEX, "index") X(RESUME, "resume") X(DATA, "data") X(FORWARD, "forward") \
    X(BACKWARD, "backward") X(REDUCE, "reduce") X(AGREE, "agree") X(UPDATE, "update") X(GATHER, "gather") \
    X(SNAPSHOT, "snapshot") X(WRITE, "write") X(COMMIT, "commit") X(EVALUATE, "evaluate") X(STOP, "stop") X(ENDED, "ended")

enum bit_phase {
#define BIT_PHASE_ENUM(constant, name) BIT_PHASE_##constant,
    BIT_PHASES_TABLE(BIT_PHASE_ENUM)
    BIT_PHASES
};

/* Two tracks: the main thread's, and that of a thread which works beside it (a checkpoint being written). A thread
 * notes on the background track unless it has called bit_phase_main. */
enum bit_track { BIT_TRACK_MAIN, BIT_TRACK_BACKGROUND, BIT_TRACKS };

/* "forward"; NULL beyond the last. */
const char *bit_phase_name(enum bit_phase phase);
/* The phase of that name, or BIT_PHASES. */
enum bit_phase bit_phase_find(const char *name);

/* The calling thread is the main one from now on. */
void bit_phase_main(void);
/* The calling thread's track enters a phase; returns the one it was in, to be entered again by nested work. */
enum bit_phase bit_phase_enter(enum bit_phase phase);
/* Something was achieved within the phase: long work calls this now and then, or it counts as stuck. */
void bit_phase_tick(void);
/* Optimiser steps done. */
void bit_phase_step(uint64_t step);
/* Around every call that waits for other ranks. Ranks make these calls in the same order, so the one that has entered
 * fewest holds up the others, and a rank that is inside is not to blame. */
void bit_phase_wait(void);
void bit_phase_go(void);

struct bit_phase_note {
    enum bit_phase phase;
    uint64_t step, moves;     /* moves: changes of any kind since the start */
    uint64_t entered, left;   /* waits; inside one when they differ */
};
/* From any thread. The members may be of slightly different moments. */
void bit_phase_read(enum bit_track track, struct bit_phase_note *note);

/* Moves the notes into memory that other processes of the same user on this host can read while this process lives, also
 * when it is stopped. Before any other thread notes anything. Returns its descriptor, or -1: then they stay private. */
int bit_phase_share(void);
/* The main track of such a process; -1 when it cannot be read. */
int bit_phase_read_of(long process, int descriptor, struct bit_phase_note *note);

/* Called whenever a phase is entered, on the entering thread; NULL but in test programs, which put faults there. */
extern void (*bit_phase_hook)(enum bit_phase entered, enum bit_phase before);

#endif
