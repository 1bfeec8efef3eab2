/* A job that leaves keys open, settled without a run: from the data and the weights where they are here, else from what the job states. */
#include "bit/data.h"
#include "bit/file.h"
#include "bit/start.h"
#include "cli/cli.h"

static int find_images(const struct bit_job *job, const struct bit_index *index, uint64_t images, int classes, struct bit_rule_facts *facts,
                       struct bit_error *error)
{
    struct bit_subset *subset = NULL;
    const int per_class = job->data.per_class;
    facts->examples = images;
    if (!job->detect.empty_images && index && bit_index_has_boxes(index) && bit_index_images(index) == images) {
        if (!(subset = bit_subset_with_boxes(index, error)))
            return -1;
        facts->examples = subset->count;
    } else if (per_class && index && bit_index_images(index) == images) {
        if (!(subset = bit_subset_create(index, per_class, job->data.per_class_seed, error)))
            return -1;
        facts->examples = subset->count;
    } else if (per_class && (uint64_t)per_class * (uint64_t)classes < images) {
        facts->examples = (uint64_t)per_class * (uint64_t)classes;
    }
    bit_subset_destroy(subset);
    facts->pixels = job->finetune.pixels;
    facts->pixels_stated = facts->pixels > 0;
    if (facts->pixels || !bit_job_is_open(job, NULL))
        return 0;
    if (!index)
        return bit_fail(error, BIT_ENOINPUT, "the rule of fine-tuning goes by the size of the images in %s, which were not looked at: state it "
                        "in finetune.pixels (width x height)", job->data.train);
    struct bit_stream_options options;
    bit_recipe_limits(job, &options);
    options.index = index;
    return bit_index_measure(&options, &facts->pixels, error) ? bit_fail_at(error, "data.train") : 0;
}

static int find_network(const struct bit_job *job, struct bit_rule_facts *facts, struct bit_error *error)
{
    facts->depth = job->model.depth;
    facts->width = job->model.width;
    facts->weight_standardization = true;
    if (!bit_job_is_open(job, "model.depth") && !bit_job_is_open(job, "model.width") && !bit_file_exists(job->model.start))
        return 0;
    struct bit_start *start = bit_start_open(job->model.start, error);
    if (!start)
        return bit_fail_at(error, "model.start (to plan without it give model.depth and model.width)");
    const struct bit_start_network *n = bit_start_network(start);
    facts->depth = n->depth;
    facts->width = n->width;
    facts->batch_norm = n->batch_norm;
    facts->weight_standardization = n->weight_standardization;
    bit_start_close(start);
    return 0;
}

int bit_cli_settle(const struct bit_job **job, const struct bit_index *index, uint64_t *images, int classes, struct bit_choices *choices,
                   struct bit_error *error)
{
    struct bit_rule_facts facts = {0};
    choices->count = 0;
    if (find_images(*job, index, *images, classes, &facts, error))
        return -1;
    *images = facts.examples;
    if (!bit_job_is_open(*job, NULL))
        return 0;
    if (find_network(*job, &facts, error))
        return -1;
    const struct bit_job *settled = bit_recipe_settle(*job, &facts, choices, error);
    if (!settled)
        return -1;
    bit_job_destroy(*job);
    *job = settled;
    return 0;
}
