/* What the runs of a suite have come to: by task, by group, over all. */
#include <math.h>
#include <string.h>

#include "bit/file.h"
#include "bit/json.h"
#include "bit/statistics.h"
#include "bit/suite.h"
#include "bit/text.h"
#include "suite/few.h"

/* ---- reading ---- */

static void look_at(const struct bit_suite *s, struct bit_suite_run *run)
{
    struct bit_outcome outcome;
    struct bit_error error = {0};
    run->state = BIT_RUN_UNKNOWN;
    run->value = NAN;
    if (bit_outcome_read(run->folder, &outcome, &error))
        return;
    run->state = outcome.state;
    const struct bit_metrics *m = &outcome.evaluation.metrics;
    const struct bit_metric *metric = *s->metric ? bit_metrics_find(m, s->metric) : m->count ? &m->item[0] : NULL;
    if (outcome.state == BIT_RUN_FINISHED && metric) {
        run->value = metric->value;
        run->images = outcome.evaluation.images;
    }
}

void bit_suite_look(struct bit_suite *s)
{
    for (size_t i = 0; i < s->run_count; i++)
        look_at(s, &s->runs[i]);
    for (size_t t = 0; t < s->task_count; t++) {
        struct bit_suite_task *task = &s->tasks[t];
        double values[BIT_SUITE_SEEDS];
        suite_forget(task);
        for (size_t i = 0; i < s->seed_count; i++)
            if (!isnan(s->runs[t * s->seed_count + i].value))
                values[task->finished++] = s->runs[t * s->seed_count + i].value;
        task->median = bit_median(values, task->finished);
        task->least = task->finished ? values[0] : NAN;
        task->most = task->finished ? values[task->finished - 1] : NAN;
        task->deviation = bit_deviation(values, task->finished);
    }
    suite_look_at_probes(s);
}

struct bit_suite_means bit_suite_mean(const struct bit_suite *s, const char *group, int shots)
{
    double sum = 0, probes = 0, by_seed[BIT_SUITE_SEEDS] = {0};
    size_t count = 0;
    for (size_t t = 0; t < s->task_count; t++) {
        if (s->tasks[t].shots != shots || (group && strcmp(s->tasks[t].group, group)))
            continue;
        count++;
        sum += s->tasks[t].median;
        probes += s->tasks[t].probe_median;
        for (size_t i = 0; i < s->seed_count; i++)
            by_seed[i] += s->runs[t * s->seed_count + i].value;
    }
    for (size_t i = 0; i < s->seed_count; i++)
        by_seed[i] /= (double)count;
    return (struct bit_suite_means){count ? sum / (double)count : NAN, bit_deviation(by_seed, s->seed_count), count ? probes / (double)count : NAN};
}

/* ---- printing ---- */

/* The group that task t is the first of, or NULL. */
static const char *new_group(const struct bit_suite *s, size_t t)
{
    if (!*s->tasks[t].group)
        return NULL;
    for (size_t i = 0; i < t; i++)
        if (!strcmp(s->tasks[i].group, s->tasks[t].group))
            return NULL;
    return s->tasks[t].group;
}

static void print_number(FILE *stream, double value)
{
    if (isnan(value))
        fprintf(stream, " %8s", "-");
    else
        fprintf(stream, " %8.2f", 100 * value);
}

/* The columns of fine-tuning and, with probes, theirs; of means some are NaN. */
static void print_row(FILE *stream, const struct bit_suite *s, const char *name, const struct bit_suite_task *row, const char *note)
{
    const double numbers[7] = {row->median, row->least, row->most, row->deviation, row->probe_median, row->probe_least, row->probe_most};
    fprintf(stream, "%-28s %-14s", name, row->group);
    if (s->few && row->shots)
        fprintf(stream, " %8d", row->shots);
    else if (s->few)
        fprintf(stream, " %8s", "all");
    for (int i = 0; i < 4; i++)
        print_number(stream, numbers[i]);
    if (s->probe_count)
        fputs("  |", stream);
    for (int i = 4; i < 7 && s->probe_count; i++)
        print_number(stream, numbers[i]);
    fprintf(stream, "  %s\n", note);
}

static void print_heading(const struct bit_suite *s, FILE *stream)
{
    fprintf(stream, "%s: %s in percent over %zu seed%s", s->name, *s->metric ? s->metric : "first metric", s->seed_count, s->seed_count == 1 ? "" : "s");
    if (s->probe_count)
        fprintf(stream, " by fine-tuning | top-1 by a probe of the start's features, on the same images");
    fprintf(stream, "\n%-28s %-14s", "task", "group");
    if (s->few)
        fprintf(stream, " %8s", "a class");
    fprintf(stream, " %8s %8s %8s %8s", "median", "least", "most", "std");
    if (s->probe_count)
        fprintf(stream, "  | %8s %8s %8s", "median", "least", "most");
    fprintf(stream, "  seeds, lists\n");
}

static void print_mean(FILE *stream, const struct bit_suite *s, const char *name, const char *group, int shots)
{
    const struct bit_suite_means means = bit_suite_mean(s, group, shots);
    struct bit_suite_task row = {.shots = shots};
    suite_forget(&row);
    snprintf(row.group, sizeof row.group, "%s", group ? group : "");
    row.median = means.mean;
    row.deviation = means.deviation;
    row.probe_median = means.probe;
    print_row(stream, s, name, &row, "");
}

void bit_suite_print(const struct bit_suite *s, FILE *stream)
{
    print_heading(s, stream);
    for (size_t t = 0; t < s->task_count; t++) {
        const struct bit_suite_task *task = &s->tasks[t];
        char note[80];
        snprintf(note, sizeof note, "%zu/%zu%s%s%s%s", task->finished, s->seed_count, *task->list[0] ? " " : "", task->list[0],
                 *task->list[1] ? " " : "", task->list[1]);
        print_row(stream, s, task->name, task, note);
    }
    for (size_t i = 0; i < s->shot_count; i++)
        for (size_t t = 0; t < s->task_count; t++)
            if (new_group(s, t))
                print_mean(stream, s, "mean", new_group(s, t), s->shots[i]);
    for (size_t i = 0; i < s->shot_count; i++)
        print_mean(stream, s, "mean over all tasks", NULL, s->shots[i]);
}

/* ---- JSON ---- */

static void add_number(struct bit_text *t, const char *name, double value)
{
    bit_text_add(t, ",\"%s\":", name);
    bit_json_add_number(t, value, 17);
}

static void add_task(struct bit_text *t, const struct bit_suite *s, size_t number)
{
    const struct bit_suite_task *task = &s->tasks[number];
    bit_text_add(t, "%s\n{\"name\":\"%s\",\"group\":\"%s\"", number ? "," : "", task->name, task->group);
    if (s->few)
        bit_text_add(t, ",\"shots\":%d", task->shots);
    bit_text_add(t, ",\"finished\":%zu", task->finished);
    add_number(t, "median", task->median);
    add_number(t, "least", task->least);
    add_number(t, "most", task->most);
    add_number(t, "deviation", task->deviation);
    if (s->probe_count) {
        add_number(t, "probe_median", task->probe_median);
        add_number(t, "probe_least", task->probe_least);
        add_number(t, "probe_most", task->probe_most);
    }
    bit_text_add(t, ",\"train_list\":\"%s\",\"val_list\":\"%s\",\"runs\":[", task->list[0], task->list[1]);
    for (size_t i = 0; i < s->seed_count; i++) {
        const struct bit_suite_run *run = &s->runs[number * s->seed_count + i];
        bit_text_add(t, "%s{\"seed\":%llu,\"state\":\"%s\",\"images\":%llu", i ? "," : "", (unsigned long long)run->seed,
                     bit_run_state_name(run->state), (unsigned long long)run->images);
        add_number(t, "value", run->value);
        if (s->probe_count)
            add_number(t, "probe", task->probed[i]);
        bit_text_add(t, ",\"folder\":");
        bit_text_add_json(t, run->folder);
        bit_text_add(t, "}");
    }
    bit_text_add(t, "]}");
}

/* Members of an object: mean, deviation, and with probes theirs. */
static void add_means(struct bit_text *t, const struct bit_suite *s, const char *group, int shots)
{
    const struct bit_suite_means means = bit_suite_mean(s, group, shots);
    bit_text_add(t, "\"mean\":");
    bit_json_add_number(t, means.mean, 17);
    add_number(t, "deviation", means.deviation);
    if (s->probe_count)
        add_number(t, "probe", means.probe);
}

/* The same of all tasks and of the groups. */
static void add_all_means(struct bit_text *t, const struct bit_suite *s, int shots)
{
    const char *comma = "";
    add_means(t, s, NULL, shots);
    bit_text_add(t, ",\"groups\":{");
    for (size_t i = 0; i < s->task_count; i++)
        if (new_group(s, i)) {
            bit_text_add(t, "%s\"%s\":{", comma, s->tasks[i].group);
            add_means(t, s, s->tasks[i].group, shots);
            bit_text_add(t, "}");
            comma = ",";
        }
    bit_text_add(t, "}");
}

static void add_suite(struct bit_text *t, const struct bit_suite *s)
{
    bit_text_add(t, "{\"name\":");
    bit_text_add_json(t, s->name);
    bit_text_add(t, ",\"metric\":");
    bit_text_add_json(t, s->metric);
    bit_text_add(t, ",%s", s->few ? "\"shots\":[" : "");
    for (size_t i = 0; i < s->shot_count; i++) {
        if (s->few)
            bit_text_add(t, "%s{\"shots\":%d,", i ? "," : "", s->shots[i]);
        add_all_means(t, s, s->shots[i]);
        if (s->few)
            bit_text_add(t, "}");
    }
    bit_text_add(t, "%s,\"tasks\":[", s->few ? "]" : "");
    for (size_t i = 0; i < s->task_count; i++)
        add_task(t, s, i);
    bit_text_add(t, "\n]}\n");
}

int bit_suite_write(const struct bit_suite *s, const char *folder, struct bit_error *error)
{
    struct bit_text t = {0};
    char path[PATH_MAX];
    add_suite(&t, s);
    int result = t.failed ? bit_fail(error, BIT_EENVIRONMENT, "out of memory: results of a suite")
                          : bit_path_join(path, sizeof path, folder, "results.json", error) || bit_file_write(path, t.data, t.size, error) ? -1 : 0;
    bit_text_free(&t);
    return result;
}
