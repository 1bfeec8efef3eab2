/* The states before training: job, folder, index, plan, network. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bit/clock.h"
#include "bit/comm.h"
#include "bit/file.h"
#include "bit/limits.h"
#include "bit/memory.h"
#include "run/cores.h"
#include "run/folder.h"
#include "run/outcome.h"
#include "run/peers.h"
#include "run/run.h"
#include "run/start.h"
#include "run/states.h"

/* ---- job ---- */

static void read_job(struct run *run)
{
    const struct options *o = run->options;
    struct bit_problems problems = {0};
    run->job = bit_job_read(o->job, o->overrides.value, o->overrides.count, &problems, &run->error);
    bit_problems_print(&problems, o->job, stderr);
    for (size_t i = 0; i < problems.count; i++)
        run->told |= !problems.items[i].warning;
    bit_problems_free(&problems);
}

/* Rank 0's frozen job to all ranks, as text. */
static int share_job(struct run *run)
{
    struct bit_problems problems = {0};
    uint64_t size = run_is_first(run) ? strlen(run->job->canonical) : 0;
    char *text = NULL;
    if (bit_group_broadcast(run->world, &size, sizeof size, 0, &run->error))
        return -1;
    text = bit_allocate(size + 1, 1, "the job", &run->error);
    if (run_agree(run))
        goto done;
    if (run_is_first(run))
        memcpy(text, run->job->canonical, size);
    if (bit_group_broadcast(run->world, text, size, 0, &run->error))
        goto done;
    if (!run_is_first(run))
        run->job = bit_job_parse(text, size, run->options->job, NULL, 0, &problems, &run->error);
    run_agree(run);
done:
    bit_problems_free(&problems);
    bit_free(text);
    return run->error.code == BIT_OK ? 0 : -1;
}

static int name_folder(struct run *run)
{
    const char *out = run->options->out;
    if (out)
        return bit_path_join(run->folder, sizeof run->folder, out, "", &run->error);
    return bit_path_join(run->folder, sizeof run->folder, "runs", run->job->name, &run->error);
}

enum event setup_read(struct run *run)
{
    if (run_is_first(run))
        read_job(run);
    if (run_follow(run) || share_job(run))
        return EVENT_FAILED;
    name_folder(run);
    size_t length = strlen(run->folder);
    while (length > 1 && run->folder[length - 1] == '/')
        run->folder[--length] = 0;
    run->backend = bit_backend_find(run->job->backend, &run->error);
    return run_agree_alike(run) ? EVENT_FAILED : EVENT_OK;
}

/* ---- folder ---- */

/* Different for every invocation that can ever meet another one's files. */
static uint64_t draw_id(void)
{
    struct { double clock; long process; char stamp[32]; } seed = {bit_clock_seconds(), (long)getpid(), ""};
    bit_clock_stamp(seed.stamp, sizeof seed.stamp);
    return bit_hash_bytes(&seed, sizeof seed).low;
}

/* Rank 0: where the heartbeats go; made anew, so that no former invocation's can be taken for ours. An evaluation changes nothing
 * that a run beside it needs: it has a folder of its own, and a second one beside it is not watched. */
static void make_room_for_hearts(struct run *run, uint64_t *id)
{
    char path[PATH_MAX];
    struct bit_error taken = {0};
    if (run->options->evaluate) {
        if (bit_folder_create(run->watched, &run->error) || bit_path_join(path, sizeof path, run->watched, BIT_RECORD_LOCK, &run->error))
            return;
        if (!(run->lock = bit_lock_take(path, &taken))) {
            run_tell(run, BIT_LOG_INFO, "another evaluation of this run is going on: the watchdog watches that one, not this one");
            return;
        }
        for (int i = 0; i < 2; i++)
            if (bit_path_join(path, sizeof path, run->watched, i ? BIT_RECORD_OUTCOME : BIT_RECORD_LOG, &run->error) ||
                bit_folder_remove(path, &run->error))
                return;
    }
    if (bit_path_join(path, sizeof path, run->watched, BIT_RECORD_HEARTBEAT, &run->error) == 0 && bit_folder_remove(path, &run->error) == 0 &&
        bit_folder_create(path, &run->error) == 0)
        *id = draw_id();
}

static int start_watch(struct run *run)
{
    struct bit_watch_options options = {
        .folder = run->watched, .rank = run->world->rank, .ranks = run->world->size,
        .limits = bit_recipe_watch_limits(run->job),
    };
    if (run_is_first(run))
        make_room_for_hearts(run, &options.id);
    if (run_agree(run) || bit_group_broadcast(run->world, &options.id, sizeof options.id, 0, &run->error))
        return -1;
    if (options.id)
        run->watch = bit_watch_start(&options, &run->error);
    return run_agree(run);
}

enum event setup_claim(struct run *run)
{
    char path[PATH_MAX];
    bit_clock_stamp(run->started_at, sizeof run->started_at);
    if (run_is_first(run))
        folder_claim(run, &run->error);
    if (run_follow(run))
        return EVENT_FAILED;
    /* From now on the lock there is rank 0's, and run_leave waits for it. */
    bit_path_join(run->watched, sizeof run->watched, run->folder, run->options->evaluate ? BIT_RECORD_EVALUATING : "", &run->error);
    if (run_path(run, BIT_RECORD_LOG, path, &run->error) == 0)
        bit_log_open(path, &run->error);
    if (run_agree(run))
        return EVENT_FAILED;
    standing_init(&run->standing);
    run->loop.saved = run->loop.hashed = UINT64_MAX;
    if (run_is_first(run)) {
        outcome_remember(run);
        if (!run->options->evaluate)
            outcome_write(run, BIT_RUN_RUNNING, &run->error);
    }
    return run_follow(run) || start_watch(run) ? EVENT_FAILED : EVENT_OK;
}

/* ---- images ---- */

/* Rank 0: of a list's images some are looked at, so that a wrong folder shows before anything is computed. */
static void look_at(struct run *run, const char *key, const char *path, const struct bit_index *index)
{
    enum { LOOKED_AT = 64 };
    struct bit_index_sight sight;
    if (!run_is_first(run) || run->error.code)
        return;
    if (bit_index_look(index, LOOKED_AT, &sight, &run->error))
        bit_fail_at(&run->error, "%s", key);
    else if (sight.missing)
        run_tell(run, BIT_LOG_WARNING, "%s: %llu of %llu images of %s that were looked at are not there; the first: %s; bit check "
                 "--data looks at all", key, (unsigned long long)sight.missing, (unsigned long long)sight.looked, path, sight.first);
}

static int open_indices(struct run *run)
{
    const struct bit_job *job = run->job;
    char cache[PATH_MAX];
    run_path(run, BIT_RECORD_CACHE, cache, &run->error);
    if (run_is_first(run) && run->error.code == BIT_OK)
        bit_folder_create(cache, &run->error);
    if (run_follow(run))
        return -1;
    run->train = bit_index_open_below(job->data.train, job->data.train_folder, cache, NULL, run->world, &run->error);
    if (run->train)
        bit_recipe_check_labels(job, job->data.train, run->train, &run->error);
    if (run_agree_alike(run))
        return -1;
    look_at(run, "data.train", job->data.train, run->train);
    if (run_follow(run))
        return -1;
    if (*job->data.val)
        run->val = bit_index_open_below(job->data.val, job->data.val_folder, cache, run->train, run->world, &run->error);
    if (run_agree_alike(run))
        return -1;
    if (run->val)
        look_at(run, "data.val", job->data.val, run->val);
    return run_follow(run);
}

static int open_probe_indices(struct run *run)
{
    char cache[PATH_MAX];
    if (run->options->evaluate || !*run->job->probe.train)
        return 0;
    run_path(run, BIT_RECORD_CACHE, cache, &run->error);
    run->probe_train = bit_index_open(run->job->probe.train, cache, NULL, run->world, &run->error);
    if (run->probe_train)
        run->probe_test = bit_index_open(run->job->probe.test, cache, run->probe_train, run->world, &run->error);
    return run_agree_alike(run);
}

enum event setup_index(struct run *run)
{
    if (open_indices(run) || open_probe_indices(run) || start_settle(run))
        return EVENT_FAILED;
    int found = bit_index_classes(run->train), wanted = run->job->model.classes;
    bit_index_fingerprint(run->train, run->classes_fingerprint, run->images_fingerprint);
    run->classes = wanted > 0 ? wanted : found;
    if (found > run->classes)
        bit_fail(&run->error, BIT_EUSAGE, "model.classes: expected at least %d, as many classes as %s has, found %d", found,
                 run->job->data.train, wanted);
    else
        run->model_text = bit_job_model(run->job, run->classes, &run->error);
    if (run->val && run->job->evaluation.among_labelled && run->error.code == BIT_OK)
        run->groups = bit_class_groups_create(run->val, run->classes, &run->error);
    return run_agree_alike(run) ? EVENT_FAILED : EVENT_OK;
}

/* ---- plan ---- */

static void tell_plan(const struct run *run)
{
    const struct bit_plan *plan = &run->plan;
    const struct bit_recipe *recipe = run->recipe;
    const struct bit_schedule *s = &recipe->schedule;
    char memory[32], checkpoint[32];
    for (size_t i = 0; i < plan->warnings.count; i++) {
        const struct bit_problem *p = &plan->warnings.items[i];
        run_tell(run, BIT_LOG_WARNING, "%s%s%s", p->key, *p->key ? ": " : "", p->text);
    }
    bit_text_bytes((double)plan->memory.total, memory, sizeof memory);
    bit_text_bytes((double)plan->checkpoint_bytes, checkpoint, sizeof checkpoint);
    run_tell(run, BIT_LOG_INFO, "%s: R%dx%d, %.2f M parameters, %d classes, %d x %d pixels, %s on %s (%s)",
             run->job->name, run->job->model.depth, run->job->model.width, (double)plan->numbers / 1e6, run->classes,
             run->job->data.size, run->job->data.size, run->job->precision, bit_backend_name(run->backend),
             bit_compute_isa());
    run_tell(run, BIT_LOG_INFO, "data: %llu training and %llu validation images; batch %d in micro-batches of %d; "
             "%llu steps, %.6g epochs", (unsigned long long)recipe->train_images, (unsigned long long)recipe->val_images,
             s->batch, run->job->micro_batch, (unsigned long long)s->steps,
             bit_schedule_epoch(s, s->steps));
    run_tell(run, BIT_LOG_INFO, "%d rank%s x %d thread%s; about %s of memory a rank, %s a checkpoint; everything is "
             "written to %s", run->world->size, run->world->size == 1 ? "" : "s", run->threads,
             run->threads == 1 ? "" : "s", memory, checkpoint, run->folder);
}

/* All ranks get the same. */
static int settle(struct run *run)
{
    const bool probes = run->probe_train && run->probe_test;
    const struct bit_recipe_place place = {
        .ranks = run->world->size, .threads = run->threads, .classes = run->classes,
        .train_images = run_train_images(run), .val_images = run->val ? bit_index_images(run->val) : 0,
        .groups = run->groups,
        .probe = {probes ? bit_index_images(run->probe_train) : 0, probes ? bit_index_images(run->probe_test) : 0,
                  probes ? bit_index_classes(run->probe_train) : 0},
    };
    run->recipe = bit_recipe_create(run->job, &place, &run->error);
    if (run->recipe)
        bit_plan_create(run->recipe, &run->plan, &run->error);
    return run_agree_alike(run);
}

enum event setup_plan(struct run *run)
{
    int fair, cores;
    cores_share(run->world, &fair, &cores, &run->error);
    if (run_agree(run))
        return EVENT_FAILED;
    run->threads = run->job->threads ? run->job->threads : fair;
    bit_compute_threads(run->threads);
    if (peers_compare(run))
        return EVENT_FAILED;
    /* Before that: it asks oneDNN, which does not survive without. */
    bit_compute_threads_start(&run->error);
    if (run_agree(run))
        return EVENT_FAILED;
    if (settle(run))
        return EVENT_FAILED;
    if (!run_is_first(run))
        bit_plan_fit(&run->plan, run->world->node_size);
    else if (bit_plan_check_machine(&run->plan, run->world->node_size, cores, run->folder, &run->error) == 0)
        tell_plan(run);
    if (run_follow(run))
        return EVENT_FAILED;
    bit_limits_room(bit_plan_address_space(&run->plan), "this job", &run->error);
    return run_agree(run) ? EVENT_FAILED : EVENT_OK;
}

/* ---- network ---- */

static int build_model(struct run *run)
{
    struct bit_model_options options = run->options->evaluate ? run->recipe->evaluation_model : run->recipe->training_model;
    options.group = run->world;
    run->model = bit_model_create(&options, &run->error);
    return run_agree(run);
}

/* Training: stream and trainer. */
static int build_trainer(struct run *run)
{
    run->stream = run_open_stream(run, true);
    if (run_agree(run))
        return -1;
    struct bit_trainer_options options = {.model = run->model, .stream = run->stream, .world = run->world, .step = run->recipe->step};
    run->trainer = bit_trainer_create(&options, &run->error);
    if (run->trainer)
        run->weights = bit_trainer_weights(run->trainer);
    run->loop.wishes = bit_allocate((size_t)run->world->size, sizeof *run->loop.wishes, "the ranks' wishes", &run->error);
    run->loop.rank_seconds = bit_allocate((size_t)run->world->size, 2 * sizeof(double), "the ranks' times", &run->error);
    bit_slow_rank_init(&run->loop.slow, run->world->size, run->loop.rank_seconds);
    return run_agree(run);
}

static int build_weights(struct run *run)
{
    run->own_weights = bit_allocate(bit_model_table(run->model)->elements, sizeof(float), "weights", &run->error);
    run->weights = run->own_weights;
    return run_agree(run);
}

static int open_quarantine(struct run *run)
{
    char path[PATH_MAX];
    if (run_is_first(run) && run_path(run, BIT_RECORD_QUARANTINE, path, &run->error) == 0)
        run->quarantine = bit_quarantine_open(path, &run->error);
    return run_follow(run);
}

enum event setup_build(struct run *run)
{
    run->begun = true;
    if (run->options->fresh && run_is_first(run))
        folder_clear(run, &run->error);
    if (run_follow(run))
        return EVENT_FAILED;
    if (run->options->trace && !(run->timeline = bit_timeline_open(run->world, run->options->trace, run->options->trace_from,
                                                               run->options->trace_count, &run->error)))
        return EVENT_FAILED;
    if (build_model(run) || open_quarantine(run))
        return EVENT_FAILED;
    return (run->options->evaluate ? build_weights(run) : build_trainer(run)) ? EVENT_FAILED : EVENT_OK;
}
