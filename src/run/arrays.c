#include "run/arrays.h"

#include "bit/clock.h"
#include "bit/memory.h"
#include "run/run.h"

void arrays_fill(const struct run *run, struct bit_arrays *arrays)
{
    *arrays = (struct bit_arrays){
        .table = bit_model_table(run->model),
        .weights = run->weights,
        .momentum = run->trainer ? bit_trainer_velocity(run->trainer) : NULL,
        .share = run->trainer ? bit_trainer_share(run->trainer) : NULL,
        .statistics_table = bit_model_statistics_table(run->model),
        .statistics = bit_model_statistics(run->model),
    };
}

int arrays_describe(struct run *run, struct bit_checkpoint *checkpoint)
{
    const struct standing *s = &run->standing;
    struct bit_text classes = {0}, data = {0}, extra = {0};
    double seconds = run->loop.started > 0 ? bit_clock_seconds() - run->loop.started : 0;
    bit_index_class_names(run->train, &classes, &run->error);
    bit_text_add(&data, "%s %s", run->classes_fingerprint, run->images_fingerprint);
    standing_write(s, s->bad + run->loop.bad, s->seconds + seconds, &extra);
    *checkpoint = (struct bit_checkpoint){
        .step = s->step,
        .samples = s->step * (uint64_t)run->recipe->schedule.batch,
        .epoch = bit_schedule_epoch(&run->recipe->schedule, s->step),
        .job = run->job->canonical,
        .model = run->model_text,
        .classes = classes.data,
        .data_fingerprint = data.data,
        .extra = extra.data,
    };
    if (classes.failed || data.failed || extra.failed)
        return bit_fail(&run->error, BIT_EENVIRONMENT, "out of memory: the description of a checkpoint");
    return 0;
}

void arrays_forget(struct bit_checkpoint *checkpoint)
{
    bit_free(checkpoint->classes);
    bit_free(checkpoint->data_fingerprint);
    bit_free(checkpoint->extra);
    *checkpoint = (struct bit_checkpoint){0};
}
