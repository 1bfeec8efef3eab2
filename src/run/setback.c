#include "run/setback.h"

#include <math.h>
#include <string.h>

#include "run/run.h"

/* ---- losses that jump ---- */

static double limit_of(const struct run *run)
{
    double factor = run->recipe->checks.spike_factor;
    return factor > 0 ? factor * bit_losses_median(&run->standing.losses) : INFINITY;
}

double setback_loss_limit(const struct run *run)
{
    return run->recipe->checks.spike == BIT_POLICY_LOG ? INFINITY : limit_of(run);
}

bool setback_note_loss(struct run *run, double loss, double *limit)
{
    *limit = limit_of(run);
    bit_losses_add(&run->standing.losses, loss);
    return loss > *limit;
}

/* ---- deciding ---- */

static enum bit_policy policy_of(const struct run *run, enum bit_refusal refusal)
{
    switch (refusal) {
    case BIT_REFUSED_MEMORY: return run->recipe->checks.memory;
    case BIT_REFUSED_SPIKE: return run->recipe->checks.spike;
    default: return run->recipe->checks.nonfinite;
    }
}

static enum event note(struct run *run, const struct bit_error *why, double loss)
{
    struct setback *s = &run->loop.setback;
    uint64_t failed = run->standing.step + 1;
    s->alike = !strcmp(s->why.text, why->text) && !memcmp(&s->loss, &loss, sizeof s->loss);
    s->count = failed > s->step ? 1 : s->count + 1;
    s->step = failed > s->step ? failed : s->step;
    s->loss = loss;
    s->why = *why;
    s->pending = true;
    return EVENT_ROLLBACK;
}

static enum event fail(struct run *run, const struct bit_error *why)
{
    run->error = *why;
    return EVENT_FAILED;
}

static enum event skip(struct run *run, enum bit_policy policy, const struct bit_error *why)
{
    int limit = run->recipe->checks.skip_limit, skipped = ++run->standing.skipped;
    if (policy == BIT_POLICY_SKIP && skipped > limit) {
        fail(run, why);
        bit_fail_at(&run->error, "%d steps in a row were skipped, checks.nonfinite_limit is %d", skipped, limit);
        return EVENT_FAILED;
    }
    run_tell(run, BIT_LOG_WARNING, "skipped (%d in a row): %s", skipped, why->text);
    return EVENT_OK;
}

enum event setback_decide(struct run *run, const struct bit_step_result *result)
{
    enum bit_policy policy = policy_of(run, result->refusal);
    struct bit_error why = result->refused;
    bit_fail_at(&why, "step %llu", (unsigned long long)run->standing.step + 1);
    run->loop.setback.harmed |= result->refusal == BIT_REFUSED_MEMORY;
    if (policy == BIT_POLICY_ROLLBACK)
        return note(run, &why, result->loss);
    return policy == BIT_POLICY_STOP ? fail(run, &why) : skip(run, policy, &why);
}

int setback_harm(struct run *run, const struct bit_error *harm)
{
    struct bit_error why = *harm;
    bit_fail_at(&why, "after step %llu", (unsigned long long)run->standing.step);
    run->loop.setback.harmed = true;
    if (run->recipe->checks.memory == BIT_POLICY_ROLLBACK)
        note(run, &why, NAN);
    else
        fail(run, &why);
    return -1;
}

enum event setback_event(const struct run *run)
{
    return run->loop.setback.pending ? EVENT_ROLLBACK : EVENT_FAILED;
}

/* All ranks know the same and judge alike. */
int setback_judge(struct run *run)
{
    const struct setback *s = &run->loop.setback;
    int limit = run->recipe->checks.rollback_limit;
    if (!s->alike && s->count <= limit)
        return 0;
    run->error = s->why;
    if (s->alike)
        return bit_fail_at(&run->error, "failed again with the same bits after going back to a checkpoint, so rolling back cannot help");
    return bit_fail_at(&run->error, "rolled back %d times in a row without getting past step %llu, checks.rollback_limit is %d",
                       limit, (unsigned long long)s->step, limit);
}
