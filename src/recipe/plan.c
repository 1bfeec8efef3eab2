#include "bit/recipe.h"

#include <sched.h>
#include <string.h>
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

void bit_plan_model_options(const struct bit_job *job, int classes, int ranks, bool training, union bit_any_head *head,
                            struct bit_model_options *options)
{
    bool batch_norm = !strcmp(job->model.norm, "batch");
    bit_classify_init(&head->classify, classes, !strcmp(job->loss, "sigmoid") ? BIT_SIGMOID : BIT_SOFTMAX, job->model.head_bias);
    *options = (struct bit_model_options){
        .depth = job->model.depth,
        .width = job->model.width,
        .head = &head->head,
        .norm = batch_norm ? BIT_BATCH_NORM : BIT_GROUP_NORM,
        .weight_standardization = job->model.weight_standardization,
        .batch_norm_global = !strcmp(job->model.batch_norm_scope, "global"),
        .roles = {.decay_kernels_only = !strcmp(job->schedule.weight_decay_on, "kernels")},
        .image_size = job->data.size,
        .micro_batch = job->micro_batch,
        .micro_batches = batch_norm && training ? job->schedule.batch / (ranks * job->micro_batch) : 1,
        .precision = !strcmp(job->precision, "bfloat16") ? BIT_BFLOAT16 : BIT_FLOAT32,
        .training = training,
        .backend = bit_backend_find(job->backend, NULL),
    };
}

/* Forward, gradient with respect to the data, gradient with respect to the weights: three times the forward pass, but
 * the root convolution needs no gradient with respect to the images. */
double bit_plan_step_flops(const struct bit_model_options *o)
{
    double side = (o->image_size - 1) / 2 + 1;
    double root = 2.0 * 7 * 7 * 3 * (64.0 * o->width) * side * side;
    return 3 * bit_model_flops(o) - root;
}

static int check_ranks(const struct bit_job *job, int ranks, struct bit_error *error)
{
    int batch = job->schedule.batch, micro = job->micro_batch, most = batch / micro, near = ranks < most ? ranks : most;
    if (ranks < 1)
        return bit_fail(error, BIT_EUSAGE, "expected at least 1 rank, found %d", ranks);
    if (ranks <= most && most % ranks == 0)
        return 0;
    while (most % near)
        near--;
    return bit_fail(error, BIT_EUSAGE, "schedule.batch: %d images cannot be shared by %d ranks in micro-batches of %d: "
                    "expected a multiple of %lld; %d ranks would do", batch, ranks, micro, (long long)ranks * micro, near);
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
static int measure(const struct bit_job *job, struct bit_plan *plan, struct bit_error *error)
{
    struct bit_model_options options;
    union bit_any_head head;
    bit_plan_model_options(job, plan->classes, plan->ranks, true, &head, &options);
    if (!options.backend && !bit_backend_find(job->backend, error))
        return bit_fail_at(error, "backend");
    struct bit_table *table = bit_model_make_table(&options, error);
    if (!table)
        return -1;
    int threads = bit_compute_thread_count();
    bit_compute_threads(plan->threads);
    int result = bit_plan_memory(plan, job, &options, table, error) || compare_precisions(&options, &plan->speed_up, error) ? -1 : 0;
    bit_compute_threads(threads);
    if (!result) {
        plan->numbers = table->numbers;
        plan->head_numbers = head_numbers(table);
        plan->flops_an_image = bit_plan_step_flops(&options);
        plan->checkpoint_bytes = bit_plan_checkpoint_bytes(plan, table, &options);
    }
    bit_table_destroy(table);
    return result;
}

int bit_plan_create(const struct bit_job *job, int ranks, int classes, uint64_t train_images, uint64_t val_images,
                    struct bit_plan *plan, struct bit_error *error)
{
    int cores = bit_plan_cores();
    *plan = (struct bit_plan){.ranks = ranks, .classes = classes, .train_images = train_images,
                              .val_images = val_images};
    if (check_ranks(job, ranks, error))
        return -1;
    if (classes < 1)
        return bit_fail(error, BIT_EUSAGE, "model.classes: expected at least 1 class, found %d", classes);
    if (bit_schedule_create(job, train_images, &plan->schedule, error))
        return -1;
    plan->threads = job->threads ? job->threads : cores > ranks ? cores / ranks : 1;
    plan->micro_batches = job->schedule.batch / (ranks * job->micro_batch);
    if (measure(job, plan, error) || bit_plan_warn(plan, job, error)) {
        bit_plan_free(plan);
        return -1;
    }
    return 0;
}

void bit_plan_free(struct bit_plan *plan)
{
    bit_problems_free(&plan->warnings);
}
