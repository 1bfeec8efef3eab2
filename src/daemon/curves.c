/* The curves of a run, from its metrics.jsonl, in at most so many points: a file of a million lines is looked through once, and of its step
 * lines a few a point are taken apart. */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bit/file.h"
#include "bit/json.h"
#include "bit/memory.h"
#include "bit/metrics_log.h"
#include "daemon/api.h"

enum { POINTS = 2000, LINES_A_POINT = 4, EVALUATIONS = 2000, PROBES = 2000, REWINDS = 200, DIGITS = 9 };

enum series { EPOCH, LOSS, LOSS_MIN, LOSS_MAX, RATE, GRADIENT_NORM, SPEED, DATA, FORWARD, BACKWARD, REDUCE, UPDATE, CHECKPOINT, SERIES };
static const char *const names[SERIES] = {"epoch", "loss", "loss_min", "loss_max", "rate", "gradient_norm", "images_per_second", "data", "forward",
                                          "backward", "reduce", "update", "checkpoint"};

struct point { uint64_t step; double sum[SERIES]; int count[SERIES]; };

struct curves {
    struct point *points;
    int limit, point_count;
    struct bit_evaluation_line *evaluations;
    int evaluation_count;
    struct probe { uint64_t step; struct bit_probe_line line; } *probes;
    int probe_count;
    uint64_t rewinds[REWINDS];
    int rewind_count;
    uint64_t last_step;
};

/* ---- gathering ---- */

static void gather(struct point *p, enum series which, double value)
{
    if (isnan(value))
        return;
    if (which == LOSS_MIN || which == LOSS_MAX) {
        double *least = &p->sum[which];
        if (!p->count[which] || (which == LOSS_MIN ? value < *least : value > *least))
            *least = value;
        p->count[which] = 1;
    } else {
        p->sum[which] += value;
        p->count[which]++;
    }
}

static void gather_step(struct point *p, const struct bit_metrics_line *line)
{
    const struct bit_step_line *at = &line->at;
    const double values[SERIES] = {at->epoch, at->loss, at->loss, at->loss, at->rate, at->gradient_norm, at->images_per_second, at->share.data,
                                   at->share.forward, at->share.backward, at->share.reduce, at->share.update, at->share.checkpoint};
    p->step = line->step;
    for (int s = 0; s < SERIES; s++)
        gather(p, (enum series)s, values[s]);
    p->sum[EPOCH] = at->epoch; /* where the point ends */
    p->count[EPOCH] = !isnan(at->epoch);
}

static bool begins(const char *line, size_t size, const char *with) { return size >= strlen(with) && !memcmp(line, with, strlen(with)); }

/* A line of the file that is not a step. */
static void take_other(struct curves *c, const char *line, size_t size)
{
    struct bit_metrics_line parsed;
    char *copy = bit_allocate(size + 1, 1, "a line", NULL);
    if (!copy)
        return;
    memcpy(copy, line, size);
    bit_metrics_line_parse(copy, size, &parsed);
    bit_free(copy);
    if (parsed.kind == BIT_METRICS_EVALUATION && c->evaluation_count < EVALUATIONS) {
        c->evaluations[c->evaluation_count] = parsed.evaluation;
        c->evaluations[c->evaluation_count++].step = parsed.step;
    } else if (parsed.kind == BIT_METRICS_PROBE && c->probe_count < PROBES) {
        c->probes[c->probe_count++] = (struct probe){parsed.step, parsed.probe};
    } else if (begins(line, size, "{\"kind\":\"rollback\"") && c->rewind_count < REWINDS) {
        c->rewinds[c->rewind_count++] = parsed.step;
    }
}

static void take_step(struct curves *c, int place, const char *line, size_t size)
{
    struct bit_metrics_line parsed;
    char copy[4096];
    if (size >= sizeof copy || place >= c->limit)
        return;
    memcpy(copy, line, size);
    copy[size] = 0;
    bit_metrics_line_parse(copy, size, &parsed);
    if (parsed.kind != BIT_METRICS_STEP)
        return;
    gather_step(&c->points[place], &parsed);
    c->last_step = parsed.step;
    if (place >= c->point_count)
        c->point_count = place + 1;
}

static const char *const step_line = "{\"kind\":\"step\"";

/* What stands from `begin` to `end` of the file, line by line: read and not mapped, for a run that resumes cuts its file. */
struct lines { FILE *file; char *line; size_t capacity; off_t left; };

static bool lines_begin(struct lines *l, off_t begin, off_t end)
{
    l->left = end - begin;
    return fseeko(l->file, begin, SEEK_SET) == 0;
}

/* The length of the next line in l->line, without its end; -1: there is none. */
static ssize_t lines_next(struct lines *l)
{
    ssize_t got = l->left > 0 ? getline(&l->line, &l->capacity, l->file) : -1;
    if (got <= 0 || l->line[got - 1] != '\n')
        return -1;
    l->left -= got;
    return got - 1;
}

static size_t count_steps(struct lines *l)
{
    size_t steps = 0;
    for (ssize_t size; (size = lines_next(l)) >= 0;)
        steps += begins(l->line, (size_t)size, step_line);
    return steps;
}

static void take_all(struct curves *c, FILE *file, off_t begin, off_t end)
{
    struct lines l = {.file = file};
    size_t steps = lines_begin(&l, begin, end) ? count_steps(&l) : 0, number = 0, limit = (size_t)c->limit;
    size_t every = steps > limit * LINES_A_POINT ? steps / (limit * LINES_A_POINT) : 1;
    bool good = lines_begin(&l, begin, end);
    for (ssize_t size; good && (size = lines_next(&l)) >= 0;) {
        if (!begins(l.line, (size_t)size, step_line)) {
            take_other(c, l.line, (size_t)size);
            continue;
        }
        if (number % every == 0 || number + 1 == steps)
            take_step(c, (int)(steps <= limit ? number : number * limit / steps), l.line, (size_t)size);
        number++;
    }
    free(l.line);
}

/* ---- writing ---- */

static void add_series(struct bit_text *t, const struct curves *c, enum series which)
{
    bit_text_add(t, "\"%s\":[", names[which]);
    for (int i = 0; i < c->point_count; i++) {
        const struct point *p = &c->points[i];
        bit_text_add(t, i ? "," : "");
        bit_json_add_number(t, p->count[which] ? p->sum[which] / p->count[which] : NAN, DIGITS);
    }
    bit_text_add(t, "]");
}

static void add_steps(struct bit_text *t, const struct curves *c)
{
    bit_text_add(t, "\"steps\":{\"step\":[");
    for (int i = 0; i < c->point_count; i++)
        bit_text_add(t, "%s%llu", i ? "," : "", (unsigned long long)c->points[i].step);
    bit_text_add(t, "]");
    for (int s = EPOCH; s < DATA; s++) {
        bit_text_add(t, ",");
        add_series(t, c, (enum series)s);
    }
    bit_text_add(t, ",\"share\":{");
    for (int s = DATA; s < SERIES; s++) {
        bit_text_add(t, s > DATA ? "," : "");
        add_series(t, c, (enum series)s);
    }
    bit_text_add(t, "}}");
}

static void add_evaluation_series(struct bit_text *t, const struct curves *c, const char *name)
{
    bit_text_add(t, ",");
    bit_text_add_json(t, name);
    bit_text_add(t, ":[");
    for (int i = 0; i < c->evaluation_count; i++) {
        const struct bit_evaluation_line *e = &c->evaluations[i];
        const struct bit_metric *m = bit_metrics_find(&e->metrics, name);
        bit_text_add(t, i ? "," : "");
        bit_json_add_number(t, !strcmp(name, "epoch") ? e->epoch : !strcmp(name, "loss") ? e->loss : m ? m->value : NAN, DIGITS);
    }
    bit_text_add(t, "]");
}

static void add_evaluations(struct bit_text *t, const struct curves *c)
{
    const struct bit_metrics *metrics = c->evaluation_count ? &c->evaluations[c->evaluation_count - 1].metrics : NULL;
    bit_text_add(t, ",\"metrics\":[");
    for (int i = 0; metrics && i < metrics->count; i++) {
        const struct bit_metric *m = &metrics->item[i];
        bit_text_add(t, "%s{\"name\":", i ? "," : "");
        bit_text_add_json(t, m->name);
        bit_text_add(t, ",\"title\":");
        bit_text_add_json(t, m->title);
        bit_text_add(t, ",\"form\":\"%s\",\"better\":\"%s\"}", m->form == BIT_METRIC_SHARE ? "share" : "number", m->higher_is_better ? "higher" : "lower");
    }
    bit_text_add(t, "],\"evaluations\":{\"step\":[");
    for (int i = 0; i < c->evaluation_count; i++)
        bit_text_add(t, "%s%llu", i ? "," : "", (unsigned long long)c->evaluations[i].step);
    bit_text_add(t, "]");
    add_evaluation_series(t, c, "epoch");
    add_evaluation_series(t, c, "loss");
    for (int i = 0; metrics && i < metrics->count; i++)
        add_evaluation_series(t, c, metrics->item[i].name);
    bit_text_add(t, "}");
}

static double median_of(const struct bit_probe_line *line, int shots)
{
    for (int i = 0; i < line->count; i++)
        if (line->shots[i] == shots)
            return line->median[i];
    return NAN;
}

/* A column for each number of shots, as the newest probe has them. */
static void add_probes(struct bit_text *t, const struct curves *c)
{
    const struct bit_probe_line *newest = c->probe_count ? &c->probes[c->probe_count - 1].line : NULL;
    bit_text_add(t, ",\"probes\":{\"step\":[");
    for (int i = 0; i < c->probe_count; i++)
        bit_text_add(t, "%s%llu", i ? "," : "", (unsigned long long)c->probes[i].step);
    bit_text_add(t, "],\"epoch\":[");
    for (int i = 0; i < c->probe_count; i++) {
        bit_text_add(t, i ? "," : "");
        bit_json_add_number(t, c->probes[i].line.epoch, DIGITS);
    }
    for (int s = 0; newest && s < newest->count; s++) {
        bit_text_add(t, "],\"shots_%d\":[", newest->shots[s]);
        for (int i = 0; i < c->probe_count; i++) {
            bit_text_add(t, i ? "," : "");
            bit_json_add_number(t, median_of(&c->probes[i].line, newest->shots[s]), DIGITS);
        }
    }
    bit_text_add(t, "]}");
}

/* ---- the file ---- */

struct place { unsigned long long inode, bytes, step; };

/* The last bytes before `end`, at most `size` - 1, with a 0 behind them. */
static size_t read_before(FILE *file, off_t end, char *buffer, size_t size)
{
    off_t want = end < (off_t)size - 1 ? end : (off_t)size - 1;
    ssize_t got = pread(fileno(file), buffer, (size_t)want, end - want);
    buffer[got > 0 ? got : 0] = 0;
    return got == want ? (size_t)got : 0;
}

/* Where the last whole line ends. */
static off_t whole_lines(FILE *file, off_t size)
{
    char tail[65536];
    size_t got = read_before(file, size, tail, sizeof tail);
    const char *end = got ? memrchr(tail, '\n', got) : NULL;
    return end ? size - (off_t)(got - (size_t)(end - tail)) + 1 : 0;
}

/* The step of the line that ends at `bytes`; -1: none ends there. */
static long long step_before(FILE *file, off_t bytes)
{
    struct bit_metrics_line line;
    char tail[8192];
    size_t got = read_before(file, bytes, tail, sizeof tail);
    if (got == 0 || tail[got - 1] != '\n')
        return -1;
    const char *start = memrchr(tail, '\n', got - 1);
    start = start ? start + 1 : tail;
    tail[got - 1] = 0;
    bit_metrics_line_parse(start, (size_t)(tail + got - 1 - start), &line);
    return line.kind == BIT_METRICS_BAD ? -1 : (long long)line.step;
}

static void answer(struct request *r, struct curves *c, FILE *file, const struct stat *status)
{
    const char *from = api_query(r, "from");
    struct place old = {0};
    off_t begin = 0, whole = file ? whole_lines(file, status->st_size) : 0;
    bool asked = from && sscanf(from, "%llu:%llu:%llu", &old.inode, &old.bytes, &old.step) == 3;
    if (asked && old.bytes > 0 && old.inode == status->st_ino && old.bytes <= (unsigned long long)whole &&
        step_before(file, (off_t)old.bytes) == (long long)old.step)
        begin = (off_t)old.bytes;
    if (whole > begin)
        take_all(c, file, begin, whole);
    long long last = whole > 0 ? step_before(file, whole) : 0;
    bit_text_add(&r->text, "{\"cursor\":\"%llu:%llu:%lld\",\"rewind\":", (unsigned long long)status->st_ino, (unsigned long long)whole, last < 0 ? 0 : last);
    if (asked && begin == 0 && old.bytes > 0)
        bit_text_add(&r->text, "%llu", (unsigned long long)c->last_step);
    else
        bit_text_add(&r->text, "null");
    bit_text_add(&r->text, ",\"rewinds\":[");
    for (int i = 0; i < c->rewind_count; i++)
        bit_text_add(&r->text, "%s%llu", i ? "," : "", (unsigned long long)c->rewinds[i]);
    bit_text_add(&r->text, "],");
    add_steps(&r->text, c);
    add_evaluations(&r->text, c);
    add_probes(&r->text, c);
    bit_text_add(&r->text, "}\n");
}

void api_curves(struct request *r, const char *out)
{
    struct curves c = {0};
    struct stat status = {0};
    struct bit_error error = {0};
    char path[PATH_MAX];
    int64_t limit;
    if (!api_query_number(r, "points", 1, POINTS, POINTS, &limit))
        return;
    c.limit = (int)limit;
    c.points = bit_allocate((size_t)limit, sizeof *c.points, "curves", &error);
    c.evaluations = bit_allocate(EVALUATIONS, sizeof *c.evaluations, "curves", &error);
    c.probes = bit_allocate(PROBES, sizeof *c.probes, "curves", &error);
    int number = bit_path_join(path, sizeof path, out, BIT_RECORD_METRICS, &error) ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    FILE *file = number < 0 || fstat(number, &status) || !S_ISREG(status.st_mode) ? NULL : fdopen(number, "r");
    if (!c.points || !c.evaluations || !c.probes)
        api_fail(r, 503, "the curves cannot be read");
    else
        answer(r, &c, file, &status);
    if (file)
        fclose(file);
    else if (number >= 0)
        close(number);
    bit_free(c.points);
    bit_free(c.evaluations);
    bit_free(c.probes);
}
