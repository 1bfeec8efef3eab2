#include "tests/faults/points.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bit/clock.h"
#include "bit/phase.h"
#include "bit/random.h"
#include "run/run.h"
#include "train/trainer.h"

enum { FAULTS_MOST = 16, ANY = -1 };

struct fault {
    int phase, rank;   /* ANY */
    uint64_t step;
    char action[32];
    double number;     /* after the colon */
    int entries;       /* so far, for nan and inf */
    bool done;
};

static struct {
    struct run *run;
    struct fault faults[FAULTS_MOST];
    int count;
    double entered;    /* clock: the phase that is being left */
} points;

static void die(const char *text)
{
    fprintf(stderr, "BIT_TEST_FAULT: cannot understand '%s'\n", text);
    abort();
}

static void parse(char *text)
{
    struct fault *f = &points.faults[points.count++];
    char *equals = strchr(text, '='), *at = text, *part;
    *f = (struct fault){.phase = ANY, .rank = ANY};
    if (!equals || points.count > FAULTS_MOST)
        die(text);
    *equals = 0;
    part = strsep(&at, ":");
    if (strcmp(part, "any") && (f->phase = bit_phase_find(part)) == BIT_PHASES)
        die(part);
    part = strsep(&at, ":");
    if (part && strcmp(part, "all"))
        f->rank = atoi(part);
    if (at)
        f->step = strtoull(at, NULL, 10);
    at = equals + 1;
    snprintf(f->action, sizeof f->action, "%s", strsep(&at, ":"));
    f->number = at ? atof(at) : 0;
}

static bool is(const struct fault *f, const char *action)
{
    return !strcmp(f->action, action);
}

/* ---- wrong numbers: a gamma of a norm, or the head, from here to the reduction ---- */

static struct { size_t from, count; float *kept; } spoilt;

static void mend(struct run *run)
{
    memcpy(run->weights + spoilt.from, spoilt.kept, spoilt.count * sizeof *spoilt.kept);
    bit_model_set_weights(run->model, run->weights, NULL);
    free(spoilt.kept);
    spoilt.kept = NULL;
}

/* Parameter `number` of the table (from the end: negative), or its first element alone, times `factor`. A backward pass looks at
 * the block alone, and belongs to the forward pass before it: new weights would part them. */
static void spoil(struct run *run, long number, bool all, float factor)
{
    struct bit_phase_note note;
    const struct bit_table *table = bit_model_table(run->model);
    const struct bit_parameter *p = &table->items[number < 0 ? (long)table->count + number : number];
    spoilt.from = p->offset;
    spoilt.count = all ? p->count : 1;
    spoilt.kept = malloc(spoilt.count * sizeof *spoilt.kept);
    memcpy(spoilt.kept, run->weights + spoilt.from, spoilt.count * sizeof *spoilt.kept);
    for (size_t i = 0; i < spoilt.count; i++)
        run->weights[spoilt.from + i] *= factor;
    bit_phase_read(BIT_TRACK_MAIN, &note);
    if (note.phase != BIT_PHASE_BACKWARD)
        bit_model_set_weights(run->model, run->weights, NULL);
}

/* ---- flipped bits ---- */

/* A bit drawn from `seed`, of the words [first, first + count) of `data`. */
static void flip(float *data, size_t count, uint64_t seed, const char *what)
{
    struct bit_random random;
    uint32_t word;
    bit_random_init(&random, seed, BIT_PURPOSE_TEST, 0, 0);
    size_t at = bit_random_u32(&random) % count;
    int bit = (int)(bit_random_u32(&random) % 32);
    memcpy(&word, &data[at], sizeof word);
    word ^= (uint32_t)1 << bit;
    memcpy(&data[at], &word, sizeof word);
    fprintf(stderr, "BIT_TEST_FAULT: bit %d of %s %zu flipped\n", bit, what, at);
}

static void flip_one(struct run *run, const char *what, uint64_t seed)
{
    struct bit_trainer *t = run->trainer;
    const struct bit_share *share = bit_trainer_share(t);
    if (!strcmp(what, "momentum"))
        flip(bit_trainer_velocity(t), share->elements, seed, "momentum");
    else if (!strcmp(what, "gradient"))
        flip(bit_gradient_block(t->gradient) + share->pieces[0].offset, share->pieces[0].count, seed, "gradient");
    else
        flip(run->weights, bit_model_table(run->model)->elements, seed, "weight");
}

static void act(const struct fault *f)
{
    int ends[2];
    char byte;
    volatile unsigned long count = 0;
    if (is(f, "loop"))
        for (;;)
            count++;
    else if (is(f, "stop"))
        raise(SIGSTOP);
    else if (is(f, "kill"))
        raise(SIGKILL);
    else if (is(f, "exit"))
        _exit(3);
    else if (is(f, "nan") || is(f, "inf"))
        spoil(points.run, 3, false, is(f, "nan") ? NAN : INFINITY);
    else if (is(f, "jump"))
        spoil(points.run, -2, true, (float)f->number);
    else if (!strncmp(f->action, "flip-", 5))
        flip_one(points.run, f->action + 5, (uint64_t)f->number);
    else if (is(f, "sleep"))
        usleep((useconds_t)(f->number * 1e6));
    else if (is(f, "read") && pipe(ends) == 0) {
        while (read(ends[0], &byte, 1) <= 0)
            continue;
    } else
        die(f->action);
}

/* Whether fault number i has happened on this rank in an earlier start, of which it leaves a file. */
static bool has_happened(int i, int rank)
{
    const char *prefix = getenv("BIT_TEST_FAULT_ONCE");
    char path[PATH_MAX];
    if (!prefix || !*prefix)
        return false;
    snprintf(path, sizeof path, "%.3900s.%d.%d", prefix, rank, i);
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file >= 0)
        close(file);
    return file < 0 && errno == EEXIST;
}

static void wait_until(double clock)
{
    while (bit_clock_seconds() < clock)
        continue;
}

/* The step's clock has stopped when its last backward pass ends: what that owes is made up for in the next one. */
static void loiter(double now, double seconds, enum bit_phase entered)
{
    static double owed;
    owed += seconds;
    if (entered == BIT_PHASE_REDUCE)
        return;
    wait_until(now + owed);
    owed = 0;
}

static void hook(enum bit_phase entered, enum bit_phase before)
{
    struct bit_phase_note note;
    int rank = points.run->world ? points.run->world->rank : 0;
    double now = bit_clock_seconds(), spent = now - points.entered;
    bit_phase_read(BIT_TRACK_MAIN, &note);
    if (spoilt.kept && entered == BIT_PHASE_REDUCE)
        mend(points.run);
    for (int i = 0; i < points.count; i++) {
        struct fault *f = &points.faults[i];
        if ((f->rank != ANY && f->rank != rank) || note.step < f->step)
            continue;
        if (is(f, "slow") && (before == BIT_PHASE_FORWARD || before == BIT_PHASE_BACKWARD) &&
            (f->phase == ANY || f->phase == (int)before))
            loiter(now, (f->number - 1) * spent, entered);
        else if (is(f, "pause") && (f->phase == ANY || f->phase == (int)entered))
            usleep((useconds_t)(f->number * 1e6));
        else if (!is(f, "slow") && !is(f, "pause") && !f->done && (f->phase == ANY || f->phase == (int)entered)) {
            if ((is(f, "nan") || is(f, "inf")) && ++f->entries < f->number)
                continue;
            f->done = true;
            if (!has_happened(i, rank))
                act(f);
        }
    }
    points.entered = bit_clock_seconds();
}

void points_install(struct run *run)
{
    const char *wish = getenv("BIT_TEST_FAULT");
    char *copy, *at, *part;
    points.run = run;
    if (!wish || !*wish || !(copy = at = strdup(wish)))
        return;
    while ((part = strsep(&at, ",")))
        parse(part);
    free(copy);
    bit_phase_hook = hook;
}
