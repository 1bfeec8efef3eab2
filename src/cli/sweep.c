/* Sweeps for people: the table of bit status, and bit help sweep. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bit/json.h"
#include "bit/metric.h"
#include "cli/cli.h"
#include "cli/client.h"

enum { WIDEST = 24, COLUMNS = 32 };

static void value_text(const cJSON *value, char *text, size_t size)
{
    char *json = cJSON_IsString(value) ? NULL : cJSON_PrintUnformatted(value);
    snprintf(text, size, "%.*s", WIDEST, json ? json : cJSON_IsString(value) ? value->valuestring : "");
    free(json);
}

static void metric_text(const cJSON *metric, const cJSON *job, char *text, size_t size)
{
    struct bit_metric m = {.form = strcmp(bit_json_string(metric, "form", ""), "share") ? BIT_METRIC_NUMBER : BIT_METRIC_SHARE,
                           .value = bit_json_number(job, "value", NAN), .count = BIT_METRIC_UNCOUNTED};
    snprintf(text, size, "-");
    if (!isnan(m.value))
        bit_metric_text(&m, text, size);
}

/* The last part of a key's name, or all of it where two have the same. */
static const char *title_of(const cJSON *keys, int k)
{
    const char *path = bit_json_string(cJSON_GetArrayItem(keys, k), "key", ""), *dot = strrchr(path, '.');
    for (int i = 0; dot && i < cJSON_GetArraySize(keys); i++) {
        const char *other = bit_json_string(cJSON_GetArrayItem(keys, i), "key", ""), *its = strrchr(other, '.');
        if (i != k && its && !strcmp(its, dot))
            return path;
    }
    return dot ? dot + 1 : path;
}

static int width_of(const cJSON *keys, const cJSON *jobs, int k)
{
    size_t width = strlen(title_of(keys, k));
    const cJSON *job;
    char text[WIDEST + 8];
    cJSON_ArrayForEach(job, jobs)
    {
        value_text(cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(job, "values"), k), text, sizeof text);
        width = strlen(text) > width ? strlen(text) : width;
    }
    return (int)width;
}

static void print_row(const cJSON *job, const cJSON *metric, const int *widths, int count)
{
    const cJSON *values = cJSON_GetObjectItemCaseSensitive(job, "values");
    double rank = bit_json_number(job, "rank", NAN), step = bit_json_number(job, "step", NAN), steps = bit_json_number(job, "steps", NAN);
    char place[16] = "-", at[64] = "-", value[64], text[WIDEST + 8];
    if (!isnan(rank))
        snprintf(place, sizeof place, "%.0f", rank);
    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(job, "is_last")))
        snprintf(place, sizeof place, "last");
    if (!isnan(step) && !isnan(steps))
        snprintf(at, sizeof at, "%.0f/%.0f", step, steps);
    metric_text(metric, job, value, sizeof value);
    printf("%4s  %6.0f  %-9s  %-13s  %10s", place, bit_json_number(job, "id", 0), bit_json_string(job, "state", ""), at, value);
    for (int k = 0; k < count; k++) {
        value_text(cJSON_GetArrayItem(values, k), text, sizeof text);
        printf("  %*s", widths[k], text);
    }
    const char *cause = bit_json_string(job, "cause", "none");
    printf("%s%s\n", strcmp(cause, "none") ? "  " : "", strcmp(cause, "none") ? cause : "");
}

void client_print_sweep(const cJSON *sweep)
{
    const cJSON *keys = cJSON_GetObjectItemCaseSensitive(sweep, "keys"), *jobs = cJSON_GetObjectItemCaseSensitive(sweep, "jobs");
    const cJSON *metric = cJSON_GetObjectItemCaseSensitive(sweep, "metric"), *job;
    int widths[COLUMNS] = {0}, count = cJSON_GetArraySize(keys) < COLUMNS ? cJSON_GetArraySize(keys) : COLUMNS;
    printf("\n%4s  %6s  %-9s  %-13s  %10s", "rank", "id", "state", "step", bit_json_string(metric, "title", "result"));
    for (int k = 0; k < count; k++) {
        widths[k] = width_of(keys, jobs, k);
        printf("  %*s", widths[k], title_of(keys, k));
    }
    putchar('\n');
    cJSON_ArrayForEach(job, jobs)
        print_row(job, metric, widths, count);
}

void bit_cli_help_sweep(void)
{
    puts("A sweep is a job file in which values are drawn or listed, and one more section. bit submit makes a job of each trial, and\n"
         "bit status ID shows them all, the best first. bit check looks at each of them; --print lists the values.\n"
         "\n"
         "In place of a value:\n"
         "  {\"random\": \"uniform\", \"from\": A, \"to\": B}        a number between A and B\n"
         "  {\"random\": \"log-uniform\", \"from\": A, \"to\": B}    the same, of which the logarithm is uniform\n"
         "  {\"random\": \"whole\", \"from\": A, \"to\": B}          a whole number, A and B among them\n"
         "  {\"random\": \"choice\", \"of\": [VALUE, ...]}         one of these\n"
         "  {\"grid\": [VALUE, ...]}                           each of these; of several grids, every combination\n"
         "\n"
         "The section \"sweep\":\n"
         "  trials    how many draws; with grids, of each combination. At most 500 jobs in all. No default where something is drawn\n"
         "  seed      another number, other draws (0). A value depends on it, the trial's number and the key's name alone\n"
         "  at_once   how many of its jobs run at a time; 0: as many as there is room for (0)\n"
         "  metric    by which the best is told, as evaluations name it, or loss (\"\": the first of evaluation.metrics)\n"
         "  last      keys that are other in one more job, which has the best one's values and begins when all others have ended,\n"
         "            such as {\"data.train\": \"all.txt\", \"data.val\": \"test.txt\"}; {}: none is other. Missing: no such job\n"
         "\n"
         "bit pause, resume, checkpoint and cancel of the sweep are for all of its jobs. It is done when its jobs have ended and at least\n"
         "one of them is done, and with last that one; bit rerun of one that failed goes on with what is not done.\n"
         "jobs/random-search-digits.json is an example.");
}
