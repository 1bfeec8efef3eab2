#include "bit/evaluate.h"

#include <string.h>

#include "bit/clock.h"
#include "bit/memory.h"
#include "bit/phase.h"
#include "evaluate/score.h"

/* What one micro-batch adds to the result. */
struct partial {
    double loss;
    uint64_t images, top1, top5;
};

/* What a rank brings to the end besides its partial sums. */
struct ending {
    uint64_t stopped, bad;
};

static uint64_t ceiling(uint64_t a, uint64_t b)
{
    return a / b + (a % b != 0);
}

/* One micro-batch: forward, losses, places. */
static int score_batch(const struct bit_evaluation_options *o, const struct bit_batch *batch, double *losses,
                       struct partial *partial, struct bit_error *error)
{
    const float *logits;
    struct bit_targets targets = {batch->labels, batch->label_start};
    if (batch->images == 0) /* all of them bad */
        return 0;
    if (bit_model_forward(o->model, batch->pixels, false, &logits, error))
        return -1;
    bit_loss_compute(o->loss, logits, batch->images, o->classes, &targets, 1.0, losses, NULL);
    for (int i = 0; i < batch->images; i++) {
        int start = batch->label_start[i], count = batch->label_start[i + 1] - start;
        int place = score_place(logits + (size_t)i * (size_t)o->classes, o->classes, batch->labels + start, count);
        partial->loss += losses[i];
        partial->images++;
        partial->top1 += place < 1;
        partial->top5 += place < 5;
    }
    return 0;
}

/* All micro-batches of this rank, in order: number rank, rank + ranks, ... Local. */
static int score_share(const struct bit_evaluation_options *o, struct partial *partials, uint64_t capacity,
                       struct ending *ending, struct bit_error *error)
{
    double *losses = bit_allocate((size_t)o->micro_batch, sizeof *losses, "losses of a micro-batch", error);
    struct bit_batch *batch;
    uint64_t done = 0;
    int result = losses ? 1 : -1;
    while (result > 0) {
        bit_phase_tick();
        if (o->stop && o->stop()) {
            ending->stopped = 1;
            break;
        }
        enum bit_phase before = bit_phase_enter(BIT_PHASE_DATA); /* images may come late: another limit */
        result = bit_stream_next(o->stream, &batch, error);
        bit_phase_enter(before);
        if (result <= 0)
            break;
        if (done == capacity)
            result = bit_fail(error, BIT_EINTERNAL, "the evaluation stream hands out more than its %llu micro-batches",
                              (unsigned long long)capacity);
        else if (score_batch(o, batch, losses, &partials[done++], error))
            result = -1;
        bit_stream_release(o->stream, batch);
    }
    bit_free(losses);
    return result < 0 ? -1 : 0;
}

/* Adds all ranks' partial sums in the order of the micro-batches. `all` has `each` entries a rank. */
static void add_up(const struct partial *all, uint64_t each, int ranks, uint64_t batches, struct bit_evaluation *result)
{
    for (uint64_t i = 0; i < batches; i++) {
        const struct partial *p = &all[(i % (uint64_t)ranks) * each + i / (uint64_t)ranks];
        result->loss += p->loss;
        result->images += p->images;
        result->top1_count += p->top1;
        result->top5_count += p->top5;
    }
    if (result->images) {
        result->loss /= (double)result->images;
        result->top1 = (double)result->top1_count / (double)result->images;
        result->top5 = (double)result->top5_count / (double)result->images;
    }
}

/* The ranks' endings: 1 when any stopped early, else 0 with the bad images counted. */
static int gather_endings(const struct bit_evaluation_options *o, const struct ending *mine,
                          struct bit_evaluation *result, struct bit_error *error)
{
    struct ending all[o->group->size];
    if (bit_group_gather(o->group, mine, sizeof *mine, all, error))
        return -1;
    for (int r = 0; r < o->group->size; r++) {
        if (all[r].stopped)
            return 1;
        result->bad += all[r].bad;
    }
    return 0;
}

int bit_evaluate(const struct bit_evaluation_options *o, struct bit_evaluation *result, struct bit_error *error)
{
    uint64_t ranks = (uint64_t)o->group->size, batches = ceiling(o->images, (uint64_t)o->micro_batch);
    uint64_t each = ceiling(batches, ranks) + (batches == 0);
    struct partial *mine = bit_allocate(each, sizeof *mine, "evaluation sums", error);
    struct partial *all = bit_allocate(each * ranks, sizeof *all, "evaluation sums of all ranks", error);
    struct bit_stream_counts before = {0}, after = {0};
    struct ending ending = {0};
    double start = bit_clock_seconds();
    int verdict = -1;

    memset(result, 0, sizeof *result);
    bit_stream_count(o->stream, &before);
    if (mine && all)
        score_share(o, mine, each, &ending, error);
    bit_stream_count(o->stream, &after);
    ending.bad = after.bad - before.bad;
    if (bit_group_agree(o->group, error))
        goto done;
    verdict = gather_endings(o, &ending, result, error);
    if (verdict == 0)
        verdict = bit_group_gather(o->group, mine, each * sizeof *mine, all, error);
    if (verdict == 0) {
        add_up(all, each, o->group->size, batches, result);
        result->seconds = bit_clock_seconds() - start;
        if (result->images + result->bad != o->images)
            verdict = bit_fail(error, BIT_EINTERNAL, "the evaluation saw %llu good and %llu bad images, expected %llu",
                               (unsigned long long)result->images, (unsigned long long)result->bad,
                               (unsigned long long)o->images);
    }
done:
    bit_free(mine);
    bit_free(all);
    return verdict;
}
