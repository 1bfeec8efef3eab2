/* The numbers of a recipe: parameters, arithmetic, memory, checkpoints. */
#include <sched.h>
#include <unistd.h>

#include "bit/cores.h"
#include "bit/data.h"
#include "bit/memory.h"
#include "bit/tree.h"
#include "recipe/recipe.h"

int bit_plan_cores(void)
{
    cpu_set_t mine, parents;
    int cores = sched_getaffinity(0, sizeof mine, &mine) ? 1 : bit_cores_count(&mine);
    /* A rank that mpirun bound sees its own cores only; its parent, mpirun or its helper, sees those of all. */
    if (!sched_getaffinity(getppid(), sizeof parents, &parents) && bit_cores_count(&parents) > cores)
        cores = bit_cores_count(&parents);
    return bit_cores_within(cores, bit_cores_quota(""));
}

/* Forward, gradient with respect to the data, gradient with respect to the weights: three times the forward pass, but
 * the root convolution needs no gradient with respect to the images. */
double bit_plan_step_flops(const struct bit_model_options *o)
{
    double side = (o->image_size - 1) / 2 + 1;
    double root = 2.0 * 7 * 7 * 3 * (64.0 * o->width) * side * side;
    return 3 * bit_model_flops(o) - root;
}

static uint64_t head_numbers(const struct bit_table *table)
{
    uint64_t numbers = 0;
    for (size_t i = 0; i < table->count; i++)
        if (table->items[i].head)
            numbers += table->items[i].count;
    return numbers;
}

/* Of bfloat16 over float32, by the kernels that serve either here. */
static int compare_precisions(const struct bit_model_options *options, double *speed_up, struct bit_error *error)
{
    struct bit_model_options plain = *options;
    double mine, other;
    *speed_up = 1;
    if (options->precision == BIT_FLOAT32)
        return 0;
    plain.precision = BIT_FLOAT32;
    if (bit_model_effort(options, &mine, error) || bit_model_effort(&plain, &other, error))
        return -1;
    *speed_up = other / mine;
    return 0;
}

/* The numbers of the model: parameters, memory, arithmetic. */
static int measure(struct bit_plan *plan, struct bit_error *error)
{
    const struct bit_model_options *options = &plan->recipe->training_model;
    struct bit_table *table = bit_model_make_table(options, error);
    if (!table)
        return -1;
    int threads = bit_compute_thread_count();
    bit_compute_threads(plan->recipe->threads);
    int result = bit_plan_memory(plan, table, error) || compare_precisions(options, &plan->speed_up, error) ? -1 : 0;
    bit_compute_threads(threads);
    if (!result) {
        plan->numbers = table->numbers;
        plan->head_numbers = head_numbers(table);
        plan->flops_an_image = bit_plan_step_flops(options);
        plan->checkpoint_bytes = bit_plan_checkpoint_bytes(plan, table);
    }
    bit_table_destroy(table);
    return result;
}

int bit_plan_create(const struct bit_recipe *recipe, struct bit_plan *plan, struct bit_error *error)
{
    *plan = (struct bit_plan){.recipe = recipe};
    if (measure(plan, error) || bit_plan_warn(plan, error)) {
        bit_plan_free(plan);
        return -1;
    }
    return 0;
}

void bit_plan_free(struct bit_plan *plan)
{
    bit_problems_free(&plan->warnings);
}
