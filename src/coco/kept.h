/* What judging results leaves behind for judging them again on other draws of the same images. */
#ifndef BIT_COCO_KEPT_H
#define BIT_COCO_KEPT_H

#include "bit/coco.h"

/* `image`: by ascending id, from 0. Bit t of `hit`: the result found an object of any size at threshold t; of `is_void`: it counts
 * neither way. `ties`: its score and image are those of the result before it. */
struct bit_coco_kept_result { uint32_t image, hit : 10, is_void : 10, ties : 1; };
struct bit_coco_kept_wanted { uint32_t image, count; }; /* objects that are to be found; only where there are any */
struct bit_coco_kept_end { size_t result, wanted; };
struct bit_coco_kept {
    struct bit_coco_kept_result *results; /* by category, and then as average precision goes through them: by falling score */
    struct bit_coco_kept_wanted *wanted;  /* by category */
    struct bit_coco_kept_end *ends;       /* of each category */
    size_t result_count, wanted_count, category_count;
};

/* bit_coco_score, which also fills *kept unless it is NULL. Free it with bit_coco_kept_free. */
int bit_coco_score_and_keep(const struct bit_coco *truth, const struct bit_coco_results *results, bool class_agnostic,
                            struct bit_coco_scores *scores, struct bit_coco_kept *kept, struct bit_error *error);
void bit_coco_kept_free(struct bit_coco_kept *kept); /* NULL: nothing */

#endif
