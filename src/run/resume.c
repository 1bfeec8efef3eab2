/* Loading the newest generation, or starting afresh; and what may differ between the job then and now. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "bit/clock.h"
#include "bit/file.h"
#include "bit/memory.h"
#include "bit/phase.h"
#include "run/arrays.h"
#include "run/census.h"
#include "run/outcome.h"
#include "run/peers.h"
#include "run/run.h"
#include "run/start.h"
#include "run/states.h"

/* ---- the job then and now ---- */

/* Keys (or beginnings of keys) that change what the remaining steps compute: on resume they may differ with --force only.
 * Those that no checkpoint survives are in canonical_model, which the store compares. */
static const char *const recipe[] = {
    "micro_batch", "precision", "optimizer.", "detect.", "data.mirror", "data.area_", "data.aspect_", "data.crop_attempts",
    "data.max_", "data.crop", "data.mixup", "data.per_class", "model.dropout", "schedule.shape", "schedule.warmup_from",
    "schedule.start_decay", "schedule.base_rate", "schedule.base_batch", "schedule.warmup_steps", "schedule.decay_",
    "schedule.weight_decay", "checks.nonfinite", "checks.loss_spike",
};
/* Keys that may differ and are worth a line. */
static const char *const length[] = {"schedule.epochs", "schedule.steps"};

static bool is_among(const char *path, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!strncmp(path, list[i], strlen(list[i])))
            return true;
    return false;
}
#define AMONG(path, list) is_among(path, list, sizeof(list) / sizeof *(list))

/* One key that differs; `changed` collects those that need --force. */
static void judge(const struct run *run, const char *path, const cJSON *then, const cJSON *now, struct bit_text *changed)
{
    char *before = cJSON_PrintUnformatted(then), *after = cJSON_PrintUnformatted(now);
    const char *a = before ? before : "?", *b = after ? after : "?";
    /* Only then does training resize. */
    bool resizes = !strcmp(path, "data.resize") && run->recipe->training_stream.crop != BIT_CROP_INCEPTION && !run->recipe->detects;
    if (AMONG(path, recipe) || resizes)
        bit_text_add(changed, "%s%s was %s, is %s", changed->size ? "; " : "", path, a, b);
    else if (AMONG(path, length))
        run_tell(run, BIT_LOG_INFO, "%s was %s, is %s now", path, a, b);
    cJSON_free(before);
    cJSON_free(after);
}

/* Walks both jobs; a key that one of them does not know is passed over. */
static void compare(const struct run *run, const cJSON *then, const cJSON *now, const char *prefix,
                    struct bit_text *changed)
{
    for (const cJSON *item = now->child; item; item = item->next) {
        char path[256];
        const cJSON *old = cJSON_GetObjectItemCaseSensitive(then, item->string);
        snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "." : "", item->string);
        if (old && cJSON_IsObject(item) && cJSON_IsObject(old))
            compare(run, old, item, path, changed);
        else if (old && !cJSON_Compare(old, item, 1))
            judge(run, path, old, item, changed);
    }
}

/* Rank 0: fails when a key of the recipe differs and --force is not given. */
static void compare_jobs(struct run *run, const struct bit_checkpoint *checkpoint)
{
    struct bit_text changed = {0};
    cJSON *then = cJSON_Parse(checkpoint->job), *now = cJSON_Parse(run->job->canonical);
    if (!then || !now)
        bit_fail(&run->error, BIT_EDATA, "the checkpoint's job cannot be read");
    else
        compare(run, then, now, "", &changed);
    if (changed.size && run->options->force)
        run_tell(run, BIT_LOG_WARNING, "going on with a changed recipe: %s", changed.data);
    else if (changed.size)
        bit_fail(&run->error, BIT_EUSAGE, "the job's recipe differs from the checkpoint's: %s. Put it back, give --force to go "
                 "on with the new one, or start anew with another --out", changed.data);
    cJSON_Delete(then);
    cJSON_Delete(now);
    bit_text_free(&changed);
}

static void compare_data(struct run *run, const struct bit_checkpoint *checkpoint, const char *classes,
                         const char *fingerprint)
{
    if (strcmp(checkpoint->classes, classes))
        bit_fail(&run->error, BIT_EUSAGE, "the class names of %s differ from the checkpoint's: it was trained on other classes. "
                 "Name the data it was trained on, or start anew with another --out", run->job->data.train);
    else if (run->options->evaluate || !strcmp(checkpoint->data_fingerprint, fingerprint))
        return;
    else if (!run->options->force)
        bit_fail(&run->error, BIT_EDATA, "the images of %s are not those that the checkpoint was trained on (files were added, "
                 "removed or renamed): its place in the epoch would mean other images. Put them back, or give --force to "
                 "go on with the new ones", run->job->data.train);
    else
        run_tell(run, BIT_LOG_WARNING, "going on with changed images");
}

/* ---- loading ---- */

/* Rank 0 judges the checkpoint; all learn what it says. */
static int check(struct run *run, const struct bit_checkpoint *checkpoint)
{
    struct bit_checkpoint mine = {0};
    if (run_is_first(run) && arrays_describe(run, &mine) == 0) {
        compare_data(run, checkpoint, mine.classes, mine.data_fingerprint);
        if (!run->options->evaluate && run->error.code == BIT_OK)
            compare_jobs(run, checkpoint);
        if (checkpoint->samples != checkpoint->step * (uint64_t)run->recipe->schedule.batch)
            bit_fail(&run->error, BIT_EDATA, "the checkpoint says %llu images in %llu steps, which is not a batch of %d",
                     (unsigned long long)checkpoint->samples, (unsigned long long)checkpoint->step,
                     run->recipe->schedule.batch);
    }
    arrays_forget(&mine);
    return run_follow(run);
}

static void read_standing(struct run *run, const struct bit_checkpoint *checkpoint)
{
    struct bit_metrics known;
    const struct bit_head *head = &run->recipe->head.head;
    head->operations->report(head, NULL, 0, &known);
    standing_read(&run->standing, checkpoint->extra, checkpoint->step, &known, &run->error);
}

/* 1: a generation was loaded and fits, 0: there is none, -1. */
static int load(struct run *run)
{
    struct bit_checkpoint checkpoint = {0};
    struct bit_arrays arrays;
    arrays_fill(run, &arrays);
    int found = bit_store_load(run->store, run->model_text, UINT64_MAX, &checkpoint, &arrays, &run->error);
    if (run_agree(run) || found != 1)
        return run->error.code == BIT_OK ? 0 : -1;
    if (check(run, &checkpoint) == 0)
        read_standing(run, &checkpoint);
    run->loop.hash = checkpoint.weights_hash;
    run->loop.hashed = run->loop.saved = checkpoint.step;
    bit_checkpoint_free(&checkpoint);
    return run_agree(run) ? -1 : 1;
}

static int open_store(struct run *run)
{
    char path[PATH_MAX];
    run_path(run, BIT_RECORD_CHECKPOINTS, path, &run->error);
    if (run_agree(run))
        return -1;
    run->store = bit_store_open(path, !run->options->evaluate, run->job->checkpoint.keep, run->world, &run->error);
    return run_agree(run);
}

/* ---- starting ---- */

static void tell(const struct run *run, bool resumed)
{
    if (resumed)
        run_tell(run, BIT_LOG_INFO, "resumed at step %llu of %llu", (unsigned long long)run->standing.step,
                (unsigned long long)run->recipe->schedule.steps);
}

/* Rank 0: the files that accompany the run. */
static void open_files(struct run *run)
{
    char path[PATH_MAX];
    const struct standing *s = &run->standing;
    if (run_path(run, BIT_RECORD_JOB, path, &run->error) ||
        bit_file_write(path, run->job->canonical, strlen(run->job->canonical), &run->error) ||
        run_path(run, BIT_RECORD_METRICS, path, &run->error))
        return;
    run->metrics = bit_metrics_log_open(path, s->step, s->evaluated == s->step, s->probed == s->step, &run->error);
    if (run->metrics)
        outcome_write(run, BIT_RUN_RUNNING, &run->error);
}

/* From here on the bits are this machine's. */
static void compare_machines(struct run *run)
{
    char now[sizeof run->standing.machine];
    peers_machine(run, now, sizeof now);
    if (*run->standing.machine && strcmp(run->standing.machine, now))
        run_tell(run, BIT_LOG_WARNING, "the checkpoint was written with %s, the run goes on with %s: its results will differ "
                 "in their last bits", run->standing.machine, now);
    memcpy(run->standing.machine, now, sizeof now);
}

static int start(struct run *run, bool resumed)
{
    const struct bit_schedule *schedule = &run->recipe->schedule;
    if (start_keep(run, !resumed))
        return -1;
    if (bit_trainer_weights_changed(run->trainer, &run->error) == 0)
        bit_stream_seek(run->stream, run->standing.step, &run->error);
    if (run_agree(run))
        return -1;
    compare_machines(run);
    run->standing.resumes += resumed;
    bit_phase_step(run->standing.step);
    run->loop.started = run->loop.saved_at = run->loop.tally.since = bit_clock_seconds();
    if (run_is_first(run)) {
        tell(run, resumed);
        open_files(run);
        bit_progress_start(&run->progress, run->options->quiet, run->standing.step, schedule->steps,
                       bit_schedule_epoch(schedule, schedule->steps));
    }
    return run_follow(run);
}

/* No generation was found. A folder that is not mounted, or was renamed, must not pass for a run that has not begun. */
static int check_afresh(struct run *run)
{
    uint64_t step = run->former.progress.checkpoint_step;
    if (run_is_first(run) && !run->options->evaluate && step != BIT_RECORD_UNKNOWN && step > 0)
        bit_fail(&run->error, BIT_ENOGENERATION, "%s/outcome.json knows of a checkpoint of step %llu, and %s/checkpoints holds none: is it "
                 "on a file system that is not mounted here? Bring it back, or start anew with --fresh --force or another --out",
                 run->folder, (unsigned long long)step, run->folder);
    return run_follow(run);
}

enum event resume_load(struct run *run)
{
    if (open_store(run))
        return EVENT_FAILED;
    int found = load(run);
    if (found < 0 || (!found && check_afresh(run)))
        return EVENT_FAILED;
    if (run->options->evaluate) {
        if (found)
            return EVENT_MEASURE;
        bit_fail(&run->error, BIT_ENOINPUT, "%s holds no checkpoint to evaluate", run->folder);
        return EVENT_FAILED;
    }
    if (!found && start_weights(run))
        return EVENT_FAILED;
    return start(run, found) ? EVENT_FAILED : EVENT_OK;
}

/* ---- rolling back ---- */

/* Rank 0: the lines of the steps that are undone go, as at a resume. */
static void reopen_metrics(struct run *run, uint64_t failed)
{
    char path[PATH_MAX];
    const struct standing *s = &run->standing;
    if (bit_metrics_log_flush(run->metrics, false, &run->error) || run_path(run, BIT_RECORD_METRICS, path, &run->error))
        return;
    bit_metrics_log_close(run->metrics);
    run->metrics = bit_metrics_log_open(path, s->step, s->evaluated == s->step, s->probed == s->step, &run->error);
    if (run->metrics)
        bit_metrics_log_rollback(run->metrics, s->step, failed, run->loop.setback.why.text, &run->error);
    bit_progress_pause(&run->progress, s->step);
}

static int go_back(struct run *run, uint64_t failed)
{
    run->loop.bad_undone += run->loop.bad;
    run->loop.bad = 0;
    run->loop.setback.harmed = false;
    if (bit_trainer_weights_changed(run->trainer, &run->error) == 0)
        bit_stream_seek(run->stream, run->standing.step, &run->error);
    if (run_agree(run))
        return -1;
    compare_machines(run);
    bit_phase_step(run->standing.step);
    if (run_is_first(run))
        reopen_metrics(run, failed);
    run->loop.tally = (struct tally){.since = bit_clock_seconds()};
    run_tell(run, BIT_LOG_WARNING, "went back to the checkpoint of step %llu", (unsigned long long)run->standing.step);
    return run_follow(run);
}

enum event resume_roll_back(struct run *run)
{
    double seconds = run->standing.seconds;
    uint64_t rollbacks = run->standing.rollbacks + 1;
    uint64_t failed = run->standing.step + 1;
    bit_progress_end(&run->progress);
    run_tell(run, BIT_LOG_WARNING, "not applied: %s", run->loop.setback.why.text);
    /* What is in the making was taken before the step that failed: it is the newest then, unless it is withdrawn. */
    saving_end(run);
    run->loop.setback.pending = false;
    if (run_agree(run) || census_bad(run) || setback_judge(run))
        return EVENT_FAILED;
    int found = load(run);
    if (found == 0) {
        run->error = run->loop.setback.why;
        bit_fail_at(&run->error, "there is no checkpoint to go back to");
    }
    if (found != 1)
        return EVENT_FAILED;
    run->standing.seconds = seconds; /* the time was spent all the same */
    run->standing.rollbacks = rollbacks;
    return go_back(run, failed) ? EVENT_FAILED : EVENT_OK;
}
