#include "coco/ids.h"

#include <stdlib.h>

#include "bit/memory.h"

static int compare(const void *a, const void *b)
{
    const struct bit_known *x = a, *y = b;
    int order = (x->id > y->id) - (x->id < y->id);
    return order ? order : (x->place > y->place) - (x->place < y->place);
}

struct bit_known *bit_known_sort(const void *things, size_t count, size_t stride, struct bit_error *error)
{
    struct bit_known *known = bit_allocate(count + 1, sizeof *known, "ids of a COCO file", error);
    if (!known)
        return NULL;
    for (size_t i = 0; i < count; i++)
        known[i] = (struct bit_known){*(const int64_t *)((const char *)things + i * stride), i};
    qsort(known, count, sizeof *known, compare);
    return known;
}

long bit_known_find(const struct bit_known *known, size_t count, int64_t id)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (known[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && known[low].id == id ? (long)low : -1;
}
