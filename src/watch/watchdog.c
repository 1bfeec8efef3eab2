/* The watchdog's thread. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bit/clock.h"
#include "bit/host.h"
#include "bit/memory.h"
#include "bit/record.h"
#include "bit/wait.h"
#include "bit/watch.h"

static const double OVERSLEPT = 2.0; /* a watchdog that was itself stopped for so long knows nothing */

struct bit_watch {
    struct bit_watch_options options;
    char folder[PATH_MAX];
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool quit;
    /* The thread's alone: */
    struct bit_heart heart;
    double changed;                 /* our file's time */
    uint64_t moves[BIT_TRACKS], step;
    double moved[BIT_TRACKS];       /* own clock */
    double stepped, longest;        /* own clock; seconds */
    double looking;                 /* own clock: since when the others are looked at; 0: they are not */
    struct bit_lease lease;
    struct bit_view *views;
    struct bit_seen *seen;
};

/* ---- this rank ---- */

static void note_step(struct bit_watch *w, uint64_t step, double now)
{
    if (step == w->step)
        return;
    double each = (now - w->stepped) / (double)(step - w->step);
    if (w->step)
        w->longest = each > 0.95 * w->longest ? each : 0.95 * w->longest;
    w->step = step;
    w->stepped = now;
}

static void take_pulse(struct bit_watch *w, double now)
{
    struct bit_heart *h = &w->heart;
    struct timespec wall;
    for (int track = 0; track < BIT_TRACKS; track++) {
        bit_phase_read(track, &h->notes[track]);
        if (h->notes[track].moves != w->moves[track]) {
            w->moves[track] = h->notes[track].moves;
            w->moved[track] = now;
        }
        h->still[track] = now - w->moved[track];
    }
    note_step(w, h->notes[BIT_TRACK_MAIN].step, now);
    h->limits = w->options.limits;
    h->limits.step = bit_watch_limit(&w->options.limits, BIT_PHASE_FORWARD, w->longest);
    for (int track = 0; track < BIT_TRACKS; track++)
        h->limit[track] = bit_watch_limit(&h->limits, h->notes[track].phase, 0);
    clock_gettime(CLOCK_REALTIME, &wall);
    h->wall = (double)wall.tv_sec + 1e-9 * (double)wall.tv_nsec;
    h->beats++;
}

/* We were stopped, or a file system hung, for `gap` seconds: that time counts for nobody. */
static void forget(struct bit_watch *w, double gap)
{
    for (int track = 0; track < BIT_TRACKS; track++)
        w->moved[track] += gap;
    w->stepped += gap;
    w->looking = 0;
}

/* ---- the others ---- */

static bool is_suspicious(const struct bit_watch *w)
{
    for (int track = 0; track < BIT_TRACKS; track++)
        if (w->heart.limit[track] > 0 && w->heart.still[track] > w->heart.limit[track] / 2)
            return true;
    return false;
}

static void look_at(struct bit_watch *w, int rank, double now)
{
    struct bit_seen *s = &w->seen[rank];
    double changed;
    if (rank == w->options.rank) {
        *s = (struct bit_seen){.heart = w->heart};
        return;
    }
    bit_view_look(w->folder, w->options.id, rank, w->options.limits.start, now, &w->views[rank], s, &changed);
}

static void look_around(struct bit_watch *w, double now)
{
    if (!w->looking) {
        w->looking = now;
        for (int r = 0; r < w->options.ranks; r++)
            w->views[r] = (struct bit_view){.since = now};
    }
    for (int r = 0; r < w->options.ranks; r++)
        look_at(w, r, now);
}

/* Whoever found the rank that timed out is telling so; the first process that leaves has mpirun kill it. */
static void let_it_be_told(const char *folder)
{
    struct bit_wait wait = bit_wait_for(1, 0.01);
    while (!bit_run_has_ended(bit_outcome_state(folder)) && bit_wait_more(&wait))
        ;
}

static void judge(struct bit_watch *w, double now)
{
    struct bit_verdict verdict;
    struct bit_error ignored = {0};
    if (bit_watch_condemned(w->folder, w->options.id, NULL)) {
        let_it_be_told(w->folder);
        _exit(BIT_ELATE);
    }
    if (!bit_lease_take(w->folder, w->options.id, w->options.rank, w->options.ranks, now, &w->lease)) {
        w->looking = 0;
        return;
    }
    look_around(w, now);
    if (bit_watch_judge(w->seen, w->options.ranks, 0, &verdict) != BIT_LATE_NOT) {
        bit_watch_condemn(w->folder, &verdict, &ignored);
        _exit(BIT_ELATE);
    }
}

/* ---- the thread ---- */

/* True when it is time to go on, false when the watch is over. */
static bool rest(struct bit_watch *w, double seconds)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(seconds * 1e9);
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&w->lock);
    while (!w->quit && pthread_cond_timedwait(&w->wake, &w->lock, &until) != ETIMEDOUT)
        ;
    bool quit = w->quit;
    pthread_mutex_unlock(&w->lock);
    return !quit;
}

static void beat(struct bit_watch *w, double now)
{
    static const char text[] = "watchdog: the run in this folder was started anew elsewhere: this process of the former one ends\n";
    take_pulse(w, now);
    /* A failure shows as silence. */
    if (bit_heart_write(w->folder, &w->heart, &w->changed) == 1) {
        ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
        (void)written;
        _exit(BIT_ELATE);
    }
}

static void *watch(void *argument)
{
    struct bit_watch *w = argument;
    double period = bit_watch_period(&w->options.limits, w->options.ranks);
    double before = bit_clock_seconds();
    while (rest(w, period)) {
        double now = bit_clock_seconds();
        if (now - before > period + OVERSLEPT)
            forget(w, now - before - period);
        before = now;
        beat(w, now);
        if (is_suspicious(w))
            judge(w, now);
        else
            w->looking = 0;
    }
    return NULL;
}

/* Signals are the main thread's. */
static int start_thread(struct bit_watch *w)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    errno = pthread_create(&w->thread, NULL, watch, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return errno;
}

static void destroy(struct bit_watch *w)
{
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    bit_free(w->views);
    bit_free(w->seen);
    bit_free(w);
}

struct bit_watch *bit_watch_start(const struct bit_watch_options *options, struct bit_error *error)
{
    struct bit_watch *w = bit_allocate(1, sizeof *w, "the watchdog", error);
    pthread_condattr_t monotonic;
    double now = bit_clock_seconds();
    if (!w)
        return NULL;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    w->options = *options;
    w->options.folder = w->folder;
    snprintf(w->folder, sizeof w->folder, "%s", options->folder);
    w->stepped = now;
    for (int track = 0; track < BIT_TRACKS; track++)
        w->moved[track] = now;
    w->heart = (struct bit_heart){.id = options->id, .rank = options->rank, .ranks = options->ranks, .process = (long)getpid()};
    w->heart.live = bit_phase_share();
    w->lease.rank = -1;
    bit_host_name(w->heart.host, sizeof w->heart.host);
    w->views = bit_allocate((size_t)options->ranks, sizeof *w->views, "the watchdog", error);
    w->seen = bit_allocate((size_t)options->ranks, sizeof *w->seen, "the watchdog", error);
    if (!w->views || !w->seen)
        goto bad;
    beat(w, now); /* from the first moment on it is known who and where this rank is */
    if (start_thread(w)) {
        bit_fail_errno(error, BIT_EENVIRONMENT, "cannot start the watchdog's thread");
        goto bad;
    }
    return w;
bad:
    destroy(w);
    return NULL;
}

void bit_watch_end(struct bit_watch *w)
{
    char path[PATH_MAX];
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->quit = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    bit_heart_path(w->folder, w->options.rank, path);
    unlink(path);
    if (bit_heart_path(w->folder, 0, path), *path) {
        strcpy(strrchr(path, '/'), "/judge");
        if (w->lease.wrote)
            unlink(path);
        *strrchr(path, '/') = 0;
        rmdir(path); /* the last one succeeds */
    }
    destroy(w);
}
