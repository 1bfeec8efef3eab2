/* A few images of each class, drawn by seed. */
#include <stdlib.h>

#include "bit/data.h"
#include "bit/memory.h"
#include "bit/random.h"

/* An image's class is its first label; -1: it has none. */
static int class_of(const struct bit_index *index, uint64_t image)
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
    uint64_t *chosen;         /* [classes][per_class]: their places among the class's images, ascending */
};

/* The first per_class places of the class's permutation: those of fewer are among those of more. */
static void choose_places(struct draw *d, int class, int per_class, uint64_t seed)
{
    struct bit_random random;
    uint64_t *chosen = d->chosen + (size_t)class * (size_t)per_class;
    uint64_t count = d->members[class] < (uint64_t)per_class ? d->members[class] : (uint64_t)per_class;
    bit_random_init(&random, seed, BIT_PURPOSE_SUBSET, (uint64_t)class, 0);
    uint64_t key = bit_random_u64(&random);
    for (uint64_t i = 0; i < count; i++)
        chosen[i] = bit_order_at(key, 0, i, d->members[class]);
    qsort(chosen, count, sizeof *chosen, ascending);
    d->taken[class] = count;
}

static void pick(const struct bit_index *index, const struct draw *d, int per_class, struct bit_subset *subset)
{
    uint64_t found = 0;
    for (uint64_t image = 0; found < subset->count; image++) {
        int c = class_of(index, image);
        if (c < 0)
            continue;
        const uint64_t *wanted = d->chosen + (size_t)c * (size_t)per_class + d->found[c];
        if (d->found[c] < d->taken[c] && *wanted == d->passed[c]) {
            subset->images[found++] = image;
            d->found[c]++;
        }
        d->passed[c]++;
    }
}

static int reserve(struct draw *d, int classes, int per_class, struct bit_error *error)
{
    const size_t n = (size_t)classes;
    d->members = bit_allocate(4 * n, sizeof *d->members, "a subset of the images", error);
    d->chosen = bit_allocate(n * (size_t)per_class, sizeof *d->chosen, "a subset of the images", error);
    if (!d->members || !d->chosen)
        return -1;
    d->taken = d->members + n, d->passed = d->taken + n, d->found = d->passed + n;
    return 0;
}

static void draw_places(const struct bit_index *index, struct draw *d, int per_class, uint64_t seed, struct bit_subset *subset)
{
    const uint64_t images = bit_index_images(index);
    for (uint64_t i = 0; i < images; i++) {
        int c = class_of(index, i);
        if (c >= 0)
            d->members[c]++;
    }
    for (int c = 0; c < bit_index_classes(index); c++) {
        choose_places(d, c, per_class, seed);
        subset->count += d->taken[c];
    }
}

struct bit_subset *bit_subset_create(const struct bit_index *index, int per_class, uint64_t seed, struct bit_error *error)
{
    struct bit_subset *subset = bit_allocate(1, sizeof *subset, "a subset of the images", error);
    struct draw d = {0};
    bool complete = false;
    if (subset && !reserve(&d, bit_index_classes(index), per_class, error)) {
        draw_places(index, &d, per_class, seed, subset);
        if (!subset->count)
            bit_fail(error, BIT_EDATA, "no image has a label: expected %d of each class", per_class);
        else if ((subset->images = bit_allocate(subset->count, sizeof *subset->images, "a subset of the images", error)))
            pick(index, &d, per_class, subset), complete = true;
    }
    bit_free(d.chosen);
    bit_free(d.members);
    if (complete)
        return subset;
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
