#include "run/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- options that are overrides in short ---- */

static const char *take_short(struct options *o, char *buffer, size_t size, const char *key, const char *value)
{
    int used = snprintf(buffer, size, "%s=%s", key, value);
    if (used < 0 || (size_t)used >= size)
        return "a shorter text";
    for (size_t i = 0; i < o->overrides.count; i++)
        if (o->overrides.value[i] == buffer)
            return NULL;
    if (o->overrides.count == BIT_OPTION_VALUES)
        return "at most 256 values for keys";
    o->overrides.value[o->overrides.count++] = buffer;
    return NULL;
}

static const char *take_backend(void *options, const char *value)
{
    struct options *o = options;
    return take_short(o, o->backend, sizeof o->backend, "backend", value);
}

static const char *take_threads(void *options, const char *value)
{
    struct options *o = options;
    return take_short(o, o->threads, sizeof o->threads, "threads", value);
}

/* ---- others of their own ---- */

static const char *take_set(void *options, const char *value)
{
    struct options *o = options;
    if (!strchr(value, '=') || *value == '=')
        return "KEY=VALUE, e.g. schedule.batch=64";
    if (o->overrides.count == BIT_OPTION_VALUES)
        return "at most 256 values for keys";
    o->overrides.value[o->overrides.count++] = value;
    return NULL;
}

static const char *take_trace_steps(void *options, const char *value)
{
    struct options *o = options;
    unsigned long long from, count;
    int end = 0;
    if (*value < '0' || *value > '9' || sscanf(value, "%18llu:%18llu%n", &from, &count, &end) != 2 || value[end] || !from || !count)
        return "FROM:COUNT, e.g. 100:5; steps count from 1, and at least one is traced";
    o->trace_from = from;
    o->trace_count = count;
    return NULL;
}

#define AT(member) .at = offsetof(struct options, member)
static const char *const backends[] = {"auto", "onednn", "openblas", "reference", NULL};
static const struct bit_option known[] = {
    {"--out", "DIR", "everything the run writes lies below DIR (default: runs/NAME)", BIT_OPTION_FILE, AT(out)},
    {"--set", "KEY=VALUE", "replaces one key of the job, e.g. schedule.batch=64; may be repeated", BIT_OPTION_OWN, .take = take_set},
    {"--backend", "B", "same as --set backend=B (auto, onednn, openblas, reference)", BIT_OPTION_OWN, .choices = backends,
     .take = take_backend},
    {"--threads", "N", "same as --set threads=N (threads a rank; 0: the cores it is bound to)", BIT_OPTION_OWN, .take = take_threads},
    {"--evaluate", NULL, "loads the newest checkpoint, evaluates it, prints the result and ends", BIT_OPTION_FLAG, AT(evaluate)},
    {"--predictions", "FILE", "with --evaluate: writes each image's labels and five likeliest classes, a JSON line an image; task detect: boxes as COCO's\n"
     "results.json", BIT_OPTION_FILE,
     AT(predictions)},
    {"--confusion", "FILE", "with --evaluate: writes which class was taken for which how often, tab-separated", BIT_OPTION_FILE, AT(confusion)},
    {"--fresh", NULL, "starts from step 0; refuses when DIR holds a run, unless --force is given too", BIT_OPTION_FLAG, AT(fresh)},
    {"--force", NULL, "with --fresh: removes the old run. On resume: accepts changed data and recipe keys", BIT_OPTION_FLAG, AT(force)},
    {"--steps-limit", "N", "stops after N steps as if asked to: checkpoint, exit 75", BIT_OPTION_COUNT, AT(steps_limit), 0, 9e15},
    {"--trace", "FILE", "writes a timeline of all ranks (Chrome's trace format: Perfetto, chrome://tracing)", BIT_OPTION_FILE, AT(trace)},
    {"--trace-steps", "FROM:COUNT", "steps of this invocation in the timeline (default 1:20)", BIT_OPTION_OWN, .take = take_trace_steps},
    {"--embed", NULL, "embeds images instead, without a job: MODEL DATA OUT as for bit embed, on all ranks; --set: keys of MODEL's job",
     BIT_OPTION_FLAG, AT(embed)},
    {"--bench-reduce", "HOW", "measures the reduction instead, without a job; see bit bench reduce", BIT_OPTION_TEXT, AT(bench_reduce)},
    {"--quiet", NULL, "only warnings, errors and results", BIT_OPTION_FLAG, AT(quiet)},
    {"--version", NULL, "the version", BIT_OPTION_FLAG, AT(version)},
    {"--completion", NULL, NULL, BIT_OPTION_FLAG, AT(completion)},
};
const struct bit_usage options_usage = {
    "bitrun", "JOB.json | --embed MODEL DATA OUT",
    "Trains what JOB.json describes; resumes by itself when the run's folder holds a checkpoint. Each rank is started by\n"
    "mpirun -n RANKS bitrun JOB.json, or by bit-launch.",
    known, sizeof known / sizeof *known, 0, 3,
    .more = "\nSignals: USR1 checkpoint and go on; TERM, INT, USR2 checkpoint and stop (exit 75).\n"
            "Exit codes: 0 done, 64 usage or job, 65 data, 66 file missing, 69 no checkpoint is whole, 70 internal,\n"
            "74 environment, 75 stopped: run again to resume, 76 a rank timed out: run again.\n"
            "All keys of a job: bit help job. More: man bitrun."};

static int take_embedding(struct options *o, const struct bit_operands *operands, struct bit_error *error)
{
    if (operands->count != 3)
        return bit_fail(error, BIT_EUSAGE, "--embed takes MODEL, DATA and OUT.h5 or OUT.csv; see --help");
    o->embed_model = operands->word[0];
    o->embed_data = operands->word[1];
    o->embed_out = operands->word[2];
    return 0;
}

int options_parse(struct options *o, int argc, char **argv, struct bit_error *error)
{
    struct bit_operands operands;
    *o = (struct options){.steps_limit = UINT64_MAX, .trace_from = 1, .trace_count = 20};
    if (bit_options_parse_quietly(&options_usage, argc, argv, o, &operands, &o->help, error))
        return -1;
    o->job = operands.count ? operands.word[0] : NULL;
    if (o->embed && !o->help)
        return take_embedding(o, &operands, error);
    if (o->help || o->version || o->completion || o->bench_reduce)
        return 0;
    if (operands.count > 1)
        return bit_fail(error, BIT_EUSAGE, "'%s' is one job file too many; see --help", operands.word[1]);
    if (!o->job)
        return bit_fail(error, BIT_EUSAGE, "no job file given; usage: mpirun -n RANKS bitrun JOB.json (see --help)");
    if (o->evaluate && o->fresh)
        return bit_fail(error, BIT_EUSAGE, "--evaluate and --fresh exclude each other");
    if (!o->evaluate && (o->predictions || o->confusion))
        return bit_fail(error, BIT_EUSAGE, "%s needs --evaluate", o->predictions ? "--predictions" : "--confusion");
    return 0;
}
