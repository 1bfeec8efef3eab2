/* What the subcommands of bit share: errors, command lines, jobs. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bit/sweep.h"
#include "bit/text.h"
#include "cli/cli.h"

int bit_cli_error(const struct bit_error *error)
{
    char text[BIT_ERROR_TEXT + 512];
    bit_text_escape(text, sizeof text, error->text, "\n\t\\");
    fprintf(stderr, "bit: %s\n", text);
    return error->code;
}

int bit_cli_usage(const struct bit_usage *usage, const char *format, ...)
{
    va_list arguments;
    fprintf(stderr, "bit: ");
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "; see %s --help\n", usage->command);
    return BIT_EUSAGE;
}

bool bit_cli_parse(const struct bit_usage *usage, int argc, char **argv, void *options, struct bit_operands *operands, int *code)
{
    struct bit_error error = {0};
    int parsed = bit_options_parse(usage, argc, argv, options, operands, &error);
    *code = parsed < 0 ? bit_cli_error(&error) : BIT_OK;
    return parsed == 0;
}

const struct bit_job *bit_cli_job(const char *path, const char *const *overrides, size_t override_count,
                                  struct bit_error *error)
{
    struct bit_problems problems = {0};
    const struct bit_job *job = bit_job_read(path, overrides, override_count, &problems, error);
    bit_problems_print(&problems, path, stderr);
    if (!job && !problems.count)
        bit_cli_error(error);
    bit_problems_free(&problems);
    return job;
}

struct bit_sweep *bit_cli_sweep(const char *path, const char *const *overrides, size_t override_count, struct bit_error *error)
{
    struct bit_problems problems = {0};
    struct bit_sweep *sweep = bit_sweep_read(path, overrides, override_count, &problems, error);
    bit_problems_print(&problems, path, stderr);
    if (!sweep && !problems.count)
        bit_cli_error(error);
    bit_problems_free(&problems);
    return sweep;
}

int bit_cli_finish(int code)
{
    if ((fflush(stdout) || ferror(stdout)) && code == BIT_OK) {
        fprintf(stderr, "bit: cannot write the output: %s\n", strerror(errno));
        return BIT_EENVIRONMENT;
    }
    return code;
}
