#include <string.h>

#include "bit/memory.h"
#include "run/run.h"
#include "run/start.h"

/* ---- what the job leaves open ---- */

/* Rank 0. */
static int open_start(struct run *run)
{
    if (run->start)
        return 0;
    run->start = bit_start_open(run->job->model.start, &run->error);
    return run->start ? 0 : bit_fail_at(&run->error, "model.start");
}

static int measure(struct run *run, struct bit_rule_facts *facts)
{
    struct bit_stream_options options;
    facts->pixels_stated = run->job->finetune.pixels > 0;
    facts->pixels = run->job->finetune.pixels;
    if (facts->pixels)
        return 0;
    bit_recipe_limits(run->job, &options);
    options.index = run->train;
    options.subset = run->subset;
    return bit_index_measure(&options, &facts->pixels, &run->error) ? bit_fail_at(&run->error, "data.train") : 0;
}

/* Rank 0. */
static int find_facts(struct run *run, struct bit_rule_facts *facts)
{
    if (open_start(run) || measure(run, facts))
        return -1;
    const struct bit_start_network *n = bit_start_network(run->start);
    facts->examples = run_train_images(run);
    facts->depth = n->depth;
    facts->width = n->width;
    facts->batch_norm = n->batch_norm;
    facts->weight_standardization = n->weight_standardization;
    return 0;
}

static int draw_subset(struct run *run)
{
    if (run->job->data.per_class)
        run->subset = bit_subset_create(run->train, run->job->data.per_class, run->job->data.per_class_seed, &run->error);
    else if (!run->job->detect.empty_images && bit_index_has_boxes(run->train))
        run->subset = bit_subset_with_boxes(run->train, &run->error);
    return run_agree_alike(run);
}

int start_settle(struct run *run)
{
    struct bit_rule_facts facts = {0};
    struct bit_choices choices;
    if (draw_subset(run))
        return -1;
    if (!bit_job_is_open(run->job, NULL))
        return 0;
    if (run_is_first(run))
        find_facts(run, &facts);
    if (run_follow(run) || bit_group_broadcast(run->world, &facts, sizeof facts, 0, &run->error))
        return -1;
    const struct bit_job *settled = bit_recipe_settle(run->job, &facts, &choices, &run->error);
    if (settled) {
        bit_job_destroy(run->job);
        run->job = settled;
    }
    for (size_t i = 0; settled && i < choices.count; i++)
        run_tell(run, BIT_LOG_DEBUG, "%s %s: %s", choices.item[i].key, choices.item[i].value, choices.item[i].reason);
    return run_agree_alike(run);
}

/* ---- weights ---- */

/* What `auto` comes to. A detection's pyramid and nets are worth keeping for other classes, too; a classifier's head is nothing but its classes. */
static enum bit_start_head choose_head(const struct run *run, const char *from, const char *to, const char **words)
{
    const struct bit_table *table = bit_start_table(run->start), *onto = bit_model_table(run->model);
    const char *misfit = bit_start_misfit(table, onto);
    const bool same = *from && !strcmp(from, to) && (size_t)run->classes == bit_start_network(run->start)->classes;
    if (misfit) {
        *words = bit_table_find(table, misfit) < 0 ? "a new head, for it has none of this kind" : "a new head, for its own has other shapes";
        return BIT_START_ZERO;
    }
    if (same) {
        *words = "its head too, for the classes are the same";
        return BIT_START_SAME;
    }
    if (run->recipe->detects && *from) {
        *words = "its pyramid and nets too, with the rows of classes of the same name";
        return BIT_START_NAMES;
    }
    *words = *from ? "a new head, for the classes are others" : "a new head, for it does not say its classes";
    return BIT_START_ZERO;
}

static enum bit_start_head head_of(const struct run *run, const char *from, const char *to, const char **words)
{
    switch (run->recipe->head_from) {
    case BIT_HEAD_AUTO: return choose_head(run, from, to, words);
    case BIT_HEAD_NAMES: *words = "the head's rows of classes of the same name"; return BIT_START_NAMES;
    case BIT_HEAD_ORDER: *words = "its head too, row by row"; return BIT_START_SAME;
    case BIT_HEAD_ZERO: break;
    }
    *words = "a new head";
    return BIT_START_ZERO;
}

/* Batch norm's running statistics: those of the same tables. */
static int take_statistics(struct run *run, const float *statistics)
{
    const struct bit_table *theirs = bit_start_statistics_table(run->start), *ours = bit_model_statistics_table(run->model);
    if (!ours)
        return 0;
    if (!theirs || !bit_table_equal(theirs, ours))
        return bit_fail(&run->error, BIT_EUSAGE, "%s has no statistics of batch norm: model.norm must be group", bit_start_name(run->start));
    memcpy(bit_model_statistics(run->model), statistics, ours->elements * sizeof *statistics);
    return 0;
}

/* Rank 0: reads the start and copies it over `block`, which holds what is drawn. */
static int take_start(struct run *run, float *block, bool with_statistics)
{
    if (open_start(run))
        return -1;
    const struct bit_table *table = bit_start_table(run->start), *statistics_table = bit_start_statistics_table(run->start);
    const char *names = bit_start_classes(run->start), *words = "";
    struct bit_text ours = {0};
    size_t taken = 0;
    float *statistics = NULL, *weights = bit_allocate(table->elements, sizeof *weights, "the weights to begin with", &run->error);
    if (weights && statistics_table)
        statistics = bit_allocate(statistics_table->elements, sizeof *statistics, "batch statistics", &run->error);
    if (!run->error.code && !bit_index_class_names(run->train, &ours, &run->error) && !bit_start_read(run->start, weights, statistics, &run->error)) {
        enum bit_start_head head = head_of(run, names, ours.data, &words);
        if (!bit_start_take(table, weights, names, head, bit_model_table(run->model), block, ours.data, &taken, &run->error) &&
            (!with_statistics || !take_statistics(run, statistics)) && with_statistics)
            run_tell(run, BIT_LOG_INFO, "begins with %s, R%dx%d: %s (%zu of %d classes taken over)", bit_start_name(run->start),
                     bit_start_network(run->start)->depth, bit_start_network(run->start)->width, words, taken, run->classes);
    }
    bit_text_free(&ours);
    bit_free(statistics);
    bit_free(weights);
    return run->error.code ? -1 : 0;
}

/* The weights of the start into `block`, on every rank. */
static int fill(struct run *run, float *block, bool with_statistics)
{
    const struct bit_table *statistics = bit_model_statistics_table(run->model);
    bit_model_initialise(run->model, run->recipe->initialisation, run->job->seed, block, &run->error);
    if (run_agree(run) || !*run->job->model.start)
        return run->error.code ? -1 : 0;
    if (run_is_first(run))
        take_start(run, block, with_statistics);
    bit_start_close(run->start);
    run->start = NULL;
    if (run_follow(run) || bit_group_broadcast(run->world, block, bit_model_table(run->model)->elements * sizeof *block, 0, &run->error))
        return -1;
    if (statistics && with_statistics)
        return bit_group_broadcast(run->world, bit_model_statistics(run->model), statistics->elements * sizeof(float), 0, &run->error);
    return 0;
}

int start_weights(struct run *run)
{
    return fill(run, run->weights, true);
}

int start_keep(struct run *run, bool fresh)
{
    const struct bit_table *table = bit_model_table(run->model);
    float *block = run->weights;
    if (!(run->recipe->step.start_decay > 0))
        return 0;
    if (!fresh) {
        block = bit_allocate(table->elements, sizeof *block, "the weights of the start", &run->error);
        if (run_agree(run) || fill(run, block, false)) {
            bit_free(block);
            return -1;
        }
    }
    struct bit_hash hash = bit_table_hash(table, block);
    char text[BIT_HASH_TEXT];
    bit_hash_text(hash, text);
    if (!fresh && *run->standing.start && strcmp(run->standing.start, text))
        bit_fail(&run->error, BIT_EUSAGE, "model.start: %s holds other weights than those that this run began with, to which "
                 "schedule.start_decay pulls", run->job->model.start);
    memcpy(run->standing.start, text, sizeof text);
    bit_trainer_set_start(run->trainer, block);
    if (!fresh)
        bit_free(block);
    return run_agree_alike(run);
}
