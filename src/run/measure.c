#include "run/measure.h"

#include "bit/clock.h"
#include "bit/log.h"
#include "run/run.h"
#include "run/signals.h"

static void tell(const struct run *run, const struct bit_evaluation *e)
{
    char seconds[32];
    bit_clock_duration(e->seconds, seconds, sizeof seconds);
    if (run->loss == BIT_SIGMOID)
        bit_log(BIT_LOG_INFO, "evaluation at step %llu: precision at 1 %.2f %%, at 5 %.2f %%, loss %.4f, %llu images in %s",
                (unsigned long long)run->standing.step, 100 * e->top1, 100 * e->top5, e->loss,
                (unsigned long long)e->images, seconds);
    else
        bit_log(BIT_LOG_INFO, "evaluation at step %llu: top-1 %.2f %%, top-5 %.2f %%, loss %.4f, %llu images in %s",
                (unsigned long long)run->standing.step, 100 * e->top1, 100 * e->top5, e->loss,
                (unsigned long long)e->images, seconds);
}

int measure(struct run *run)
{
    struct bit_stream_options stream_options;
    char quarantine[PATH_MAX];
    struct bit_evaluation result;
    struct bit_stream *stream = NULL;
    int verdict = -1;

    run_path(run, "quarantine.tsv", quarantine, &run->error);
    run_stream_options(run, false, quarantine, &stream_options);
    if (run->error.code == BIT_OK)
        stream = bit_stream_create(&stream_options, &run->error);
    if (stream)
        bit_model_set_weights(run->model, run->weights, &run->error);
    if (run_agree(run) == 0) {
        struct bit_evaluation_options options = {
            .model = run->model, .stream = stream, .group = run->world, .loss = run->loss, .classes = run->classes,
            .micro_batch = run->job->micro_batch, .images = bit_index_images(run->val), .stop = signals_stop,
        };
        verdict = bit_evaluate(&options, &result, &run->error);
    }
    bit_stream_destroy(stream);
    if (verdict == 0) {
        standing_evaluated(&run->standing, &result);
        if (run_is_first(run))
            tell(run, &result);
    }
    return verdict;
}
