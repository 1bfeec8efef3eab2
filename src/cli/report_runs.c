/* Tables over runs and over seeds. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bit/statistics.h"
#include "cli/report.h"

void report_add_value(struct bit_text *t, const struct bit_metric *metric, double value)
{
    char text[32];
    struct bit_metric shown = *metric;
    shown.value = value;
    bit_metric_text(&shown, text, sizeof text);
    if (isnan(value))
        bit_text_add(t, "<td></td>");
    else
        bit_text_add(t, "<td>%s</td>", text);
}

/* The columns: metrics of any run, in the order in which they are met. */
static struct bit_metrics all_metrics(const struct report *r)
{
    struct bit_metrics all = {0};
    for (size_t i = 0; i < r->count; i++)
        for (int k = 0; k < r->runs[i].metrics.count && all.count < BIT_METRICS; k++)
            if (!bit_metrics_find(&all, r->runs[i].metrics.item[k].name))
                all.item[all.count++] = r->runs[i].metrics.item[k];
    return all;
}

static double value_of(const struct report_run *run, const char *name)
{
    const struct bit_metric *m = bit_metrics_find(&run->metrics, name);
    return m ? m->value : NAN;
}

/* A share of the images with its interval. */
static void add_share(struct bit_text *t, const struct report_run *run, const struct bit_metric *column)
{
    double value = value_of(run, column->name), low, high;
    bool counted = !strncmp(column->name, "top", 3) && run->images != BIT_RECORD_UNKNOWN && run->images > 0 && value >= 0 && value <= 1;
    if (!counted) {
        report_add_value(t, column, value);
        return;
    }
    bit_wilson((uint64_t)llrint(value * (double)run->images), run->images, &low, &high);
    bit_text_add(t, "<td>%.2f %%<small>%.2f to %.2f</small></td>", 100 * value, 100 * low, 100 * high);
}

static void add_step(struct bit_text *t, uint64_t step)
{
    if (step == BIT_RECORD_UNKNOWN)
        bit_text_add(t, "<td></td>");
    else
        bit_text_add(t, "<td>%llu</td>", (unsigned long long)step);
}

static void add_run(struct bit_text *t, const struct report_run *run, const struct bit_metrics *columns)
{
    const struct bit_outcome *o = &run->outcome;
    bit_text_add(t, "<tr><td>");
    plot_add_escaped(t, run->name);
    bit_text_add(t, "</td><td class=text>");
    if (run->job)
        bit_text_add(t, "R%dx%d, %d px", run->job->model.depth, run->job->model.width, run->job->data.size);
    bit_text_add(t, "</td><td class=text>%s</td>", o->state == BIT_RUN_UNKNOWN ? "" : bit_run_state_name(o->state));
    if (run->job)
        bit_text_add(t, "<td>%llu</td>", (unsigned long long)run->job->seed);
    else
        bit_text_add(t, "<td></td>");
    add_step(t, run->evaluated != BIT_RECORD_UNKNOWN ? run->evaluated : o->progress.step);
    add_step(t, run->images);
    for (int i = 0; i < columns->count; i++)
        add_share(t, run, &columns->item[i]);
    bit_text_add(t, "</tr>\n");
}

static void add_titles(struct bit_text *t, const struct bit_metrics *columns)
{
    for (int i = 0; i < columns->count; i++) {
        bit_text_add(t, "<th>");
        plot_add_escaped(t, columns->item[i].title);
    }
    bit_text_add(t, "</tr></thead><tbody>\n");
}

void report_add_runs(struct bit_text *t, const struct report *r)
{
    const struct bit_metrics columns = all_metrics(r);
    bit_text_add(t, "<div class=wide><table><thead><tr><th>run<th class=text>network<th class=text>state<th>seed<th>step<th>images");
    add_titles(t, &columns);
    for (size_t i = 0; i < r->count; i++)
        add_run(t, &r->runs[i], &columns);
    bit_text_add(t, "</tbody></table></div>\n<p><small>of the newest evaluation of each run; small: 95 %% interval of the share (Wilson)</small></p>\n");
}

/* ---- seeds ---- */

static void add_cell(struct bit_text *t, const struct bit_metric *m, double values[], size_t count)
{
    char median[32], least[32], most[32], deviation[32];
    if (!count) {
        bit_text_add(t, "<td></td>");
        return;
    }
    struct bit_metric shown = *m;
    bit_metric_text((shown.value = bit_median(values, count), &shown), median, sizeof median);
    bit_metric_text((shown.value = values[0], &shown), least, sizeof least);
    bit_metric_text((shown.value = values[count - 1], &shown), most, sizeof most);
    bit_metric_text((shown.value = bit_deviation(values, count), &shown), deviation, sizeof deviation);
    bit_text_add(t, "<td>%s<small>%s to %s</small><small>&plusmn; %s</small></td>", median, least, most, count > 1 ? deviation : "?");
}

static bool is_kin(const struct report_run *a, const struct report_run *b)
{
    return a->kin && b->kin && !strcmp(a->kin, b->kin);
}

/* Runs like run `first` that have a value of the metric. */
static size_t collect(const struct report *r, size_t first, const char *name, double values[REPORT_RUNS])
{
    size_t count = 0;
    for (size_t i = first; i < r->count; i++) {
        double value = is_kin(&r->runs[first], &r->runs[i]) ? value_of(&r->runs[i], name) : NAN;
        if (!isnan(value) && count < REPORT_RUNS)
            values[count++] = value;
    }
    return count;
}

void report_add_seeds(struct bit_text *t, const struct report *r)
{
    const struct bit_metrics columns = all_metrics(r);
    double values[REPORT_RUNS];
    bool begun = false;
    for (size_t i = 0; i < r->count; i++) {
        size_t kin = 0, before = 0;
        for (size_t k = 0; k < r->count; k++) {
            kin += is_kin(&r->runs[i], &r->runs[k]);
            before += k < i && is_kin(&r->runs[i], &r->runs[k]);
        }
        if (before || kin < 2)
            continue;
        if (!begun) {
            bit_text_add(t, "<h3>Over seeds</h3><div class=wide><table><thead><tr><th>runs that differ by their seed only<th>runs");
            add_titles(t, &columns);
        }
        begun = true;
        bit_text_add(t, "<tr><td>");
        plot_add_escaped(t, r->runs[i].name);
        bit_text_add(t, " and %zu more</td><td>%zu</td>", kin - 1, kin);
        for (int k = 0; k < columns.count; k++)
            add_cell(t, &columns.item[k], values, collect(r, i, columns.item[k].name, values));
        bit_text_add(t, "</tr>\n");
    }
    if (begun)
        bit_text_add(t, "</tbody></table></div>\n<p><small>median; least to most; standard deviation</small></p>\n");
}
