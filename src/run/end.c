/* How a run ends: evaluated, finished, stopped, failed. */
#include <stdio.h>

#include "bit/clock.h"
#include "bit/statistics.h"
#include "run/census.h"
#include "run/folder.h"
#include "run/measure.h"
#include "run/outcome.h"
#include "run/run.h"
#include "run/signals.h"
#include "run/states.h"

/* ---- bitrun --evaluate ---- */

static void print_count(uint64_t count, uint64_t images)
{
    double low, high;
    bit_wilson(count, images, &low, &high);
    printf(" (%llu) 95 %% interval %.6f to %.6f", (unsigned long long)count, low, high);
}

static void print_evaluation(const struct run *run)
{
    const struct bit_evaluation *e = &run->standing.newest;
    printf("step %llu\nimages %llu\nbad images %llu\nloss %.17g\n",
           (unsigned long long)run->standing.step, (unsigned long long)e->images, (unsigned long long)e->bad, e->loss);
    for (int i = 0; i < e->metrics.count; i++) {
        const struct bit_metric *m = &e->metrics.item[i];
        printf("%s %.6f", m->title, m->value);
        if (m->count != BIT_METRIC_UNCOUNTED)
            print_count(m->count, e->images);
        printf("\n");
    }
    fflush(stdout);
}

enum event end_measure(struct run *run)
{
    int verdict = measure(run);
    if (verdict > 0) {
        bit_fail(&run->error, BIT_EAGAIN, "the evaluation was stopped by %s", *signals_name() ? signals_name() : "a signal");
        return EVENT_FAILED;
    }
    if (verdict < 0)
        return EVENT_FAILED;
    if (run_is_first(run) && outcome_write_evaluation(run, &run->error) == 0)
        print_evaluation(run);
    return run_follow(run) ? EVENT_FAILED : EVENT_OK;
}

/* ---- the ends of training ---- */

/* Rank 0's files in their last form; a failure here becomes the run's, also where it was asked to stop. */
static void close_books(struct run *run, enum bit_run_state state)
{
    struct bit_error trouble = {0};
    bit_progress_end(&run->progress);
    if (run->metrics && bit_metrics_log_flush(run->metrics, true, &trouble)) {
        run->error = trouble;
        state = BIT_RUN_FAILED;
    }
    if (outcome_write(run, state, &trouble))
        run->error = trouble;
}

static void tell_end(const struct run *run, const char *how)
{
    const struct standing *s = &run->standing;
    char seconds[32];
    bit_clock_duration(bit_clock_seconds() - run->loop.started, seconds, sizeof seconds);
    run_tell(run, BIT_LOG_INFO, "%s at step %llu of %llu after %s", how, (unsigned long long)s->step,
            (unsigned long long)run->recipe->schedule.steps, seconds);
    if (s->bad + run->loop.bad)
        run_tell(run, BIT_LOG_WARNING, "%llu bad images were replaced; %s/quarantine.tsv lists them",
                (unsigned long long)(s->bad + run->loop.bad), run->folder);
}

enum event end_finish(struct run *run)
{
    if (census_bad(run) || census_hash(run))
        return setback_event(run);
    if (run_is_first(run)) {
        close_books(run, BIT_RUN_FINISHED);
        tell_end(run, run->loop.taken ? "finished" : "nothing left to do: finished");
    }
    return run_follow(run) ? EVENT_FAILED : EVENT_OK;
}

enum event end_stop(struct run *run)
{
    if (census_bad(run) || census_hash(run))
        return setback_event(run);
    if (run_is_first(run)) {
        bit_fail(&run->error, BIT_EAGAIN, "stopped on request (%s): run again to resume",
                 *signals_name() ? signals_name() : run->loop.taken >= run->options->steps_limit ? "--steps-limit" : "signal");
        close_books(run, BIT_RUN_STOPPED);
        if (run->error.code == BIT_EAGAIN)
            tell_end(run, "stopped on request");
    }
    run_follow(run);
    run->code = run->error.code;
    return run->error.code == BIT_EAGAIN ? EVENT_OK : EVENT_FAILED;
}

/* What the folder is to say of a start that failed. */
enum trace_left { LEAVE_NOTHING, LEAVE_FORMER_OUTCOME, LEAVE_FAILURE, LEAVE_AS_IT_IS };

static enum trace_left trace_to_leave(const struct run *run)
{
    bool refused = run->error.code == BIT_EUSAGE;
    if (refused && !run->begun && run->claimed && run->created)
        return LEAVE_NOTHING;        /* the folder is this start's own, and nothing has begun in it */
    if (run->options->evaluate)
        return LEAVE_AS_IT_IS;       /* the run's outcome is not an evaluation's business */
    if (refused && run->before && run->loop.taken == 0)
        return LEAVE_FORMER_OUTCOME; /* how the run in this folder stands has not changed */
    return run->claimed ? LEAVE_FAILURE : LEAVE_AS_IT_IS;
}

/* Rank 0. */
static void write_failure(struct run *run)
{
    struct bit_error trouble = {0};
    enum trace_left trace = trace_to_leave(run);
    if (trace == LEAVE_NOTHING)
        folder_abandon(run);
    if (trace == LEAVE_FORMER_OUTCOME && outcome_restore(run, &trouble))
        trace = run->claimed ? LEAVE_FAILURE : LEAVE_AS_IT_IS;
    if (trace == LEAVE_FAILURE && outcome_write(run, BIT_RUN_FAILED, &trouble))
        run_tell(run, BIT_LOG_WARNING, "%s", trouble.text);
}

enum event end_fail(struct run *run)
{
    struct bit_error ignored = {0};
    run->code = run->error.code;
    if (!run->loop.lost)
        saving_end(run); /* a generation that was begun before the failure still counts */
    bit_progress_end(&run->progress);
    if (!run->begun && run->error.code == BIT_EUSAGE) { /* rank 0 may remove the folder: no rank may write there any more */
        run_end_watch(run);
        bit_group_barrier(run->world, &ignored);
    }
    if (!run_is_first(run))
        return EVENT_OK;
    if (!run->told)
        run_tell(run, BIT_LOG_ERROR, "%s", run->error.text);
    write_failure(run);
    return EVENT_OK;
}
