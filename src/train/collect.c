/* A rank's share of a step's batch, copied out of the stream: needed as one piece where batch norm sees the whole batch. */
#include <string.h>

#include "bit/memory.h"
#include "train/trainer.h"

int bit_collector_init(struct bit_collector *c, const struct bit_trainer_options *options, int micro_batches,
                       struct bit_error *error)
{
    size_t side = (size_t)options->step.image_size, images = (size_t)options->step.micro_batch * (size_t)micro_batches;
    c->pixel_bytes = (size_t)options->step.micro_batch * side * side * 3 * bit_type_size(options->step.precision);
    c->label_capacity = images;
    if (!(c->pixels = bit_allocate((size_t)micro_batches, c->pixel_bytes, "a rank's batch of images", error)) ||
        !(c->labels = bit_allocate(images, sizeof *c->labels, "labels", error)) ||
        !(c->weights = bit_allocate(images, sizeof *c->weights, "labels", error)) ||
        !(c->label_start = bit_allocate(images + 1, sizeof *c->label_start, "labels", error)))
        return -1;
    return 0;
}

void bit_collector_free(struct bit_collector *c)
{
    bit_free(c->pixels);
    bit_free(c->labels);
    bit_free(c->weights);
    bit_free(c->label_start);
}

void bit_collector_clear(struct bit_collector *c)
{
    c->batch = (struct bit_batch){.pixels = c->pixels, .targets = {.labels = c->labels, .label_start = c->label_start}};
}

static int reserve_labels(struct bit_collector *c, size_t count, struct bit_error *error)
{
    if (count <= c->label_capacity)
        return 0;
    int32_t *labels = bit_allocate(2 * count, sizeof *labels, "labels", error);
    if (!labels)
        return -1;
    memcpy(labels, c->labels, c->label_capacity * sizeof *labels);
    bit_free(c->labels);
    c->batch.targets.labels = c->labels = labels;
    float *weights = bit_allocate(2 * count, sizeof *weights, "labels", error);
    if (!weights)
        return -1;
    memcpy(weights, c->weights, c->label_capacity * sizeof *weights);
    bit_free(c->weights);
    c->weights = weights;
    c->label_capacity = 2 * count;
    return 0;
}

int bit_collector_add(struct bit_collector *c, const struct bit_batch *batch, struct bit_error *error)
{
    const struct bit_targets *t = &batch->targets;
    int32_t before = c->label_start[c->batch.images], first = t->label_start[0];
    int32_t more = t->label_start[batch->images] - first;
    if (c->batch.images == 0)
        before = c->label_start[0] = 0;
    if (reserve_labels(c, (size_t)(before + more), error))
        return -1;
    memcpy(c->pixels + (size_t)batch->micro * c->pixel_bytes, batch->pixels, c->pixel_bytes);
    memcpy(c->labels + before, t->labels + first, (size_t)more * sizeof *c->labels);
    if (t->weights)
        memcpy(c->weights + before, t->weights + first, (size_t)more * sizeof *c->weights);
    c->batch.targets.weights = t->weights ? c->weights : NULL;
    for (int i = 1; i <= batch->images; i++)
        c->label_start[c->batch.images + i] = before + t->label_start[i] - first;
    c->batch.images += batch->images;
    c->batch.step = batch->step;
    return 0;
}
