#include "run/folder.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "bit/file.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "run/run.h"

/* What a run owns below its folder, besides checkpoints, and the log and the index cache, which outlive --fresh. */
static const char *const owned[] = {BIT_RECORD_METRICS, BIT_RECORD_OUTCOME, BIT_RECORD_EVALUATION, BIT_RECORD_JOB,
                                    BIT_RECORD_QUARANTINE, BIT_RECORD_PREDICTIONS};

static bool has(const struct run *run, const char *name)
{
    char path[PATH_MAX];
    return run_path(run, name, path, NULL) == 0 && bit_file_exists(path);
}

static bool holds_run(const struct run *run)
{
    return has(run, BIT_RECORD_JOB) || has(run, BIT_RECORD_CHECKPOINTS);
}

/* Missing data is told before anything is created. */
static int check_inputs(const struct run *run, struct bit_error *error)
{
    const char *const paths[] = {run->job->data.train, run->job->data.val, run->job->probe.train, run->job->probe.test};
    static const char *const keys[] = {"data.train", "data.val", "probe.train", "probe.test"};
    for (int i = 0; i < (run->options->evaluate ? 2 : 4); i++)
        if (paths[i] && *paths[i] && !bit_file_exists(paths[i]))
            return bit_fail(error, BIT_ENOINPUT, "%s: there is no file or folder %s", keys[i], paths[i]);
    if (run->options->evaluate && (!paths[1] || !*paths[1]))
        return bit_fail(error, BIT_EUSAGE, "--evaluate needs validation images: the job's data.val is empty");
    return 0;
}

/* A folder of that name is not ours, and stays. */
static int remove_file(const char *path, struct bit_error *error)
{
    if (unlink(path) == 0 || errno == ENOENT)
        return 0;
    return errno == EISDIR || errno == EPERM
               ? bit_fail(error, BIT_EENVIRONMENT, "%s cannot be removed; if it is a folder, no run made it: move it away", path)
               : bit_fail_errno(error, BIT_EENVIRONMENT, "cannot remove %s", path);
}

int folder_clear(struct run *run, struct bit_error *error)
{
    char path[PATH_MAX];
    bit_free(run->before);
    run->before = NULL;
    bit_outcome_init(&run->former);
    standing_init(&run->standing);
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        if (run_path(run, owned[i], path, error) || remove_file(path, error))
            return -1;
    return run_path(run, BIT_RECORD_CHECKPOINTS, path, error) ? -1 : bit_store_clear(path, error);
}

/* Killed writers' temporary files. The lock is ours, so nobody else writes these; an evaluation beside this run may be writing its
 * own, and can do without the cache. */
static void sweep(const struct run *run)
{
    char cache[PATH_MAX];
    bit_file_sweep(run->folder, BIT_RECORD_OUTCOME, 0);
    bit_file_sweep(run->folder, BIT_RECORD_JOB, 0);
    bit_file_sweep(run->folder, BIT_RECORD_EVALUATION, 60);
    if (run_path(run, BIT_RECORD_CACHE, cache, NULL) == 0)
        bit_file_sweep(cache, NULL, 0);
}

int folder_claim(struct run *run, struct bit_error *error)
{
    const struct options *o = run->options;
    char path[PATH_MAX];
    if (check_inputs(run, error))
        return -1;
    if (o->evaluate && !has(run, BIT_RECORD_CHECKPOINTS))
        return bit_fail(error, BIT_ENOINPUT, "%s holds no checkpoints to evaluate: train first, or name the run's folder "
                        "with --out", run->folder);
    run->created = !bit_file_exists(run->folder);
    if (o->evaluate) /* changes nothing that a run beside it needs */
        return 0;
    if (bit_folder_create(run->folder, error) || run_path(run, BIT_RECORD_LOCK, path, error))
        return -1;
    run->lock = bit_lock_take(path, error);
    if (!run->lock)
        return -1;
    if (o->fresh && holds_run(run) && !o->force) {
        bit_lock_release(run->lock);
        run->lock = NULL;
        return bit_fail(error, BIT_EUSAGE, "%s holds a run already: --fresh would overwrite it; leave --fresh out to resume, "
                        "add --force to remove the old run, or choose another --out", run->folder);
    }
    run->claimed = true;
    sweep(run);
    return 0;
}

void folder_abandon(struct run *run)
{
    struct bit_error error = {0};
    bit_log_close();
    bit_lock_release(run->lock);
    run->lock = NULL;
    if (bit_folder_remove(run->folder, &error))
        bit_log(BIT_LOG_WARNING, "%s", error.text);
}
