/* What a careful colleague would say before the run is started. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bit/compute.h"
#include "bit/cores.h"
#include "bit/file.h"
#include "bit/memory.h"
#include "recipe/recipe.h"

#define WARN(...)                                                                                                      \
    do {                                                                                                               \
        if (bit_problems_add_warning(&plan->warnings, error, __VA_ARGS__))                                             \
            return -1;                                                                                                 \
    } while (0)

static int warn_schedule(struct bit_plan *plan, struct bit_error *error)
{
    const struct bit_job *job = plan->recipe->job;
    const struct bit_schedule *s = &plan->recipe->schedule;
    const char *decays = job->schedule.decays_in_steps ? "schedule.decay_steps" : "schedule.decay_epochs";
    unsigned long long steps = s->steps, warmup = s->warmup_steps;
    const bool tuned = plan->recipe->fine_tuning; /* whose rule does all of this on purpose */
    if (warmup >= steps)
        WARN("schedule.warmup_steps", "the warm-up (%llu steps) is as long as the run (%llu steps) or longer: the full "
             "rate is never used", warmup, steps);
    else if (warmup > steps / 10 && !tuned)
        WARN("schedule.warmup_steps", "the warm-up (%llu steps) is longer than a tenth of the run (%llu steps)", warmup,
             steps);
    for (int i = 0; i < s->decays; i++) {
        unsigned long long at = s->decay_steps[i];
        if (at >= steps)
            WARN(decays, "the decay at step %llu comes after the end of the run (%llu steps)", at, steps);
        else if (at < warmup)
            WARN(decays, "the decay at step %llu falls into the warm-up (%llu steps)", at, warmup);
    }
    if (s->decays && s->decay_steps[0] < steps && (double)s->decay_steps[0] < 0.2 * (double)steps)
        WARN(decays, "the first decay comes after %.0f %% of the run: decaying too early looks better at first and "
             "ends worse", 100.0 * (double)s->decay_steps[0] / (double)steps);
    if (job->schedule.weight_decay < 1e-5 && !tuned)
        WARN("schedule.weight_decay", "a weight decay of %g looks better at first and ends worse; the paper uses 0.0001",
             job->schedule.weight_decay);
    if (s->images < (uint64_t)s->batch && !tuned)
        WARN("schedule.batch", "the batch (%d) is larger than the training data (%llu images): a step sees images twice",
             s->batch, (unsigned long long)s->images);
    return 0;
}

static int warn_work(struct bit_plan *plan, struct bit_error *error)
{
    const struct bit_recipe *r = plan->recipe;
    const struct bit_job *job = r->job;
    const struct bit_model_options *model = &r->training_model;
    int rank_batch = job->micro_batch * r->micro_batches;
    if (job->checkpoint.every_steps == 0 && job->checkpoint.every_minutes == 0)
        WARN("checkpoint", "neither every_steps nor every_minutes is set: a failure loses the whole run");
    else if (job->checkpoint.every_steps >= r->schedule.steps && job->checkpoint.every_minutes == 0)
        WARN("checkpoint.every_steps", "the first generation would come at the end of the run: a failure loses all of it");
    if (r->val_images == 0)
        WARN("data.val", "there are no validation images: nothing is evaluated");
    else if (job->evaluation.every_epochs == 0 && job->evaluation.every_steps == 0 && !job->evaluation.at_end)
        WARN("evaluation", "nothing is evaluated, though there are validation images");
    if (r->ranks & (r->ranks - 1))
        WARN("", "%d ranks are not a power of two: the bits will differ from those of other numbers of ranks",
             r->ranks);
    if (model->norm == BIT_BATCH_NORM && !model->batch_norm_global && rank_batch < 16)
        WARN("model.batch_norm_scope", "batch norm over a rank's %d images is noisy", rank_batch);
    if (plan->speed_up < 0.95)
        WARN("precision", "%s is slower than float32 on this processor (%s): its convolutions reach %.2f of float32's speed, by the kernels that "
             "serve them (bit bench ops --explain); \"precision\": \"float32\" is faster, and more exact", job->precision, bit_compute_isa(),
             plan->speed_up);
    if (model->backend == bit_backend_find("reference", NULL))
        WARN("backend", "reference is for tests: it is hundreds of times slower than the others");
    return 0;
}

/* The sums of batch norm and of its gradients run over a rank's whole batch at once. */
static int warn_bits(struct bit_plan *plan, struct bit_error *error)
{
    if (plan->recipe->training_model.norm == BIT_BATCH_NORM && plan->recipe->ranks > 1)
        WARN("model.norm", "with batch norm the last bits of the results depend on the number of ranks; stay with one number for "
             "the whole run, or use group norm");
    return 0;
}

int bit_plan_warn(struct bit_plan *plan, struct bit_error *error)
{
    return warn_schedule(plan, error) || warn_work(plan, error) || warn_bits(plan, error) ? -1 : 0;
}

void bit_plan_fit(struct bit_plan *plan, int ranks_here)
{
    uint64_t available = bit_memory_available("");
    if ((uint64_t)ranks_here * plan->memory.total <= available / 10 * 9)
        return;
    plan->memory.total -= plan->memory.snapshot;
    plan->memory.snapshot = 0;
}

/* Of a Slurm job that this process is in, or is about to leave ranks in. */
static int warn_idle_nodes(struct bit_plan *plan, struct bit_error *error)
{
    const char *text = getenv("SLURM_JOB_NUM_NODES");
    int ranks = plan->recipe->ranks;
    char *end;
    long nodes = text ? strtol(text, &end, 10) : 0;
    if (!text || !*text || *end || nodes <= ranks)
        return 0;
    WARN("", "this job of Slurm has %ld nodes (SLURM_JOB_NUM_NODES=%s), and %d rank%s: %ld stay idle", nodes, text, ranks,
         ranks == 1 ? "" : "s", nodes - ranks);
    return 0;
}

int bit_plan_check_machine(struct bit_plan *plan, int ranks_here, int cores, const char *folder, struct bit_error *error)
{
    const int threads = plan->recipe->threads, keep = plan->recipe->job->checkpoint.keep;
    uint64_t available = bit_memory_available(""), need, disk, snapshot = plan->memory.snapshot;
    uint64_t kept = ((uint64_t)keep + 1) * plan->checkpoint_bytes; /* one more while it is written */
    double quota = bit_cores_quota("");
    char a[32], b[32];
    if (bit_cores_within(cores + 1, quota) <= cores)
        WARN("", "the CPU quota of this control group is %.3g cores: threads are counted by that", quota);
    if ((long long)ranks_here * threads > cores)
        WARN("threads", "%d rank%s x %d thread%s on a machine with %d cores", ranks_here, ranks_here == 1 ? "" : "s",
             threads, threads == 1 ? "" : "s", cores);
    if (warn_idle_nodes(plan, error))
        return -1;
    bit_plan_fit(plan, ranks_here);
    if (snapshot && !plan->memory.snapshot)
        WARN("checkpoint.background", "no memory for copies on this machine: training stands still while a checkpoint is "
             "written");
    need = (uint64_t)ranks_here * plan->memory.total;
    bit_text_bytes((double)need, a, sizeof a);
    bit_text_bytes((double)available, b, sizeof b);
    if (need > available)
        WARN("", "%d rank%s need%s %s of memory on this machine, %s are available", ranks_here,
             ranks_here == 1 ? "" : "s", ranks_here == 1 ? "s" : "", a, b);
    else if (need > available / 10 * 9)
        WARN("", "%d rank%s need%s %s of memory on this machine, hardly less than the %s available", ranks_here,
             ranks_here == 1 ? "" : "s", ranks_here == 1 ? "s" : "", a, b);
    if (bit_disk_free(folder, &disk, error))
        return -1;
    bit_text_bytes((double)kept, a, sizeof a);
    bit_text_bytes((double)disk, b, sizeof b);
    if (kept > disk)
        WARN("checkpoint.keep", "%d generations and one being written need %s of disk, %s are free in %s",
             keep, a, b, folder);
    return 0;
}
