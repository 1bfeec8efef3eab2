#include "bit/evaluate.h"

#include <string.h>

#include "bit/clock.h"
#include "bit/memory.h"
#include "bit/phase.h"
#include "evaluate/records.h"

/* What one micro-batch adds to the result; behind it stands what the head sums up. */
struct partial {
    double loss;
    uint64_t images, positives;
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

/* What this rank adds up while it looks at its images. */
struct share {
    struct partials partials;
    uint64_t capacity, done;      /* micro-batches */
    uint64_t *counters;           /* the head's; NULL: it has none */
    size_t counter_count;
    struct record_slots slots;    /* data NULL: none are kept */
    double *losses;               /* of a micro-batch */
};

/* What a rank brings to the end besides its partial sums. */
struct ending {
    uint64_t stopped, bad;
};

static uint64_t ceiling(uint64_t a, uint64_t b)
{
    return a / b + (a % b != 0);
}

/* One micro-batch: forward, losses, scores, counters, records. */
static int score_batch(const struct bit_evaluation_options *o, const struct bit_batch *batch, struct share *share, struct bit_error *error)
{
    const struct bit_head *head = bit_model_head(o->model);
    const struct bit_head_operations *operations = head->operations;
    const struct bit_head_call *call;
    struct partial *partial = partial_at(&share->partials, share->done);
    if (batch->images == 0) /* all of them bad */
        return 0;
    if (bit_model_forward(o->model, batch->pixels, false, error))
        return -1;
    call = bit_model_call(o->model);
    operations->loss(head, call, &batch->targets, batch->images, 1.0, share->losses);
    for (int i = 0; i < batch->images; i++)
        partial->loss += share->losses[i];
    partial->images = (uint64_t)batch->images;
    if (operations->positives)
        partial->positives = operations->positives(head, call, batch->images);
    operations->score(head, call, &batch->targets, batch->images, partial + 1);
    if (share->counters)
        operations->count(head, call, &batch->targets, batch->images, share->counters);
    for (int i = 0; share->slots.data && i < batch->images; i++)
        operations->keep(head, call, &batch->targets, i, record_slot(&share->slots, share->done, i, batch->samples[i]));
    return 0;
}

/* All micro-batches of this rank, in order: number rank, rank + ranks, ... Local. */
static int score_share(const struct bit_evaluation_options *o, struct share *share, struct ending *ending, struct bit_error *error)
{
    struct bit_batch *batch;
    int result = 1;
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
        if (share->done == share->capacity)
            result = bit_fail(error, BIT_EINTERNAL, "the evaluation stream hands out more than its %llu micro-batches",
                              (unsigned long long)share->capacity);
        else if (score_batch(o, batch, share, error))
            result = -1;
        share->done++;
        bit_stream_release(o->stream, batch);
    }
    return result < 0 ? -1 : 0;
}

static int share_create(const struct bit_evaluation_options *o, uint64_t capacity, struct share *share, struct bit_error *error)
{
    const struct bit_head *head = bit_model_head(o->model);
    const struct bit_head_operations *operations = head->operations;
    const size_t size = partial_bytes(head);
    bool keeps = operations->keep && (o->records || (operations->needs_records && operations->needs_records(head)));
    *share = (struct share){.capacity = capacity, .counter_count = operations->count ? operations->counters(head) : 0};
    share->partials = (struct partials){bit_allocate(capacity, size, "evaluation sums", error), size};
    share->losses = bit_allocate((size_t)o->micro_batch, sizeof *share->losses, "losses of a micro-batch", error);
    if (!share->partials.bytes || !share->losses)
        return -1;
    if (share->counter_count &&
        !(share->counters = bit_allocate(share->counter_count, sizeof *share->counters, "evaluation counters", error)))
        return -1;
    return keeps ? record_slots_create(&share->slots, capacity, o->micro_batch, operations->record_bytes(head), error) : 0;
}

static void share_free(struct share *share)
{
    bit_free(share->partials.bytes);
    bit_free(share->losses);
    bit_free(share->counters);
    record_slots_free(&share->slots);
}

/* Adds all ranks' partial sums in the order of the micro-batches. `all` has `each` entries a rank; `sum`: zero, the head's. */
static void add_up(const struct bit_evaluation_options *o, const struct partials *all, uint64_t each, uint64_t batches,
                   void *sum, struct bit_evaluation *result)
{
    const struct bit_head *head = bit_model_head(o->model);
    const uint64_t ranks = (uint64_t)o->group->size;
    uint64_t positives = 0;
    for (uint64_t i = 0; i < batches; i++) {
        const struct partial *p = partial_at(all, i % ranks * each + i / ranks);
        result->loss += p->loss;
        result->images += p->images;
        positives += p->positives;
        head->operations->merge(head, sum, p + 1);
    }
    if (head->operations->positives)
        result->loss /= (double)positives + 1;
    else if (result->images)
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

/* Each counter becomes the sum over ranks, a part of them at a time. Collective. */
static int add_counters(const struct bit_evaluation_options *o, struct share *share, struct bit_error *error)
{
    enum { PART = 1 << 13 };
    const size_t ranks = (size_t)o->group->size;
    uint64_t *all = share->counters ? bit_allocate(ranks * PART, sizeof *all, "evaluation counters of all ranks", error) : NULL;
    int result = bit_group_agree(o->group, error);
    for (size_t from = 0; !result && from < share->counter_count; from += PART) {
        size_t count = share->counter_count - from < PART ? share->counter_count - from : PART;
        result = bit_group_gather(o->group, share->counters + from, count * sizeof *all, all, error);
        for (size_t i = 0; !result && i < count; i++) {
            share->counters[from + i] = 0;
            for (size_t r = 0; r < ranks; r++)
                share->counters[from + i] += all[r * count + i];
        }
    }
    bit_free(all);
    return result;
}

/* What rank 0 makes of counters and records, to all. Collective. */
static int conclude(const struct bit_evaluation_options *o, struct share *share, struct bit_evaluation *result, struct bit_error *error)
{
    const struct bit_head *head = bit_model_head(o->model);
    struct bit_records own = {0}, *records = o->records ? o->records : &own;
    if (add_counters(o, share, error) ||
        (share->slots.data && record_slots_gather(&share->slots, o->group, o->images, records, error)))
        return -1;
    if (o->group->rank == 0 && head->operations->conclude)
        head->operations->conclude(head, share->counters, share->slots.data ? records : NULL, &result->metrics, error);
    if (o->group->rank == 0 && o->judge && error->code == BIT_OK)
        o->judge(o->context, share->slots.data ? records : NULL, &result->metrics, error);
    int verdict = bit_group_agree(o->group, error);
    if (!verdict)
        verdict = bit_group_broadcast(o->group, &result->metrics, sizeof result->metrics, 0, error);
    bit_records_free(&own);
    if (verdict && o->records)
        bit_records_free(o->records);
    return verdict;
}

/* Partial sums of all ranks, added up. Collective. */
static int sum_up(const struct bit_evaluation_options *o, struct share *share, uint64_t batches, struct bit_evaluation *result,
                  struct bit_error *error)
{
    const size_t size = share->partials.each;
    struct partials all = {bit_allocate(share->capacity * (size_t)o->group->size, size, "evaluation sums of all ranks", error), size};
    void *sum = bit_allocate(1, size, "evaluation sums", error);
    int verdict = bit_group_agree(o->group, error);
    if (!verdict)
        verdict = bit_group_gather(o->group, share->partials.bytes, share->capacity * size, all.bytes, error);
    if (!verdict)
        add_up(o, &all, share->capacity, batches, sum, result);
    if (!verdict && result->images + result->bad != o->images)
        verdict = bit_fail(error, BIT_EINTERNAL, "the evaluation saw %llu good and %llu bad images, expected %llu",
                           (unsigned long long)result->images, (unsigned long long)result->bad, (unsigned long long)o->images);
    bit_free(sum);
    bit_free(all.bytes);
    return verdict;
}

int bit_evaluate(const struct bit_evaluation_options *o, struct bit_evaluation *result, struct bit_error *error)
{
    uint64_t ranks = (uint64_t)o->group->size, batches = ceiling(o->images, (uint64_t)o->micro_batch);
    struct share share;
    struct bit_stream_counts before = {0}, after = {0};
    struct ending ending = {0};
    double start = bit_clock_seconds();
    int verdict;

    memset(result, 0, sizeof *result);
    bit_stream_count(o->stream, &before);
    if (share_create(o, ceiling(batches, ranks) + (batches == 0), &share, error) == 0)
        score_share(o, &share, &ending, error);
    bit_stream_count(o->stream, &after);
    ending.bad = after.bad - before.bad;
    verdict = bit_group_agree(o->group, error);
    if (verdict == 0)
        verdict = gather_endings(o, &ending, result, error);
    if (verdict == 0)
        verdict = sum_up(o, &share, batches, result, error);
    if (verdict == 0)
        verdict = conclude(o, &share, result, error);
    result->seconds = bit_clock_seconds() - start;
    share_free(&share);
    return verdict;
}
