/* The loop of training: between steps, step, evaluation, checkpoint. */
#include <math.h>

#include "bit/clock.h"
#include "bit/phase.h"
#include "bit/trace.h"
#include "run/boundary.h"
#include "run/census.h"
#include "run/measure.h"
#include "run/run.h"
#include "run/signals.h"
#include "run/states.h"

/* ---- what is due ---- */

static double epoch_at(const struct run *run, uint64_t step)
{
    return bit_schedule_epoch(&run->recipe->schedule, step);
}

/* Of what happens every so many steps or epochs (0: not by them). */
static bool is_time(const struct run *run, uint64_t every_steps, double epochs)
{
    uint64_t step = run->standing.step;
    return (every_steps && step % every_steps == 0) ||
           (epochs > 0 && floor(epoch_at(run, step) / epochs) > floor(epoch_at(run, step - 1) / epochs));
}

static bool evaluation_is_due(const struct run *run)
{
    uint64_t step = run->standing.step;
    if (!run->val || step == 0 || run->standing.evaluated == step)
        return false;
    if (step >= run->recipe->schedule.steps)
        return run->job->evaluation.at_end;
    return is_time(run, run->job->evaluation.every_steps, run->job->evaluation.every_epochs);
}

static bool probe_is_due(const struct run *run)
{
    uint64_t step = run->standing.step;
    if (!run->probe_train || step == 0 || run->standing.probed == step)
        return false;
    if (step >= run->recipe->schedule.steps)
        return run->job->probe.at_end;
    return is_time(run, run->job->probe.every_steps, run->job->probe.every_epochs);
}

/* `wished`: a signal or the clock asked for it. */
static bool save_is_due(const struct run *run, bool wished)
{
    uint64_t step = run->standing.step, every = run->job->checkpoint.every_steps;
    if (run->loop.saved == step || step == 0 || (run->saving.save && run->saving.step == step))
        return false;
    if (step >= run->recipe->schedule.steps)
        return run->job->checkpoint.at_end || wished;
    return wished || (every && step % every == 0);
}

/* Only rank 0's clock counts. */
static bool save_is_late(const struct run *run)
{
    double minutes = run->job->checkpoint.every_minutes;
    return run_is_first(run) && minutes > 0 && bit_clock_seconds() - run->loop.saved_at >= 60 * minutes;
}

/* All ranks' wishes as one: any wish counts. Rank 0 writes down which signal asked to stop, whichever rank it came to. */
static int gather_wishes(struct run *run, struct wish *any)
{
    struct wish mine = {
        .save = signals_save(),
        .stop = (uint8_t)signals_number(),
        .failed = run->error.code != BIT_OK,
        .late = save_is_late(run),
        .writing = !saving_is_written(run),
        .listed = bit_stream_bad(run->stream)->size > 0,
    };
    struct bit_stream_counts counts;
    struct bit_error lost = {0};
    bit_stream_count(run->stream, &counts);
    mine.bad = counts.bad;
    *any = (struct wish){0};
    if (bit_group_gather(run->world, &mine, sizeof mine, run->loop.wishes, &lost)) {
        bit_fail(&run->error, lost.code, "%s", lost.text);
        run->loop.lost = true;
        return -1;
    }
    for (int r = 0; r < run->world->size; r++) {
        const struct wish *w = &run->loop.wishes[r];
        any->save |= w->save;
        any->late |= w->late;
        any->writing |= w->writing;
        any->stop = any->stop ? any->stop : w->stop;
        any->failed |= w->failed;
        any->listed |= w->listed;
        any->bad += w->bad;
    }
    if (any->stop)
        signals_adopt(any->stop);
    return 0;
}

/* At every step, by all that was ever seen: neither ranks nor interruptions decide. */
static int judge_images(struct run *run, const struct wish *any)
{
    const struct bit_schedule *s = &run->recipe->schedule;
    run->loop.bad = any->bad - run->loop.bad_undone;
    if (any->listed && census_list(run, run->stream))
        return -1;
    return census_judge(run, run->standing.bad + run->loop.bad, run->standing.step * (uint64_t)s->batch, s->images);
}

/* What is so now (boundary.h). A run that has done all its steps and evaluated them ends, also when it was asked to stop. */
static unsigned facts_of(const struct run *run, const struct wish *wish)
{
    bool evaluation = evaluation_is_due(run) || probe_is_due(run), done = run->standing.step >= run->recipe->schedule.steps;
    bool stopping = (wish->stop || run->loop.taken >= run->options->steps_limit) && (!done || evaluation);
    bool save = (stopping || !evaluation) && save_is_due(run, wish->save || wish->late || stopping);
    return (run->saving.save ? BOUNDARY_MAKING : 0) | (wish->writing ? 0 : BOUNDARY_WRITTEN) | (wish->save ? BOUNDARY_ASKED : 0) |
           (stopping ? BOUNDARY_STOPPING : 0) | (evaluation ? BOUNDARY_EVALUATION : 0) | (save ? BOUNDARY_SAVE : 0) |
           (done ? BOUNDARY_DONE : 0);
}

enum event loop_boundary(struct run *run)
{
    struct wish wish;
    if (gather_wishes(run, &wish) || (wish.failed && run_agree(run)) || judge_images(run, &wish))
        return EVENT_FAILED;
    if (run->timeline)
        bit_timeline_turn(run->timeline, run->loop.taken);
    if (run->loop.saved == run->standing.step)
        signals_saved(); /* what is asked for is there */
    unsigned facts = facts_of(run, &wish);
    enum event event = boundary_event(facts);
    if (event != EVENT_COMMIT)
        run->loop.urgent = facts & (BOUNDARY_ASKED | BOUNDARY_STOPPING | BOUNDARY_DONE);
    return event;
}

/* ---- step ---- */

static void count_times(struct tally *t, const struct bit_step_result *result)
{
    t->data += result->data_seconds;
    t->forward += result->forward_seconds;
    t->backward += result->backward_seconds;
    t->reduce += result->reduce_seconds;
    t->update += result->update_seconds;
    t->steps++;
}

static void write_line(struct run *run, const struct bit_step_result *result, double rate)
{
    struct tally *t = &run->loop.tally;
    uint64_t step = run->standing.step;
    double now = bit_clock_seconds(), span = now - t->since > 1e-9 ? now - t->since : 1e-9;
    struct bit_step_line line = {
        .step = step, .epoch = epoch_at(run, step), .loss = result->loss, .rate = rate,
        .gradient_norm = result->gradient_norm, .weight_norm = result->weight_norm, .applied = result->applied,
        .images_per_second = (double)t->steps * run->recipe->schedule.batch / span,
        .share = {t->data / span, t->forward / span, t->backward / span, t->reduce / span, t->update / span,
                  t->save / span},
    };
    /* A failure is this rank's alone: the next boundary makes it known to all. */
    bit_metrics_log_step(run->metrics, &line, &run->error);
    *t = (struct tally){.since = now};
}

static void watch_link(struct run *run, const struct bit_step_result *result, const double *seconds)
{
    struct bit_slow_link *n = &run->loop.link;
    double now, before;
    if (!bit_slow_link_add(n, result->reduce_seconds, result->seconds, seconds, run->world->size, &now, &before))
        return;
    run_tell(run, n->told ? BIT_LOG_WARNING : BIT_LOG_INFO, "step %llu: the network between the ranks %s slow: a step waits %.3g s "
             "for it, at best it was %.3g s%s", (unsigned long long)run->standing.step, n->told ? "is" : "is no longer", now, before,
             n->told ? "; look at the links of the hosts" : "");
    bit_metrics_log_slow_link(run->metrics, run->standing.step, now, before, &run->error);
}

static void watch_speed(struct run *run, const struct bit_step_result *result)
{
    double *seconds = run->loop.rank_seconds + run->world->size, factor, each;
    int rank;
    bit_trainer_rank_seconds(run->trainer, seconds);
    watch_link(run, result, seconds);
    if (!bit_slow_rank_add(&run->loop.slow, seconds, &rank, &factor, &each))
        return;
    run_tell(run, factor >= BIT_SLOW_FACTOR ? BIT_LOG_WARNING : BIT_LOG_INFO, "step %llu: rank %d %s %.3g times as long as the "
             "other ranks for its work (%.3g s a step)%s", (unsigned long long)run->standing.step, rank,
             factor >= BIT_SLOW_FACTOR ? "holds up the run: it takes" : "is no longer slow: it takes", factor, each,
             factor >= BIT_SLOW_FACTOR ? "; look at its host" : "");
    bit_metrics_log_slow_rank(run->metrics, run->standing.step, rank, factor, &run->error);
}

static void tell(struct run *run, const struct bit_step_result *result, double rate)
{
    uint64_t step = run->standing.step, every = run->job->log.every_steps;
    struct bit_progress_state state = {.step = step, .epoch = epoch_at(run, step), .loss = result->loss, .rate = rate,
                                   .batch = run->recipe->schedule.batch};
    count_times(&run->loop.tally, result);
    watch_speed(run, result);
    if (every <= 1 || step % every == 0 || step == run->recipe->schedule.steps)
        write_line(run, result, rate);
    bit_progress_step(&run->progress, &state);
}

/* Of a row of them the log names the first. */
static void tell_spike(struct run *run, double loss, double limit)
{
    uint64_t step = run->standing.step;
    if (run->loop.spiked + 1 != step)
        run_tell(run, BIT_LOG_WARNING, "step %llu: the loss jumped to %.4g, more than %g times the median of the recent ones (%.4g)",
                 (unsigned long long)step, loss, run->recipe->checks.spike_factor, limit / run->recipe->checks.spike_factor);
    run->loop.spiked = step;
    if (run_is_first(run))
        bit_metrics_log_spike(run->metrics, step, loss, limit, &run->error);
}

enum event loop_step(struct run *run)
{
    struct bit_step_result result;
    uint64_t every = run->recipe->checks.replicas_every_steps;
    double rate = bit_schedule_rate(&run->recipe->schedule, run->standing.step), limit, traced = bit_trace_start();
    if (bit_trainer_step(run->trainer, rate, setback_loss_limit(run), &result, &run->error)) {
        run->loop.lost |= result.lost;
        bit_fail_at(&run->error, "step %llu", (unsigned long long)run->standing.step + 1);
        return EVENT_FAILED;
    }
    enum event event = result.applied ? EVENT_OK : setback_decide(run, &result);
    if (event != EVENT_OK)
        return event;
    bit_phase_step(++run->standing.step);
    run->loop.taken++;
    if (result.applied) {
        run->standing.skipped = 0;
        if (setback_note_loss(run, result.loss, &limit))
            tell_spike(run, result.loss, limit);
    }
    bit_trace_end("step", (long)run->standing.step, traced);
    if (every && run->standing.step % every == 0 && census_hash(run))
        return setback_event(run);
    if (run_is_first(run))
        tell(run, &result, rate);
    return EVENT_OK;
}

/* ---- evaluation ---- */

/* 0; 1: stopped; -1. */
static int evaluate(struct run *run)
{
    double traced = bit_trace_start();
    int verdict = measure(run);
    bit_trace_end("evaluation", (long)run->standing.step, traced);
    if (verdict == 0 && run_is_first(run)) {
        const struct bit_evaluation *e = &run->standing.newest;
        struct bit_evaluation_line line = {.step = run->standing.step, .epoch = epoch_at(run, run->standing.step), .loss = e->loss,
                                           .images = e->images, .bad = e->bad, .seconds = e->seconds};
        line.metrics = e->metrics;
        bit_metrics_log_evaluation(run->metrics, &line, &run->error);
    }
    return verdict;
}

enum event loop_evaluate(struct run *run)
{
    double before = bit_clock_seconds();
    bit_progress_end(&run->progress);
    int verdict = evaluation_is_due(run) ? evaluate(run) : 0;
    if (verdict == 0 && probe_is_due(run))
        verdict = measure_probe(run);
    if (verdict < 0)
        return EVENT_FAILED;
    run->loop.tally.since += bit_clock_seconds() - before;
    bit_progress_pause(&run->progress, run->standing.step);
    return EVENT_OK;
}

/* ---- checkpoint ---- */

enum event loop_save(struct run *run)
{
    double traced = bit_trace_start();
    if (saving_begin(run, !run->loop.urgent))
        return setback_event(run);
    bit_trace_end("begin checkpoint", (long)run->standing.step, traced);
    return run->loop.urgent ? loop_commit(run) : EVENT_OK;
}

enum event loop_commit(struct run *run)
{
    double traced = bit_trace_start();
    if (saving_end(run))
        return setback_event(run);
    bit_trace_end("end checkpoint", (long)run->standing.step, traced);
    /* A request that came while training stood still for the saving is answered by this generation, too. */
    if (run->loop.saved == run->standing.step)
        signals_saved();
    return EVENT_OK;
}
