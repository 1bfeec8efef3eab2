/* Few-shot results of a network: which images, their features, the regressions. */
#include <string.h>

#include "bit/features.h"
#include "bit/memory.h"

/* Labels of images of an index, one after another; images NULL: of all. */
struct labels { uint64_t *start; int32_t *label; };

static void free_labels(struct labels *l)
{
    bit_free(l->start);
    bit_free(l->label);
}

static int read_labels(const struct bit_index *index, const uint64_t *images, uint64_t count, struct labels *l, struct bit_error *error)
{
    const int32_t *from;
    l->start = bit_allocate(count + 1, sizeof *l->start, "labels", error);
    l->label = bit_allocate(count * (uint64_t)bit_index_labels_most(index) + 1, sizeof *l->label, "labels", error);
    if (!l->start || !l->label)
        return -1;
    for (uint64_t i = 0; i < count; i++) {
        int n = bit_index_labels(index, images ? images[i] : i, &from);
        memcpy(l->label + l->start[i], from, (size_t)n * sizeof *from);
        l->start[i + 1] = l->start[i] + (uint64_t)n;
    }
    return 0;
}

/* Features of an index's images, or of some of them. 0, 1, -1. Collective. */
static int gather(const struct bit_few_task *t, const struct bit_index *index, const struct bit_subset *subset, struct bit_gathered *out,
                  struct bit_error *error)
{
    struct bit_stream_options options = *t->stream;
    options.index = index;
    options.subset = subset;
    options.rank = t->group->rank;
    struct bit_stream *stream = bit_stream_create(&options, error);
    if (bit_group_agree(t->group, error)) {
        bit_stream_destroy(stream);
        return -1;
    }
    const struct bit_extraction extraction = {.model = t->model, .stream = stream, .stop = t->stop};
    int verdict = bit_features_gather(&extraction, t->group, subset ? subset->count : bit_index_images(index), options.micro_batch, out, error);
    bit_extract_tell_bad(stream);
    bit_stream_destroy(stream);
    return verdict;
}

/* Rank 0. */
static int measure(const struct bit_few_task *t, const struct labels *all, const struct bit_gathered *train, const struct bit_gathered *test,
                   struct bit_few_result *result, struct bit_error *error)
{
    const int classes = bit_index_classes(t->train);
    struct labels labels[2] = {{0}};
    if (read_labels(t->train, train->images, train->count, &labels[0], error) == 0 &&
        read_labels(t->test, test->images, test->count, &labels[1], error) == 0) {
        const struct bit_feature_set sets[2] = {
            {train->count, train->channels, classes, train->features, labels[0].label, labels[0].start},
            {test->count, test->channels, classes, test->features, labels[1].label, labels[1].start},
        };
        const struct bit_few_pool pool = {bit_index_images(t->train), classes, all->start, all->label, train->images};
        bit_few_measure(t->options, &pool, &sets[0], &sets[1], result, error);
    }
    free_labels(&labels[0]);
    free_labels(&labels[1]);
    return error->code ? -1 : 0;
}

/* The training images whose features are needed; the same on all ranks. Local. */
static int choose(const struct bit_few_task *t, struct labels *all, struct bit_subset *subset, struct bit_error *error)
{
    const uint64_t count = bit_index_images(t->train);
    if (read_labels(t->train, NULL, count, all, error))
        return -1;
    const struct bit_few_pool pool = {.count = count, .classes = bit_index_classes(t->train), .label_start = all->start, .labels = all->label};
    if (!t->options->neighbours)
        return bit_few_images(t->options, &pool, &subset->images, &subset->count, error);
    return 0;
}

int bit_few_run(const struct bit_few_task *t, struct bit_few_result *result, struct bit_error *error)
{
    struct labels all = {0};
    struct bit_subset subset = {0};
    struct bit_gathered train = {0}, test = {0};
    int verdict = -1;
    choose(t, &all, &subset, error);
    if (bit_group_agree(t->group, error) == 0)
        verdict = gather(t, t->train, subset.images ? &subset : NULL, &train, error);
    if (verdict == 0)
        verdict = gather(t, t->test, NULL, &test, error);
    if (verdict == 0) {
        if (t->group->rank == 0)
            measure(t, &all, &train, &test, result, error);
        verdict = bit_group_agree(t->group, error) || bit_group_broadcast(t->group, result, sizeof *result, 0, error) ? -1 : 0;
    }
    bit_gathered_free(&train);
    bit_gathered_free(&test);
    bit_free(subset.images);
    free_labels(&all);
    return verdict;
}
