#include "run/outcome.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bit/clock.h"
#include "bit/file.h"
#include "bit/host.h"
#include "bit/memory.h"
#include "run/run.h"
#include "run/signals.h"

enum { OUTCOME_LIMIT = 1 << 20 };

static double epoch_of(const struct run *run)
{
    return run->recipe ? bit_schedule_epoch(&run->recipe->schedule, run->standing.step) : 0;
}

static void fill_progress(const struct run *run, struct bit_outcome_progress *p)
{
    const struct standing *s = &run->standing;
    double now = run->loop.started > 0 ? bit_clock_seconds() - run->loop.started : 0;
    *p = (struct bit_outcome_progress){
        .step = s->step, .steps = run->recipe ? run->recipe->schedule.steps : BIT_RECORD_UNKNOWN,
        .epoch = epoch_of(run), .checkpoint_step = run->loop.saved, .resumes = s->resumes, .rollbacks = s->rollbacks,
        .bad_images = s->bad + run->loop.bad, .seconds = s->seconds + now, .invocation_seconds = now,
    };
    if (run->loop.hashed == s->step)
        bit_hash_text(run->loop.hash, p->weights_hash);
}

static void fill_evaluation(const struct run *run, struct bit_outcome_evaluation *e)
{
    const struct standing *s = &run->standing;
    if (s->evaluated == UINT64_MAX)
        return;
    e->metrics = s->newest.metrics;
    e->loss = s->newest.loss;
    e->images = s->newest.images;
    e->step = s->evaluated;
    if (!isnan(s->best)) {
        e->best = s->best;
        e->best_step = s->best_step;
    }
}

static void fill_machine(const struct run *run, struct bit_outcome_machine *m)
{
    m->ranks = (uint64_t)run->world->size;
    m->threads = run->threads > 0 ? (uint64_t)run->threads : BIT_RECORD_UNKNOWN;
    m->process = (uint64_t)getpid();
    m->peak_memory_bytes = bit_memory_resident_peak();
    snprintf(m->backend, sizeof m->backend, "%s", run->backend ? bit_backend_name(run->backend) : "");
    snprintf(m->instruction_set, sizeof m->instruction_set, "%s", bit_compute_isa());
    snprintf(m->version, sizeof m->version, "%s", PACKAGE_VERSION);
    bit_host_name(m->host, sizeof m->host);
}

/* A verdict of the watchdog's on this invocation is final: a rank that is woken later must not overwrite it. */
static bool is_condemned(const struct run *run)
{
    struct bit_outcome found;
    struct bit_error ignored = {0};
    return bit_outcome_read(run->folder, &found, &ignored) == 0 && found.state == BIT_RUN_FAILED && found.code == BIT_ELATE &&
           !strcmp(found.started, run->started_at);
}

int outcome_write(const struct run *run, enum bit_run_state state, struct bit_error *error)
{
    struct bit_outcome o;
    if (is_condemned(run))
        return 0;
    bit_outcome_init(&o);
    if (run->loop.started == 0 && run->before) { /* not loaded yet: the run stands where it stood */
        o.progress = run->former.progress;
        o.evaluation = run->former.evaluation;
        o.progress.invocation_seconds = NAN;
    } else {
        fill_progress(run, &o.progress);
        fill_evaluation(run, &o.evaluation);
    }
    o.state = state;
    o.code = run->error.code;
    snprintf(o.message, sizeof o.message, "%s", run->error.code == BIT_OK ? "" : run->error.text);
    snprintf(o.signal, sizeof o.signal, "%s", signals_name());
    snprintf(o.job, sizeof o.job, "%s", run->job ? run->job->name : "");
    memcpy(o.started, run->started_at, sizeof o.started);
    bit_clock_stamp(o.written, sizeof o.written);
    fill_machine(run, &o.machine);
    return bit_outcome_write(run->folder, &o, error);
}

int outcome_write_evaluation(const struct run *run, struct bit_error *error)
{
    const struct bit_evaluation *e = &run->standing.newest;
    struct bit_evaluation_record record = {
        .step = run->standing.step, .images = e->images, .bad_images = e->bad, .epoch = epoch_of(run), .loss = e->loss,
        .seconds = e->seconds, .data = run->job->data.val,
    };
    record.metrics = e->metrics;
    fill_machine(run, &record.machine);
    return bit_evaluation_record_write(run->folder, &record, error);
}

void outcome_remember(struct run *run)
{
    char path[PATH_MAX];
    size_t size;
    struct bit_error ignored = {0};
    if (bit_outcome_read(run->folder, &run->former, &ignored) == 0) {
        const struct bit_outcome_progress *p = &run->former.progress;
        run->standing.resumes = p->resumes == BIT_RECORD_UNKNOWN ? 0 : p->resumes;
        run->standing.rollbacks = p->rollbacks == BIT_RECORD_UNKNOWN ? 0 : p->rollbacks;
    }
    if (run_path(run, BIT_RECORD_OUTCOME, path, &ignored) == 0)
        bit_file_read(path, OUTCOME_LIMIT, &run->before, &size, &ignored);
}

int outcome_restore(const struct run *run, struct bit_error *error)
{
    char path[PATH_MAX];
    if (run_path(run, BIT_RECORD_OUTCOME, path, error))
        return -1;
    return bit_file_write(path, run->before, strlen(run->before), error);
}
