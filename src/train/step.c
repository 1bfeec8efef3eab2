/* One global step. Whatever goes wrong on a rank, it goes through the same collective calls as the others: a failed rank
 * hands meaningless numbers to the reduction, and the agreement after it tells everybody to throw them away. Only a
 * failure of MPI itself ends the protocol at once. */
#include <math.h>
#include <string.h>

#include "bit/clock.h"
#include "bit/phase.h"
#include "bit/trace.h"
#include "bit/tree.h"
#include "bit/squares.h"
#include "train/trainer.h"

/* What a rank says about the step. Everybody gets all of them, so everybody decides alike. */
struct verdict {
    struct bit_squares gradient, weights; /* of its share */
    double loss;                          /* sum over its images */
    uint64_t positives;                   /* of its images, where the head counts them */
    double seconds;                       /* for its own work: images, forward, backward */
    int64_t bad;                          /* parameter whose sum over its own micro-batches is not finite, or -1 */
    int64_t bad_sum;                      /* the same for the sum over ranks, within its share */
    struct bit_harm harm;                 /* of its copy of the others' weights */
    int32_t code;                         /* of its own failure */
};

/* What a rank says after the update: harm that it met while it updated its share, and what that sums to now. */
struct ending { struct bit_harm harm; struct bit_sum sum; int32_t code; };

size_t bit_step_verdict_bytes(void)
{
    return sizeof(struct verdict);
}

size_t bit_step_ending_bytes(void)
{
    return sizeof(struct ending);
}

/* A part of the step that the main thread goes through: a phase for the watchdog, a span of the timeline, seconds of the log. */
struct stage { const char *name; double start, traced; };

/* Another one of the same phase. */
static struct stage stage_go_on(const char *name)
{
    return (struct stage){name, bit_clock_seconds(), bit_trace_start()};
}

static struct stage stage_begin(enum bit_phase phase, const char *name)
{
    struct stage stage = stage_go_on(name);
    bit_phase_enter(phase);
    return stage;
}

static void stage_end(const struct stage *s, double *seconds)
{
    *seconds += bit_clock_seconds() - s->start;
    bit_trace_end(s->name, -1, s->traced);
}

static int take_batch(struct bit_trainer *t, int micro, struct bit_batch **batch, struct bit_error *error)
{
    double traced = bit_trace_start();
    bit_phase_enter(BIT_PHASE_DATA);
    int got = bit_stream_next(t->options.stream, batch, error);
    bit_trace_end("wait for data", micro, traced);
    if (got < 0)
        return -1;
    if (got == 0)
        return bit_fail(error, BIT_EINTERNAL, "the training stream ended");
    if ((*batch)->micro != micro || (*batch)->images != t->options.step.micro_batch) {
        bit_fail(error, BIT_EINTERNAL, "the stream gave micro-batch %d with %d images, not %d with %d", (*batch)->micro,
                 (*batch)->images, micro, t->options.step.micro_batch);
        bit_stream_release(t->options.stream, *batch);
        *batch = NULL;
        return -1;
    }
    return 0;
}

/* One forward call and its backward: number `leaf` of this rank's tree. */
static int compute(struct bit_trainer *t, int leaf, const struct bit_batch *batch, struct bit_step_result *result,
                   struct bit_error *error)
{
    const struct bit_trainer_options *o = &t->options;
    const struct bit_head *head = bit_model_head(o->model);
    double start = bit_clock_seconds(), traced = bit_trace_start();
    bit_phase_enter(BIT_PHASE_FORWARD);
    const struct bit_head_draw draw = {
        .seed = o->step.seed, .step = batch->step,
        .image = (uint64_t)(o->world->rank * t->micro_batches + leaf) * (uint64_t)o->step.micro_batch,
    };
    bit_model_set_draw(o->model, &draw);
    if (bit_model_forward(o->model, batch->pixels, true, error))
        return -1;
    head->operations->loss(head, bit_model_call(o->model), &batch->targets, batch->images, 1.0 / o->step.batch, t->losses);
    if (head->operations->positives)
        t->positives += head->operations->positives(head, bit_model_call(o->model), batch->images);
    t->sums[leaf] = 0;
    for (int i = 0; i < batch->images; i++)
        t->sums[leaf] += t->losses[i];
    bit_trace_end("forward", leaf, traced);
    traced = bit_trace_start();
    double middle = bit_clock_seconds();
    result->forward_seconds += middle - start;
    bit_phase_enter(BIT_PHASE_BACKWARD);
    int bad = bit_model_backward(o->model, bit_gradient_sink(t->gradient, leaf), error);
    result->backward_seconds += bit_clock_seconds() - middle;
    bit_trace_end("backward", leaf, traced);
    return bad;
}

/* This rank's micro-batches, one after another. Local. */
static int compute_one_by_one(struct bit_trainer *t, struct verdict *mine, struct bit_step_result *result,
                              struct bit_error *error)
{
    for (int micro = 0; micro < t->micro_batches; micro++) {
        struct bit_batch *batch = NULL;
        double start = bit_clock_seconds();
        int bad = take_batch(t, micro, &batch, error);
        result->data_seconds += bit_clock_seconds() - start;
        if (bad)
            return -1;
        bad = compute(t, micro, batch, result, error);
        bit_stream_release(t->options.stream, batch);
        if (bad)
            return -1;
    }
    mine->loss = bit_tree_sum(t->sums, t->micro_batches);
    return 0;
}

static int collect(struct bit_trainer *t, struct bit_error *error)
{
    bit_collector_clear(&t->collector);
    for (int micro = 0; micro < t->micro_batches; micro++) {
        struct bit_batch *batch;
        if (take_batch(t, micro, &batch, error))
            return -1;
        int bad = bit_collector_add(&t->collector, batch, error);
        bit_stream_release(t->options.stream, batch);
        if (bad)
            return -1;
    }
    return 0;
}

/* The rank's batch in one forward call, for batch norm. That talks to the other ranks, so all must know before whether
 * all have their images. Collective. */
static int compute_together(struct bit_trainer *t, struct verdict *mine, struct bit_step_result *result,
                            struct bit_error *error)
{
    struct bit_batch *batch = &t->collector.batch;
    bool copied = t->micro_batches > 1;
    double start = bit_clock_seconds();
    int bad = copied ? collect(t, error) : take_batch(t, 0, &batch, error);
    bool taken = !copied && !bad;
    bad = bit_group_agree(t->options.world, error);
    result->data_seconds += bit_clock_seconds() - start;
    if (!bad) {
        bad = compute(t, 0, batch, result, error);
        mine->loss = t->sums[0];
    }
    if (taken)
        bit_stream_release(t->options.stream, batch);
    return bad;
}

static void tell_reducer(void *reducer, size_t from)
{
    bit_reducer_ready(reducer, from);
}

static int compute_gradient(struct bit_trainer *t, struct verdict *mine, struct bit_step_result *result,
                            struct bit_error *error)
{
    t->positives = 0;
    bit_gradient_start(t->gradient, tell_reducer, t->reducer);
    if ((t->together ? compute_together : compute_one_by_one)(t, mine, result, error))
        return -1;
    mine->bad = bit_gradient_bad(t->gradient);
    mine->positives = t->positives;
    return 0;
}

/* What loss and gradient, which were divided by the global batch, are to be multiplied by: 1, or, for a head that counts positives,
 * batch / (positives + 1). Their number is known only when all images have been through the network, but loss and gradient are linear in
 * this factor, and a sum of whole numbers is the same on any number of ranks. */
static double share_of_positives(const struct bit_trainer *t)
{
    const struct verdict *all = t->verdicts;
    uint64_t positives = 0;
    if (!bit_model_head(t->options.model)->operations->positives)
        return 1;
    for (int r = 0; r < t->options.world->size; r++)
        positives += all[r].positives;
    return t->options.step.batch / ((double)positives + 1);
}

/* The first parameter in this rank's share with a number that is not finite; -1: none. */
static int64_t find_bad(const struct bit_trainer *t, const float *block)
{
    const struct bit_share *share = bit_reducer_share(t->reducer);
    for (size_t i = 0, p = 0; i < share->count; i++)
        for (size_t e = share->pieces[i].offset; e < share->pieces[i].offset + share->pieces[i].count; e++)
            if (!isfinite(block[e])) {
                while (p + 1 < t->table->count && t->table->items[p + 1].offset <= e)
                    p++;
                return (int64_t)p;
            }
    return -1;
}

static void measure_share(struct bit_trainer *t, struct verdict *mine)
{
    const struct bit_share *share = bit_reducer_share(t->reducer);
    const float *gradient = bit_gradient_block(t->gradient);
    for (size_t i = 0; i < share->count; i++) {
        bit_squares_add(&mine->gradient, gradient + share->pieces[i].offset, share->pieces[i].count);
        bit_squares_add(&mine->weights, t->weights + share->pieces[i].offset, share->pieces[i].count);
    }
    mine->bad_sum = mine->gradient.nonfinite ? find_bad(t, gradient) : -1;
}

/* Fills what does not depend on the rank, and says whether the step may be applied; if not, `what` describes why. */
static enum bit_refusal judge(const struct bit_trainer *t, double loss_limit, struct bit_step_result *result, struct bit_error *what)
{
    const struct verdict *all = t->verdicts;
    int ranks = t->options.world->size;
    const char *advice = "try a lower schedule.base_rate, a longer schedule.warmup_steps, or checks.nonfinite \"skip\"";
    struct bit_squares gradient = {.nonfinite = 0}, weights = {.nonfinite = 0};
    double losses[ranks];
    for (int r = 0; r < ranks; r++) {
        bit_squares_merge(&gradient, &all[r].gradient);
        bit_squares_merge(&weights, &all[r].weights);
        losses[r] = all[r].loss;
    }
    const double share = share_of_positives(t);
    result->loss = bit_tree_sum(losses, ranks) / t->options.step.batch * share;
    result->gradient_norm = sqrt(bit_squares_value(&gradient)) * share;
    result->weight_norm = sqrt(bit_squares_value(&weights));
    for (int r = 0; r < ranks; r++)
        if (all[r].harm.kind != BIT_HARM_NONE) {
            bit_harm_describe(t, r, &all[r].harm, what);
            return BIT_REFUSED_MEMORY;
        }
    for (int r = 0; r < ranks; r++)
        if (!isfinite(all[r].loss)) {
            bit_fail(what, BIT_EDATA, "the loss of rank %d is %g: %s", r, all[r].loss, advice);
            return BIT_REFUSED_NONFINITE;
        }
    for (int r = 0; r < ranks; r++)
        if (all[r].bad >= 0) {
            bit_fail(what, BIT_EDATA, "the gradient of %s on rank %d is not finite: %s", t->table->items[all[r].bad].name, r,
                     advice);
            return BIT_REFUSED_NONFINITE;
        }
    for (int r = 0; r < ranks; r++)
        if (all[r].gradient.nonfinite) {
            bit_fail(what, BIT_EDATA, "the gradient of %s is finite on every rank, but its sum over ranks is not: %s",
                     all[r].bad_sum >= 0 ? t->table->items[all[r].bad_sum].name : "?", advice);
            return BIT_REFUSED_NONFINITE;
        }
    if (result->loss > loss_limit) {
        bit_fail(what, BIT_EDATA, "the loss jumped to %.4g, above the limit of %.4g (checks.loss_spike)", result->loss, loss_limit);
        return BIT_REFUSED_SPIKE;
    }
    return BIT_REFUSED_NOT;
}

/* Weights and momentum stay as they are on every rank. Numbers that are out of order may come from memory that has changed. */
static int refuse_step(struct bit_trainer *t, enum bit_refusal why, const struct bit_error *what, struct bit_step_result *result,
                       struct bit_error *error)
{
    const struct bit_trainer_options *o = &t->options;
    const struct bit_table *statistics = bit_model_statistics_table(o->model);
    struct bit_error harm = {0};
    if (statistics)
        memcpy(bit_model_statistics(o->model), t->statistics, statistics->elements * sizeof(float));
    if (bit_trainer_check_memory(t, &harm, error)) {
        result->lost = true;
        return -1;
    }
    result->refusal = harm.code ? BIT_REFUSED_MEMORY : why;
    result->refused = harm.code ? harm : *what;
    return 0;
}

/* Everybody learns what the others' updates met and wrote. */
static int end_update(struct bit_trainer *t, struct bit_step_result *result, struct bit_error *error)
{
    struct bit_group *world = t->options.world;
    struct ending mine = {.sum = bit_guard_sum(t->guard), .code = (int32_t)error->code}, *all = t->endings;
    struct bit_sum others[world->size];
    struct bit_error lost = {0};
    bit_guard_harm(t->guard, &mine.harm);
    if (bit_group_gather(world, &mine, sizeof mine, all, &lost)) {
        *error = lost;
        result->lost = true;
        return -1;
    }
    int count = 0;
    for (int r = 0; r < world->size; r++) {
        if (all[r].code)
            return bit_group_agree(world, error);
        if (r != world->rank)
            others[count++] = all[r].sum;
    }
    bit_guard_expect(t->guard, others, count);
    for (int r = 0; r < world->size && result->applied; r++)
        if (all[r].harm.kind != BIT_HARM_NONE) {
            bit_harm_describe(t, r, &all[r].harm, &result->refused);
            result->refusal = BIT_REFUSED_MEMORY;
            result->applied = false;
        }
    return 0;
}

static int apply(struct bit_trainer *t, double rate, struct bit_step_result *result, struct bit_error *error)
{
    const struct bit_trainer_options *o = &t->options;
    const double clip = o->step.clip_norm, norm = result->gradient_norm;
    const struct bit_sgd sgd = {
        .rate = rate, .momentum = o->step.momentum, .weight_decay = o->step.weight_decay, .start_decay = o->step.start_decay,
        .gradient_scale = share_of_positives(t) * (clip > 0 && norm > clip ? clip / norm : 1), .start = t->start,
    };
    struct stage stage = stage_begin(BIT_PHASE_UPDATE, "update");
    bit_sgd_update(&sgd, t->guard, bit_gradient_block(t->gradient), t->weights, t->velocity);
    stage_end(&stage, &result->update_seconds);
    stage = stage_begin(BIT_PHASE_GATHER, "gather weights");
    bit_phase_wait();
    result->lost = bit_reducer_gather(t->reducer, t->weights, error) != 0;
    bit_phase_go();
    if (result->lost)
        return -1;
    stage_end(&stage, &result->reduce_seconds);
    stage = stage_go_on("pack weights");
    result->applied = true;
    bit_model_set_weights(o->model, t->weights, error);
    stage_end(&stage, &result->update_seconds);
    bit_phase_enter(BIT_PHASE_AGREE);
    return end_update(t, result, error);
}

/* Until the sum over ranks is there. An error of this rank's own goes before the loss of the others. Collective. */
static int wait_for_sum(struct bit_trainer *t, struct bit_step_result *result, struct bit_error *error)
{
    struct bit_error lost = {0};
    struct stage stage = stage_begin(BIT_PHASE_REDUCE, "wait for reduction");
    bit_phase_wait();
    int bad = bit_reducer_finish(t->reducer, &lost);
    bit_phase_go();
    result->lost = bad;
    if (bad) {
        if (error->code == BIT_OK)
            *error = lost;
        return -1;
    }
    stage_end(&stage, &result->reduce_seconds);
    return 0;
}

/* What this rank says of its share; all ranks' verdicts are known then. Collective. */
static int tell_verdicts(struct bit_trainer *t, struct verdict *mine, struct bit_step_result *result, struct bit_error *error)
{
    struct stage stage = stage_begin(BIT_PHASE_AGREE, "norms");
    mine->code = (int32_t)error->code;
    mine->seconds = result->data_seconds + result->forward_seconds + result->backward_seconds;
    if (error->code == BIT_OK) {
        measure_share(t, mine);
        bit_guard_check_others(t->guard, t->weights, &mine->harm);
    }
    stage_end(&stage, &result->update_seconds);
    stage = stage_go_on("agree");
    if (bit_group_gather(t->options.world, mine, sizeof *mine, t->verdicts, error)) {
        result->lost = true;
        return -1;
    }
    stage_end(&stage, &result->reduce_seconds);
    return 0;
}

int bit_trainer_step(struct bit_trainer *t, double rate, double loss_limit, struct bit_step_result *result,
                     struct bit_error *error)
{
    const struct bit_trainer_options *o = &t->options;
    const struct bit_table *statistics = bit_model_statistics_table(o->model);
    const struct verdict *all = t->verdicts;
    struct verdict mine = {.bad = -1, .bad_sum = -1};
    struct bit_error what = {0};
    double start = bit_clock_seconds();

    *result = (struct bit_step_result){.applied = false};
    if (statistics)
        memcpy(t->statistics, bit_model_statistics(o->model), statistics->elements * sizeof(float));
    if (bit_reducer_start(t->reducer, bit_gradient_block(t->gradient), error))
        return -1;
    compute_gradient(t, &mine, result, error);
    if (wait_for_sum(t, result, error) || tell_verdicts(t, &mine, result, error))
        return -1;
    for (int r = 0; r < o->world->size; r++)
        if (all[r].code)
            return bit_group_agree(o->world, error);
    enum bit_refusal why = judge(t, loss_limit, result, &what);
    int status = why ? refuse_step(t, why, &what, result, error) : apply(t, rate, result, error);
    result->seconds = bit_clock_seconds() - start;
    return status;
}

void bit_trainer_rank_seconds(const struct bit_trainer *t, double *seconds)
{
    const struct verdict *all = t->verdicts;
    for (int r = 0; r < t->options.world->size; r++)
        seconds[r] = all[r].seconds;
}
