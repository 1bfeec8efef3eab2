#include "run/measure.h"

#include <string.h>

#include "bit/clock.h"
#include "bit/features.h"
#include "run/census.h"
#include "run/detections.h"
#include "run/predictions.h"
#include "run/run.h"
#include "run/signals.h"

static void tell(const struct run *run, const struct bit_evaluation *e)
{
    char seconds[32];
    bit_clock_duration(e->seconds, seconds, sizeof seconds);
    struct bit_text metrics = {0};
    for (int i = 0; i < e->metrics.count && i < 2; i++) { /* the files have all */
        char value[32];
        bit_metric_text(&e->metrics.item[i], value, sizeof value);
        bit_text_add(&metrics, "%s %s, ", e->metrics.item[i].title, value);
    }
    run_tell(run, BIT_LOG_INFO, "evaluation at step %llu: %sloss %.4f, %llu images in %s",
             (unsigned long long)run->standing.step, metrics.data ? metrics.data : "", e->loss, (unsigned long long)e->images,
             seconds);
    bit_text_free(&metrics);
}

/* The training model evaluates, too, but with batch norm it takes the rank's whole batch at once; then a model of one
 * micro-batch is made for as long as the evaluation lasts. */
static struct bit_model *create_model(struct run *run)
{
    const struct bit_table *table = bit_model_statistics_table(run->model);
    struct bit_model_options options = run->recipe->evaluation_model;
    if (!table || run->options->evaluate)
        return run->model;
    options.group = run->world;
    struct bit_model *model = bit_model_create(&options, &run->error);
    if (model)
        memcpy(bit_model_statistics(model), bit_model_statistics(run->model), table->elements * sizeof(float));
    return model;
}

/* ---- probe ---- */

static void set_few(const struct bit_recipe *recipe, struct bit_few_options *few)
{
    bit_few_init(few);
    few->neighbours = 0;
    few->shots = recipe->probe.shots;
    memcpy(few->shot, recipe->probe.shot, sizeof few->shot);
    few->seeds = recipe->probe.seeds;
    few->l2 = recipe->probe.l2;
    for (int i = 0; i < few->seeds; i++)
        few->seed[i] = (uint64_t)i;
}

/* Rank 0. */
static void tell_probe(struct run *run, const struct bit_few_options *few, const struct bit_few_result *result, double seconds)
{
    struct bit_text words = {0}, members = {0};
    char took[32];
    const uint64_t step = run->standing.step;
    bit_clock_duration(seconds, took, sizeof took);
    for (int i = 0; i < few->shots; i++)
        bit_text_add(&words, "%s%d a class %.2f %%", i ? ", " : "", result->row[i].shots, 100 * result->row[i].median);
    run_tell(run, BIT_LOG_INFO, "probe at step %llu: %s, %llu images in %s", (unsigned long long)step, words.data ? words.data : "",
             (unsigned long long)result->test_images, took);
    bit_few_json(few, result, &members);
    if (members.failed)
        bit_fail(&run->error, BIT_EENVIRONMENT, "out of memory: a probe");
    else
        bit_metrics_log_probe(run->metrics, step, bit_schedule_epoch(&run->recipe->schedule, step), seconds, members.data, &run->error);
    bit_text_free(&words);
    bit_text_free(&members);
}

int measure_probe(struct run *run)
{
    struct bit_few_options few;
    struct bit_few_result result;
    struct bit_stream_options stream = run->recipe->evaluation_stream;
    struct bit_model *model = create_model(run);
    double before = bit_clock_seconds();
    int verdict = -1;
    stream.stretch = !stream.squash;
    set_few(run->recipe, &few);
    if (model)
        bit_model_set_weights(model, run->weights, &run->error);
    if (run_agree(run) == 0) {
        const struct bit_few_task task = {.options = &few, .model = model, .stream = &stream, .group = run->world, .train = run->probe_train,
                                          .test = run->probe_test, .stop = signals_stop};
        verdict = bit_few_run(&task, &result, &run->error);
    }
    if (model != run->model)
        bit_model_destroy(model);
    if (verdict)
        return verdict;
    run->standing.probed = run->standing.step;
    if (run_is_first(run))
        tell_probe(run, &few, &result, bit_clock_seconds() - before);
    return run_follow(run);
}

/* ---- evaluation ---- */

int measure(struct run *run)
{
    struct bit_evaluation result;
    struct bit_stream *stream = NULL;
    struct bit_model *model = create_model(run);
    struct bit_records records = {0};
    int verdict = -1;

    if (run->error.code == BIT_OK)
        stream = run_open_stream(run, false);
    if (stream && model)
        bit_model_set_weights(model, run->weights, &run->error);
    if (predictions_wanted(run) && run_is_first(run) && run->error.code == BIT_OK)
        predictions_check(run);
    if (run_agree(run) == 0) {
        struct bit_evaluation_options options = {
            .model = model, .stream = stream, .group = run->world,
            .micro_batch = run->recipe->step.micro_batch, .images = bit_index_images(run->val), .stop = signals_stop,
            .records = predictions_wanted(run) && !run->recipe->detects ? &records : NULL,
            .judge = run->recipe->detects ? detections_judge : NULL, .context = run,
        };
        verdict = bit_evaluate(&options, &result, &run->error);
        if (verdict == 0 && (census_list(run, stream) || census_judge(run, result.bad, options.images, options.images)))
            verdict = -1;
        if (verdict == 0 && options.records) {
            if (run_is_first(run))
                predictions_write(run, &records, result.bad);
            verdict = run_follow(run);
        }
    }
    bit_records_free(&records);
    bit_stream_destroy(stream);
    if (model != run->model)
        bit_model_destroy(model);
    if (verdict == 0) {
        standing_evaluated(&run->standing, &result);
        tell(run, &result);
    }
    return verdict;
}
