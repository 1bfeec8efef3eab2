/* bit bench: how fast this machine is, next to what it could be. */
#include "cli/bench.h"

#include <errno.h>
#include <limits.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bit/memory.h"
#include "bit/model.h"

static const char usage[] =
    "bit bench KIND [OPTIONS] [-- OPTIONS OF MPIRUN]\n"
    "  KIND:\n"
    "    ops                        every convolution of the network in each direction\n"
    "    step                       whole training steps on synthetic images\n"
    "    decode                     JPEG files to training crops, beside libjpeg alone\n"
    "    checkpoint                 saving and loading, beside a plain file of as many bytes\n"
    "    reduce                     sums of gradients over ranks, alone and behind computing\n"
    "  options:\n"
    "    --model R50x1              depth and width of the network\n"
    "    --batch 16                 images a step\n"
    "    --micro-batch 8            images computed at a time\n"
    "    --size 224                 pixels\n"
    "    --classes 1000\n"
    "    --precision float32        or bfloat16\n"
    "    --backend auto             or onednn, openblas, reference\n"
    "    --threads N                default: the cores of this process\n"
    "    --repeat 5                 timed runs; the median counts (ops: the fastest)\n"
    "    --steps 5                  the same\n"
    "    --profile                  step: time by kind of operation and by block\n"
    "    --data FOLDER              decode: its JPEG files; without it 48 made ones of 500 x 375\n"
    "    --images 300               decode: of these, at most\n"
    "    --folder .                 checkpoint: where to write; all is removed afterwards\n"
    "    --copies 1                 step: processes that do the same at once, as on a machine that is full of ranks\n"
    "    --fit FILE                 step, decode, reduce: adds the measurement to FILE, for bit plan --machine FILE; reduce\n"
    "                               measures step with a copy for each rank first, unless options of mpirun are given\n"
    "    --ranks 2                  reduce: number of processes, each with --threads (default: the cores shared by them)\n"
    "    --seconds 1                reduce: time of computing that the reduction is to hide behind\n"
    "    --bucket N                 reduce: parameters moved at a time\n"
    "    --json                     one JSON object instead of text\n"
    "  reduce starts $MPIRUN (default: mpirun of the MPI that bit was built with); what follows -- is given to it.";

static const struct { const char *name; int (*run)(const struct bench_options *options); } kinds[] = {
    {"ops", bench_ops},
    {"step", bench_step},
    {"decode", bench_decode},
    {"checkpoint", bench_checkpoint},
    {"reduce", bench_reduce},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, compare);
    return values[count / 2];
}

static int number(const char *text, int least, int most, int *value)
{
    char *end;
    errno = 0;
    long x = strtol(text, &end, 10);
    if (errno || end == text || *end || x < least || x > most)
        return -1;
    *value = (int)x;
    return 0;
}

static int real(const char *text, double *value)
{
    char *end;
    double x = strtod(text, &end);
    if (end == text || *end || !(x >= 0.001 && x <= 3600))
        return -1;
    *value = x;
    return 0;
}

static int model(const char *text, struct bench_options *o)
{
    int end = 0;
    if (sscanf(text, "R%dx%d%n", &o->depth, &o->width, &end) != 2 || text[end] || o->width < 1 || o->width > 64)
        return -1;
    return bit_model_units(o->depth) ? 0 : -1;
}

/* One option with its value; NULL when it is good, else what was expected. */
static const char *set(struct bench_options *o, const char *name, const char *value)
{
    if (!strcmp(name, "--model"))
        return model(value, o) ? "R followed by a depth of 8, 14, 26, 50, 101 or 152, x and a width, such as R50x1" : NULL;
    if (!strcmp(name, "--batch"))
        return number(value, 1, 1 << 20, &o->batch) ? "a number of images" : NULL;
    if (!strcmp(name, "--micro-batch"))
        return number(value, 1, 4096, &o->micro_batch) ? "a number of images" : NULL;
    if (!strcmp(name, "--size"))
        return number(value, 1, 4096, &o->size) ? "a number of pixels" : NULL;
    if (!strcmp(name, "--classes"))
        return number(value, 1, 10000000, &o->classes) ? "a number of classes" : NULL;
    if (!strcmp(name, "--threads"))
        return number(value, 1, 4096, &o->threads) ? "a number of threads" : NULL;
    if (!strcmp(name, "--ranks"))
        return number(value, 1, 1 << 20, &o->ranks) ? "a number of processes" : NULL;
    if (!strcmp(name, "--copies"))
        return number(value, 1, BENCH_COPIES, &o->copies) ? "a number of processes up to 256" : NULL;
    if (!strcmp(name, "--fit")) {
        o->fit = value;
        return *value ? NULL : "the name of a file";
    }
    if (!strcmp(name, "--bucket"))
        return number(value, 16, 1 << 30, &o->bucket) ? "a number of parameters, at least 16" : NULL;
    if (!strcmp(name, "--seconds"))
        return real(value, &o->seconds) ? "seconds, 0.001 to 3600" : NULL;
    if (!strcmp(name, "--repeat") || !strcmp(name, "--steps"))
        return number(value, 1, 1000, &o->repeat) ? "a number of runs" : NULL;
    if (!strcmp(name, "--images"))
        return number(value, 1, 10000000, &o->images) ? "a number of files" : NULL;
    if (!strcmp(name, "--data") || !strcmp(name, "--folder")) {
        *(name[2] == 'd' ? &o->data : &o->folder) = value;
        return *value ? NULL : "a folder";
    }
    if (!strcmp(name, "--precision")) {
        o->precision = !strcmp(value, "bfloat16") ? BIT_BFLOAT16 : BIT_FLOAT32;
        return o->precision == BIT_BFLOAT16 || !strcmp(value, "float32") ? NULL : "float32 or bfloat16";
    }
    return "";
}

static int parse(int argc, char **argv, struct bench_options *o)
{
    const char *backend = "auto";
    struct bit_error error = {0};
    for (int i = 0; i < argc; i++) {
        if (!strcmp(argv[i], "--")) {
            o->mpirun_options = argv + i + 1;
            o->mpirun_count = argc - i - 1;
            break;
        }
        if (!strcmp(argv[i], "--json")) {
            o->json = true;
        } else if (!strcmp(argv[i], "--profile")) {
            o->profile = true;
        } else if (argv[i][0] != '-') {
            return bit_cli_usage(usage, "'%s' is not an option", argv[i]);
        } else if (i + 1 == argc) {
            return bit_cli_usage(usage, "unknown option or missing value: %s", argv[i]);
        } else if (!strcmp(argv[i], "--backend")) {
            backend = argv[++i];
        } else {
            const char *expected = set(o, argv[i], argv[i + 1]);
            if (expected && !*expected)
                return bit_cli_usage(usage, "unknown option %s", argv[i]);
            if (expected)
                return bit_cli_usage(usage, "%s '%s': expected %s", argv[i], argv[i + 1], expected);
            i++;
        }
    }
    if (!o->threads) /* reduce: ranks share the cores */
        o->threads = omp_get_num_procs() / o->ranks > 0 ? omp_get_num_procs() / o->ranks : 1;
    o->backend = bit_backend_find(backend, &error);
    if (!o->backend)
        return bit_cli_error(&error);
    if (o->micro_batch > o->batch)
        o->micro_batch = o->batch;
    if (o->batch % o->micro_batch)
        return bit_cli_usage(usage, "--batch %d is no multiple of --micro-batch %d", o->batch, o->micro_batch);
    if (o->fit && bench_fit_check(o->fit, &error))
        return bit_cli_error(&error);
    return BIT_OK;
}

void bench_print_end(double images_per_second)
{
    printf("images/s: %.2f\n", images_per_second);
    printf("peak memory: %.2f GB\n", (double)bit_memory_resident_peak() * 1e-9);
}

int bit_cli_bench(int argc, char **argv)
{
    struct bench_options options = {.depth = 50, .width = 1, .batch = 16, .micro_batch = 8, .size = 224, .classes = 1000,
                                    .precision = BIT_FLOAT32, .copies = 1, .seconds = 1, .repeat = 5, .images = 300, .folder = "."};
    if (argc < 2)
        return bit_cli_usage(usage, "no kind of benchmark given");
    if (!strcmp(argv[1], "--help") || (argc > 2 && !strcmp(argv[2], "--help"))) {
        printf("usage: %s\n", usage);
        return BIT_OK;
    }
    for (int i = 0; i < KINDS; i++)
        if (!strcmp(argv[1], kinds[i].name)) {
            options.ranks = kinds[i].run == bench_reduce ? 2 : 1;
            int code = parse(argc - 2, argv + 2, &options);
            if (code)
                return code;
            if (options.mpirun_count && kinds[i].run != bench_reduce)
                return bit_cli_usage(usage, "only reduce starts mpirun");
            bit_compute_threads(options.threads);
            return kinds[i].run(&options);
        }
    return bit_cli_usage(usage, "unknown benchmark '%s'", argv[1]);
}
