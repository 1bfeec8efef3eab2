/* Features and outputs of a stream's images; and all of them on one rank. */
#include <string.h>

#include "bit/classify.h"
#include "bit/features.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "bit/phase.h"

/* ---- one rank's ---- */

uint64_t bit_extract_tell_bad(struct bit_stream *stream)
{
    struct bit_text *bad = bit_stream_bad(stream);
    uint64_t count = 0;
    for (const char *line = bad->data, *end; line && (end = strchr(line, '\n')); line = end + 1, count++) {
        const char *path = strchr(line, '\t') + 1, *reason = strchr(path, '\t') + 1;
        bit_log(BIT_LOG_WARNING, "%.*s: %.*s", (int)(reason - 1 - path), path, (int)(end - reason), reason);
    }
    bit_text_free(bad);
    return count;
}

static int look(const struct bit_extraction *e, struct bit_extract *extract, struct bit_error *error)
{
    if (extract->batch->images == 0)
        return 0;
    if (bit_model_forward(e->model, extract->batch->pixels, false, error))
        return -1;
    const struct bit_head_call *call = bit_model_call(e->model);
    if (!call->pooled)
        return bit_fail(error, BIT_EUSAGE, "this network has no pooled features");
    extract->channels = call->input.channels;
    extract->features = call->pooled;
    extract->outputs = e->outputs ? bit_classify_logits(call) : NULL;
    return 0;
}

int bit_extract_all(const struct bit_extraction *e, int (*take)(void *context, const struct bit_extract *extract, struct bit_error *error),
                    void *context, struct bit_error *error)
{
    int result = 1;
    for (uint64_t number = 0; result > 0; number++) {
        struct bit_batch *batch;
        bit_phase_tick();
        if (e->stop && e->stop())
            return 1;
        enum bit_phase before = bit_phase_enter(BIT_PHASE_DATA); /* images may come late: another limit */
        result = bit_stream_next(e->stream, &batch, error);
        bit_phase_enter(before);
        if (result <= 0)
            break;
        struct bit_extract extract = {.number = number, .batch = batch};
        if (look(e, &extract, error) || take(context, &extract, error))
            result = -1;
        bit_stream_release(e->stream, batch);
    }
    return result;
}

/* ---- all ranks' ---- */

/* What a rank has extracted: micro-batch after micro-batch, each with room for all its images. */
struct share {
    int micro_batch, channels;
    uint64_t batches;             /* there is room for */
    int *good;                    /* of each micro-batch */
    uint64_t *images;
    float *features;
};

static int keep(void *context, const struct bit_extract *x, struct bit_error *error)
{
    struct share *s = context;
    if (x->number >= s->batches)
        return bit_fail(error, BIT_EINTERNAL, "a stream hands out more than its %llu micro-batches", (unsigned long long)s->batches);
    const size_t row = (size_t)x->number * (size_t)s->micro_batch, good = (size_t)x->batch->images;
    s->good[x->number] = x->batch->images;
    memcpy(s->images + row, x->batch->samples, good * sizeof *s->images);
    if (good)
        memcpy(s->features + row * (size_t)s->channels, x->features, good * (size_t)s->channels * sizeof *s->features);
    return 0;
}

static int make_share(struct share *s, struct bit_error *error)
{
    const size_t rows = (size_t)s->batches * (size_t)s->micro_batch;
    s->good = bit_allocate(s->batches + 1, sizeof *s->good, "extracted features", error);
    s->images = bit_allocate(rows + 1, sizeof *s->images, "extracted features", error);
    s->features = bit_allocate(rows + 1, (size_t)s->channels * sizeof *s->features, "extracted features", error);
    return s->good && s->images && s->features ? 0 : -1;
}

static void free_share(struct share *s)
{
    bit_free(s->good);
    bit_free(s->images);
    bit_free(s->features);
}

/* Room for one micro-batch of every rank. */
struct round { int *good; uint64_t *images; float *features; };

/* Micro-batch i of each rank, in the order of the ranks, which is that of the stream. */
static int gather_round(const struct share *s, struct bit_group *group, uint64_t i, const struct round *r, struct bit_gathered *out,
                        struct bit_error *error)
{
    const size_t micro = (size_t)s->micro_batch, channels = (size_t)s->channels;
    if (bit_group_gather(group, s->good + i, sizeof *s->good, r->good, error) ||
        bit_group_gather(group, s->images + i * micro, micro * sizeof *s->images, r->images, error) ||
        bit_group_gather(group, s->features + i * micro * channels, micro * channels * sizeof *s->features, r->features, error))
        return -1;
    for (int rank = 0; group->rank == 0 && rank < group->size; rank++) {
        const size_t good = (size_t)r->good[rank], from = (size_t)rank * micro;
        memcpy(out->images + out->count, r->images + from, good * sizeof *out->images);
        memcpy(out->features + out->count * channels, r->features + from * channels, good * channels * sizeof *out->features);
        out->count += good;
    }
    return 0;
}

static int gather_all(const struct share *s, struct bit_group *group, uint64_t images, struct bit_gathered *out, struct bit_error *error)
{
    const size_t ranks = (size_t)group->size, micro = (size_t)s->micro_batch, channels = (size_t)s->channels;
    const struct round r = {bit_allocate(ranks, sizeof *r.good, "features of all ranks", error),
                            bit_allocate(ranks * micro, sizeof *r.images, "features of all ranks", error),
                            bit_allocate(ranks * micro * channels, sizeof *r.features, "features of all ranks", error)};
    if (group->rank == 0) {
        out->images = bit_allocate(images + 1, sizeof *out->images, "features of all images", error);
        out->features = bit_allocate(images + 1, channels * sizeof *out->features, "features of all images", error);
    }
    int result = bit_group_agree(group, error);
    for (uint64_t i = 0; !result && i < s->batches; i++)
        result = gather_round(s, group, i, &r, out, error);
    bit_free(r.good);
    bit_free(r.images);
    bit_free(r.features);
    return result;
}

/* 0: none has failed or was stopped. */
static int judge(struct bit_group *group, int verdict, uint64_t bad, struct bit_gathered *out, struct bit_error *error)
{
    struct ending { uint64_t stopped, bad; } mine = {verdict > 0, bad}, all[group->size];
    bool stopped = false;
    if (bit_group_agree(group, error) || bit_group_gather(group, &mine, sizeof mine, all, error))
        return -1;
    for (int r = 0; r < group->size; r++) {
        stopped |= all[r].stopped != 0;
        out->bad += all[r].bad;
    }
    return stopped;
}

int bit_features_gather(const struct bit_extraction *e, struct bit_group *group, uint64_t images, int micro_batch,
                        struct bit_gathered *out, struct bit_error *error)
{
    const uint64_t ranks = (uint64_t)group->size, batches = (images + (uint64_t)micro_batch - 1) / (uint64_t)micro_batch;
    struct share s = {.micro_batch = micro_batch, .channels = bit_model_call(e->model)->input.channels, .batches = (batches + ranks - 1) / ranks};
    struct bit_stream_counts before, after;
    int verdict = -1;
    *out = (struct bit_gathered){.channels = s.channels};
    bit_stream_count(e->stream, &before);
    if (make_share(&s, error) == 0)
        verdict = bit_extract_all(e, keep, &s, error);
    bit_stream_count(e->stream, &after);
    verdict = judge(group, verdict, after.bad - before.bad, out, error);
    if (verdict == 0)
        verdict = gather_all(&s, group, images, out, error);
    free_share(&s);
    if (verdict)
        bit_gathered_free(out);
    return verdict;
}

void bit_gathered_free(struct bit_gathered *gathered)
{
    bit_free(gathered->images);
    bit_free(gathered->features);
    gathered->images = NULL;
    gathered->features = NULL;
}
