/* One image and category: which results find which objects, at every threshold and in every area range. */
#ifndef BIT_COCO_MATCH_H
#define BIT_COCO_MATCH_H

#include "bit/coco.h"

enum { BIT_COCO_THRESHOLDS = 10, BIT_COCO_AREAS = 4, BIT_COCO_RESULTS_MOST = 100 };
extern const double bit_coco_thresholds[BIT_COCO_THRESHOLDS];

/* A result among those of its category. Bit area * BIT_COCO_THRESHOLDS + threshold of `hit`: it found an object; of `is_void`: it
 * counts neither way. */
struct bit_coco_entry { double score; uint64_t hit, is_void; uint32_t rank; /* in its image, by score, from 0 */ uint32_t image; /* of the caller's */ };

/* Space that is kept from one cell to the next; zero-initialise. */
struct bit_coco_space { double *overlaps; size_t overlaps_room; unsigned char *taken, *ignored; size_t truths_room; };
void bit_coco_space_free(struct bit_coco_space *space);

/* `results`: by falling score, at most BIT_COCO_RESULTS_MOST. Fills an entry for each, and adds to wanted[area] the objects that are to
 * be found. */
int bit_coco_match(const struct bit_coco_box *const *truths, size_t truth_count, const struct bit_coco_result *const *results,
                   size_t result_count, struct bit_coco_space *space, struct bit_coco_entry *entries, uint64_t wanted[BIT_COCO_AREAS],
                   struct bit_error *error);

#endif
