/* bit plot: reads metrics.jsonl. */
#include "cli/plot.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bit/file.h"
#include "bit/memory.h"
#include "bit/metrics_log.h"
#include "bit/record.h"
#include "cli/cli.h"

struct options { const char *output; };

static const struct bit_option known[] = {
    {"-o", "FILE", "where to (default RUN/plot.html; '-': standard output)", BIT_OPTION_FILE, .at = offsetof(struct options, output)},
};
const struct bit_usage bit_plot_usage = {
    "bit plot", "RUN", "Writes a page with the curves of a run (RUN is its folder, or a metrics.jsonl) that needs no network.", known,
    sizeof known / sizeof *known, .least = 1, .most = 1};

enum { POINTS = 1500 }; /* of a curve: more than a screen is wide */

static int add_row(struct plot_table *table, const struct plot_row *row, struct bit_error *error)
{
    /* A run that was killed repeats steps after it resumes: what was written first is void. */
    while (table->count && table->rows[table->count - 1].at[PLOT_STEP] >= row->at[PLOT_STEP])
        table->count--;
    if (table->count == table->capacity) {
        size_t capacity = table->capacity ? table->capacity * 2 : 1024;
        struct plot_row *rows = bit_allocate(capacity, sizeof *rows, "the metrics of the run", error);
        if (!rows)
            return -1;
        if (table->count)
            memcpy(rows, table->rows, table->count * sizeof *rows);
        bit_free(table->rows);
        table->rows = rows;
        table->capacity = capacity;
    }
    table->rows[table->count++] = *row;
    return 0;
}

static struct plot_row empty_row(uint64_t step, double epoch)
{
    struct plot_row row;
    for (size_t i = 0; i < PLOT_COLUMNS; i++)
        row.at[i] = NAN;
    row.at[PLOT_STEP] = (double)step;
    row.at[PLOT_EPOCH] = epoch;
    return row;
}

static int add_step(struct plot_metrics *metrics, const struct bit_step_line *line, struct bit_error *error)
{
    struct plot_row row = empty_row(line->step, line->epoch);
    row.at[PLOT_LOSS] = line->loss;
    row.at[PLOT_RATE] = line->rate;
    row.at[PLOT_GRADIENT_NORM] = line->gradient_norm;
    row.at[PLOT_WEIGHT_NORM] = line->weight_norm;
    row.at[PLOT_SPEED] = line->images_per_second;
    row.at[PLOT_DATA] = line->share.data;
    row.at[PLOT_FORWARD] = line->share.forward;
    row.at[PLOT_BACKWARD] = line->share.backward;
    row.at[PLOT_REDUCE] = line->share.reduce;
    row.at[PLOT_UPDATE] = line->share.update;
    row.at[PLOT_CHECKPOINT] = line->share.checkpoint;
    return add_row(&metrics->steps, &row, error);
}

static int add_evaluation(struct plot_metrics *metrics, const struct bit_evaluation_line *line, struct bit_error *error)
{
    struct plot_row row = empty_row(line->step, line->epoch);
    row.at[PLOT_LOSS] = line->loss;
    for (int i = 0; i < line->metrics.count; i++)
        row.at[PLOT_METRIC + i] = line->metrics.item[i].value;
    metrics->metrics = line->metrics;
    return add_row(&metrics->evaluations, &row, error);
}

/* The column of so many images a class: that of an earlier probe, or a new one; -1: there are too many. */
static int column_of(struct plot_metrics *metrics, int shots)
{
    int i = 0;
    while (i < metrics->shot_count && metrics->shots[i] != shots)
        i++;
    if (i == BIT_METRICS)
        return -1;
    if (i == metrics->shot_count) {
        metrics->shots[metrics->shot_count++] = shots;
        snprintf(metrics->shot_names[i], sizeof metrics->shot_names[i], "%d a class", shots);
    }
    return PLOT_METRIC + i;
}

static int add_probe(struct plot_metrics *metrics, uint64_t step, const struct bit_probe_line *line, struct bit_error *error)
{
    struct plot_row row = empty_row(step, line->epoch);
    for (int i = 0; i < line->count; i++) {
        int column = column_of(metrics, line->shots[i]);
        if (column >= 0)
            row.at[column] = line->median[i];
    }
    return add_row(&metrics->probes, &row, error);
}

static int read_line(struct plot_metrics *metrics, const char *text, size_t size, struct bit_error *error)
{
    struct bit_metrics_line line;
    bit_metrics_line_parse(text, size, &line);
    switch (line.kind) {
    case BIT_METRICS_STEP:
        return add_step(metrics, &line.at, error);
    case BIT_METRICS_EVALUATION:
        return add_evaluation(metrics, &line.evaluation, error);
    case BIT_METRICS_PROBE:
        return add_probe(metrics, line.step, &line.probe, error);
    case BIT_METRICS_BAD:
        metrics->bad_lines++;
        break;
    case BIT_METRICS_OTHER:
        break;
    }
    return 0;
}

static int read_lines(const char *path, struct plot_metrics *metrics, struct bit_error *error)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    int result = 0;
    if (!file)
        return bit_fail_errno(error, BIT_ENOINPUT, "cannot open %s", path);
    while (!result && (size = getline(&line, &capacity, file)) > 0)
        if (size > 1)
            result = read_line(metrics, line, (size_t)size, error);
    if (!result && ferror(file))
        result = bit_fail_errno(error, BIT_EENVIRONMENT, "cannot read %s", path);
    free(line);
    fclose(file);
    return result;
}

/* Means over groups of neighbours, so that a long run's page stays small. The last row of a group gives its place. */
static void thin(struct plot_table *table)
{
    size_t group = (table->count + POINTS - 1) / POINTS, out = 0;
    for (size_t start = 0; group > 1 && start < table->count; start += group, out++) {
        size_t end = start + group < table->count ? start + group : table->count;
        struct plot_row mean = table->rows[end - 1];
        for (size_t column = PLOT_LOSS; column < PLOT_COLUMNS; column++) {
            double sum = 0;
            size_t count = 0;
            for (size_t i = start; i < end; i++)
                if (isfinite(table->rows[i].at[column]))
                    sum += table->rows[i].at[column], count++;
            mean.at[column] = count ? sum / (double)count : NAN;
        }
        table->rows[out] = mean;
    }
    table->count = group > 1 ? out : table->count;
}

int plot_metrics_read(const char *path, struct plot_metrics *metrics, struct bit_error *error)
{
    if (read_lines(path, metrics, error))
        return -1;
    thin(&metrics->steps);
    thin(&metrics->evaluations);
    thin(&metrics->probes);
    return 0;
}

void plot_metrics_free(struct plot_metrics *metrics)
{
    bit_free(metrics->steps.rows);
    bit_free(metrics->evaluations.rows);
    bit_free(metrics->probes.rows);
}

static int write_page(const struct plot_metrics *metrics, const char *name, const char *output, struct bit_error *error)
{
    struct bit_text page = {0};
    int result = 0;
    plot_page(&page, metrics, name);
    if (page.failed)
        result = bit_fail(error, BIT_EENVIRONMENT, "out of memory: the page of %s", name);
    else if (!strcmp(output, "-"))
        fwrite(page.data, 1, page.size, stdout);
    else if (!(result = bit_file_write_cache(output, page.data, page.size, error)))
        printf("%s\n", output);
    bit_text_free(&page);
    return result;
}

static int plot(const char *run, const char *output, struct bit_error *error)
{
    struct plot_metrics metrics = {0};
    struct stat status;
    char path[PATH_MAX], page[PATH_MAX], name[PATH_MAX];
    size_t length = strlen(run);
    while (length > 1 && run[length - 1] == '/')
        length--;
    snprintf(name, sizeof name, "%.*s", length < PATH_MAX ? (int)length : PATH_MAX - 1, run);
    if (stat(name, &status))
        return bit_fail_errno(error, BIT_ENOINPUT, "cannot find %s", name);
    bool folder = S_ISDIR(status.st_mode);
    if (bit_path_join(path, sizeof path, name, BIT_RECORD_METRICS, error) ||
        bit_path_join(page, sizeof page, name, "plot.html", error))
        return -1;
    if (!folder)
        snprintf(page, sizeof page, "%.*s.html", PATH_MAX - 6, name);
    int result = plot_metrics_read(folder ? path : name, &metrics, error);
    if (!result && !metrics.steps.count && !metrics.evaluations.count)
        result = bit_fail(error, BIT_EDATA, "%s holds no metrics (%zu lines could not be read)", folder ? path : name,
                          metrics.bad_lines);
    if (!result) {
        const char *slash = strrchr(name, '/');
        result = write_page(&metrics, slash && slash[1] ? slash + 1 : name, output ? output : page, error);
    }
    plot_metrics_free(&metrics);
    return result;
}

int bit_cli_plot(int argc, char **argv)
{
    struct options options = {0};
    struct bit_operands operands;
    struct bit_error error = {0};
    int code;
    if (!bit_cli_parse(&bit_plot_usage, argc, argv, &options, &operands, &code))
        return code;
    return plot(operands.word[0], options.output, &error) ? bit_cli_error(&error) : BIT_OK;
}
