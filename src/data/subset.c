/* A few images of each class, drawn by seed. */
#include <stdlib.h>

#include "bit/data.h"
#include "bit/memory.h"
#include "bit/random.h"

static int class_in_index(const void *index, uint64_t image)
{
    const int32_t *labels;
    return bit_index_labels(index, image, &labels) > 0 ? (int)labels[0] : -1;
}

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* One number a class in each. */
struct draw {
    uint64_t *members;        /* its images */
    uint64_t *taken;          /* how many of them are chosen */
    uint64_t *passed, *found; /* while they are picked: its images passed, and chosen ones among them */
    uint64_t *start, *chosen; /* their places among the class's images, ascending, in chosen from start[class] on */
};

/* The first per_class places of the class's permutation: those of fewer are among those of more. */
static void choose_places(struct draw *d, int class, uint64_t seed)
{
    struct bit_random random;
    uint64_t *chosen = d->chosen + d->start[class], count = d->taken[class];
    bit_random_init(&random, seed, BIT_PURPOSE_SUBSET, (uint64_t)class, 0);
    uint64_t key = bit_random_u64(&random);
    for (uint64_t i = 0; i < count; i++)
        chosen[i] = bit_order_at(key, 0, i, d->members[class]);
    qsort(chosen, count, sizeof *chosen, ascending);
}

static void pick(const struct bit_classes *from, const struct draw *d, struct bit_subset *subset)
{
    uint64_t found = 0;
    for (uint64_t image = 0; found < subset->count; image++) {
        int c = from->class_of(from->context, image);
        if (c < 0)
            continue;
        const uint64_t *wanted = d->chosen + d->start[c] + d->found[c];
        if (d->found[c] < d->taken[c] && *wanted == d->passed[c]) {
            subset->images[found++] = image;
            d->found[c]++;
        }
        d->passed[c]++;
    }
}

/* How many images each class has and gives. */
static int count_members(const struct bit_classes *from, int per_class, struct draw *d, struct bit_subset *subset, struct bit_error *error)
{
    const size_t n = (size_t)from->classes;
    d->members = bit_allocate(5 * n + 1, sizeof *d->members, "a subset of the images", error);
    if (!d->members)
        return -1;
    d->taken = d->members + n, d->passed = d->taken + n, d->found = d->passed + n, d->start = d->found + n;
    for (uint64_t i = 0; i < from->images; i++) {
        int c = from->class_of(from->context, i);
        if (c >= 0)
            d->members[c]++;
    }
    for (size_t c = 0; c < n; c++) {
        d->taken[c] = d->members[c] < (uint64_t)per_class ? d->members[c] : (uint64_t)per_class;
        d->start[c] = subset->count;
        subset->count += d->taken[c];
    }
    return subset->count ? 0 : bit_fail(error, BIT_EDATA, "no image has a label: expected %d of each class", per_class);
}

struct bit_subset *bit_subset_draw(const struct bit_classes *from, int per_class, uint64_t seed, struct bit_error *error)
{
    struct bit_subset *subset = bit_allocate(1, sizeof *subset, "a subset of the images", error);
    struct draw d = {0};
    bool complete = false;
    if (subset && !count_members(from, per_class, &d, subset, error)) {
        d.chosen = bit_allocate(subset->count, sizeof *d.chosen, "a subset of the images", error);
        subset->images = d.chosen ? bit_allocate(subset->count, sizeof *subset->images, "a subset of the images", error) : NULL;
        complete = subset->images != NULL;
    }
    for (int c = 0; complete && c < from->classes; c++)
        choose_places(&d, c, seed);
    if (complete)
        pick(from, &d, subset);
    bit_free(d.chosen);
    bit_free(d.members);
    if (complete)
        return subset;
    bit_subset_destroy(subset);
    return NULL;
}

struct bit_subset *bit_subset_create(const struct bit_index *index, int per_class, uint64_t seed, struct bit_error *error)
{
    const struct bit_classes from = {bit_index_images(index), bit_index_classes(index), class_in_index, index};
    return bit_subset_draw(&from, per_class, seed, error);
}

static bool has_box(const struct bit_index *index, uint64_t image)
{
    struct bit_index_boxes b;
    bit_index_boxes(index, image, &b);
    for (int i = 0; i < b.count; i++)
        if (!(b.flags[i] & BIT_BOX_CROWD) && b.boxes[i][2] > 0 && b.boxes[i][3] > 0)
            return true;
    return false;
}

struct bit_subset *bit_subset_with_boxes(const struct bit_index *index, struct bit_error *error)
{
    struct bit_subset *subset = bit_allocate(1, sizeof *subset, "a subset of the images", error);
    const uint64_t images = bit_index_images(index);
    if (subset && (subset->images = bit_allocate(images + 1, sizeof *subset->images, "a subset of the images", error))) {
        for (uint64_t i = 0; i < images; i++)
            if (has_box(index, i))
                subset->images[subset->count++] = i;
        if (subset->count)
            return subset;
        bit_fail(error, BIT_EDATA, "no image has a box that is to be found");
    }
    bit_subset_destroy(subset);
    return NULL;
}

void bit_subset_destroy(struct bit_subset *subset)
{
    if (!subset)
        return;
    bit_free(subset->images);
    bit_free(subset);
}
