/* GET /metrics: the queue and the running jobs for Prometheus, in its text format 0.0.4. */
#include <math.h>
#include <unistd.h>

#include "daemon/api.h"

static void head(struct bit_text *t, const char *name, const char *type, const char *help)
{
    bit_text_add(t, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void add_value(struct bit_text *t, double value)
{
    if (isnan(value))
        bit_text_add(t, " NaN\n");
    else
        bit_text_add(t, " %.17g\n", value);
}

/* A label's value: letters that a name may have are safe as they are. */
static void add_job(struct bit_text *t, const char *name, const struct job *job, double value)
{
    bit_text_add(t, "%s{job=\"%lld\",name=\"%s\"}", name, (long long)job->row.id, job->row.name);
    add_value(t, value);
}

static double number(uint64_t value) { return value == BIT_RECORD_UNKNOWN ? NAN : (double)value; }

static double step_of(const struct job *job) { return number(job->progress.outcome.progress.step); }
static double steps_of(const struct job *job) { return number(job->progress.outcome.progress.steps); }
static double saved_of(const struct job *job) { return number(job->progress.outcome.progress.checkpoint_step); }
static double speed_of(const struct job *job) { return job->progress.speed; }
static double loss_of(const struct job *job) { return job->progress.loss; }
static double left_of(const struct job *job) { return job->progress.seconds_left; }
static double attempts_of(const struct job *job) { return job->row.attempt.number; }

void api_prometheus(struct request *r)
{
    static const struct { const char *name, *help; double (*value)(const struct job *job); } gauges[] = {
        {"bitd_job_step", "Training steps done.", step_of}, {"bitd_job_steps", "Training steps of the whole schedule.", steps_of},
        {"bitd_job_checkpoint_step", "Step of the newest checkpoint.", saved_of},
        {"bitd_job_images_per_second", "Images trained a second.", speed_of}, {"bitd_job_loss", "Loss of the newest logged step.", loss_of},
        {"bitd_job_left_seconds", "Estimate of the time that is left.", left_of}, {"bitd_job_attempts", "Starts so far.", attempts_of}};
    struct daemon *d = r->daemon;
    struct bit_error error = {0};
    int64_t counts[DAEMON_STATES];
    if (store_count_states(d->store, counts, &error)) {
        api_fail_error(r, &error);
        return;
    }
    r->type = "text/plain; version=0.0.4; charset=utf-8";
    head(&r->text, "bitd_info", "gauge", "Version.");
    bit_text_add(&r->text, "bitd_info{version=\"%s\"} 1\n", PACKAGE_VERSION);
    head(&r->text, "bitd_start_time_seconds", "gauge", "When bitd was started, in Unix seconds.");
    bit_text_add(&r->text, "bitd_start_time_seconds %.3f\n", d->started);
    head(&r->text, "bitd_jobs", "gauge", "Jobs by state.");
    for (int s = 0; s < DAEMON_STATES; s++)
        bit_text_add(&r->text, "bitd_jobs{state=\"%s\"} %lld\n", daemon_state_name((enum daemon_state)s), (long long)counts[s]);
    head(&r->text, "bitd_host_cores", "gauge", "Cores of a host.");
    for (int h = 0; h < d->hosts; h++)
        bit_text_add(&r->text, "bitd_host_cores{host=\"%s\"} %d\n", d->host_list[h].name, d->host_list[h].cores);
    head(&r->text, "bitd_host_cores_free", "gauge", "Cores of a host that no job has.");
    for (int h = 0; h < d->hosts; h++)
        bit_text_add(&r->text, "bitd_host_cores_free{host=\"%s\"} %d\n", d->host_list[h].name, hosts_free(d, h));
    for (size_t g = 0; g < sizeof gauges / sizeof *gauges; g++) {
        head(&r->text, gauges[g].name, "gauge", gauges[g].help);
        for (const struct job *job = d->jobs; job; job = job->next)
            if (daemon_is_live(job->row.life.state) && job->progress.is_known)
                add_job(&r->text, gauges[g].name, job, gauges[g].value(job));
    }
}
