/* Ids of a file in order, with the places at which they stand. */
#ifndef BIT_COCO_IDS_H
#define BIT_COCO_IDS_H

#include <stddef.h>
#include <stdint.h>

#include "bit/error.h"

struct bit_known { int64_t id; size_t place; };

/* By ascending id, then place. `things`: `count` of them, `stride` bytes apart, each of which begins with its id. Free with bit_free. */
struct bit_known *bit_known_sort(const void *things, size_t count, size_t stride, struct bit_error *error);
/* Where an id stands in that order (the first of equals), or -1. */
long bit_known_find(const struct bit_known *known, size_t count, int64_t id);

#endif
