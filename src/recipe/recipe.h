/* What the files of src/recipe share. */
#ifndef RECIPE_RECIPE_H
#define RECIPE_RECIPE_H

#include "bit/recipe.h"

int bit_plan_memory(struct bit_plan *plan, const struct bit_job *job, const struct bit_model_options *options,
                    const struct bit_table *table, struct bit_error *error);
uint64_t bit_plan_checkpoint_bytes(const struct bit_plan *plan, const struct bit_table *table,
                                   const struct bit_model_options *options);
/* Warnings that follow from the job and the number of images. */
int bit_plan_warn(struct bit_plan *plan, const struct bit_job *job, struct bit_error *error);

#endif
