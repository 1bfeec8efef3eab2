#include "bit/phase.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* One writer a track: nothing here needs more than relaxed stores of whole numbers. */
struct track {
    _Atomic int phase;
    _Atomic uint64_t step, moves, entered, left;
};

static struct track own[BIT_TRACKS];
static struct track *tracks = own;
static _Thread_local enum bit_track mine = BIT_TRACK_BACKGROUND;

void (*bit_phase_hook)(enum bit_phase entered, enum bit_phase before);

static const char *const names[BIT_PHASES] = {
#define PHASE_NAME(constant, name) name,
    BIT_PHASES_TABLE(PHASE_NAME)
};

const char *bit_phase_name(enum bit_phase phase)
{
    return (unsigned)phase < BIT_PHASES ? names[phase] : NULL;
}

enum bit_phase bit_phase_find(const char *name)
{
    int phase = 0;
    while (phase < BIT_PHASES && strcmp(names[phase], name))
        phase++;
    return (enum bit_phase)phase;
}

static void add_one(_Atomic uint64_t *count)
{
    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1, memory_order_relaxed);
}

void bit_phase_main(void)
{
    mine = BIT_TRACK_MAIN;
}

enum bit_phase bit_phase_enter(enum bit_phase phase)
{
    struct track *t = &tracks[mine];
    enum bit_phase before = (enum bit_phase)atomic_load_explicit(&t->phase, memory_order_relaxed);
    atomic_store_explicit(&t->phase, (int)phase, memory_order_relaxed);
    add_one(&t->moves);
    if (bit_phase_hook)
        bit_phase_hook(phase, before);
    return before;
}

void bit_phase_tick(void)
{
    add_one(&tracks[mine].moves);
}

void bit_phase_step(uint64_t step)
{
    atomic_store_explicit(&tracks[mine].step, step, memory_order_relaxed);
    bit_phase_tick();
}

void bit_phase_wait(void)
{
    add_one(&tracks[mine].entered);
    bit_phase_tick();
}

void bit_phase_go(void)
{
    add_one(&tracks[mine].left);
    bit_phase_tick();
}

static void copy_note(struct track *t, struct bit_phase_note *note)
{
    *note = (struct bit_phase_note){
        .phase = (enum bit_phase)atomic_load_explicit(&t->phase, memory_order_relaxed),
        .step = atomic_load_explicit(&t->step, memory_order_relaxed),
        .moves = atomic_load_explicit(&t->moves, memory_order_relaxed),
        .entered = atomic_load_explicit(&t->entered, memory_order_relaxed),
        .left = atomic_load_explicit(&t->left, memory_order_relaxed),
    };
}

void bit_phase_read(enum bit_track track, struct bit_phase_note *note)
{
    copy_note(&tracks[track], note);
}

int bit_phase_share(void)
{
    int file = memfd_create("bit-phase", MFD_CLOEXEC);
    void *memory;
    if (file < 0)
        return -1;
    if (ftruncate(file, sizeof own) ||
        (memory = mmap(NULL, sizeof own, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)) == MAP_FAILED) {
        close(file);
        return -1;
    }
    memcpy(memory, own, sizeof own);
    tracks = memory;
    return file;
}

int bit_phase_read_of(long process, int descriptor, struct bit_phase_note *note)
{
    static const char name[] = "/memfd:bit-phase";
    char path[64], target[sizeof name - 1];
    struct track track;
    snprintf(path, sizeof path, "/proc/%ld/fd/%d", process, descriptor);
    if (readlink(path, target, sizeof target) != sizeof target || memcmp(target, name, sizeof target))
        return -1;
    int file = descriptor < 0 ? -1 : open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (file < 0)
        return -1;
    bool whole = lseek(file, 0, SEEK_END) == (off_t)sizeof own && pread(file, &track, sizeof track, 0) == sizeof track;
    close(file);
    if (!whole)
        return -1;
    copy_note(&track, note);
    return 0;
}
