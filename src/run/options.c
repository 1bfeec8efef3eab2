#include "run/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bit/text.h"

enum kind { FLAG, TEXT };

static const struct {
    const char *name;
    enum kind kind;
    const char *value, *text;
} known[] = {
    {"--out", TEXT, "DIR", "everything the run writes lies below DIR (default: runs/NAME)"},
    {"--set", TEXT, "KEY=VALUE", "replaces one key of the job, e.g. schedule.batch=64; may be repeated"},
    {"--backend", TEXT, "B", "same as --set backend=B (auto, onednn, openblas, reference)"},
    {"--threads", TEXT, "N", "same as --set threads=N (threads a rank; 0: the cores it is bound to)"},
    {"--evaluate", FLAG, "", "loads the newest checkpoint, evaluates it, prints the result and ends"},
    {"--fresh", FLAG, "", "starts from step 0; refuses when DIR holds a run, unless --force is given too"},
    {"--force", FLAG, "", "with --fresh: removes the old run. On resume: accepts changed data and recipe keys"},
    {"--steps-limit", TEXT, "N", "stops after N steps as if asked to: checkpoint, exit 75"},
    {"--trace", TEXT, "FILE", "writes a timeline of all ranks (Chrome's trace format: Perfetto, chrome://tracing)"},
    {"--trace-steps", TEXT, "FROM:COUNT", "steps of this invocation in the timeline (default 1:20)"},
    {"--bench-reduce", TEXT, "HOW", "measures the reduction instead, without a job; see bit bench reduce"},
    {"--quiet", FLAG, "", "only warnings, errors and results"},
    {"--help", FLAG, "", "this text"},
    {"--version", FLAG, "", "the version"},
};

void options_help(FILE *stream)
{
    fputs("Usage: mpirun -n RANKS bitrun JOB.json [OPTION]...\n"
          "Trains what JOB.json describes; resumes by itself when the run's folder holds a checkpoint.\n\n", stream);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        char left[64];
        snprintf(left, sizeof left, "%s %s", known[i].name, known[i].value);
        fprintf(stream, "  %-20s %s\n", left, known[i].text);
    }
    fputs("\nSignals: USR1 checkpoint and go on; TERM, INT, USR2 checkpoint and stop (exit 75).\n"
          "Exit codes: 0 done, 64 usage or job, 65 data, 66 file missing, 69 no checkpoint is whole, 70 internal,\n"
          "74 environment, 75 stopped: run again to resume, 76 a rank was late: run again. All keys of a job: bit help job. More: man bitrun.\n", stream);
}

static bool *flag_of(struct options *o, const char *name)
{
    return !strcmp(name, "--evaluate") ? &o->evaluate
           : !strcmp(name, "--fresh")  ? &o->fresh
           : !strcmp(name, "--force")  ? &o->force
           : !strcmp(name, "--quiet")  ? &o->quiet
           : !strcmp(name, "--help")   ? &o->help
                                       : &o->version;
}

static int add_override(struct options *o, const char *text, struct bit_error *error)
{
    if (!strchr(text, '=') || *text == '=')
        return bit_fail(error, BIT_EUSAGE, "--set %s: expected KEY=VALUE, e.g. schedule.batch=64", text);
    if (o->override_count == OPTIONS_OVERRIDES)
        return bit_fail(error, BIT_EUSAGE, "more than %d --set options", OPTIONS_OVERRIDES);
    o->overrides[o->override_count++] = text;
    return 0;
}

/* --backend and --threads are overrides in short. */
static int add_short(struct options *o, char *buffer, size_t size, const char *key, const char *value,
                     struct bit_error *error)
{
    int used = snprintf(buffer, size, "%s=%s", key, value);
    if (used < 0 || (size_t)used >= size)
        return bit_fail(error, BIT_EUSAGE, "--%s %s: too long", key, value);
    for (size_t i = 0; i < o->override_count; i++)
        if (o->overrides[i] == buffer)
            return 0;
    return add_override(o, buffer, error);
}

static int parse_count(const char *name, const char *value, uint64_t *count, struct bit_error *error)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(value, &end, 10);
    if (*value < '0' || *value > '9' || *end || errno)
        return bit_fail(error, BIT_EUSAGE, "%s %s: expected a whole number", name, value);
    *count = n;
    return 0;
}

static int parse_trace_steps(struct options *o, const char *value, struct bit_error *error)
{
    char from[24] = "";
    size_t length = strcspn(value, ":");
    if (!value[length] || length >= sizeof from)
        return bit_fail(error, BIT_EUSAGE, "--trace-steps %s: expected FROM:COUNT, e.g. 100:5", value);
    memcpy(from, value, length);
    if (parse_count("--trace-steps", from, &o->trace_from, error) ||
        parse_count("--trace-steps", value + length + 1, &o->trace_count, error))
        return -1;
    if (o->trace_from < 1 || o->trace_count < 1)
        return bit_fail(error, BIT_EUSAGE, "--trace-steps %s: steps count from 1, and at least one is traced", value);
    return 0;
}

static int take_value(struct options *o, const char *name, const char *value, struct bit_error *error)
{
    if (!strcmp(name, "--out")) {
        o->out = value;
        return *value ? 0 : bit_fail(error, BIT_EUSAGE, "--out needs the name of a folder");
    }
    if (!strcmp(name, "--trace")) {
        o->trace = value;
        return *value ? 0 : bit_fail(error, BIT_EUSAGE, "--trace needs the name of a file");
    }
    if (!strcmp(name, "--trace-steps"))
        return parse_trace_steps(o, value, error);
    if (!strcmp(name, "--bench-reduce")) {
        o->bench_reduce = value;
        return 0;
    }
    if (!strcmp(name, "--set"))
        return add_override(o, value, error);
    if (!strcmp(name, "--backend"))
        return add_short(o, o->backend, sizeof o->backend, "backend", value, error);
    if (!strcmp(name, "--threads"))
        return add_short(o, o->threads, sizeof o->threads, "threads", value, error);
    return parse_count(name, value, &o->steps_limit, error);
}

static int unknown_option(const char *word, struct bit_error *error)
{
    const char *names[sizeof known / sizeof *known];
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        names[i] = known[i].name;
    const char *near = bit_text_nearest(word, names, sizeof names / sizeof *names);
    return bit_fail(error, BIT_EUSAGE, "unknown option %s%s%s%s; see bitrun --help", word, near ? " (did you mean " : "",
                    near ? near : "", near ? "?)" : "");
}

/* "--name value" and "--name=value". Returns how many words were used, or -1. */
static int parse_option(struct options *o, char **words, struct bit_error *error)
{
    const char *equals = strchr(words[0], '=');
    size_t length = equals ? (size_t)(equals - words[0]) : strlen(words[0]);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const char *name = known[i].name;
        if (strlen(name) != length || strncmp(name, words[0], length))
            continue;
        if (known[i].kind == FLAG) {
            if (equals)
                return bit_fail(error, BIT_EUSAGE, "%s takes no value", name);
            *flag_of(o, name) = true;
            return 1;
        }
        const char *value = equals ? equals + 1 : words[1];
        if (!value)
            return bit_fail(error, BIT_EUSAGE, "%s needs a value: %s", name, known[i].value);
        return take_value(o, name, value, error) ? -1 : equals ? 1 : 2;
    }
    return unknown_option(words[0], error);
}

int options_parse(struct options *o, int argc, char **argv, struct bit_error *error)
{
    *o = (struct options){.steps_limit = UINT64_MAX, .trace_from = 1, .trace_count = 20};
    for (int i = 1; i < argc;) {
        if (!strncmp(argv[i], "--", 2)) {
            int used = parse_option(o, argv + i, error);
            if (used < 0)
                return -1;
            i += used;
        } else if (argv[i][0] == '-' && argv[i][1]) {
            return unknown_option(argv[i], error);
        } else if (o->job) {
            return bit_fail(error, BIT_EUSAGE, "one job file is expected, found %s and %s", o->job, argv[i]);
        } else {
            o->job = argv[i++];
        }
    }
    if (o->help || o->version || o->bench_reduce)
        return 0;
    if (!o->job)
        return bit_fail(error, BIT_EUSAGE, "no job file given; usage: mpirun -n RANKS bitrun JOB.json (see --help)");
    if (o->evaluate && o->fresh)
        return bit_fail(error, BIT_EUSAGE, "--evaluate and --fresh exclude each other");
    return 0;
}
