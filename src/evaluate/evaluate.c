#include "bit/evaluate.h"

#include <string.h>

#include "bit/clock.h"
#include "bit/memory.h"
#include "bit/phase.h"

/* What one micro-batch adds to the result; behind it stands what the head sums up. */
struct partial {
    double loss;
    uint64_t images;
};

/* The partial sums of micro-batches, one after another. */
struct partials { char *bytes; size_t each; };

static struct partial *partial_at(const struct partials *p, uint64_t number)
{
    return (struct partial *)(p->bytes + number * p->each);
}

/* A multiple of 8, so that all stand aligned. */
static size_t partial_bytes(const struct bit_head *head)
{
    return sizeof(struct partial) + (head->operations->score_bytes + 7) / 8 * 8;
}

/* What a rank brings to the end besides its partial sums. */
struct ending {
    uint64_t stopped, bad;
};

static uint64_t ceiling(uint64_t a, uint64_t b)
{
    return a / b + (a % b != 0);
}

/* One micro-batch: forward, losses, scores. */
static int score_batch(const struct bit_evaluation_options *o, const struct bit_batch *batch, double *losses,
                       struct partial *partial, struct bit_error *error)
{
    const struct bit_head *head = bit_model_head(o->model);
    struct bit_targets targets = {.labels = batch->labels, .label_start = batch->label_start};
    if (batch->images == 0) /* all of them bad */
        return 0;
    if (bit_model_forward(o->model, batch->pixels, false, error))
        return -1;
    head->operations->loss(head, bit_model_call(o->model), &targets, batch->images, 1.0, losses);
    for (int i = 0; i < batch->images; i++)
        partial->loss += losses[i];
    partial->images = (uint64_t)batch->images;
    head->operations->score(head, bit_model_call(o->model), &targets, batch->images, partial + 1);
    return 0;
}

/* All micro-batches of this rank, in order: number rank, rank + ranks, ... Local. */
static int score_share(const struct bit_evaluation_options *o, const struct partials *partials, uint64_t capacity,
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
        else if (score_batch(o, batch, losses, partial_at(partials, done++), error))
            result = -1;
        bit_stream_release(o->stream, batch);
    }
    bit_free(losses);
    return result < 0 ? -1 : 0;
}

/* Adds all ranks' partial sums in the order of the micro-batches. `all` has `each` entries a rank; `sum`: zero, the head's. */
static void add_up(const struct bit_evaluation_options *o, const struct partials *all, uint64_t each, uint64_t batches,
                   void *sum, struct bit_evaluation *result)
{
    const struct bit_head *head = bit_model_head(o->model);
    const uint64_t ranks = (uint64_t)o->group->size;
    for (uint64_t i = 0; i < batches; i++) {
        const struct partial *p = partial_at(all, i % ranks * each + i / ranks);
        result->loss += p->loss;
        result->images += p->images;
        head->operations->merge(head, sum, p + 1);
    }
    if (result->images)
        result->loss /= (double)result->images;
    head->operations->report(head, sum, result->images, &result->metrics);
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
    const size_t size = partial_bytes(bit_model_head(o->model));
    struct partials mine = {bit_allocate(each, size, "evaluation sums", error), size};
    struct partials all = {bit_allocate(each * ranks, size, "evaluation sums of all ranks", error), size};
    void *sum = bit_allocate(1, size, "evaluation sums", error);
    struct bit_stream_counts before = {0}, after = {0};
    struct ending ending = {0};
    double start = bit_clock_seconds();
    int verdict = -1;

    memset(result, 0, sizeof *result);
    bit_stream_count(o->stream, &before);
    if (mine.bytes && all.bytes && sum)
        score_share(o, &mine, each, &ending, error);
    bit_stream_count(o->stream, &after);
    ending.bad = after.bad - before.bad;
    if (bit_group_agree(o->group, error))
        goto done;
    verdict = gather_endings(o, &ending, result, error);
    if (verdict == 0)
        verdict = bit_group_gather(o->group, mine.bytes, each * size, all.bytes, error);
    if (verdict == 0) {
        add_up(o, &all, each, batches, sum, result);
        result->seconds = bit_clock_seconds() - start;
        if (result->images + result->bad != o->images)
            verdict = bit_fail(error, BIT_EINTERNAL, "the evaluation saw %llu good and %llu bad images, expected %llu",
                               (unsigned long long)result->images, (unsigned long long)result->bad,
                               (unsigned long long)o->images);
    }
done:
    bit_free(sum);
    bit_free(mine.bytes);
    bit_free(all.bytes);
    return verdict;
}
