/* Bytes: of a rank while it trains, and of a generation. */
#include <string.h>

#include "bit/limits.h"
#include "bit/share.h"
#include "bit/tree.h"
#include "recipe/recipe.h"

/* What the process holds besides our own arrays: program, libraries, stacks, MPI's buffers; a loader's decoder; an image in the index,
 * whose name has some 20 characters; a box that was found, as a result. */
enum { PROGRAM_BYTES = 46 << 20, LOADER_BYTES = 2 << 20, INDEX_BYTES = 40, DETECTION_BYTES = 64 };

/* Batch norm keeps a running mean and variance a norm: as many numbers as it has gammas and betas. */
static uint64_t statistics_bytes(const struct bit_model_options *options, const struct bit_table *table)
{
    uint64_t numbers = 0;
    for (size_t i = 0; i < table->count && options->norm == BIT_BATCH_NORM; i++)
        if (table->items[i].kind == BIT_GAMMA || table->items[i].kind == BIT_BETA)
            numbers += table->items[i].count;
    return numbers * sizeof(float);
}

/* The index of the images: name, and where name, folder and label stand. The ranks of a machine share it as far as they can. */
static uint64_t index_bytes(const struct bit_plan *plan)
{
    const struct bit_probe_data *probe = &plan->recipe->probe.data;
    return (plan->recipe->train_images + plan->recipe->val_images + probe->train + probe->test) * INDEX_BYTES;
}

/* A micro-batch of images. */
static uint64_t image_bytes(const struct bit_model_options *options)
{
    uint64_t side = (uint64_t)options->image_size;
    return (uint64_t)options->micro_batch * side * side * 3 * bit_type_size(options->precision);
}

/* Micro-batches decoded ahead, and the one that is worked on. Training's stream takes as much as an evaluation's. */
static uint64_t stream_bytes(const struct bit_recipe *r)
{
    const struct bit_stream_options *stream = &r->training_stream;
    uint64_t partner = stream->mixup > 0 ? image_bytes(&r->training_model) / (uint64_t)r->training_model.micro_batch : 0;
    return ((uint64_t)stream->prefetch + 1) * image_bytes(&r->training_model) + (uint64_t)stream->loaders * (LOADER_BYTES + partner);
}

/* While a checkpoint is made: momentum in the order of the table, this rank's part of it, and what is on its way there
 * from the other ranks. */
static uint64_t save_bytes(const struct bit_plan *plan, const struct bit_table *table)
{
    uint64_t window = bit_momentum_window(table->elements), ranks = (uint64_t)plan->recipe->ranks;
    return ranks == 1 ? 0 : (table->elements / ranks + 2 * window + window / ranks) * sizeof(float);
}

/* What is written beside training: this rank's part of weights and momentum, copied. Of several ranks the momentum is in
 * save_bytes already. */
static uint64_t snapshot_bytes(const struct bit_recipe *r, const struct bit_table *table)
{
    const struct bit_job *job = r->job;
    uint64_t part = table->elements / (uint64_t)r->ranks * sizeof(float);
    if (!job->checkpoint.background || (!job->checkpoint.every_steps && job->checkpoint.every_minutes <= 0))
        return 0;
    return (r->ranks == 1 ? 2 : 1) * part + statistics_bytes(&r->training_model, table);
}

/* While validation images are looked at: a stream of its own, and for batch norm a network that takes a micro-batch. */
static int evaluation_bytes(const struct bit_recipe *r, uint64_t *bytes, struct bit_error *error)
{
    struct bit_model_memory memory;
    const struct bit_head *head = &r->head.head;
    *bytes = stream_bytes(r);
    if (head->operations->needs_records && head->operations->needs_records(head)) /* rank 0: of all images, and its own on the way there */
        *bytes += (r->val_images + r->val_images / (uint64_t)r->ranks) * head->operations->record_bytes(head);
    if (r->detects) /* rank 0: the boxes that were found as results, beside the annotations */
        *bytes += r->val_images * (uint64_t)r->head.detect.detections.most * DETECTION_BYTES;
    if (r->evaluation_model.norm != BIT_BATCH_NORM)
        return 0;
    if (bit_model_estimate(&r->evaluation_model, &memory, error))
        return -1;
    *bytes += memory.packed_weights + memory.activations + memory.scratch + memory.other;
    return 0;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The system of one regression, in double: features, targets, matrix, solutions, weights (src/features/ridge.c). */
static uint64_t regression_bytes(uint64_t rows, uint64_t channels, uint64_t classes)
{
    const uint64_t size = rows > channels ? channels : rows;
    return (rows * (channels + classes) + size * size + 2 * size * classes + (channels + 1) * classes + 2 * channels) * sizeof(double);
}

/* While the features are probed, on rank 0: the features of the drawn and the test images, those that are being gathered beside the part
 * of this rank, or a regression; with the stream, and for batch norm its network. */
static int probe_bytes(const struct bit_recipe *r, const struct bit_table *table, uint64_t *bytes, struct bit_error *error)
{
    enum { ROW_BYTES = 12 + 8 /* where labels start, a label; the image's number */, MARK_BYTES = 1 + 12 };
    const struct bit_probe_data *data = &r->probe.data;
    uint64_t channels = 0, ranks = (uint64_t)r->ranks, classes = (uint64_t)data->classes, shots = 0;
    struct bit_model_memory memory = {0};
    for (size_t i = 0; i < table->count; i++)
        if (table->items[i].kind == BIT_GAMMA)
            channels = table->items[i].count; /* of the last norm: the features */
    for (int i = 0; i < r->probe.shots; i++)
        shots = (uint64_t)r->probe.shot[i] > shots ? (uint64_t)r->probe.shot[i] : shots;
    const uint64_t one = least(data->train, classes * shots), drawn = least(data->train, one * (uint64_t)r->probe.seeds);
    const uint64_t row = channels * sizeof(float) + ROW_BYTES, most = data->test > drawn ? data->test : drawn;
    const uint64_t extracting = (drawn + data->test) * row + most / ranks * row + stream_bytes(r);
    const uint64_t solving = (drawn + data->test) * row + regression_bytes(one, channels, classes);
    if (r->evaluation_model.norm == BIT_BATCH_NORM && bit_model_estimate(&r->evaluation_model, &memory, error))
        return -1;
    *bytes = data->train * MARK_BYTES + (extracting > solving ? extracting : solving) + memory.packed_weights + memory.activations +
             memory.scratch + memory.other;
    return 0;
}

/* Beside the weights: this rank's part of those that the run began with, where it is pulled to them. */
static uint64_t kept_start_bytes(const struct bit_recipe *r, const struct bit_table *table)
{
    return r->step.start_decay > 0 ? table->elements / (uint64_t)r->ranks * sizeof(float) : 0;
}

/* Before the first step, on rank 0: the start's weights on their way into the run's; on all ranks, a copy of them, when the run is resumed. */
static uint64_t start_bytes(const struct bit_recipe *r, const struct bit_table *table)
{
    uint64_t block = (uint64_t)table->elements * sizeof(float);
    return !*r->job->model.start ? 0 : r->step.start_decay > 0 ? 2 * block : block;
}

int bit_plan_memory(struct bit_plan *plan, const struct bit_table *table, struct bit_error *error)
{
    const struct bit_recipe *r = plan->recipe;
    const struct bit_model_options *options = &r->training_model;
    const struct bit_job *job = r->job;
    struct bit_model_memory model;
    uint64_t block = (uint64_t)table->elements * sizeof(float), save = save_bytes(plan, table), evaluation = 0, probe = 0;
    bool evaluates = r->val_images && (job->evaluation.at_end || job->evaluation.every_steps || job->evaluation.every_epochs > 0);
    if (bit_model_estimate(options, &model, error) || (evaluates && evaluation_bytes(r, &evaluation, error)) ||
        (r->probe.shots && r->probe.data.test && probe_bytes(r, table, &probe, error)))
        return -1;
    uint64_t most = save > evaluation ? save : evaluation;
    most = probe > most ? probe : most;
    uint64_t start = start_bytes(r, table);
    /* Weights are read before the first pass touches the activations. */
    if (start > most + model.activations)
        most = start - model.activations;
    plan->memory.weights = block;
    /* Batch norm takes the rank's micro-batches together: there is nothing to add up. */
    plan->memory.gradients = bit_tree_bytes(table, options->norm == BIT_BATCH_NORM ? 1 : r->micro_batches);
    plan->memory.momentum = block / (uint64_t)r->ranks;
    plan->memory.packed = model.packed_weights;
    plan->memory.activations = model.activations;
    plan->memory.scratch = model.scratch;
    plan->memory.stream = stream_bytes(r);
    if (options->norm == BIT_BATCH_NORM) /* the rank's batch, gathered from the stream */
        plan->memory.stream += (uint64_t)r->micro_batches * image_bytes(options);
    plan->memory.snapshot = snapshot_bytes(r, table);
    plan->memory.other = model.other + bit_reduction_bytes(table->elements, 0, r->ranks) + PROGRAM_BYTES +
                         index_bytes(plan) + kept_start_bytes(r, table) + most;
    plan->memory.total = plan->memory.weights + plan->memory.gradients + plan->memory.momentum + plan->memory.packed +
                         plan->memory.activations + plan->memory.scratch + plan->memory.stream + plan->memory.snapshot +
                         plan->memory.other;
    return 0;
}

/* Threads that are neither OpenMP's nor loaders: watchdog, writer, reduction, MPI's. */
enum { HELPERS = 8 };

/* Threads that call OpenBLAS: all on its own backend; else the product of a linear head alone, by the rule of its backend
 * (compute/openblas.c). */
static int multiplying_threads(const struct bit_plan *plan)
{
    const struct bit_recipe *r = plan->recipe;
    bool linear = !r->head.head.operations->create; /* others have convolutions, not a product */
    double product = !linear ? 0 : (double)r->step.micro_batch * (double)plan->head_numbers;
    return product < 1e6 && !strcmp(bit_backend_name(r->training_model.backend), "onednn") ? 1 : r->threads;
}

uint64_t bit_plan_address_space(const struct bit_plan *plan)
{
    const struct bit_recipe *r = plan->recipe;
    return plan->memory.total - PROGRAM_BYTES + bit_limits_stacks(r->threads + r->training_stream.loaders + HELPERS) +
           (uint64_t)multiplying_threads(plan) * BIT_LIMITS_BLAS + BIT_LIMITS_SLACK;
}

/* Weights and momentum once over all shards; HDF5's metadata, manifest and master file are small beside them. */
uint64_t bit_plan_checkpoint_bytes(const struct bit_plan *plan, const struct bit_table *table)
{
    return 2 * (uint64_t)table->elements * sizeof(float) + statistics_bytes(&plan->recipe->training_model, table) +
           (uint64_t)(plan->recipe->ranks + 1) * (4096 + 512 * (uint64_t)table->count);
}
