/* Whether the labels of an index suit the job's loss. */
#include <string.h>

#include "bit/recipe.h"

/* softmax knows one label an image; boxes are for detection. */
bool bit_recipe_fits(const struct bit_job *job, const struct bit_index *index)
{
    return bit_index_has_boxes(index) == !strcmp(job->task, "detect");
}

int bit_recipe_check_labels(const struct bit_job *job, const char *path, const struct bit_index *index,
                            struct bit_error *error)
{
    char name[512] = "";
    const int32_t *labels;
    const bool fits = bit_recipe_fits(job, index), detects = fits == bit_index_has_boxes(index);
    if (!fits)
        return bit_fail(error, BIT_EUSAGE, detects ? "%s: the task %s takes boxes: expected a COCO file, or a JSON object a line"
                                                   : "%s: holds boxes, but the task %s takes whole images: expected class folders or a list",
                        path, job->task);
    if (detects)
        return 0;
    if (!strcmp(job->loss, "sigmoid") || bit_index_labels_most(index) <= 1)
        return 0;
    for (uint64_t i = 0; i < bit_index_images(index); i++) {
        int count = bit_index_labels(index, i, &labels);
        if (count == 1)
            continue;
        bit_index_image_path(index, i, name, sizeof name, NULL);
        return bit_fail(error, BIT_EDATA, "%s: %s has %d labels; the loss softmax takes one an image: use sigmoid", path,
                        name, count);
    }
    return 0;
}
