/* Writing metrics.jsonl, and cutting it where a resumed run goes on. */
#include "bit/metrics_log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bit/clock.h"
#include "bit/json.h"
#include "bit/memory.h"
#include "record/rows.h"

enum { GATHERED = 64 << 10 /* bytes */ };
static const double PATIENCE = 2.0; /* seconds that a line may wait in memory */

struct bit_metrics_log {
    int file;
    double flushed;
    struct bit_text text;
    char path[PATH_MAX];
};

/* ---- cutting ---- */

static bool is_kind(const char *line, const char *kind)
{
    static const char begin[] = "{\"kind\":\"";
    size_t size = strlen(kind);
    return !strncmp(line, begin, sizeof begin - 1) && !strncmp(line + sizeof begin - 1, kind, size) && line[sizeof begin - 1 + size] == '"';
}

/* Whether a line belongs to the past of a run that goes on after `step`. */
static bool belongs(const char *line, uint64_t step, bool evaluated, bool probed)
{
    const char *place = strstr(line, "\"step\":");
    /* In a step's line the first "step" is the kind's value and has no colon. */
    if (!place)
        return false;
    unsigned long long at = strtoull(place + strlen("\"step\":"), NULL, 10);
    bool undone = (is_kind(line, "evaluation") && !evaluated) || (is_kind(line, "probe") && !probed);
    return at < step || (at == step && !undone);
}

/* Length of the part of the file that stays: up to the last line that belongs. Steps only ever grow in it, so that a line
 * before that which does not belong is damaged, and costs no other line. */
static int find_end(const char *path, uint64_t step, bool evaluated, bool probed, off_t *end, struct bit_error *error)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    *end = 0;
    if (!file && errno == ENOENT)
        return 0;
    if (!file)
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot open %s", path);
    for (off_t at = 0; (size = getline(&line, &capacity, file)) > 0 && line[size - 1] == '\n';) {
        at += size;
        if (belongs(line, step, evaluated, probed))
            *end = at;
    }
    int bad = ferror(file);
    if (bad)
        bit_fail_errno(error, BIT_EENVIRONMENT, "cannot read %s", path);
    free(line);
    fclose(file);
    return bad ? -1 : 0;
}

struct bit_metrics_log *bit_metrics_log_open(const char *path, uint64_t step, bool evaluated, bool probed, struct bit_error *error)
{
    off_t end;
    struct bit_metrics_log *m = bit_allocate(1, sizeof *m, "metrics", error);
    if (!m)
        return NULL;
    snprintf(m->path, sizeof m->path, "%s", path);
    m->flushed = bit_clock_seconds() - PATIENCE; /* the first line shows that steps have begun */
    m->file = -1;
    if (find_end(path, step, evaluated, probed, &end, error))
        goto failed;
    m->file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (m->file >= 0 && ftruncate(m->file, end) == 0)
        return m;
    bit_fail_errno(error, BIT_EENVIRONMENT, "cannot open %s for writing", path);
failed:
    bit_metrics_log_close(m);
    return NULL;
}

/* ---- lines ---- */

/* Ends a line; writes when many have gathered or the oldest has waited long enough. */
static int end_line(struct bit_metrics_log *m, struct bit_error *error)
{
    bit_text_add(&m->text, "}\n");
    if (m->text.failed)
        return bit_fail(error, BIT_EENVIRONMENT, "out of memory: metrics");
    if (m->text.size >= GATHERED || bit_clock_seconds() - m->flushed >= PATIENCE)
        return bit_metrics_log_flush(m, false, error);
    return 0;
}

int bit_metrics_log_step(struct bit_metrics_log *m, const struct bit_step_line *line, struct bit_error *error)
{
    struct bit_text *t = &m->text;
    bit_text_add(t, "{\"kind\":\"step\",\"step\":%llu", (unsigned long long)line->step);
    bit_json_add_member(t, "epoch", line->epoch, 9);
    bit_json_add_member(t, "loss", line->loss, 17);
    bit_json_add_member(t, "rate", line->rate, 9);
    bit_json_add_member(t, "gradient_norm", line->gradient_norm, 9);
    bit_json_add_member(t, "weight_norm", line->weight_norm, 9);
    bit_json_add_member(t, "images_per_second", line->images_per_second, 5);
    if (!line->applied)
        bit_text_add(t, ",\"applied\":false");
    bit_text_add(t, ",\"share\":{\"data\":");
    bit_json_add_number(t, line->share.data, 4);
    bit_json_add_member(t, "forward", line->share.forward, 4);
    bit_json_add_member(t, "backward", line->share.backward, 4);
    bit_json_add_member(t, "reduce", line->share.reduce, 4);
    bit_json_add_member(t, "update", line->share.update, 4);
    bit_json_add_member(t, "checkpoint", line->share.checkpoint, 4);
    bit_text_add(t, "}");
    return end_line(m, error);
}

int bit_metrics_log_evaluation(struct bit_metrics_log *m, const struct bit_evaluation_line *line, struct bit_error *error)
{
    struct bit_text *t = &m->text;
    bit_text_add(t, "{\"kind\":\"evaluation\",\"step\":%llu", (unsigned long long)line->step);
    bit_json_add_member(t, "epoch", line->epoch, 9);
    bit_json_add_member(t, "loss", line->loss, 17);
    for (int i = 0; i < line->metrics.count; i++)
        bit_json_add_member(t, line->metrics.item[i].name, line->metrics.item[i].value, 9);
    bit_text_add(t, ",\"images\":%llu,\"bad\":%llu", (unsigned long long)line->images, (unsigned long long)line->bad);
    bit_json_add_member(t, "seconds", line->seconds, 4);
    bit_text_add(t, ",\"metrics\":");
    bit_metrics_write_rows(&line->metrics, t);
    return end_line(m, error);
}

int bit_metrics_log_probe(struct bit_metrics_log *m, uint64_t step, double epoch, double seconds, const char *members, struct bit_error *error)
{
    bit_text_add(&m->text, "{\"kind\":\"probe\",\"step\":%llu", (unsigned long long)step);
    bit_json_add_member(&m->text, "epoch", epoch, 9);
    bit_json_add_member(&m->text, "seconds", seconds, 4);
    bit_text_add(&m->text, ",%s", members);
    return end_line(m, error);
}

int bit_metrics_log_slow_rank(struct bit_metrics_log *m, uint64_t step, int rank, double factor, struct bit_error *error)
{
    bit_text_add(&m->text, "{\"kind\":\"slow\",\"step\":%llu,\"rank\":%d", (unsigned long long)step, rank);
    bit_json_add_member(&m->text, "factor", factor, 4);
    return end_line(m, error);
}

int bit_metrics_log_spike(struct bit_metrics_log *m, uint64_t step, double loss, double limit, struct bit_error *error)
{
    bit_text_add(&m->text, "{\"kind\":\"spike\",\"step\":%llu", (unsigned long long)step);
    bit_json_add_member(&m->text, "loss", loss, 17);
    bit_json_add_member(&m->text, "limit", limit, 9);
    return end_line(m, error);
}

int bit_metrics_log_slow_link(struct bit_metrics_log *m, uint64_t step, double seconds, double before, struct bit_error *error)
{
    bit_text_add(&m->text, "{\"kind\":\"network\",\"step\":%llu", (unsigned long long)step);
    bit_json_add_member(&m->text, "seconds", seconds, 4);
    bit_json_add_member(&m->text, "before", before, 4);
    return end_line(m, error);
}

int bit_metrics_log_rollback(struct bit_metrics_log *m, uint64_t step, uint64_t failed, const char *why, struct bit_error *error)
{
    bit_text_add(&m->text, "{\"kind\":\"rollback\",\"step\":%llu,\"failed_step\":%llu,\"why\":", (unsigned long long)step,
                 (unsigned long long)failed);
    bit_text_add_json(&m->text, why);
    return end_line(m, error);
}

int bit_metrics_log_flush(struct bit_metrics_log *m, bool durable, struct bit_error *error)
{
    const char *data = m->text.data;
    size_t left = m->text.size;
    while (left) {
        ssize_t n = write(m->file, data, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            bit_fail_errno(error, BIT_EENVIRONMENT, "cannot write %s", m->path);
            memmove(m->text.data, data, left); /* another try goes on where this one ended */
            m->text.size = left;
            return -1;
        }
        data += n;
        left -= (size_t)n;
    }
    m->text.size = 0;
    m->flushed = bit_clock_seconds();
    if (durable && fsync(m->file))
        return bit_fail_errno(error, BIT_EENVIRONMENT, "cannot fsync %s", m->path);
    return 0;
}

void bit_metrics_log_close(struct bit_metrics_log *m)
{
    if (!m)
        return;
    if (m->file >= 0) {
        bit_metrics_log_flush(m, false, NULL);
        close(m->file);
    }
    bit_text_free(&m->text);
    bit_free(m);
}
