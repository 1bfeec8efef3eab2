/* bit report: one page about runs, their curves, figures and mistakes, that needs nothing else. */
#include "cli/report.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "bit/clock.h"
#include "bit/file.h"
#include "bit/memory.h"
#include "cli/cli.h"

struct options { const char *output, *title; int mistakes; bool json; };

#define AT(member) .at = offsetof(struct options, member)
static const struct bit_option known[] = {
    {"-o", "FILE", "where to (default RUN/report.html of one run, report.html of several; '-': standard output)", BIT_OPTION_FILE, AT(output)},
    {"--title", "TEXT", "of the page (default: the runs' names)", BIT_OPTION_TEXT, AT(title)},
    {"--mistakes", "N", "pictures of mistakes a run, at most (default 60)", BIT_OPTION_INT, AT(mistakes), 0, 100000},
    {"--json", NULL, "of one run what its predictions say, as JSON (to -o FILE, or to standard output)", BIT_OPTION_FLAG, AT(json)},
};
const struct bit_usage bit_report_usage = {
    "bit report", "RUN...",
    "Writes one page about runs (their folders) that needs no network: curves, tables over runs and seeds, and, of runs with a predictions.jsonl\n"
    "(bitrun JOB --evaluate --predictions RUN/predictions.jsonl), calibration, confused classes and pictures of the mistakes.",
    known, sizeof known / sizeof *known, .least = 1, .most = BIT_OPTION_VALUES};

/* ---- reading ---- */

static char *kin_of(const char *path, struct bit_error *error)
{
    static const char *const same[] = {"name=x", "comment=", "seed=0"};
    struct bit_problems problems = {0};
    struct bit_error ignored = {0};
    const struct bit_job *job = bit_job_read(path, same, sizeof same / sizeof *same, &problems, &ignored);
    char *kin = job ? bit_copy_text(job->canonical, error) : NULL;
    bit_problems_free(&problems);
    bit_job_destroy(job);
    return kin;
}

static void read_job(struct report_run *run, struct bit_error *error)
{
    char path[PATH_MAX];
    struct bit_problems problems = {0};
    struct bit_error ignored = {0};
    if (bit_path_join(path, sizeof path, run->folder, BIT_RECORD_JOB, error))
        return;
    run->job = bit_job_read(path, NULL, 0, &problems, &ignored);
    if (run->job)
        run->kin = kin_of(path, error);
    bit_problems_free(&problems);
}

/* The newer of the last evaluation of the training and the last one of its own. */
static void read_evaluations(struct report_run *run)
{
    struct bit_error ignored = {0};
    struct bit_evaluation_record record;
    bit_outcome_read(run->folder, &run->outcome, &ignored);
    const struct bit_outcome_evaluation *e = &run->outcome.evaluation;
    run->metrics = e->metrics;
    run->evaluated = e->step;
    run->images = e->images;
    bit_error_clear(&ignored);
    if (bit_evaluation_record_read(run->folder, &record, &ignored) || !record.metrics.count)
        return;
    if (e->metrics.count && e->step != BIT_RECORD_UNKNOWN && e->step > record.step)
        return;
    run->metrics = record.metrics;
    run->evaluated = record.step;
    run->images = record.images;
}

static int read_file_if(const char *folder, const char *name, char path[PATH_MAX], struct bit_error *error)
{
    return bit_path_join(path, PATH_MAX, folder, name, error) ? -1 : bit_file_exists(path);
}

static int read_run(const char *folder, struct report_run *run, struct bit_error *error)
{
    char path[PATH_MAX];
    struct stat status;
    size_t length = strlen(folder);
    while (length > 1 && folder[length - 1] == '/')
        length--;
    snprintf(run->folder, sizeof run->folder, "%.*s", (int)(length < PATH_MAX ? length : PATH_MAX - 1), folder);
    const char *slash = strrchr(run->folder, '/');
    snprintf(run->name, sizeof run->name, "%.255s", slash && slash[1] ? slash + 1 : run->folder);
    if (stat(run->folder, &status))
        return bit_fail_errno(error, BIT_ENOINPUT, "cannot find %s", run->folder);
    if (!S_ISDIR(status.st_mode))
        return bit_fail(error, BIT_EUSAGE, "%s is not a folder: expected that of a run", run->folder);
    read_job(run, error);
    read_evaluations(run);
    int there = read_file_if(run->folder, BIT_RECORD_METRICS, path, error);
    if (there < 0 || (there && plot_metrics_read(path, &run->curves, error)))
        return -1;
    there = read_file_if(run->folder, BIT_RECORD_PREDICTIONS, path, error);
    if (there > 0)
        run->predictions = bit_predictions_read(path, error);
    if (error->code)
        return -1;
    if (!run->metrics.count && !run->curves.steps.count && !run->predictions)
        return bit_fail(error, BIT_EDATA, "%s holds nothing to report: no metrics.jsonl, no evaluation, no predictions.jsonl", run->folder);
    return 0;
}

static void free_runs(struct report *r)
{
    for (size_t i = 0; r->runs && i < r->count; i++) {
        bit_job_destroy(r->runs[i].job);
        bit_free(r->runs[i].kin);
        plot_metrics_free(&r->runs[i].curves);
        bit_predictions_free(r->runs[i].predictions);
    }
    bit_free(r->runs);
}

/* ---- the page ---- */

const char report_style[] =
    "h2.part{font-size:1.25rem;margin:2.2rem 0 .6rem;border-bottom:1px solid #8884;padding-bottom:.2rem}h3{font-size:1rem;margin:1.2rem 0 .4rem}"
    ".wide{overflow-x:auto}table{border-collapse:collapse;font-size:14px;font-variant-numeric:tabular-nums}"
    "th,td{padding:.25rem .6rem;text-align:right;border-bottom:1px solid #8883;white-space:nowrap}"
    "th:first-child,td:first-child,.text{text-align:left}td small{display:block}"
    ".two{display:flex;flex-wrap:wrap;gap:1rem 3rem;align-items:flex-start}.two>*{min-width:0;max-width:100%}"
    ".calibration{width:min(100%,420px)}.calibration text{font-size:12px;fill:#667}.ideal{stroke:#8889;stroke-dasharray:4 3}"
    ".right{fill:var(--c0)}.modest{fill:var(--c0);fill-opacity:.4}.sure{fill:var(--c1);fill-opacity:.6}.many{fill:#8888}"
    ".cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:1rem}"
    "figure{margin:0;border:1px solid #8884;border-radius:6px;padding:.5rem;min-width:0;font-size:13px}"
    "figure img,figure .none{display:block;width:112px;height:112px;margin:0 auto .4rem;image-rendering:auto;background:#8882;border-radius:4px}"
    "figure .none{font-size:11px;color:#667;text-align:center;line-height:112px}"
    "figcaption{overflow-wrap:anywhere}.said{color:var(--c1)}.is{color:var(--c2)}"
    ".bar{position:relative;height:1.35em;margin-top:2px;background:#8881;border-radius:2px;overflow:hidden;font-size:12px}"
    ".bar span{position:absolute;inset:0 auto 0 0;background:#8887;opacity:.55}.bar.label span{background:var(--c2)}"
    ".bar.wrong span{background:var(--c1)}.bar b{position:absolute;left:4px;right:3.4em;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;font-weight:400}"
    ".bar i{position:absolute;right:4px;font-style:normal}figure h4{font-size:12px;margin:.5rem 0 0;font-weight:400;color:#667}"
    "@media(max-width:600px){main .tick{font-size:19px}}"
    "@media(prefers-color-scheme:dark){.calibration text,figure h4,figure .none{fill:#99a;color:#99a}}";

/* A curve a run. Names belong to the runs. */
static void fill_chart(struct plot_chart *chart, const struct report *r, enum plot_column column, bool of_evaluations)
{
    for (size_t i = 0; i < r->count && i < REPORT_CURVES; i++) {
        const struct plot_metrics *m = &r->runs[i].curves;
        chart->curves[chart->curve_count++] = (struct plot_curve){r->runs[i].name, of_evaluations ? &m->evaluations : &m->steps, column};
    }
}

static void add_part(struct bit_text *t, const char *title, const char *of)
{
    bit_text_add(t, "<h2 class=part>%s", title);
    if (of) {
        bit_text_add(t, " of ");
        plot_add_escaped(t, of);
    }
    bit_text_add(t, "</h2>\n");
}

/* A curve a run: probes of the most images a class that it was probed with. */
static void fill_probes(struct plot_chart *chart, const struct report *r)
{
    for (size_t i = 0; i < r->count && i < REPORT_CURVES; i++) {
        const struct plot_metrics *m = &r->runs[i].curves;
        int most = 0;
        for (int k = 1; k < m->shot_count; k++)
            most = m->shots[k] > m->shots[most] ? k : most;
        if (m->shot_count)
            chart->curves[chart->curve_count++] = (struct plot_curve){r->runs[i].name, &m->probes, (enum plot_column)(PLOT_METRIC + most)};
        if (m->shot_count && !*chart->unit)
            chart->unit = m->shot_names[most];
    }
}

enum { CHARTS = 5 };

static void fill_charts(struct plot_chart charts[CHARTS], const struct report *r)
{
    const struct bit_metrics *metrics = &r->runs[0].curves.metrics;
    const struct bit_metric *first = metrics->item;
    charts[0] = (struct plot_chart){"Loss in training", "mean over the batch", .from_zero = 1, .may_be_log = 1};
    charts[1] = (struct plot_chart){"Loss in validation", "", .from_zero = 1, .may_be_log = 1};
    charts[2] = (struct plot_chart){metrics->count ? first->title : "Validation", "in validation",
                                    .percent = metrics->count && first->form == BIT_METRIC_SHARE};
    charts[4] = (struct plot_chart){"Probe of the features", "", .percent = 1};
    charts[3] = (struct plot_chart){"Learning rate", "", .from_zero = 1, .may_be_log = 1};
    fill_chart(&charts[0], r, PLOT_LOSS, false);
    fill_chart(&charts[1], r, PLOT_LOSS, true);
    fill_chart(&charts[2], r, PLOT_METRIC, true);
    fill_chart(&charts[3], r, PLOT_RATE, false);
    fill_probes(&charts[4], r);
}

static void add_curves(struct bit_text *t, const struct report *r, const struct plot_chart charts[CHARTS])
{
    size_t steps = 0;
    for (size_t i = 0; i < r->count; i++)
        steps += r->runs[i].curves.steps.count;
    if (!steps)
        return;
    add_part(t, "Curves", NULL);
    if (r->count > REPORT_CURVES)
        bit_text_add(t, "<p><small>of the first %d runs</small></p>", REPORT_CURVES);
    bit_text_add(t, "<main>\n");
    for (int i = 0; i < CHARTS; i++)
        plot_chart_add(t, &charts[i], i);
    bit_text_add(t, "</main>\n");
}

static int add_predictions(struct bit_text *t, const struct report *r, struct bit_error *error)
{
    const struct report_run *first = NULL;
    for (size_t i = 0; i < r->count; i++) {
        const struct report_run *run = &r->runs[i];
        if (!run->predictions)
            continue;
        add_part(t, "Predictions", run->name);
        report_add_calibration(t, run->predictions);
        report_add_confusion(t, run->predictions);
        if (report_add_mistakes(t, r, run->predictions, error) ||
            (first && report_add_disagreements(t, r, first, run, error)))
            return -1;
        first = run;
    }
    if (!first)
        bit_text_add(t, "<p><small>No run has a predictions.jsonl; bitrun JOB --evaluate --predictions RUN/predictions.jsonl writes one, and the next page "
                        "has calibration, confused classes and mistakes.</small></p>\n");
    return 0;
}

static int add_page(struct bit_text *t, const struct report *r, const char *title, struct bit_error *error)
{
    struct plot_chart charts[CHARTS];
    char now[32];
    fill_charts(charts, r);
    bit_clock_stamp(now, sizeof now);
    plot_page_begin(t, title, report_style);
    bit_text_add(t, "<small>%zu run%s; written %s by bit %s</small>\n", r->count, r->count == 1 ? "" : "s", now, PACKAGE_VERSION);
    add_part(t, "Runs", NULL);
    report_add_runs(t, r);
    report_add_seeds(t, r);
    add_curves(t, r, charts);
    if (add_predictions(t, r, error))
        return -1;
    plot_page_end(t, charts, CHARTS);
    return t->failed ? bit_fail(error, BIT_EENVIRONMENT, "out of memory: the page") : 0;
}

static int write_page(const struct report *r, const struct options *o, struct bit_error *error)
{
    struct bit_text page = {0}, title = {0};
    char path[PATH_MAX] = "report.html";
    for (size_t i = 0; i < r->count && !o->title; i++)
        bit_text_add(&title, i == 0 ? "%s" : i < 3 ? ", %s" : i == 3 ? ", ..." : "", r->runs[i].name);
    int result = add_page(&page, r, o->title ? o->title : title.data, error);
    if (!result && r->count == 1)
        result = bit_path_join(path, sizeof path, r->runs[0].folder, "report.html", error);
    const char *output = o->output ? o->output : path;
    if (!result && !strcmp(output, "-"))
        fwrite(page.data, 1, page.size, stdout);
    else if (!result && !(result = bit_file_write_cache(output, page.data, page.size, error)))
        printf("%s\n", output);
    bit_text_free(&title);
    bit_text_free(&page);
    return result;
}

static int write_json(const struct report *r, const struct options *o, struct bit_error *error)
{
    struct bit_text text = {0};
    int result = report_add_json(&text, r, error);
    if (!result && text.failed)
        result = bit_fail(error, BIT_EENVIRONMENT, "out of memory: the report");
    if (!result && (!o->output || !strcmp(o->output, "-")))
        fwrite(text.data, 1, text.size, stdout);
    else if (!result)
        result = bit_file_write_cache(o->output, text.data, text.size, error);
    bit_text_free(&text);
    return result;
}

int bit_cli_report(int argc, char **argv)
{
    struct options options = {.mistakes = 60};
    struct bit_operands operands;
    struct bit_error error = {0};
    struct report report = {0};
    int code, result = 0;
    if (!bit_cli_parse(&bit_report_usage, argc, argv, &options, &operands, &code))
        return code;
    if (options.json && operands.count > 1)
        return bit_cli_usage(&bit_report_usage, "--json is for one run");
    report.mistakes = options.mistakes;
    report.runs = bit_allocate((size_t)operands.count, sizeof *report.runs, "the runs", &error);
    for (int i = 0; report.runs && i < operands.count && !result; i++, report.count++)
        result = read_run(operands.word[i], &report.runs[i], &error);
    if (report.runs && !result)
        result = options.json ? write_json(&report, &options, &error) : write_page(&report, &options, &error);
    free_runs(&report);
    return error.code ? bit_cli_error(&error) : BIT_OK;
}
