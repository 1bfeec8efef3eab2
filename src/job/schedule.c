/* Steps, epochs and learning rates of a job over a number of images. */
#include <math.h>
#include <string.h>

#include "bit/job.h"

static const double PI = 3.14159265358979323846;

/* ceil(epochs * images / batch), but a product that is whole but for the rounding of `epochs` counts as whole. */
static double steps_of(double epochs, uint64_t images, int batch)
{
    double exact = epochs * (double)images / batch, nearest = nearbyint(exact);
    return fabs(exact - nearest) <= 1e-12 * exact ? nearest : ceil(exact);
}

int bit_schedule_create(const struct bit_job *job, uint64_t images, struct bit_schedule *schedule,
                        struct bit_error *error)
{
    if (images == 0)
        return bit_fail(error, BIT_EUSAGE, "a schedule needs at least one training image");
    *schedule = (struct bit_schedule){
        .images = images,
        .batch = job->schedule.batch,
        .warmup_steps = job->schedule.warmup_steps,
        .steps_an_epoch = (double)images / job->schedule.batch,
        .peak_rate = job->schedule.base_rate * job->schedule.batch / job->schedule.base_batch,
        .decay_factor = job->schedule.decay_factor,
        .cosine = !strcmp(job->schedule.shape, "cosine"),
        .warmup_from_zero = !strcmp(job->schedule.warmup_from, "zero"),
        .decays = job->schedule.decays,
    };
    double steps = job->schedule.steps ? (double)job->schedule.steps
                                       : steps_of(job->schedule.epochs, images, job->schedule.batch);
    if (!(steps >= 1 && steps <= 1e15))
        return bit_fail(error, BIT_EUSAGE, "the run would have %g steps; lower schedule.epochs or raise "
                        "schedule.batch", steps);
    schedule->steps = (uint64_t)steps;
    for (int i = 0; i < schedule->decays; i++) {
        double at = job->schedule.decays_in_steps ? (double)job->schedule.decay_steps[i]
                                                  : steps_of(job->schedule.decay_epochs[i], images, schedule->batch);
        schedule->decay_steps[i] = at < 1e18 ? (uint64_t)at : (uint64_t)1e18;
    }
    return 0;
}

double bit_schedule_rate(const struct bit_schedule *schedule, uint64_t step)
{
    double rate = schedule->peak_rate;
    if (step < schedule->warmup_steps)
        return rate * (double)(step + !schedule->warmup_from_zero) / (double)schedule->warmup_steps;
    for (int i = 0; i < schedule->decays && schedule->decay_steps[i] <= step; i++)
        rate *= schedule->decay_factor;
    if (schedule->cosine && schedule->steps > schedule->warmup_steps)
        rate *= (1 + cos(PI * (double)(step - schedule->warmup_steps) / (double)(schedule->steps - schedule->warmup_steps))) / 2;
    return rate;
}

double bit_schedule_epoch(const struct bit_schedule *schedule, uint64_t step)
{
    return schedule->images ? (double)step * schedule->batch / (double)schedule->images : 0;
}
