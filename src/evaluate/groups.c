/* Which classes count as one, from the labels of the images. */
#include "bit/evaluate.h"

#include "bit/memory.h"

enum { ABSENT = -1 };

/* The least class that k is joined to. */
static int32_t root_of(int32_t *joined, int32_t k)
{
    while (joined[k] != k)
        k = joined[k] = joined[joined[k]];
    return k;
}

static void join_labels(const struct bit_index *index, int32_t *joined)
{
    for (uint64_t i = 0; i < bit_index_images(index); i++) {
        const int32_t *labels;
        int count = bit_index_labels(index, i, &labels);
        for (int j = 0; j < count; j++) {
            if (joined[labels[j]] == ABSENT)
                joined[labels[j]] = labels[j];
            int32_t a = root_of(joined, labels[0]), b = root_of(joined, labels[j]);
            joined[a > b ? a : b] = a > b ? b : a;
        }
    }
}

static void fill(struct bit_class_groups *groups, int32_t *joined, int classes, int32_t *start, int32_t *member)
{
    int32_t out = 0;
    for (int32_t g = 0; g < classes; g++) {
        if (joined[g] == ABSENT || root_of(joined, g) != g)
            continue;
        start[groups->count++] = out;
        for (int32_t k = g; k < classes; k++)
            if (joined[k] != ABSENT && root_of(joined, k) == g)
                member[out++] = k;
    }
    start[groups->count] = out;
}

struct bit_class_groups *bit_class_groups_create(const struct bit_index *index, int classes, struct bit_error *error)
{
    struct bit_class_groups *groups = bit_allocate(1, sizeof *groups, "groups of classes", error);
    int32_t *joined = bit_allocate((size_t)classes, sizeof *joined, "groups of classes", error);
    int32_t *start = bit_allocate((size_t)classes + 1, sizeof *start, "groups of classes", error);
    int32_t *member = bit_allocate((size_t)classes + 1, sizeof *member, "groups of classes", error);
    bool good = groups && joined && start && member;
    if (good) {
        for (int k = 0; k < classes; k++)
            joined[k] = ABSENT;
        join_labels(index, joined);
        fill(groups, joined, classes, start, member);
        groups->start = start;
        groups->member = member;
    } else {
        bit_free(groups);
        bit_free(start);
        bit_free(member);
    }
    bit_free(joined);
    return good ? groups : NULL;
}

void bit_class_groups_free(struct bit_class_groups *groups)
{
    if (!groups)
        return;
    bit_free((void *)groups->start);
    bit_free((void *)groups->member);
    bit_free(groups);
}
