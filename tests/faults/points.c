#include "tests/faults/points.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bit/clock.h"
#include "bit/phase.h"
#include "run/run.h"

enum { FAULTS_MOST = 16, ANY = -1 };

struct fault {
    int phase, rank;   /* ANY */
    uint64_t step;
    char action[32];
    double number;     /* after the colon */
    int entries;       /* so far, for nan */
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

/* A gamma of a norm, in the block and wherever the model keeps it. */
static void poison(const struct run *run)
{
    run->weights[bit_model_table(run->model)->items[3].offset] = NAN;
    bit_model_set_weights(run->model, run->weights, NULL);
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
    else if (is(f, "nan"))
        poison(points.run);
    else if (is(f, "sleep"))
        usleep((useconds_t)(f->number * 1e6));
    else if (is(f, "read") && pipe(ends) == 0) {
        while (read(ends[0], &byte, 1) <= 0)
            continue;
    } else
        die(f->action);
}

static void wait_until(double clock)
{
    while (bit_clock_seconds() < clock)
        continue;
}

static void hook(enum bit_phase entered, enum bit_phase before)
{
    struct bit_phase_note note;
    int rank = points.run->world ? points.run->world->rank : 0;
    double now = bit_clock_seconds(), spent = now - points.entered;
    bit_phase_read(BIT_TRACK_MAIN, &note);
    for (int i = 0; i < points.count; i++) {
        struct fault *f = &points.faults[i];
        if ((f->rank != ANY && f->rank != rank) || note.step < f->step)
            continue;
        if (is(f, "slow") && (before == BIT_PHASE_FORWARD || before == BIT_PHASE_BACKWARD) &&
            (f->phase == ANY || f->phase == (int)before))
            wait_until(now + (f->number - 1) * spent);
        else if (!is(f, "slow") && !f->done && (f->phase == ANY || f->phase == (int)entered)) {
            if (is(f, "nan") && ++f->entries < f->number)
                continue;
            f->done = true;
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
