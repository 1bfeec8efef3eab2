#include "run/saving.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "bit/clock.h"
#include "bit/phase.h"
#include "bit/trace.h"
#include "run/arrays.h"
#include "run/census.h"
#include "run/outcome.h"
#include "run/run.h"

/* No MPI here: between prepare and commit a rank works for itself. */
static void *write_files(void *argument)
{
    struct saving *saving = argument;
    bit_store_write(saving->save); /* a failure is kept for the commit */
    atomic_store(&saving->written, true);
    return NULL;
}

static void *writer_main(void *argument)
{
    bit_trace_thread("writer", -1);
    return write_files(argument);
}

/* The writer gets no signals: those are for the thread that trains. Without a thread it is written here. */
static void start_writer(struct saving *saving, bool beside)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    saving->threaded = beside && !pthread_create(&saving->thread, NULL, writer_main, saving);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!saving->threaded)
        write_files(saving);
}

int saving_begin(struct run *run, bool beside)
{
    struct saving *saving = &run->saving;
    struct bit_checkpoint checkpoint = {0};
    struct bit_arrays arrays;
    double start = bit_clock_seconds();
    bool copy = beside && run->plan.memory.snapshot > 0; /* of this rank's machine: others may do otherwise */
    if (run_is_first(run) && run->error.code == BIT_OK)
        bit_metrics_log_flush(run->metrics, true, &run->error);
    struct bit_error harm;
    if (run_agree(run) || census_bad(run) || bit_trainer_check_memory(run->trainer, &harm, &run->error))
        return -1;
    if (harm.code)
        return setback_harm(run, &harm);
    arrays_fill(run, &arrays);
    arrays_describe(run, &checkpoint);
    /* The store compares the replicas. */
    if (!run_agree(run))
        saving->save = bit_store_prepare(run->store, &checkpoint, &arrays, copy, &run->error);
    if (saving->save) {
        run->loop.hash = checkpoint.weights_hash;
        run->loop.hashed = saving->step = run->standing.step;
        saving->begun = start;
        atomic_store(&saving->written, false);
        start_writer(saving, copy);
        saving->stood = bit_clock_seconds() - start;
        run->loop.tally.save += saving->stood;
        run->loop.saved_at = bit_clock_seconds();
    }
    arrays_forget(&checkpoint);
    return saving->save ? 0 : -1;
}

static void tell(struct run *run)
{
    const struct saving *saving = &run->saving;
    char seconds[32], stood[32];
    bit_clock_duration(bit_clock_seconds() - saving->begun, seconds, sizeof seconds);
    bit_clock_duration(saving->stood, stood, sizeof stood);
    if (saving->threaded)
        run_tell(run, BIT_LOG_INFO, "checkpoint at step %llu (%s beside training, which stood still for %s)",
                 (unsigned long long)saving->step, seconds, stood);
    else
        run_tell(run, BIT_LOG_INFO, "checkpoint at step %llu (%s)", (unsigned long long)saving->step, seconds);
}

/* While the writer moves on, whoever waits for it is not stuck. */
static void join_writer(pthread_t thread)
{
    struct bit_phase_note before = {0}, now;
    struct timespec until;
    int joined;
    do {
        bit_phase_read(BIT_TRACK_BACKGROUND, &now);
        if (now.moves != before.moves)
            bit_phase_tick();
        before = now;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec++;
        joined = pthread_timedjoin_np(thread, NULL, &until);
    } while (joined == ETIMEDOUT);
}

/* This rank's files are written; NULL: nothing was in the making. */
static struct bit_save *wait_for_writer(struct saving *saving)
{
    struct bit_save *save = saving->save;
    if (save && saving->threaded)
        join_writer(saving->thread);
    saving->save = NULL;
    return save;
}

enum check { CLEAN, KNOWN_HARM, NEW_HARM };

/* Checks memory again before the commit, if no step was taken since the snapshot: a change after saving_begin's check may be in what was written,
 * and a step would have found it. *why is set where the generation must not be committed; NEW_HARM: *harm says what. Collective. */
static enum check check_again(struct run *run, struct bit_error *harm, struct bit_error *why)
{
    if (run->standing.step != run->saving.step)
        return CLEAN;
    if (run->loop.setback.harmed)
        bit_fail(why, BIT_EENVIRONMENT, "a rank's memory has changed");
    else if (!bit_trainer_check_memory(run->trainer, harm, why))
        *why = *harm;
    return run->loop.setback.harmed ? KNOWN_HARM : harm->code ? NEW_HARM : CLEAN;
}

int saving_end(struct run *run)
{
    struct saving *saving = &run->saving;
    double start = bit_clock_seconds();
    struct bit_save *save = wait_for_writer(saving);
    struct bit_error error = {0}, harm = {0};
    if (!save)
        return 0;
    enum check found = check_again(run, &harm, &error);
    /* An error that is there already makes all ranks withdraw it. */
    if (bit_store_commit(run->store, save, &error)) {
        if (found == NEW_HARM && run->error.code == BIT_OK)
            return setback_harm(run, &harm);
        return found == KNOWN_HARM ? 0 : bit_fail(&run->error, error.code, "%s", error.text);
    }
    run->loop.saved = saving->step;
    saving->stood += bit_clock_seconds() - start;
    run->loop.tally.save += bit_clock_seconds() - start;
    if (run_is_first(run)) {
        tell(run);
        outcome_write(run, BIT_RUN_RUNNING, &error);
        if (error.code)
            bit_fail(&run->error, error.code, "%s", error.text);
    }
    return 0;
}

void saving_forget(struct run *run)
{
    bit_store_forget(wait_for_writer(&run->saving));
}

bool saving_is_written(const struct run *run)
{
    return !run->saving.save || atomic_load(&run->saving.written);
}
