/* The commands that ask bitd about jobs, and that wish something of them. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bit/clock.h"
#include "bit/json.h"
#include "bit/metric.h"
#include "bit/text.h"
#include "bit/wait.h"
#include "cli/cli.h"
#include "cli/client.h"

#define SOCKET_OPTION(type) {"--socket", "FILE", "where bitd listens (default: BIT_SOCKET, else its own default)", BIT_OPTION_FILE, .at = offsetof(type, socket)}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void print_text(const char *text)
{
    char shown[2048];
    bit_text_escape(shown, sizeof shown, text, "");
    fputs(shown, stdout);
}

/* ---- one line, and the whole of a job ---- */

static void step_text(const cJSON *job, char *text, size_t size)
{
    const cJSON *progress = cJSON_GetObjectItemCaseSensitive(job, "progress");
    double step = bit_json_number(progress, "step", NAN), steps = bit_json_number(progress, "steps", NAN);
    if (isnan(step) || isnan(steps))
        snprintf(text, size, "-");
    else
        snprintf(text, size, "%.0f/%.0f", step, steps);
}

static void left_text(const cJSON *job, char *text, size_t size)
{
    double left = bit_json_number(cJSON_GetObjectItemCaseSensitive(job, "progress"), "seconds_left", NAN), due = bit_json_number(job, "due", NAN);
    char shown[64];
    snprintf(text, size, "-");
    if (!isnan(due)) {
        bit_clock_duration(due > now() ? due - now() : 0, shown, sizeof shown);
        snprintf(text, size, "again in %s", shown);
    } else if (!isnan(left)) {
        bit_clock_duration(left, text, size);
    }
}

static void print_line(const cJSON *job)
{
    char steps[64], left[80];
    const char *cause = bit_json_string(job, "cause", "none");
    step_text(job, steps, sizeof steps);
    left_text(job, left, sizeof left);
    printf("%6.0f  %-20.40s  %-9s  %-13s  %-12s  ", bit_json_number(job, "id", 0), bit_json_string(job, "name", ""), bit_json_string(job, "state", ""), steps, left);
    print_text(strcmp(cause, "none") ? cause : "");
    putchar('\n');
}

static void print_head(void) { printf("%6s  %-20s  %-9s  %-13s  %-12s  %s\n", "id", "name", "state", "step", "left", "cause"); }

static void print_metrics(const cJSON *progress)
{
    const cJSON *row, *rows = cJSON_GetObjectItemCaseSensitive(progress, "metrics");
    cJSON_ArrayForEach(row, rows)
    {
        struct bit_metric metric = {.form = strcmp(bit_json_string(row, "form", ""), "share") ? BIT_METRIC_NUMBER : BIT_METRIC_SHARE,
                                    .value = bit_json_number(row, "value", NAN), .count = BIT_METRIC_UNCOUNTED};
        char text[64];
        bit_metric_text(&metric, text, sizeof text);
        printf("  %-12s ", bit_json_string(row, "title", ""));
        puts(text);
    }
}

/* How Slurm's job was seen. */
static void print_slurm(const cJSON *attempt)
{
    const cJSON *slurm = cJSON_GetObjectItemCaseSensitive(attempt, "slurm");
    double number = bit_json_number(attempt, "slurm_id", NAN), silent = bit_json_number(slurm, "silent", NAN), seen = bit_json_number(slurm, "seen", NAN);
    const char *reason = bit_json_string(slurm, "reason", "");
    char ago[64];
    if (isnan(number))
        return;
    printf("  %-12s job %.0f%s", "Slurm", number, cJSON_IsObject(slurm) ? ": " : "");
    print_text(bit_json_string(slurm, "state", ""));
    if (*reason) {
        printf(" (");
        print_text(reason);
        printf(")");
    }
    if (!isnan(seen)) {
        bit_clock_duration(now() > seen ? now() - seen : 0, ago, sizeof ago);
        printf(", seen %s ago", ago);
    }
    if (!isnan(silent)) {
        bit_clock_duration(now() > silent ? now() - silent : 0, ago, sizeof ago);
        printf("; Slurm does not answer since %s", ago);
    }
    putchar('\n');
}

static void print_attempts(const cJSON *job)
{
    const cJSON *attempt = cJSON_GetObjectItemCaseSensitive(job, "attempt");
    double fruitless = bit_json_number(job, "starts_without_progress", 0);
    if (!cJSON_IsObject(attempt))
        return;
    const char *hosts = bit_json_string(attempt, "hosts", "");
    printf("  %-12s %.0f, on %s, %.0f rank(s)\n", "start", bit_json_number(attempt, "number", 0), *hosts ? hosts : "no host yet",
           bit_json_number(attempt, "ranks", 0));
    print_slurm(attempt);
    if (fruitless > 0)
        printf("  %-12s %.0f of %.0f starts in a row without a new checkpoint\n", "budget", fruitless, bit_json_number(job, "budget", 0));
}

static void print_job(const cJSON *job)
{
    const cJSON *progress = cJSON_GetObjectItemCaseSensitive(job, "progress");
    char steps[64], left[80];
    const char *why = bit_json_string(job, "why", ""), *wish = bit_json_string(job, "wish", "none");
    step_text(job, steps, sizeof steps);
    left_text(job, left, sizeof left);
    printf("job %.0f: %s\n  %-12s %s", bit_json_number(job, "id", 0), bit_json_string(job, "name", ""), "state", bit_json_string(job, "state", ""));
    if (strcmp(bit_json_string(job, "cause", "none"), "none") != 0)
        printf(" (%s)", bit_json_string(job, "cause", ""));
    if (strcmp(wish, "none") != 0)
        printf(", to %s", wish);
    putchar('\n');
    if (*why) {
        printf("  %-12s ", "why");
        print_text(why);
        putchar('\n');
    }
    if (*bit_json_string(job, "notice", "")) {
        printf("  %-12s ", "notice");
        print_text(bit_json_string(job, "notice", ""));
        putchar('\n');
    }
    if (strcmp(bit_json_string(job, "engine", ""), "sweep") != 0)
        printf("  %-12s %s, left %s\n", "step", steps, left);
    print_metrics(progress);
    print_attempts(job);
    printf("  %-12s ", "folder");
    print_text(bit_json_string(job, "out", ""));
    putchar('\n');
    if (cJSON_GetObjectItemCaseSensitive(job, "sweep"))
        client_print_sweep(cJSON_GetObjectItemCaseSensitive(job, "sweep"));
}

static int print_json(const cJSON *json)
{
    char *text = cJSON_PrintUnformatted(json);
    puts(text ? text : "");
    free(text);
    return BIT_OK;
}

static void print_list(const cJSON *list)
{
    const cJSON *job;
    print_head();
    cJSON_ArrayForEach(job, list)
        print_line(job);
}

/* ---- status ---- */

struct status_options { const char *state, *socket; int limit; bool json, watch; };
static const struct bit_option status_known[] = {
    {"--state", "STATES", "only jobs in these states, with commas between them; active: all that have not ended", BIT_OPTION_TEXT,
     .at = offsetof(struct status_options, state)},
    {"--limit", "N", "at most so many, the newest (default 50)", BIT_OPTION_INT, .at = offsetof(struct status_options, limit), 1, 200},
    {"--watch", NULL, "again every two seconds, until it is stopped; of one job, until that has ended", BIT_OPTION_FLAG, .at = offsetof(struct status_options, watch)},
    {"--json", NULL, "as JSON", BIT_OPTION_FLAG, .at = offsetof(struct status_options, json)},
    SOCKET_OPTION(struct status_options),
};
const struct bit_usage bit_status_usage = {
    "bit status", "[ID]", "How jobs stand that were handed to bitd, or one of them with all that is known. bit help states explains the words.",
    status_known, sizeof status_known / sizeof *status_known, .least = 0, .most = 1};

static bool has_ended(const cJSON *job)
{
    const char *state = bit_json_string(job, "state", "");
    return !strcmp(state, "done") || !strcmp(state, "failed") || !strcmp(state, "cancelled");
}

/* What its jobs have come to. */
static int add_sweep(const struct status_options *o, const char *path, cJSON *json, struct bit_error *error)
{
    char whole[600];
    snprintf(whole, sizeof whole, "%s/sweep", path);
    cJSON *sweep = client_json(o->socket, whole, NULL, error);
    if (sweep)
        cJSON_AddItemToObject(json, "sweep", sweep);
    return sweep ? 0 : -1;
}

static int show(const struct status_options *o, const char *path, bool is_one, bool *is_over)
{
    struct bit_error error = {0};
    cJSON *json = client_json(o->socket, path, NULL, &error);
    if (!json)
        return bit_cli_error(&error);
    if (is_one && !strcmp(bit_json_string(json, "engine", ""), "sweep") && add_sweep(o, path, json, &error)) {
        cJSON_Delete(json);
        return bit_cli_error(&error);
    }
    if (o->json)
        print_json(json);
    else if (is_one)
        print_job(json);
    else
        print_list(cJSON_GetObjectItemCaseSensitive(json, "jobs"));
    *is_over = is_one && has_ended(json);
    cJSON_Delete(json);
    return BIT_OK;
}

int bit_cli_status(int argc, char **argv)
{
    struct status_options o = {.limit = 50};
    struct bit_operands operands;
    struct bit_error error = {0};
    char path[512];
    int64_t id = 0;
    bool is_over = false;
    int code;
    if (!bit_cli_parse(&bit_status_usage, argc, argv, &o, &operands, &code))
        return code;
    if (operands.count && client_id(operands.word[0], &id, &error))
        return bit_cli_error(&error);
    if (o.state && strspn(o.state, "abcdefghijklmnopqrstuvwxyz,") != strlen(o.state))
        return bit_cli_usage(&bit_status_usage, "--state %s: expected states with commas between them", o.state);
    if (id)
        snprintf(path, sizeof path, "/api/v1/jobs/%lld", (long long)id);
    else
        snprintf(path, sizeof path, "/api/v1/jobs?limit=%d%s%.200s", o.limit, o.state ? "&state=" : "", o.state ? o.state : "");
    do {
        if (o.watch && !o.json && isatty(1))
            fputs("\033[H\033[J", stdout);
        code = show(&o, path, id != 0, &is_over);
        fflush(stdout);
        if (o.watch && !is_over && code == BIT_OK)
            bit_sleep(2);
    } while (o.watch && !is_over && code == BIT_OK);
    return code;
}

/* ---- logs ---- */

struct logs_options { const char *socket; uint64_t attempt; bool follow; };
static const struct bit_option logs_known[] = {
    {"-f", NULL, "goes on as it grows, until the job has ended", BIT_OPTION_FLAG, .at = offsetof(struct logs_options, follow)},
    {"--follow", NULL, NULL, BIT_OPTION_FLAG, .at = offsetof(struct logs_options, follow)},
    {"--attempt", "N", "of its N-th start (default: the newest)", BIT_OPTION_COUNT, .at = offsetof(struct logs_options, attempt), 1, 1e6},
    SOCKET_OPTION(struct logs_options),
};
const struct bit_usage bit_logs_usage = {
    "bit logs", "ID", "What a job's start has printed.", logs_known, sizeof logs_known / sizeof *logs_known, .least = 1, .most = 1};

/* Prints what the log of a start has from byte *from on. */
static int print_log(const struct logs_options *o, int64_t id, uint64_t attempt, int64_t *from, struct bit_error *error)
{
    struct client_answer answer;
    char path[256];
    int result;
    do {
        snprintf(path, sizeof path, "/api/v1/jobs/%lld/log?from=%lld&attempt=%llu", (long long)id, (long long)*from, (unsigned long long)attempt);
        if (client_ask(o->socket, path, NULL, &answer, error))
            return -1;
        result = client_check(&answer, error);
        if (result == 0) {
            fwrite(answer.text, 1, answer.size, stdout);
            *from = answer.next;
        }
        result = result ? result : answer.size > 0;
        client_free(&answer);
    } while (result == 1);
    fflush(stdout);
    return result;
}

/* One look: 1 when there is more to come. */
static int follow(const struct logs_options *o, int64_t id, uint64_t *attempt, int64_t *from, struct bit_error *error)
{
    char path[64];
    snprintf(path, sizeof path, "/api/v1/jobs/%lld", (long long)id);
    cJSON *job = client_json(o->socket, path, NULL, error);
    uint64_t newest = bit_json_whole(job, "attempts", 0);
    bool is_over = job && has_ended(job);
    cJSON_Delete(job);
    if (!job || (*attempt && print_log(o, id, *attempt, from, error)))
        return -1;
    if (!o->attempt && newest > *attempt) {
        *attempt = newest;
        *from = 0;
        return 1;
    }
    return o->follow && !is_over;
}

int bit_cli_logs(int argc, char **argv)
{
    struct logs_options o = {0};
    struct bit_operands operands;
    struct bit_error error = {0};
    int64_t id, from = 0;
    int code, more;
    if (!bit_cli_parse(&bit_logs_usage, argc, argv, &o, &operands, &code))
        return code;
    if (client_id(operands.word[0], &id, &error))
        return bit_cli_error(&error);
    uint64_t attempt = o.attempt;
    while ((more = follow(&o, id, &attempt, &from, &error)) > 0)
        bit_sleep(o.follow && from ? 0.5 : 0.01);
    return more < 0 ? bit_cli_error(&error) : BIT_OK;
}

/* ---- wishes ---- */

struct wish_options { const char *socket; bool json; };
static const struct bit_option wish_known[] = {
    {"--json", NULL, "prints the job as JSON", BIT_OPTION_FLAG, .at = offsetof(struct wish_options, json)},
    SOCKET_OPTION(struct wish_options),
};
#define WISH_USAGE(name, about) const struct bit_usage bit_##name##_usage = {"bit " #name, "ID...", about, wish_known, \
    sizeof wish_known / sizeof *wish_known, .least = 1, .most = BIT_OPTION_VALUES}
WISH_USAGE(checkpoint, "Asks running jobs for a checkpoint now.");
WISH_USAGE(pause, "Has jobs save and stop, and keeps them until bit resume; their cores are free for others. Queued jobs are held.");
WISH_USAGE(resume, "Lets held jobs go on, with a full budget of restarts.");
WISH_USAGE(cancel, "Ends jobs for good, after a checkpoint where they run. What they have written stays.");
WISH_USAGE(rerun, "Hands jobs that have ended in again, each under a new number and in its old folder, where it goes on from the last checkpoint.\n"
                  "Jobs that were to follow the old one follow the new one.");

/* One request for a job, and what it is then. */
static int ask_for(const struct wish_options *o, int64_t id, const char *verb, const char *body)
{
    struct bit_error error = {0};
    char path[128];
    snprintf(path, sizeof path, "/api/v1/jobs/%lld/%s", (long long)id, verb);
    cJSON *job = client_json(o->socket, path, body, &error);
    if (!job)
        return bit_cli_error(&error);
    const char *wished = bit_json_string(job, "wish", "none");
    if (o->json)
        print_json(job);
    else if (*body)
        printf("job %.0f: %s, priority %.0f\n", bit_json_number(job, "id", 0), bit_json_string(job, "state", ""), bit_json_number(job, "priority", 0));
    else
        printf("job %.0f: %s%s%s\n", bit_json_number(job, "id", 0), bit_json_string(job, "state", ""), strcmp(wished, "none") ? ", to " : "",
               strcmp(wished, "none") ? wished : "");
    cJSON_Delete(job);
    return BIT_OK;
}

static int wish(const struct bit_usage *usage, const char *verb, int argc, char **argv)
{
    struct wish_options o = {0};
    struct bit_operands operands;
    int code;
    if (!bit_cli_parse(usage, argc, argv, &o, &operands, &code))
        return code;
    for (int i = 0; i < operands.count; i++) {
        struct bit_error error = {0};
        int64_t id;
        int one = client_id(operands.word[i], &id, &error) ? bit_cli_error(&error) : ask_for(&o, id, verb, "");
        code = one ? one : code;
    }
    return code;
}

int bit_cli_checkpoint(int argc, char **argv) { return wish(&bit_checkpoint_usage, "checkpoint", argc, argv); }
int bit_cli_pause(int argc, char **argv) { return wish(&bit_pause_usage, "pause", argc, argv); }
int bit_cli_resume(int argc, char **argv) { return wish(&bit_resume_usage, "resume", argc, argv); }
int bit_cli_cancel(int argc, char **argv) { return wish(&bit_cancel_usage, "cancel", argc, argv); }
int bit_cli_rerun(int argc, char **argv) { return wish(&bit_rerun_usage, "rerun", argc, argv); }

const struct bit_usage bit_priority_usage = {
    "bit priority", "ID... N", "Gives jobs that have not ended another priority: larger starts earlier, an hour of waiting counts as one, and what a job has\n"
    "waited it keeps. A sweep's is that of all its jobs.", wish_known, sizeof wish_known / sizeof *wish_known, .least = 2, .most = BIT_OPTION_VALUES,
    .takes_negative = true};

int bit_cli_priority(int argc, char **argv)
{
    struct wish_options o = {0};
    struct bit_operands operands;
    char body[64], *end;
    int code;
    if (!bit_cli_parse(&bit_priority_usage, argc, argv, &o, &operands, &code))
        return code;
    const char *last = operands.word[operands.count - 1];
    long priority = strtol(last, &end, 10);
    if (end == last || *end || priority < -1000000 || priority > 1000000)
        return bit_cli_usage(&bit_priority_usage, "%s: expected a priority, a whole number from -1000000 to 1000000, behind the jobs", last);
    snprintf(body, sizeof body, "{\"priority\":%ld}", priority);
    for (int i = 0; i + 1 < operands.count; i++) {
        struct bit_error error = {0};
        int64_t id;
        int one = client_id(operands.word[i], &id, &error) ? bit_cli_error(&error) : ask_for(&o, id, "priority", body);
        code = one ? one : code;
    }
    return code;
}

/* ---- queue and hosts ---- */

const struct bit_usage bit_queue_usage = {
    "bit queue", "", "Jobs that have not ended: those that run, then the others in the order in which they start.", wish_known,
    sizeof wish_known / sizeof *wish_known, .least = 0, .most = 0};

int bit_cli_queue(int argc, char **argv)
{
    struct wish_options o = {0};
    struct status_options status;
    struct bit_operands operands;
    bool ignored;
    int code;
    if (!bit_cli_parse(&bit_queue_usage, argc, argv, &o, &operands, &code))
        return code;
    status = (struct status_options){.socket = o.socket, .json = o.json};
    return show(&status, "/api/v1/queue", false, &ignored);
}

struct hosts_options { const char *socket, *drain, *open; bool json; };
static const struct bit_option hosts_known[] = {
    {"--drain", "NAME", "no new jobs on this host, and those that run there save, stop and are queued again", BIT_OPTION_TEXT,
     .at = offsetof(struct hosts_options, drain)},
    {"--open", "NAME", "jobs start there again", BIT_OPTION_TEXT, .at = offsetof(struct hosts_options, open)},
    {"--json", NULL, "as JSON", BIT_OPTION_FLAG, .at = offsetof(struct hosts_options, json)},
    SOCKET_OPTION(struct hosts_options),
};
const struct bit_usage bit_hosts_usage = {
    "bit hosts", "", "The hosts on which bitd starts jobs, and how many of their cores are free; and whether Slurm answers, where there is one.", hosts_known,
    sizeof hosts_known / sizeof *hosts_known, .least = 0, .most = 0};

static int set_host(const struct hosts_options *o, const char *name, const char *verb, struct bit_error *error)
{
    char path[256];
    if (strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_") != strlen(name))
        return bit_fail(error, BIT_EUSAGE, "'%s' is not the name of a host", name);
    snprintf(path, sizeof path, "/api/v1/hosts/%.100s/%s", name, verb);
    cJSON *json = client_json(o->socket, path, "", error);
    cJSON_Delete(json);
    return json ? 0 : -1;
}

static void print_hosts(const cJSON *list)
{
    const cJSON *host;
    printf("%-24s  %5s  %5s  %s\n", "host", "cores", "free", "state");
    cJSON_ArrayForEach(host, list)
        printf("%-24s  %5.0f  %5.0f  %s\n", bit_json_string(host, "name", ""), bit_json_number(host, "cores", 0), bit_json_number(host, "free", 0),
               bit_json_string(host, "state", ""));
}

static void print_slurm_state(const cJSON *slurm)
{
    double silent = bit_json_number(slurm, "silent", NAN);
    char since[64];
    if (!cJSON_IsObject(slurm))
        return;
    printf("%-24s  %5s  %5s  ", "Slurm", "-", "-");
    if (!isnan(silent)) {
        bit_clock_duration(now() > silent ? now() - silent : 0, since, sizeof since);
        printf("does not answer since %s; ", since);
    } else {
        printf("%s; ", isnan(bit_json_number(slurm, "answered", NAN)) ? "not asked yet" : "answers");
    }
    printf("%.0f job(s) run, %.0f wait there\n", bit_json_number(slurm, "running", 0), bit_json_number(slurm, "pending", 0));
}

int bit_cli_hosts(int argc, char **argv)
{
    struct hosts_options o = {0};
    struct bit_operands operands;
    struct bit_error error = {0};
    int code;
    if (!bit_cli_parse(&bit_hosts_usage, argc, argv, &o, &operands, &code))
        return code;
    if ((o.drain && set_host(&o, o.drain, "drain", &error)) || (o.open && set_host(&o, o.open, "open", &error)))
        return bit_cli_error(&error);
    cJSON *json = client_json(o.socket, "/api/v1/hosts", NULL, &error);
    if (!json)
        return bit_cli_error(&error);
    if (o.json) {
        print_json(json);
    } else {
        print_hosts(cJSON_GetObjectItemCaseSensitive(json, "hosts"));
        print_slurm_state(cJSON_GetObjectItemCaseSensitive(json, "slurm"));
    }
    cJSON_Delete(json);
    return BIT_OK;
}
