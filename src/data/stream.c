/* Loader threads fill a ring of micro-batches ahead of the one that trains.
 *
 * Micro-batches are numbered in this rank's order; number n is step n / share, micro n % share. Loaders take single images,
 * always of the oldest unfilled micro-batch, so that the next one to be handed out is ready first. What an image becomes
 * depends on (seed, epoch, image) only. Everything that is counted or written about bad images happens when their
 * micro-batch is handed out, in order: prefetching ahead of a stop leaves no traces. */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "bit/clock.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "bit/random.h"
#include "bit/trace.h"
#include "boxes.h"
#include "quarantine.h"
#include "sample.h"

enum state { FREE, FILLING, READY, TAKEN };
enum { MOST_LOADERS = 256 };

struct slot {
    struct bit_batch batch; /* first: what the caller holds is cast back */
    enum state state;
    uint64_t number;
    int wanted, begun, done;   /* images */
    struct bit_sample *samples;  /* [micro_batch] */
    struct bit_sample *partners; /* [micro_batch]: what they are mixed with, */
    double share;                /* themselves by so much; NULL and 1: not mixed */
    int32_t *labels, *label_start;
    struct bit_box *boxes;       /* of annotations: one a label */
    struct bit_frame *frames;    /* of pictures fitted into the square, in evaluation */
    float *weights;
    uint64_t *images;
    struct bit_error error;    /* what stops the stream here */
};

struct loader {
    struct bit_stream *stream;
    struct bit_decoder *decoder;
    void *partner;              /* pixels of one image; NULL: images are not mixed */
    pthread_t thread;
    bool started;
};

struct bit_stream {
    struct bit_stream_options options;
    uint64_t images;            /* in the index, or its subset */
    uint64_t share, first;      /* training: micro-batches of this rank a step, and its first one's number */
    uint64_t end;               /* evaluation: this rank's micro-batches; training: endless */
    size_t image_bytes;
    struct bit_text bad;        /* lines for the quarantine */

    pthread_mutex_t lock;
    pthread_cond_t work, ready; /* loaders wait for work, the caller for a micro-batch (or for loaders to pause) */
    bool stop, paused;
    int busy;                   /* loaders that decode right now */
    uint64_t fill, next;        /* number of the micro-batch to be begun, to be handed out */
    struct slot *slots, *filling;
    int slot_count;
    struct loader *loaders;
    struct bit_patience patience;
    struct bit_stream_counts counts;
    struct bit_error failed;    /* once failed, always failed */
};

/* ---- what a micro-batch holds ---- */

static void name_sample(const struct bit_stream *s, struct bit_sample *sample, uint64_t t)
{
    const struct bit_stream_options *o = &s->options;
    sample->epoch = o->training ? t / s->images : 0;
    uint64_t place = o->training ? bit_order_at(o->seed, sample->epoch, t % s->images, s->images) : t;
    sample->image = o->subset ? o->subset->images[place] : place;
}

/* Names the images of micro-batch `number`: image and epoch of each. */
static void plan_slot(struct bit_stream *s, struct slot *slot, uint64_t number)
{
    const struct bit_stream_options *o = &s->options;
    uint64_t micro = (uint64_t)o->micro_batch, start;
    slot->number = number;
    slot->batch.step = o->training ? number / s->share : 0;
    slot->batch.micro = (int)(o->training ? number % s->share : number);
    if (o->training)
        start = slot->batch.step * (uint64_t)o->batch + (s->first + (uint64_t)slot->batch.micro) * micro;
    else
        start = (number * (uint64_t)o->ranks + (uint64_t)o->rank) * micro;
    slot->wanted = o->micro_batch;
    if (!o->training && s->images - start < micro)
        slot->wanted = (int)(s->images - start);
    slot->begun = slot->done = 0;
    bit_error_clear(&slot->error);
    for (int i = 0; i < slot->wanted; i++)
        name_sample(s, &slot->samples[i], start + (uint64_t)i);
    slot->share = 1;
    if (slot->partners) {
        /* The batch's images in reverse order. */
        uint64_t from = slot->batch.step * (uint64_t)o->batch, last = from + (uint64_t)o->batch - 1;
        slot->share = bit_mix_share(o->mixup, o->seed, slot->batch.step);
        for (int i = 0; i < slot->wanted; i++)
            name_sample(s, &slot->partners[i], last - (start + (uint64_t)i - from));
    }
    slot->state = FILLING;
}

static char *image_at(const struct bit_stream *s, struct slot *slot, int i)
{
    return (char *)slot->batch.pixels + (size_t)i * s->image_bytes;
}

/* Appends the labels of a sample, each with `weight`. */
static int32_t add_labels(const struct bit_stream *s, struct slot *slot, const struct bit_sample *sample, float weight, int32_t at)
{
    const int32_t *from;
    if (slot->boxes)
        return at + bit_boxes_place(s->options.index, sample->used, &sample->window, s->options.image_size, slot->labels + at, slot->boxes + at);
    int count = bit_index_labels(s->options.index, sample->used, &from);
    memcpy(slot->labels + at, from, (size_t)count * sizeof *from);
    for (int i = 0; i < count && slot->weights; i++)
        slot->weights[at + i] = weight;
    return at + count;
}

/* All images are there: labels are put together; bad images of an evaluation are taken out. */
static void close_slot(struct bit_stream *s, struct slot *slot)
{
    int count = 0;
    int32_t labels = 0;
    for (int i = 0; i < slot->wanted; i++) {
        const struct bit_sample *sample = &slot->samples[i], *partner = slot->share < 1 ? &slot->partners[i] : NULL;
        const struct bit_error *failure = sample->error.code || !partner ? &sample->error : &partner->error;
        if (failure->code != BIT_OK) {
            bit_fail(&slot->error, failure->code, "%s", failure->text);
            continue;
        }
        if (sample->bad && !s->options.training)
            continue;
        if (count != i)
            memmove(image_at(s, slot, count), image_at(s, slot, i), s->image_bytes);
        slot->images[count] = sample->image;
        if (slot->frames)
            slot->frames[count] = bit_boxes_frame(&sample->window, s->options.image_size);
        slot->label_start[count++] = labels;
        labels = add_labels(s, slot, sample, (float)slot->share, labels);
        if (partner)
            labels = add_labels(s, slot, partner, (float)(1 - slot->share), labels);
    }
    slot->label_start[count] = labels;
    slot->batch.images = count;
    memset(image_at(s, slot, count), 0, (size_t)(s->options.micro_batch - count) * s->image_bytes);
}

/* ---- loaders ---- */

static struct slot *free_slot(struct bit_stream *s)
{
    for (int i = 0; i < s->slot_count; i++)
        if (s->slots[i].state == FREE)
            return &s->slots[i];
    return NULL;
}

/* The next image to be decoded, or NULL when there is nothing to do now. */
static struct slot *take_image(struct bit_stream *s, int *image)
{
    if (s->paused)
        return NULL;
    if (!s->filling) {
        struct slot *slot = s->fill < s->end ? free_slot(s) : NULL;
        if (!slot)
            return NULL;
        plan_slot(s, slot, s->fill++);
        s->filling = slot;
    }
    struct slot *slot = s->filling;
    *image = slot->begun++;
    if (slot->begun == slot->wanted)
        s->filling = NULL;
    return slot;
}

/* Decodes an image, and the one that it is mixed with. */
static void load_image(struct loader *loader, struct slot *slot, int image)
{
    struct bit_stream *s = loader->stream;
    const struct bit_stream_options *o = &s->options;
    bit_sample_load(o, loader->decoder, &slot->samples[image], &s->patience, image_at(s, slot, image));
    if (slot->share == 1)
        return;
    bit_sample_load(o, loader->decoder, &slot->partners[image], &s->patience, loader->partner);
    bit_mix_pixels(slot->share, o->precision, s->image_bytes / bit_type_size(o->precision), image_at(s, slot, image), loader->partner);
}

static void *loader_main(void *argument)
{
    struct loader *loader = argument;
    struct bit_stream *s = loader->stream;
    bit_trace_thread("loader", (int)(loader - s->loaders));
    pthread_mutex_lock(&s->lock);
    while (!s->stop) {
        int image;
        struct slot *slot = take_image(s, &image);
        if (!slot) {
            pthread_cond_wait(&s->work, &s->lock);
            continue;
        }
        s->busy++;
        pthread_mutex_unlock(&s->lock);
        double traced = bit_trace_start();
        load_image(loader, slot, image);
        bit_trace_end("decode", image, traced);
        pthread_mutex_lock(&s->lock);
        if (++slot->done == slot->wanted) {
            /* Cheap but for an evaluation's bad images; nobody else touches the slot now. */
            pthread_mutex_unlock(&s->lock);
            close_slot(s, slot);
            pthread_mutex_lock(&s->lock);
            slot->state = READY;
            pthread_cond_broadcast(&s->ready);
        }
        if (--s->busy == 0 && s->paused)
            pthread_cond_broadcast(&s->ready);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* Loaders get no signals: those are for the thread that trains. */
static int start_loaders(struct bit_stream *s, struct bit_error *error)
{
    sigset_t all, before;
    int result = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (int i = 0; i < s->options.loaders && !result; i++) {
        struct loader *loader = &s->loaders[i];
        loader->stream = s;
        int number = pthread_create(&loader->thread, NULL, loader_main, loader);
        loader->started = number == 0;
        if (number) {
            errno = number;
            result = bit_fail_errno(error, BIT_EENVIRONMENT, "cannot start loader thread %d", i);
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

/* ---- creation ---- */

static int check_options(const struct bit_stream_options *o, struct bit_error *error)
{
    if (o->micro_batch < 1 || o->ranks < 1 || o->rank < 0 || o->rank >= o->ranks)
        return bit_fail(error, BIT_EUSAGE, "image stream: micro-batch %d on rank %d of %d", o->micro_batch, o->rank,
                        o->ranks);
    if (o->training && (o->batch < 1 || o->batch % o->micro_batch || o->batch / o->micro_batch < o->ranks))
        return bit_fail(error, BIT_EUSAGE, "batch %d: expected a multiple of the micro-batch, %d, with at least one "
                        "micro-batch for each of the %d ranks", o->batch, o->micro_batch, o->ranks);
    if (bit_index_has_boxes(o->index) && (o->crop != BIT_CROP_FIT || (o->training && o->mixup > 0)))
        return bit_fail(error, BIT_EUSAGE, "image stream: images with boxes are fitted into the square, and not mixed");
    if (o->loaders < 1 || o->loaders > MOST_LOADERS || o->prefetch < 2 || o->prefetch > 4096)
        return bit_fail(error, BIT_EUSAGE, "%d loaders, %d micro-batches ahead: expected 1 to %d and 2 to 4096",
                        o->loaders, o->prefetch, MOST_LOADERS);
    return 0;
}

/* Frames are of use without annotations, too: where boxes are to be found. */
static int create_boxes(struct bit_stream *s, struct slot *slot, size_t labels, struct bit_error *error)
{
    const bool annotated = bit_index_has_boxes(s->options.index), framed = !s->options.training && s->options.crop == BIT_CROP_FIT;
    if (annotated)
        slot->boxes = bit_allocate(labels, sizeof *slot->boxes, "a micro-batch's boxes", error);
    if (framed)
        slot->frames = bit_allocate((size_t)s->options.micro_batch, sizeof *slot->frames, "a micro-batch's frames", error);
    return (slot->boxes || !annotated) && (slot->frames || !framed) ? 0 : -1;
}

static int create_mixing(struct bit_stream *s, struct slot *slot, size_t labels, struct bit_error *error)
{
    size_t micro = (size_t)s->options.micro_batch;
    slot->partners = bit_allocate(micro, sizeof *slot->partners, "a micro-batch's samples", error);
    slot->weights = bit_allocate(labels, sizeof *slot->weights, "a micro-batch's labels", error);
    return slot->partners && slot->weights ? 0 : -1;
}

static int create_loaders(struct bit_stream *s, bool mixed, struct bit_error *error)
{
    for (int i = 0; i < s->options.loaders; i++) {
        struct loader *loader = &s->loaders[i];
        if (!(loader->decoder = bit_decoder_create(&s->options, error)) ||
            (mixed && !(loader->partner = bit_allocate(s->image_bytes, 1, "an image", error))))
            return -1;
    }
    return 0;
}

static int create_slots(struct bit_stream *s, struct bit_error *error)
{
    const bool mixed = s->options.training && s->options.mixup > 0;
    size_t micro = (size_t)s->options.micro_batch, most = (size_t)bit_index_labels_most(s->options.index) * (mixed ? 2 : 1);
    most = most ? most : 1;
    s->slot_count = s->options.prefetch + 1;
    s->slots = bit_allocate((size_t)s->slot_count, sizeof *s->slots, "micro-batches", error);
    s->loaders = bit_allocate((size_t)s->options.loaders, sizeof *s->loaders, "loader threads", error);
    if (!s->slots || !s->loaders)
        return -1;
    for (int i = 0; i < s->slot_count; i++) {
        struct slot *slot = &s->slots[i];
        if (!(slot->batch.pixels = bit_allocate(micro, s->image_bytes, "a micro-batch of images", error)) ||
            !(slot->samples = bit_allocate(micro, sizeof *slot->samples, "a micro-batch's samples", error)) ||
            !(slot->labels = bit_allocate(micro * most, sizeof *slot->labels, "a micro-batch's labels", error)) ||
            !(slot->label_start = bit_allocate(micro + 1, sizeof *slot->label_start, "a micro-batch's labels", error)) ||
            !(slot->images = bit_allocate(micro, sizeof *slot->images, "a micro-batch's samples", error)) ||
            (mixed && create_mixing(s, slot, micro * most, error)) ||
            create_boxes(s, slot, micro * most, error))
            return -1;
        slot->batch.targets = (struct bit_targets){.labels = slot->labels, .label_start = slot->label_start, .weights = slot->weights,
                                                    .boxes = slot->boxes, .frames = slot->frames};
        slot->batch.samples = slot->images;
    }
    return create_loaders(s, mixed, error);
}

static void count_share(struct bit_stream *s)
{
    const struct bit_stream_options *o = &s->options;
    uint64_t rank = (uint64_t)o->rank, ranks = (uint64_t)o->ranks, micro = (uint64_t)o->micro_batch;
    if (o->training) {
        uint64_t all = (uint64_t)(o->batch / o->micro_batch);
        s->first = rank * all / ranks;
        s->share = (rank + 1) * all / ranks - s->first;
        s->end = UINT64_MAX;
    } else {
        uint64_t all = (s->images + micro - 1) / micro;
        s->end = all > rank ? (all - rank + ranks - 1) / ranks : 0;
    }
}

struct bit_stream *bit_stream_create(const struct bit_stream_options *options, struct bit_error *error)
{
    if (check_options(options, error))
        return NULL;
    struct bit_stream *s = bit_allocate(1, sizeof *s, "an image stream", error);
    if (!s)
        return NULL;
    s->options = *options;
    s->images = options->subset ? options->subset->count : bit_index_images(options->index);
    s->patience.seconds = options->patience;
    s->paused = true; /* until the first use or seek: what was decoded before a seek would be thrown away */
    s->image_bytes = (size_t)options->image_size * (size_t)options->image_size * 3 * bit_type_size(options->precision);
    count_share(s);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->work, NULL);
    pthread_cond_init(&s->ready, NULL);
    if (create_slots(s, error) || start_loaders(s, error)) {
        bit_stream_destroy(s);
        return NULL;
    }
    return s;
}

void bit_stream_destroy(struct bit_stream *s)
{
    if (!s)
        return;
    atomic_store(&s->patience.over, true);
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_cond_broadcast(&s->work);
    pthread_mutex_unlock(&s->lock);
    for (int i = 0; s->loaders && i < s->options.loaders; i++) {
        if (s->loaders[i].started)
            pthread_join(s->loaders[i].thread, NULL);
        bit_decoder_destroy(s->loaders[i].decoder);
        bit_free(s->loaders[i].partner);
    }
    for (int i = 0; s->slots && i < s->slot_count; i++) {
        bit_free(s->slots[i].batch.pixels);
        bit_free(s->slots[i].samples);
        bit_free(s->slots[i].partners);
        bit_free(s->slots[i].weights);
        bit_free(s->slots[i].labels);
        bit_free(s->slots[i].label_start);
        bit_free(s->slots[i].boxes);
        bit_free(s->slots[i].frames);
        bit_free(s->slots[i].images);
    }
    bit_text_free(&s->bad);
    pthread_cond_destroy(&s->work);
    pthread_cond_destroy(&s->ready);
    pthread_mutex_destroy(&s->lock);
    bit_free(s->loaders);
    bit_free(s->slots);
    bit_free(s);
}

/* ---- the caller's side ---- */

int bit_stream_seek(struct bit_stream *s, uint64_t step, struct bit_error *error)
{
    if (!s->options.training && step)
        return bit_fail(error, BIT_EINTERNAL, "an evaluation stream can only be set back to its start");
    atomic_store(&s->patience.over, true);
    pthread_mutex_lock(&s->lock);
    s->paused = true;
    while (s->busy)
        pthread_cond_wait(&s->ready, &s->lock);
    atomic_store(&s->patience.over, false);
    for (int i = 0; i < s->slot_count; i++)
        if (s->slots[i].state != TAKEN)
            s->slots[i].state = FREE;
    s->filling = NULL;
    s->fill = s->next = s->options.training ? step * s->share : 0;
    s->paused = false;
    pthread_cond_broadcast(&s->work);
    pthread_mutex_unlock(&s->lock);
    return 0;
}

static struct slot *ready_slot(struct bit_stream *s, bool *possible)
{
    *possible = false;
    for (int i = 0; i < s->slot_count; i++) {
        struct slot *slot = &s->slots[i];
        if (slot->state == READY && slot->number == s->next)
            return slot;
        *possible |= slot->state != TAKEN;
    }
    return NULL;
}

/* Counts and lists what was bad in a micro-batch that is being handed out. */
static int account(struct bit_stream *s, const struct slot *slot, struct bit_error *error)
{
    for (int i = 0; i < slot->wanted; i++) {
        const struct bit_sample *sample = &slot->samples[i];
        char path[PATH_MAX], epoch[24] = "-";
        s->counts.decoded++;
        if (!sample->bad)
            continue;
        s->counts.bad++;
        if (bit_index_image_path(s->options.index, sample->image, path, sizeof path, error))
            return -1;
        bit_log(BIT_LOG_DEBUG, "bad image %s: %s", path, sample->reason);
        if (s->options.training)
            snprintf(epoch, sizeof epoch, "%llu", (unsigned long long)sample->epoch);
        bit_quarantine_line(&s->bad, epoch, path, sample->reason);
        if (s->bad.failed)
            return bit_fail(error, BIT_EENVIRONMENT, "not enough memory for the list of bad images");
    }
    return 0;
}

struct bit_text *bit_stream_bad(struct bit_stream *s)
{
    return &s->bad;
}

int bit_stream_next(struct bit_stream *s, struct bit_batch **batch, struct bit_error *error)
{
    struct slot *slot = NULL;
    bool possible = true;
    *batch = NULL;
    if (s->failed.code != BIT_OK)
        return bit_fail(error, s->failed.code, "%s", s->failed.text);
    pthread_mutex_lock(&s->lock);
    if (s->paused) {
        s->paused = false;
        pthread_cond_broadcast(&s->work);
    }
    if (s->next < s->end && !(slot = ready_slot(s, &possible)) && possible) {
        double start = bit_clock_seconds();
        while (!(slot = ready_slot(s, &possible)))
            pthread_cond_wait(&s->ready, &s->lock);
        s->counts.wait_seconds += bit_clock_seconds() - start;
    }
    if (slot) {
        slot->state = TAKEN;
        s->next++;
    }
    pthread_mutex_unlock(&s->lock);
    if (!slot)
        return possible && s->next >= s->end ? 0
            : bit_fail(error, BIT_EINTERNAL, "all %d micro-batches of the image stream are held by its caller",
                       s->slot_count);
    if (slot->error.code == BIT_OK && !account(s, slot, &slot->error)) {
        *batch = &slot->batch;
        return 1;
    }
    s->failed = slot->error;
    bit_stream_release(s, &slot->batch);
    return bit_fail(error, s->failed.code, "%s", s->failed.text);
}

void bit_stream_release(struct bit_stream *s, struct bit_batch *batch)
{
    struct slot *slot = (struct slot *)batch;
    pthread_mutex_lock(&s->lock);
    slot->state = FREE;
    pthread_cond_broadcast(&s->work);
    pthread_mutex_unlock(&s->lock);
}

void bit_stream_count(const struct bit_stream *s, struct bit_stream_counts *counts)
{
    *counts = s->counts;
}
