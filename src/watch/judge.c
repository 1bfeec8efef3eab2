/* Who holds up the others. No files, no clock: what is seen decides. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bit/clock.h"
#include "bit/watch.h"

static const enum bit_track MAIN = BIT_TRACK_MAIN, BESIDE = BIT_TRACK_BACKGROUND;

/* Which of the limits of the job holds in a phase. */
enum limit_kind { LIMIT_NONE, LIMIT_START, LIMIT_DATA, LIMIT_STEP, LIMIT_CHECKPOINT };

static enum limit_kind kind_of(enum bit_phase phase)
{
    switch (phase) {
    case BIT_PHASE_IDLE: case BIT_PHASE_ENDED: case BIT_PHASES:
        return LIMIT_NONE;
    case BIT_PHASE_START: case BIT_PHASE_INDEX: case BIT_PHASE_RESUME:
        return LIMIT_START;
    case BIT_PHASE_DATA:
        return LIMIT_DATA;
    case BIT_PHASE_SNAPSHOT: case BIT_PHASE_WRITE: case BIT_PHASE_COMMIT: case BIT_PHASE_STOP:
        return LIMIT_CHECKPOINT;
    default:
        return LIMIT_STEP;
    }
}

const char *bit_watch_limit_key(enum bit_phase phase)
{
    static const char *const keys[] = {
        [LIMIT_NONE] = "", [LIMIT_START] = "watchdog.start_seconds", [LIMIT_DATA] = "watchdog.data_seconds",
        [LIMIT_STEP] = "watchdog.step_seconds", [LIMIT_CHECKPOINT] = "watchdog.checkpoint_seconds"};
    return keys[kind_of(phase)];
}

/* Without a limit in the job, several times the longest step so far. */
static double step_limit(double given, double longest)
{
    if (given >= 0)
        return given;
    if (longest <= 0)
        return BIT_WATCH_STEP_FIRST;
    return fmax(BIT_WATCH_STEP_FACTOR * longest, BIT_WATCH_STEP_LEAST);
}

double bit_watch_limit(const struct bit_watch_limits *limits, enum bit_phase phase, double longest)
{
    switch (kind_of(phase)) {
    case LIMIT_START:
        return limits->start;
    case LIMIT_DATA:
        return limits->data;
    case LIMIT_STEP:
        return step_limit(limits->step, longest);
    case LIMIT_CHECKPOINT:
        return limits->checkpoint;
    case LIMIT_NONE:
        break;
    }
    return 0;
}

static double shortest(const struct bit_watch_limits *l)
{
    const double all[] = {l->start, l->data, l->step, l->checkpoint};
    double least = 1e9;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        least = all[i] > 0 && all[i] < least ? all[i] : least;
    return least;
}

double bit_watch_period(const struct bit_watch_limits *limits, int ranks)
{
    double quarter = shortest(limits) / 4, least = ranks / 64.0;
    double period = quarter < 1 ? quarter : 1;
    return period > least ? period : least;
}

double bit_watch_silence(int ranks)
{
    return ranks > 64 ? 3 * (ranks / 64.0) : 3;
}

static bool waits(const struct bit_heart *h)
{
    return h->notes[MAIN].entered != h->notes[MAIN].left;
}

/* Whether one rank by itself has timed out, and in what. */
static enum bit_lateness judge_one(const struct bit_seen *s, double allowance, enum bit_track *track, double *seconds)
{
    const struct bit_heart *h = &s->heart;
    *track = MAIN;
    if (h->notes[MAIN].phase == BIT_PHASE_ENDED)
        return BIT_LATE_NOT;
    /* For a rank that fell silent inside a wait, count the silence only: the wait itself is held against the rank waited for. */
    *seconds = s->silent > 0 && waits(h) ? s->silent : h->still[MAIN] + s->silent;
    if (s->silent > 0)
        return h->limit[MAIN] > 0 && *seconds > h->limit[MAIN] + allowance ? BIT_LATE_SILENT : BIT_LATE_NOT;
    /* The writer first: in the phase commit the main thread may stand still because of it. */
    *track = BESIDE;
    *seconds = h->still[BESIDE];
    if (h->limit[BESIDE] > 0 && *seconds > h->limit[BESIDE] + allowance)
        return BIT_LATE_BACKGROUND;
    *track = MAIN;
    *seconds = h->still[MAIN];
    if (!waits(h) && h->limit[MAIN] > 0 && *seconds > h->limit[MAIN] + allowance)
        return BIT_LATE_STUCK;
    return BIT_LATE_NOT;
}

static void accuse(struct bit_verdict *v, const struct bit_heart *h, enum bit_lateness kind, enum bit_track track,
                   double seconds)
{
    *v = (struct bit_verdict){
        .kind = kind, .id = h->id, .step = h->notes[MAIN].step, .rank = h->rank, .process = h->process,
        .phase = h->notes[track].phase, .seconds = seconds, .limit = h->limit[track],
    };
    memcpy(v->host, h->host, sizeof v->host);
}

/* Everybody waits, with a beating heart: whoever has come least far. */
static bool all_wait(const struct bit_seen *all, int count, double allowance, struct bit_verdict *v)
{
    int last = 0;
    for (int r = 0; r < count; r++) {
        const struct bit_heart *h = &all[r].heart;
        if (!waits(h) || all[r].silent > 0 || h->limit[MAIN] <= 0 || h->still[MAIN] <= h->limit[MAIN] + allowance)
            return false;
        if (h->notes[MAIN].entered < all[last].heart.notes[MAIN].entered)
            last = r;
    }
    if (count)
        accuse(v, &all[last].heart, BIT_LATE_TOGETHER, MAIN, all[last].heart.still[MAIN]);
    return count > 0;
}

enum bit_lateness bit_watch_judge(const struct bit_seen *all, int count, double allowance, struct bit_verdict *v)
{
    uint64_t fewest = UINT64_MAX;
    *v = (struct bit_verdict){.kind = BIT_LATE_NOT};
    for (int r = 0; r < count; r++) {
        enum bit_track track;
        double seconds = 0;
        enum bit_lateness kind = judge_one(&all[r], allowance, &track, &seconds);
        uint64_t entered = all[r].heart.notes[MAIN].entered;
        if (kind == BIT_LATE_NOT || (v->kind != BIT_LATE_NOT && entered >= fewest))
            continue;
        fewest = entered;
        accuse(v, &all[r].heart, kind, track, seconds);
    }
    if (v->kind == BIT_LATE_NOT)
        all_wait(all, count, allowance, v);
    return v->kind;
}

void bit_verdict_text(const struct bit_verdict *v, char *text, size_t size)
{
    static const char *const kinds[] = {
        [BIT_LATE_NOT] = "is in time",
        [BIT_LATE_SILENT] = "is silent: stopped, or its host or file system is gone; it was last",
        [BIT_LATE_STUCK] = "timed out:",
        [BIT_LATE_BACKGROUND] = "timed out with its work in the background:",
        [BIT_LATE_TOGETHER] = "waits, as all ranks do, and none holds up the others: the network between them may be broken; it is",
    };
    char seconds[32], limit[32];
    bit_clock_duration(v->seconds, seconds, sizeof seconds);
    bit_clock_duration(v->limit, limit, sizeof limit);
    snprintf(text, size, "rank %d (process %ld on %s) %s in phase %s after step %llu for %s, the limit is %s (%s). The last "
             "checkpoint stands, and the same command goes on from there", v->rank, v->process, v->host, kinds[v->kind],
             bit_phase_name(v->phase), (unsigned long long)v->step, seconds, limit, bit_watch_limit_key(v->phase));
}
