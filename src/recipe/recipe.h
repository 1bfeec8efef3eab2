/* What the files of src/recipe share. */
#ifndef RECIPE_RECIPE_H
#define RECIPE_RECIPE_H

#include "bit/recipe.h"

int bit_plan_memory(struct bit_plan *plan, const struct bit_table *table, struct bit_error *error);
uint64_t bit_plan_checkpoint_bytes(const struct bit_plan *plan, const struct bit_table *table);
/* Warnings that follow from the recipe. */
int bit_plan_warn(struct bit_plan *plan, struct bit_error *error);

#endif
