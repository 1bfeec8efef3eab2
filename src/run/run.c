#include "run/run.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "bit/file.h"
#include "bit/memory.h"
#include "bit/wait.h"

int run_path(const struct run *run, const char *name, char path[PATH_MAX], struct bit_error *error)
{
    return bit_path_join(path, PATH_MAX, run->folder, name, error);
}

bool run_is_first(const struct run *run)
{
    return run->world->rank == 0;
}

void run_tell(const struct run *run, enum bit_log_level level, const char *format, ...)
{
    char text[BIT_ERROR_TEXT];
    va_list arguments;
    if (!run_is_first(run))
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    bit_log_rank(0, 1);
    bit_log(level, "%s", text);
    bit_log_rank(run->world->rank, run->world->size);
}

int run_follow(struct run *run)
{
    struct bit_error first = run->error, lost = {0};
    if (bit_group_broadcast(run->world, &first, sizeof first, 0, &lost)) {
        if (run->error.code == BIT_OK)
            run->error = lost;
        return -1;
    }
    run->error = first;
    return run->error.code == BIT_OK ? 0 : -1;
}

int run_agree_alike(struct run *run)
{
    struct bit_error mine = run->error;
    if (run_follow(run))
        return -1;
    run->error = mine;
    return run_agree(run);
}

int run_agree(struct run *run)
{
    return bit_group_agree(run->world, &run->error);
}

uint64_t run_train_images(const struct run *run)
{
    return run->subset ? run->subset->count : bit_index_images(run->train);
}

struct bit_stream *run_open_stream(struct run *run, bool training)
{
    struct bit_stream_options options = training ? run->recipe->training_stream : run->recipe->evaluation_stream;
    options.index = training ? run->train : run->val;
    options.subset = training ? run->subset : NULL;
    options.rank = run->world->rank;
    return bit_stream_create(&options, &run->error);
}

void run_end_watch(struct run *run)
{
    bit_watch_end(run->watch);
    run->watch = NULL;
}

/* The first rank that leaves with a code other than 0 has mpirun kill those that have not left (Open MPI 4.1: TERM, then KILL after a
 * second that the end of another rank cuts short): rank 0 is given a second to remove the lock. */
static void let_first_leave(const struct run *run)
{
    char path[PATH_MAX];
    if (!*run->watched || bit_path_join(path, sizeof path, run->watched, BIT_RECORD_LOCK, NULL))
        return;
    struct bit_wait wait = bit_wait_for(1, 0.01);
    while (bit_file_exists(path) && bit_wait_more(&wait))
        ;
}

void run_leave(struct run *run, int rank, int code)
{
    run_end_watch(run);
    bit_lock_release(run->lock);
    run->lock = NULL;
    if (code && rank > 0)
        let_first_leave(run);
    if (run->options->evaluate && *run->watched)
        rmdir(run->watched); /* empty when the last rank leaves */
}

void run_clear(struct run *run)
{
    bit_metrics_log_close(run->metrics);
    bit_progress_end(&run->progress);
    saving_forget(run);
    bit_free(run->loop.wishes);
    bit_free(run->loop.rank_seconds);
    bit_free(run->before);
    bit_store_close(run->store);
    bit_trainer_destroy(run->trainer);
    bit_free(run->own_weights);
    bit_stream_destroy(run->stream);
    bit_quarantine_close(run->quarantine);
    bit_model_destroy(run->model);
    bit_plan_free(&run->plan);
    bit_recipe_destroy(run->recipe);
    bit_start_close(run->start);
    bit_subset_destroy(run->subset);
    bit_index_close(run->probe_test);
    bit_index_close(run->probe_train);
    bit_index_close(run->val);
    bit_index_close(run->train);
    bit_timeline_close(run->timeline);
    bit_free(run->model_text);
    bit_class_groups_free(run->groups);
    bit_job_destroy(run->job);
}
