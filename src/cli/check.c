/* bit check: is it a valid job? */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static const char usage[] = "bit check [--set key.path=value]... [--print] JOB.json...\n"
                            "  Validates job files and prints every error in them.\n"
                            "  --set key.path=value  replaces a key's value\n"
                            "  --print               prints the whole job, defaults included, as canonical JSON";

struct options { const char *sets[256]; size_t set_count; bool print, end; };

static int check_file(const char *path, const struct options *options)
{
    struct bit_error error = {0};
    struct bit_job *job = bit_cli_job(path, options->sets, options->set_count, &error);
    if (!job)
        return error.code;
    if (options->print)
        printf("%s\n", job->canonical);
    else
        printf("%s: ok\n", path);
    bit_job_destroy(job);
    return BIT_OK;
}

int bit_cli_check(int argc, char **argv)
{
    struct options options = {0};
    int files = 0, code = BIT_OK;
    for (int i = 1; i < argc; i++) {
        if (options.end || *argv[i] != '-') {
            argv[++files] = argv[i];
        } else if (!strcmp(argv[i], "--help")) {
            printf("usage: %s\n", usage);
            return BIT_OK;
        } else if (!strcmp(argv[i], "--")) {
            options.end = true;
        } else if (!strcmp(argv[i], "--print")) {
            options.print = true;
        } else if (!strcmp(argv[i], "--set")) {
            if (i + 1 == argc || options.set_count == sizeof options.sets / sizeof *options.sets)
                return bit_cli_usage(usage, "--set needs key.path=value, at most 256 times");
            options.sets[options.set_count++] = argv[++i];
        } else {
            return bit_cli_usage(usage, "unknown option %s", argv[i]);
        }
    }
    if (!files)
        return bit_cli_usage(usage, "no job file given");
    for (int i = 1; i <= files; i++) {
        int result = check_file(argv[i], &options);
        code = code ? code : result;
    }
    return code;
}
