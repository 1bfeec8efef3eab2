/* bit watch: watches a run from outside, for bit-launch. A process that is stopped cannot watch itself, nor can mpirun. */
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bit/clock.h"
#include "bit/memory.h"
#include "bit/record.h"
#include "bit/wait.h"
#include "bit/watch.h"
#include "cli/cli.h"

struct options { uint64_t launcher; double start_seconds; };

#define AT(member) .at = offsetof(struct options, member)
static const struct bit_option known[] = {
    {"--launcher", "PID", "the run's mpirun or srun", BIT_OPTION_COUNT, AT(launcher), 1, 1 << 30},
    {"--start-seconds", "S", "how long ranks may take until they have read the job; 0: for ever (default 1800)", BIT_OPTION_REAL,
     AT(start_seconds), 0, 1e9},
};
const struct bit_usage bit_watch_usage = {
    "bit watch", "RUN",
    "Watches the run in folder RUN until the process PID, its mpirun or srun, ends (exit code 0); or until a rank or PID\n"
    "itself hangs and nobody in the run has noticed, or PID stays after the run (exit code 76). bit-launch does so.",
    known, sizeof known / sizeof *known, .least = 1, .most = 1};

static const double GRACE = 3;    /* seconds that the run's own watchdogs have to act first */
enum { FIRST_RANKS = 64 };        /* any of them shows that the run has begun */
static const double LEAVING = 20; /* seconds from the end of the run to that of its launcher */

struct watch {
    const char *folder;
    long launcher;
    double start_limit;
    uint64_t id;           /* of the run, once it is there */
    struct bit_heart first; /* what lay there at the start: perhaps an earlier invocation's */
    int ranks;
    double looked;         /* clock: at the ranks */
    double begun, stopped, left; /* clock: of this process; since the launcher is stopped; since the run has ended; 0: not */
    struct bit_view *views;
    struct bit_seen *seen;
};

/* The heartbeat of the lowest rank that has one. */
static int find_heart(const char *folder, int ranks, struct bit_heart *heart)
{
    double changed;
    for (int r = 0; r < ranks; r++)
        if (bit_heart_read(folder, r, heart, &changed) == 0)
            return 0;
    return -1;
}

/* The state letter of /proc/PID/stat; 0: there is no such process. */
static char state_of(long process)
{
    char path[64], text[512], *end;
    snprintf(path, sizeof path, "/proc/%ld/stat", process);
    FILE *file = fopen(path, "re");
    size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    text[size] = 0;
    end = strrchr(text, ')');
    return end && end[1] == ' ' ? end[2] : 0;
}

static int tell_timeout(const struct watch *w, const char *text)
{
    struct bit_error error = {0};
    if (w->id && bit_outcome_state(w->folder) == BIT_RUN_RUNNING && bit_outcome_fail(w->folder, BIT_ELATE, text, NULL, 0, &error))
        bit_cli_error(&error);
    fprintf(stderr, "bit: %s\n", text);
    return BIT_ELATE;
}

/* 0, or 76 when the launcher is stopped, or stays though the run has ended. */
static int check_launcher(struct watch *w, double now)
{
    char text[256];
    struct bit_heart heart;
    bool is_stopped = state_of(w->launcher) == 'T';
    double limit = w->id && w->seen[0].heart.limit[BIT_TRACK_MAIN] > 0 ? w->seen[0].heart.limit[BIT_TRACK_MAIN] : w->start_limit;
    w->stopped = !is_stopped ? 0 : w->stopped > 0 ? w->stopped : now;
    if (is_stopped && limit > 0 && now - w->stopped > limit) {
        snprintf(text, sizeof text, "the launcher of the run (process %ld) is stopped for %.0f s", w->launcher, now - w->stopped);
        return tell_timeout(w, text);
    }
    bool ended = w->id && find_heart(w->folder, w->ranks, &heart) && bit_run_has_ended(bit_outcome_state(w->folder));
    w->left = !ended ? 0 : w->left > 0 ? w->left : now;
    if (ended && now - w->left > LEAVING) {
        fprintf(stderr, "bit: the run has ended, and its launcher (process %ld) hangs\n", w->launcher);
        return BIT_ELATE;
    }
    return 0;
}

static int check_start(const struct watch *w, double now)
{
    char text[256];
    if (w->start_limit <= 0 || now - w->begun <= w->start_limit + GRACE)
        return 0;
    snprintf(text, sizeof text, "no rank has begun within %.0f s (watchdog.start_seconds): one may be stopped, or a host hang",
             w->start_limit);
    return tell_timeout(w, text);
}

static int check_ranks(struct watch *w, double now)
{
    struct bit_verdict verdict;
    struct bit_error error = {0};
    char text[1024];
    double changed;
    if (w->left > 0 || now - w->looked < w->ranks / 64.0)
        return 0;
    w->looked = now;
    for (int r = 0; r < w->ranks; r++)
        bit_view_look(w->folder, w->id, r, w->start_limit, now, &w->views[r], &w->seen[r], &changed);
    if (bit_watch_judge(w->seen, w->ranks, GRACE, &verdict) == BIT_LATE_NOT)
        return 0;
    if (bit_watch_condemn(w->folder, &verdict, &error) < 0)
        bit_cli_error(&error);
    bit_verdict_text(&verdict, text, sizeof text);
    fprintf(stderr, "bit watch: %s\n", text);
    return BIT_ELATE;
}

/* A former invocation's heartbeats, left by a crash, do not beat. */
static int begin(struct watch *w, double now, struct bit_error *error)
{
    struct bit_heart heart;
    if (find_heart(w->folder, FIRST_RANKS, &heart) || heart.ranks < 1 ||
        (heart.id == w->first.id && heart.rank == w->first.rank && heart.beats == w->first.beats))
        return 0;
    w->views = bit_allocate((size_t)heart.ranks, sizeof *w->views, "the watch", error);
    w->seen = bit_allocate((size_t)heart.ranks, sizeof *w->seen, "the watch", error);
    if (!w->views || !w->seen)
        return -1;
    for (int r = 0; r < heart.ranks; r++)
        w->views[r].since = now;
    w->ranks = heart.ranks;
    w->id = heart.id;
    return 0;
}

/* We were stopped ourselves for `gap` seconds, perhaps with all the rest: nobody's fault. */
static void forget(struct watch *w, double now, double gap)
{
    w->begun += gap;
    w->stopped += w->stopped > 0 ? gap : 0;
    w->left += w->left > 0 ? gap : 0;
    for (int r = 0; r < w->ranks; r++)
        w->views[r].since = now;
}

static int watch(struct watch *w)
{
    struct bit_error error = {0};
    double before = bit_clock_seconds();
    int code = 0;
    w->begun = before;
    find_heart(w->folder, FIRST_RANKS, &w->first);
    while (!code && kill((pid_t)w->launcher, 0) == 0 && state_of(w->launcher) != 'Z') {
        double now = bit_clock_seconds();
        if (now - before > 4)
            forget(w, now, now - before);
        before = now;
        if (!w->id && begin(w, now, &error))
            return bit_cli_error(&error);
        code = w->id ? check_ranks(w, now) : check_start(w, now);
        code = code ? code : check_launcher(w, now);
        if (!code)
            bit_sleep(1);
    }
    bit_free(w->views);
    bit_free(w->seen);
    return code;
}

int bit_cli_watch(int argc, char **argv)
{
    struct options options = {.start_seconds = 1800};
    struct bit_operands operands;
    int code;
    if (!bit_cli_parse(&bit_watch_usage, argc, argv, &options, &operands, &code))
        return code;
    if (!options.launcher)
        return bit_cli_usage(&bit_watch_usage, "--launcher PID is needed");
    struct watch w = {.folder = operands.word[0], .launcher = (long)options.launcher, .start_limit = options.start_seconds};
    return watch(&w);
}
