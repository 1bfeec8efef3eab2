/* What the runs of a suite have come to: by task, by group, over all. */
#include <math.h>
#include <string.h>

#include "bit/file.h"
#include "bit/json.h"
#include "bit/statistics.h"
#include "bit/suite.h"
#include "bit/text.h"

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
        task->finished = 0;
        for (size_t i = 0; i < s->seed_count; i++)
            if (!isnan(s->runs[t * s->seed_count + i].value))
                values[task->finished++] = s->runs[t * s->seed_count + i].value;
        task->median = bit_median(values, task->finished);
        task->least = task->finished ? values[0] : NAN;
        task->most = task->finished ? values[task->finished - 1] : NAN;
        task->deviation = bit_deviation(values, task->finished);
    }
}

void bit_suite_mean(const struct bit_suite *s, const char *group, double *mean, double *spread)
{
    double sum = 0, by_seed[BIT_SUITE_SEEDS] = {0};
    size_t count = 0;
    for (size_t t = 0; t < s->task_count; t++) {
        if (group && strcmp(s->tasks[t].group, group))
            continue;
        count++;
        sum += s->tasks[t].median;
        for (size_t i = 0; i < s->seed_count; i++)
            by_seed[i] += s->runs[t * s->seed_count + i].value;
    }
    for (size_t i = 0; i < s->seed_count; i++)
        by_seed[i] /= (double)count;
    *mean = count ? sum / (double)count : NAN;
    *spread = bit_deviation(by_seed, s->seed_count);
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

static void cell(char *text, size_t size, double value)
{
    if (isnan(value))
        snprintf(text, size, "-");
    else
        snprintf(text, size, "%.2f", 100 * value);
}

static void print_row(FILE *stream, const char *name, const char *group, const double *numbers, const char *note)
{
    char text[4][24];
    for (int i = 0; i < 4; i++)
        cell(text[i], sizeof text[i], numbers[i]);
    fprintf(stream, "%-28s %-14s %8s %8s %8s %8s  %s\n", name, group, text[0], text[1], text[2], text[3], note);
}

void bit_suite_print(const struct bit_suite *s, FILE *stream)
{
    fprintf(stream, "%s: %s in percent over %zu seed%s\n%-28s %-14s %8s %8s %8s %8s  %s\n", s->name, *s->metric ? s->metric : "first metric",
            s->seed_count, s->seed_count == 1 ? "" : "s", "task", "group", "median", "least", "most", "std", "seeds, lists");
    for (size_t t = 0; t < s->task_count; t++) {
        const struct bit_suite_task *task = &s->tasks[t];
        char note[80];
        const double numbers[4] = {task->median, task->least, task->most, task->deviation};
        snprintf(note, sizeof note, "%zu/%zu%s%s%s%s", task->finished, s->seed_count, *task->list[0] ? " " : "", task->list[0],
                 *task->list[1] ? " " : "", task->list[1]);
        print_row(stream, task->name, task->group, numbers, note);
    }
    for (size_t t = 0; t < s->task_count; t++) {
        double numbers[4] = {NAN, NAN, NAN, NAN};
        const char *group = new_group(s, t);
        if (!group)
            continue;
        bit_suite_mean(s, group, &numbers[0], &numbers[3]);
        print_row(stream, "mean", group, numbers, "");
    }
    double numbers[4] = {NAN, NAN, NAN, NAN};
    bit_suite_mean(s, NULL, &numbers[0], &numbers[3]);
    print_row(stream, "mean over all tasks", "", numbers, "");
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
    bit_text_add(t, "%s\n{\"name\":\"%s\",\"group\":\"%s\",\"finished\":%zu", number ? "," : "", task->name, task->group, task->finished);
    add_number(t, "median", task->median);
    add_number(t, "least", task->least);
    add_number(t, "most", task->most);
    add_number(t, "deviation", task->deviation);
    bit_text_add(t, ",\"train_list\":\"%s\",\"val_list\":\"%s\",\"runs\":[", task->list[0], task->list[1]);
    for (size_t i = 0; i < s->seed_count; i++) {
        const struct bit_suite_run *run = &s->runs[number * s->seed_count + i];
        bit_text_add(t, "%s{\"seed\":%llu,\"state\":\"%s\",\"images\":%llu", i ? "," : "", (unsigned long long)run->seed,
                     bit_run_state_name(run->state), (unsigned long long)run->images);
        add_number(t, "value", run->value);
        bit_text_add(t, ",\"folder\":");
        bit_text_add_json(t, run->folder);
        bit_text_add(t, "}");
    }
    bit_text_add(t, "]}");
}

int bit_suite_write(const struct bit_suite *s, const char *folder, struct bit_error *error)
{
    struct bit_text t = {0};
    char path[PATH_MAX];
    double mean, spread;
    const char *comma = "";
    bit_text_add(&t, "{\"name\":");
    bit_text_add_json(&t, s->name);
    bit_text_add(&t, ",\"metric\":");
    bit_text_add_json(&t, s->metric);
    bit_suite_mean(s, NULL, &mean, &spread);
    add_number(&t, "mean", mean);
    add_number(&t, "deviation", spread);
    bit_text_add(&t, ",\"groups\":{");
    for (size_t i = 0; i < s->task_count; i++)
        if (new_group(s, i)) {
            bit_suite_mean(s, s->tasks[i].group, &mean, &spread);
            bit_text_add(&t, "%s\"%s\":{\"mean\":", comma, s->tasks[i].group);
            bit_json_add_number(&t, mean, 17);
            add_number(&t, "deviation", spread);
            bit_text_add(&t, "}");
            comma = ",";
        }
    bit_text_add(&t, "},\"tasks\":[");
    for (size_t i = 0; i < s->task_count; i++)
        add_task(&t, s, i);
    bit_text_add(&t, "\n]}\n");
    int result = t.failed ? bit_fail(error, BIT_EENVIRONMENT, "out of memory: results of a suite")
                          : bit_path_join(path, sizeof path, folder, "results.json", error) || bit_file_write(path, t.data, t.size, error) ? -1 : 0;
    bit_text_free(&t);
    return result;
}
