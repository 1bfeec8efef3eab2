/* Bytes: of a rank while it trains, and of a generation. */
#include <string.h>

#include "bit/tree.h"
#include "plan/plan.h"

/* What the process holds besides our own arrays: program and libraries (MPI, BLAS, HDF5), stacks, MPI's buffers. */
enum { PROGRAM_BYTES = 60 << 20, LOADER_BYTES = 2 << 20, REDUCE_WINDOW = 4, REDUCE_BUCKET = 1 << 20 };

/* comm keeps up to REDUCE_WINDOW buckets on their way: half a bucket each, or a whole one when the number of ranks is
 * not a power of two. */
static uint64_t reduction_bytes(int ranks, size_t elements)
{
    uint64_t bucket = elements < REDUCE_BUCKET ? elements : REDUCE_BUCKET;
    if (ranks == 1)
        return 0;
    return REDUCE_WINDOW * bucket * sizeof(float) / (ranks & (ranks - 1) ? 1 : 2);
}

/* Batch norm keeps a running mean and variance a norm: as many numbers as it has gammas and betas. */
static uint64_t statistics_bytes(const struct bit_model_options *options, const struct bit_table *table)
{
    uint64_t numbers = 0;
    for (size_t i = 0; i < table->count && options->norm == BIT_BATCH_NORM; i++)
        if (table->items[i].kind == BIT_GAMMA || table->items[i].kind == BIT_BETA)
            numbers += table->items[i].count;
    return numbers * sizeof(float);
}

/* Micro-batches decoded ahead, and the one that the step works on. */
static uint64_t stream_bytes(const struct bit_job *job, const struct bit_plan *plan,
                             const struct bit_model_options *options)
{
    uint64_t loaders = (uint64_t)(job->data.loaders ? job->data.loaders : plan->threads);
    uint64_t side = (uint64_t)options->image_size;
    uint64_t batch = (uint64_t)options->micro_batch * side * side * 3 * bit_type_size(options->precision);
    return ((uint64_t)job->data.prefetch + 1) * batch + loaders * LOADER_BYTES;
}

void bit_plan_memory(struct bit_plan *plan, const struct bit_job *job, const struct bit_model_options *options,
                 const struct bit_table *table, const struct bit_model_memory *memory)
{
    uint64_t block = (uint64_t)table->elements * sizeof(float);
    plan->memory.weights = block;
    plan->memory.gradients = bit_tree_bytes(table, plan->micro_batches);
    plan->memory.momentum = block / (uint64_t)plan->ranks;
    plan->memory.packed = memory->packed_weights;
    plan->memory.activations = memory->activations;
    plan->memory.scratch = memory->scratch;
    plan->memory.stream = stream_bytes(job, plan, options);
    plan->memory.other = memory->other + reduction_bytes(plan->ranks, table->elements) + PROGRAM_BYTES;
    plan->memory.total = plan->memory.weights + plan->memory.gradients + plan->memory.momentum + plan->memory.packed +
                         plan->memory.activations + plan->memory.scratch + plan->memory.stream + plan->memory.other;
}

/* Weights and momentum once over all shards; HDF5's metadata, manifest and master file are small beside them. */
uint64_t bit_plan_checkpoint_bytes(const struct bit_plan *plan, const struct bit_table *table,
                               const struct bit_model_options *options)
{
    return 2 * (uint64_t)table->elements * sizeof(float) + statistics_bytes(options, table) +
           (uint64_t)(plan->ranks + 1) * (4096 + 512 * (uint64_t)table->count);
}
