#include "run/outcome.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "bit/clock.h"
#include "bit/file.h"
#include "bit/memory.h"
#include "bit/watch.h"
#include "run/former.h"
#include "run/number.h"
#include "run/run.h"
#include "run/signals.h"

enum { OUTCOME_LIMIT = 1 << 20 };

static const char *const names[] = {"running", "finished", "stopped", "failed"};

static void add_text(struct bit_text *t, const char *name, const char *value)
{
    bit_text_add(t, ",\n \"%s\": ", name);
    if (value)
        bit_text_add_json(t, value);
    else
        bit_text_add(t, "null");
}

static void add_number(struct bit_text *t, const char *name, double value, int digits)
{
    bit_text_add(t, ",\n \"%s\": ", name);
    number_add(t, value, digits);
}

static void add_count(struct bit_text *t, const char *name, uint64_t value, bool known)
{
    bit_text_add(t, ",\n \"%s\": ", name);
    if (known)
        bit_text_add(t, "%llu", (unsigned long long)value);
    else
        bit_text_add(t, "null");
}

static double epoch_of(const struct run *run)
{
    const struct bit_schedule *s = &run->plan.schedule;
    return s->images ? (double)run->standing.step * s->batch / (double)s->images : 0;
}

static void add_evaluation(struct bit_text *t, const struct run *run)
{
    const struct standing *s = &run->standing;
    bool known = s->evaluated != UINT64_MAX;
    add_number(t, "top1", known ? s->newest.top1 : NAN, 9);
    add_number(t, "top5", known ? s->newest.top5 : NAN, 9);
    add_number(t, "validation_loss", known ? s->newest.loss : NAN, 17);
    add_count(t, "validation_images", s->newest.images, known);
    add_count(t, "evaluated_step", s->evaluated, known);
    add_number(t, "best_top1", s->best_top1 >= 0 ? s->best_top1 : NAN, 9);
    add_count(t, "best_step", s->best_step, s->best_top1 >= 0);
}

static void add_progress(struct bit_text *t, const struct run *run)
{
    const struct standing *s = &run->standing;
    double now = run->loop.started > 0 ? bit_clock_seconds() - run->loop.started : 0;
    add_count(t, "step", s->step, true);
    add_count(t, "steps", run->plan.schedule.steps, run->plan.schedule.steps > 0);
    add_number(t, "epoch", epoch_of(run), 9);
    add_count(t, "checkpoint_step", run->loop.saved, run->loop.saved != UINT64_MAX);
    add_count(t, "resumes", s->resumes, true);
    add_count(t, "rollbacks", s->rollbacks, true);
    add_count(t, "bad_images", s->bad + run->loop.bad, true);
    add_number(t, "seconds", s->seconds + now, 6);
    add_number(t, "seconds_of_this_invocation", now, 6);
}

static void add_machine(struct bit_text *t, const struct run *run)
{
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    add_count(t, "ranks", (uint64_t)run->world->size, true);
    add_count(t, "threads", (uint64_t)run->threads, run->threads > 0);
    add_text(t, "backend", run->backend ? bit_backend_name(run->backend) : NULL);
    add_text(t, "instruction_set", bit_compute_isa());
    add_text(t, "version", PACKAGE_VERSION);
    add_text(t, "host", host);
    add_count(t, "process", (uint64_t)getpid(), true);
    add_count(t, "peak_memory_bytes", bit_memory_resident_peak(), true);
}

static int write_text(const struct run *run, const char *name, struct bit_text *t, bool durable, struct bit_error *error)
{
    char path[PATH_MAX];
    int result = -1;
    bit_text_add(t, "\n}\n");
    if (t->failed)
        bit_fail(error, BIT_EENVIRONMENT, "out of memory: %s", name);
    else if (run_path(run, name, path, error) == 0)
        result = durable ? bit_file_write(path, t->data, t->size, error) : bit_file_write_cache(path, t->data, t->size, error);
    bit_text_free(t);
    return result;
}

/* Whether somebody else has found this very invocation late: his word stands, also when a rank that was stopped is woken to be
 * ended and still saves. */
static bool is_condemned(const struct run *run)
{
    char reason[16], started[32];
    bit_outcome_member(run->folder, "reason", reason, sizeof reason);
    bit_outcome_member(run->folder, "started", started, sizeof started);
    return !strcmp(reason, bit_code_name(BIT_ELATE)) && !strcmp(started, run->started_at);
}

int outcome_write(const struct run *run, enum outcome outcome, struct bit_error *error)
{
    struct bit_text t = {0};
    char now[32], hash[BIT_HASH_TEXT];
    bool ended = outcome != OUTCOME_RUNNING;
    if (is_condemned(run))
        return 0;
    bit_clock_stamp(now, sizeof now);
    bit_hash_text(run->loop.hash, hash);
    bit_text_add(&t, "{\"state\": \"%s\"", names[outcome]);
    add_text(&t, "reason", ended ? bit_code_name(run->error.code) : NULL);
    add_text(&t, "message", run->error.code == BIT_OK ? NULL : run->error.text);
    add_count(&t, "exit_code", (uint64_t)run->error.code, ended);
    add_text(&t, "signal", *signals_name() ? signals_name() : NULL);
    add_text(&t, "job", run->job ? run->job->name : NULL);
    if (run->loop.started == 0 && run->before) { /* not loaded yet: the run stands where it stood */
        former_add(&t, run->before);
    } else {
        add_progress(&t, run);
        add_evaluation(&t, run);
        add_text(&t, "weights_hash", run->loop.hashed == run->standing.step ? hash : NULL);
    }
    add_text(&t, "started", run->started_at);
    add_text(&t, ended ? "ended" : "written", now);
    add_machine(&t, run);
    return write_text(run, "outcome.json", &t, ended, error);
}

int outcome_write_evaluation(const struct run *run, struct bit_error *error)
{
    struct bit_text t = {0};
    char now[32];
    bit_clock_stamp(now, sizeof now);
    bit_text_add(&t, "{\"step\": %llu", (unsigned long long)run->standing.step);
    add_number(&t, "epoch", epoch_of(run), 9);
    add_number(&t, "loss", run->standing.newest.loss, 17);
    add_number(&t, "top1", run->standing.newest.top1, 9);
    add_number(&t, "top5", run->standing.newest.top5, 9);
    add_count(&t, "top1_count", run->standing.newest.top1_count, true);
    add_count(&t, "top5_count", run->standing.newest.top5_count, true);
    add_count(&t, "images", run->standing.newest.images, true);
    add_count(&t, "bad_images", run->standing.newest.bad, true);
    add_number(&t, "seconds", run->standing.newest.seconds, 6);
    add_text(&t, "data", run->job->data.val);
    add_text(&t, "written", now);
    add_machine(&t, run);
    return write_text(run, "evaluation.json", &t, true, error);
}

static uint64_t count_of(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(item) && item->valuedouble >= 0 && item->valuedouble < 9007199254740992.0 ? (uint64_t)item->valuedouble : 0;
}

void outcome_remember(struct run *run)
{
    char path[PATH_MAX], *data;
    size_t size;
    struct bit_error error = {0};
    if (run_path(run, "outcome.json", path, &error) || bit_file_read(path, OUTCOME_LIMIT, &data, &size, &error))
        return;
    cJSON *object = cJSON_ParseWithLength(data, size);
    run->standing.resumes = count_of(object, "resumes");
    run->standing.rollbacks = count_of(object, "rollbacks");
    cJSON_Delete(object);
    run->before = data;
}

int outcome_restore(const struct run *run, struct bit_error *error)
{
    char path[PATH_MAX];
    if (run_path(run, "outcome.json", path, error))
        return -1;
    return bit_file_write(path, run->before, strlen(run->before), error);
}
