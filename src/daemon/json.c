/* What the interface says of jobs and attempts, and what is read from a run's folder for it. */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bit/file.h"
#include "bit/json.h"
#include "bit/metrics_log.h"
#include "daemon/daemon.h"

enum { TAIL = 16384, NUMBER = 17 };

/* ---- the folder of a run ---- */

/* The newest step line of metrics.jsonl, from its last bytes. */
static void read_tail(const char *path, int64_t size, struct job_progress *p)
{
    char tail[TAIL + 1];
    struct bit_metrics_line line;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t got = file < 0 ? -1 : pread(file, tail, TAIL, size > TAIL ? size - TAIL : 0);
    if (file >= 0)
        close(file);
    while (got > 0) {
        char *end = memrchr(tail, '\n', (size_t)got), *start;
        if (!end)
            return;
        *end = 0;
        start = memrchr(tail, '\n', (size_t)(end - tail));
        start = start ? start + 1 : tail;
        bit_metrics_line_parse(start, (size_t)(end - start), &line);
        if (line.kind == BIT_METRICS_STEP) {
            p->loss = line.at.loss;
            p->loss_step = line.step;
            p->speed = line.at.images_per_second;
            return;
        }
        got = start - tail;
    }
}

void json_read_progress(const char *out, struct job_progress *p)
{
    char path[PATH_MAX];
    struct stat status;
    struct bit_error ignored = {0};
    if (bit_path_join(path, sizeof path, out, BIT_RECORD_OUTCOME, NULL) == 0 && stat(path, &status) == 0 &&
        (!p->is_known || status.st_mtim.tv_sec != p->seen.tv_sec || status.st_mtim.tv_nsec != p->seen.tv_nsec)) {
        struct bit_outcome outcome;
        if (bit_outcome_read(out, &outcome, &ignored) == 0) {
            p->outcome = outcome;
            p->is_known = true;
            p->seen = status.st_mtim;
        }
    }
    if (bit_path_join(path, sizeof path, out, BIT_RECORD_METRICS, NULL) == 0 && stat(path, &status) == 0 && status.st_size != p->size) {
        p->size = status.st_size;
        read_tail(path, p->size, p);
    }
    const struct bit_outcome_progress *at = &p->outcome.progress;
    p->seconds_left = NAN;
    /* What a step takes: the time of all steps so far, which includes loading, saving and evaluating. */
    if (p->is_known && at->steps != BIT_RECORD_UNKNOWN && at->step != BIT_RECORD_UNKNOWN && at->step > 0 && at->steps >= at->step && at->seconds > 0) {
        uint64_t step = p->loss_step > at->step && p->loss_step <= at->steps ? p->loss_step : at->step;
        p->seconds_left = (double)(at->steps - step) * at->seconds / (double)at->step;
    }
}

/* ---- writing ---- */

static void add_text(struct bit_text *t, const char *key, const char *value)
{
    bit_text_add(t, ",\"%s\":", key);
    bit_text_add_json(t, value);
}

static void add_whole(struct bit_text *t, const char *key, int64_t value)
{
    if (value == STORE_UNKNOWN)
        bit_text_add(t, ",\"%s\":null", key);
    else
        bit_text_add(t, ",\"%s\":%lld", key, (long long)value);
}

static void add_count(struct bit_text *t, const char *key, uint64_t value)
{
    add_whole(t, key, value == BIT_RECORD_UNKNOWN ? STORE_UNKNOWN : (int64_t)value);
}

static void add_time(struct bit_text *t, const char *key, double value)
{
    bit_json_add_member(t, key, value > 0 ? value : NAN, NUMBER);
}

static void add_metrics(struct bit_text *t, const struct bit_metrics *metrics)
{
    bit_text_add(t, ",\"metrics\":[");
    for (int i = 0; i < metrics->count; i++) {
        const struct bit_metric *m = &metrics->item[i];
        bit_text_add(t, "%s{\"name\":", i ? "," : "");
        bit_text_add_json(t, m->name);
        add_text(t, "title", m->title);
        bit_text_add(t, ",\"form\":\"%s\",\"better\":\"%s\"", m->form == BIT_METRIC_SHARE ? "share" : "number", m->higher_is_better ? "higher" : "lower");
        bit_json_add_member(t, "value", m->value, NUMBER);
        bit_text_add(t, "}");
    }
    bit_text_add(t, "]");
}

static void add_progress(struct bit_text *t, const struct job_progress *p)
{
    const struct bit_outcome *o = &p->outcome;
    bit_text_add(t, ",\"progress\":{\"state\":\"%s\"", bit_run_state_name(o->state));
    uint64_t step = o->progress.step;
    if (o->state == BIT_RUN_RUNNING && step != BIT_RECORD_UNKNOWN && p->loss_step > step)
        step = p->loss_step;
    add_count(t, "step", step);
    add_count(t, "steps", o->progress.steps);
    bit_json_add_member(t, "epoch", o->progress.epoch, NUMBER);
    add_count(t, "checkpoint_step", o->progress.checkpoint_step);
    bit_json_add_member(t, "images_per_second", p->speed, 6);
    bit_json_add_member(t, "seconds_left", bit_run_has_ended(o->state) ? NAN : p->seconds_left, 6);
    bit_json_add_member(t, "loss", p->loss, NUMBER);
    add_metrics(t, &o->evaluation.metrics);
    bit_json_add_member(t, "best", o->evaluation.best, NUMBER);
    add_count(t, "best_step", o->evaluation.best_step);
    add_count(t, "resumes", o->progress.resumes);
    add_count(t, "bad_images", o->progress.bad_images);
    add_text(t, "message", o->message);
    add_text(t, "weights_hash", o->progress.weights_hash);
    bit_text_add(t, "}");
}

const char *json_engine_name(enum daemon_engine engine)
{
    static const char *const names[] = {[ENGINE_LOCAL] = "local", [ENGINE_SLURM] = "slurm", [ENGINE_SWEEP] = "sweep"};
    return names[engine];
}

static void add_slurm(struct bit_text *t, const struct store_attempt *a)
{
    bit_text_add(t, "{\"state\":");
    bit_text_add_json(t, a->slurm_state);
    add_text(t, "reason", a->slurm_reason);
    add_text(t, "nodes", a->hosts);
    add_whole(t, "most_ranks_a_node", *a->cores ? atoll(a->cores) : STORE_UNKNOWN);
    add_time(t, "seen", a->slurm_seen);
    add_time(t, "silent", a->slurm_silent);
    bit_text_add(t, "}");
}

void json_attempt(struct bit_text *t, const struct store_attempt *a)
{
    bit_text_add(t, "{\"number\":%d,\"engine\":\"%s\"", a->number, json_engine_name(a->engine));
    add_text(t, "hosts", a->hosts);
    bit_text_add(t, ",\"ranks\":%d", a->ranks);
    add_text(t, "cores", a->engine == ENGINE_SLURM ? "" : a->cores);
    add_time(t, "begun", a->begun);
    add_time(t, "ended", a->ended);
    add_whole(t, "code", a->code);
    add_text(t, "why", a->why);
    add_whole(t, "step_before", a->step_before);
    add_whole(t, "step_after", a->step_after);
    add_whole(t, "slurm_id", a->slurm_id);
    bit_text_add(t, ",\"slurm\":");
    if ((a->engine == ENGINE_SLURM && a->slurm_id > 0) || a->slurm_silent > 0)
        add_slurm(t, a);
    else
        bit_text_add(t, "null");
    bit_text_add(t, "}");
}

static void add_needs(struct bit_text *t, const struct store_job *row)
{
    bit_text_add(t, ",\"after\":[");
    for (int i = 0; i < row->needs; i++)
        bit_text_add(t, "%s{\"id\":%lld,\"kind\":\"%s\"}", i ? "," : "", (long long)row->need[i].on, row->need[i].any ? "any" : "ok");
    bit_text_add(t, "]");
}

void json_job(struct bit_text *t, const struct store_job *row, const struct job_progress *progress)
{
    const struct daemon_life *life = &row->life;
    bit_text_add(t, "{\"id\":%lld", (long long)row->id);
    add_text(t, "name", row->name);
    bit_text_add(t, ",\"state\":\"%s\",\"cause\":\"%s\"", daemon_state_name(life->state), daemon_cause_name(life->cause));
    add_text(t, "why", row->why);
    bit_text_add(t, ",\"wish\":\"%s\"", daemon_wish_name(life->wish));
    add_time(t, "due", life->state == STATE_BACKOFF ? life->due : 0);
    bit_text_add(t, ",\"priority\":%d,\"engine\":\"%s\"", row->priority, json_engine_name(row->engine));
    add_text(t, "options", row->options);
    add_text(t, "version", row->version);
    add_text(t, "data", row->data);
    add_text(t, "notice", row->notice);
    add_whole(t, "rank_bytes", row->rank_bytes);
    add_text(t, "out", row->out);
    add_text(t, "file", row->file);
    bit_text_add(t, ",\"ranks\":[%d,%d],\"threads\":%d", row->least, row->most, row->threads);
    add_time(t, "submitted", row->submitted);
    add_time(t, "changed", row->changed);
    bit_text_add(t, ",\"starts_without_progress\":%d,\"budget\":%d", life->fruitless, life->budget);
    add_whole(t, "parent", row->parent);
    add_whole(t, "index", row->parent == STORE_UNKNOWN ? STORE_UNKNOWN : row->index);
    add_needs(t, row);
    bit_text_add(t, ",\"attempts\":%d,\"attempt\":", row->attempt.number);
    if (row->attempt.number)
        json_attempt(t, &row->attempt);
    else
        bit_text_add(t, "null");
    if (progress && progress->is_known)
        add_progress(t, progress);
    else
        bit_text_add(t, ",\"progress\":null");
    bit_text_add(t, "}");
}
