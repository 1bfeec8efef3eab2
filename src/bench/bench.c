/* bit bench: how fast this machine is, next to what it could be. */
#include "bench/bench.h"

#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bit/limits.h"
#include "bit/memory.h"
#include "bit/model.h"
#include "bit/recipe.h"

static const char *take_model(void *options, const char *text)
{
    struct bench_options *o = options;
    int end = 0;
    bool good = sscanf(text, "R%dx%d%n", &o->depth, &o->width, &end) == 2 && !text[end] && o->width >= 1 && o->width <= 64 &&
                bit_model_units(o->depth);
    return good ? NULL : "R followed by a depth of 8, 14, 26, 50, 101 or 152, x and a width, such as R50x1";
}

static const char *const precisions[] = {"float32", "bfloat16", NULL}, *const tasks[] = {"classify", "detect", NULL}, *const backends[] = {"auto", "onednn", "openblas", "reference", NULL};

#define AT(member) .at = offsetof(struct bench_options, member)
static const struct bit_option known[] = {
    {"--model", "R50x1", "depth and width of the network", BIT_OPTION_OWN, .take = take_model},
    {"--batch", "16", "images a step", BIT_OPTION_INT, AT(batch), 1, 1 << 20},
    {"--micro-batch", "8", "images computed at a time", BIT_OPTION_INT, AT(micro_batch), 1, 4096},
    {"--size", "224", "pixels", BIT_OPTION_INT, AT(size), 1, 4096},
    {"--classes", "1000", "outputs of the head; 80 for detection", BIT_OPTION_INT, AT(classes), 1, 1e7},
    {"--precision", "float32", "or bfloat16", BIT_OPTION_CHOICE, AT(precision_choice), .choices = precisions},
    {"--backend", "auto", "or onednn, openblas, reference", BIT_OPTION_TEXT, AT(backend_name), .choices = backends},
    {"--threads", "N", "default: the cores of this process", BIT_OPTION_INT, AT(threads), 1, 4096},
    {"--repeat", "5", "timed runs; the median counts (ops: the fastest)", BIT_OPTION_INT, AT(repeat), 1, 1000},
    {"--steps", "5", "another name of --repeat", BIT_OPTION_INT, AT(repeat), 1, 1000},
    {"--explain", NULL, "ops: says which kernel serves each convolution, and measures nothing", BIT_OPTION_FLAG, AT(explain)},
    {"--task", "classify", "step: or detect, RetinaNet's pyramid and nets on 7 boxes an image", BIT_OPTION_CHOICE, AT(task), .choices = tasks},
    {"--forward", NULL, "step: forward passes alone, as in evaluation: no gradients, no update", BIT_OPTION_FLAG, AT(forward)},
    {"--profile", NULL, "step: time by kind of operation and by block", BIT_OPTION_FLAG, AT(profile)},
    {"--data", "FOLDER", "decode: its JPEG files; without it 48 made ones of 500 x 375", BIT_OPTION_FILE, AT(data)},
    {"--images", "300", "decode: so many of the files, at most", BIT_OPTION_INT, AT(images), 1, 1e7},
    {"--folder", ".", "checkpoint: where to write; all is removed afterwards", BIT_OPTION_FILE, AT(folder)},
    {"--copies", "1", "step: processes that do the same at once, as on a machine that is full of ranks", BIT_OPTION_INT, AT(copies),
     1, BENCH_COPIES},
    {"--fit", "FILE", "step, decode, reduce: adds the measurement to FILE, for bit plan --machine FILE; reduce measures\n"
     "step with a copy for each rank first, unless options of mpirun are given", BIT_OPTION_FILE, AT(fit)},
    {"--ranks", "2", "reduce: number of processes, each with --threads (default: the cores shared by them)", BIT_OPTION_INT, AT(ranks),
     1, 1 << 20},
    {"--seconds", "1", "reduce: time of computing that the reduction is to hide behind", BIT_OPTION_REAL, AT(seconds), 0.001, 3600},
    {"--bucket", "N", "reduce: parameters moved at a time", BIT_OPTION_INT, AT(bucket), 16, 1 << 30},
    {"--json", NULL, "one JSON object instead of text", BIT_OPTION_FLAG, AT(json)},
};
const struct bit_usage bit_bench_usage = {
    "bit bench", "KIND",
    "KIND is\n"
    "  ops         every convolution of the network in each direction\n"
    "  step        whole training steps on synthetic images\n"
    "  decode      JPEG files to training crops, beside libjpeg alone\n"
    "  checkpoint  saving and loading, beside a plain file of as many bytes\n"
    "  reduce      sums of gradients over ranks, alone and behind computing",
    known, sizeof known / sizeof *known, 1, 1, .has_rest = true,
    .more = "reduce starts $MPIRUN (default: mpirun of the MPI that bit was built with); what follows -- is given to it."};

static const struct { const char *name; int (*run)(const struct bench_options *options); } kinds[] = {
    {"ops", bench_ops},
    {"step", bench_step},
    {"decode", bench_decode},
    {"checkpoint", bench_checkpoint},
    {"reduce", bench_reduce},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* What follows from the options, and fits together. */
static int settle(struct bench_options *o)
{
    struct bit_error error = {0};
    o->precision = o->precision_choice ? BIT_BFLOAT16 : BIT_FLOAT32;
    if (!o->threads) /* reduce: ranks share the cores */
        o->threads = bit_plan_cores() / o->ranks > 0 ? bit_plan_cores() / o->ranks : 1;
    o->backend = bit_backend_find(o->backend_name, &error);
    if (!o->backend)
        return bit_cli_error(&error);
    if (!o->classes)
        o->classes = o->task == BENCH_DETECT ? 80 : 1000;
    if (o->task == BENCH_DETECT && (o->size % 32 || !bit_model_units(o->depth)[3]))
        return bit_cli_usage(&bit_bench_usage, "detection takes images of a multiple of 32 pixels and a network of 14 layers or more");
    if (o->micro_batch > o->batch)
        o->micro_batch = o->batch;
    if (o->batch % o->micro_batch)
        return bit_cli_usage(&bit_bench_usage, "--batch %d is no multiple of --micro-batch %d", o->batch, o->micro_batch);
    if (o->fit && bench_fit_check(o->fit, &error))
        return bit_cli_error(&error);
    return BIT_OK;
}

int bench_room(const struct bench_options *o, struct bit_error *error)
{
    return bit_limits_room((uint64_t)o->threads * BIT_LIMITS_BLAS + BIT_LIMITS_SLACK, "what libraries take for this benchmark", error);
}

void bench_print_end(double images_per_second)
{
    printf("images/s: %.2f\n", images_per_second);
    printf("peak memory: %.2f GB\n", (double)bit_memory_resident_peak() * 1e-9);
}

int bit_cli_bench(int argc, char **argv)
{
    struct bench_options options = {.depth = 50, .width = 1, .batch = 16, .micro_batch = 8, .size = 224,
                                    .backend_name = "auto", .copies = 1, .seconds = 1, .repeat = 5, .images = 300, .folder = "."};
    struct bit_operands operands;
    struct bit_error error = {0};
    int code, kind = 0;
    if (!bit_cli_parse(&bit_bench_usage, argc, argv, &options, &operands, &code))
        return code;
    while (kind < KINDS && strcmp(operands.word[0], kinds[kind].name))
        kind++;
    if (kind == KINDS)
        return bit_cli_usage(&bit_bench_usage, "unknown benchmark '%s'", operands.word[0]);
    options.mpirun_options = operands.rest;
    options.mpirun_count = operands.rest_count;
    if (options.mpirun_count && kinds[kind].run != bench_reduce)
        return bit_cli_usage(&bit_bench_usage, "only reduce starts mpirun");
    if (options.task != BENCH_CLASSIFY && kinds[kind].run != bench_step)
        return bit_cli_usage(&bit_bench_usage, "--task belongs to step");
    if (options.forward && (kinds[kind].run != bench_step || options.fit))
        return bit_cli_usage(&bit_bench_usage, "--forward belongs to step, without --fit");
    if (!options.ranks)
        options.ranks = kinds[kind].run == bench_reduce ? 2 : 1;
    if ((code = settle(&options)))
        return code;
    bit_compute_threads(options.threads);
    if (bit_compute_threads_start(&error))
        return bit_cli_error(&error);
    return kinds[kind].run(&options);
}
