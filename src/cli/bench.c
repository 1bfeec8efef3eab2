/* bit bench: how fast this machine is, next to what it could be. */
#include "cli/bench.h"

#include <errno.h>
#include <limits.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "bit bench KIND [OPTIONS]\n"
    "  KIND:\n"
    "    ops                        every convolution of the network in each direction\n"
    "    step                       whole training steps on synthetic images\n"
    "    decode                     JPEG files to training crops, beside libjpeg alone\n"
    "    checkpoint                 saving and loading, beside a plain file of as many bytes\n"
    "  options:\n"
    "    --model R50x1              depth and width of the network\n"
    "    --batch 16                 images a step\n"
    "    --micro-batch 8            images computed at a time\n"
    "    --size 224                 pixels\n"
    "    --classes 1000\n"
    "    --precision float32        or bfloat16\n"
    "    --backend auto             or onednn, openblas, reference\n"
    "    --threads N                default: the cores of this process\n"
    "    --repeat 5                 timed runs; the fastest counts (step: the median)\n"
    "    --steps 5                  the same\n"
    "    --profile                  step: time by kind of operation and by block\n"
    "    --data FOLDER              decode: its JPEG files; without it 48 made ones of 500 x 375\n"
    "    --images 300               decode: of these, at most\n"
    "    --folder .                 checkpoint: where to write; all is removed afterwards\n"
    "    --json                     one JSON object instead of text";

static const struct { const char *name; int (*run)(const struct bench_options *options); } kinds[] = {
    {"ops", bench_ops},
    {"step", bench_step},
    {"decode", bench_decode},
    {"checkpoint", bench_checkpoint},
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

static int model(const char *text, struct bench_options *o)
{
    static const int depths[] = {14, 26, 50, 101, 152};
    int end = 0;
    if (sscanf(text, "R%dx%d%n", &o->depth, &o->width, &end) != 2 || text[end] || o->width < 1 || o->width > 64)
        return -1;
    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++)
        if (depths[i] == o->depth)
            return 0;
    return -1;
}

/* One option with its value; NULL when it is good, else what was expected. */
static const char *set(struct bench_options *o, const char *name, const char *value)
{
    if (!strcmp(name, "--model"))
        return model(value, o) ? "R followed by a depth of 14, 26, 50, 101 or 152, x and a width, such as R50x1" : NULL;
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
    o->backend = bit_backend_find(backend, &error);
    if (!o->backend)
        return bit_cli_error(&error);
    if (o->micro_batch > o->batch)
        o->micro_batch = o->batch;
    if (o->batch % o->micro_batch)
        return bit_cli_usage(usage, "--batch %d is no multiple of --micro-batch %d", o->batch, o->micro_batch);
    return BIT_OK;
}

int bit_cli_bench(int argc, char **argv)
{
    struct bench_options options = {.depth = 50, .width = 1, .batch = 16, .micro_batch = 8, .size = 224, .classes = 1000,
                                    .precision = BIT_FLOAT32, .threads = omp_get_num_procs(), .repeat = 5,
                                    .images = 300, .folder = "."};
    if (argc < 2)
        return bit_cli_usage(usage, "no kind of benchmark given");
    if (!strcmp(argv[1], "--help")) {
        printf("usage: %s\n", usage);
        return BIT_OK;
    }
    for (int i = 0; i < KINDS; i++)
        if (!strcmp(argv[1], kinds[i].name)) {
            int code = parse(argc - 2, argv + 2, &options);
            if (code)
                return code;
            bit_compute_threads(options.threads);
            return kinds[i].run(&options);
        }
    return bit_cli_usage(usage, "unknown benchmark '%s'", argv[1]);
}
