/* bit: finds the subcommand and runs it; help and version are its own. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bit/compute.h"
#include "bit/file.h"
#include "bit/log.h"
#include "cli/cli.h"

static const struct bit_command *command_find(const char *name)
{
    for (size_t i = 0; i < bit_command_count; i++)
        if (!strcmp(bit_commands[i].name, name))
            return &bit_commands[i];
    return NULL;
}

static void print_commands(FILE *stream)
{
    fprintf(stream, "usage: bit COMMAND [ARGUMENTS]\n\n");
    for (size_t i = 0; i < bit_command_count; i++)
        fprintf(stream, "  %-10s %s\n", bit_commands[i].name, bit_commands[i].help);
    fprintf(stream, "  %-10s %s\n  %-10s %s\n\nbit COMMAND --help and man bit say more.\n", "help",
            "help on a command, or \"bit help job\": every key of a job file, \"bit help states\": of jobs, \"bit help sweep\"", "version", "the version of bit");
}

static int unknown_command(const char *name)
{
    const char *names[64];
    size_t count = 0;
    for (; count < bit_command_count && count < 62; count++)
        names[count] = bit_commands[count].name;
    names[count++] = "help";
    names[count++] = "version";
    const char *near = bit_text_nearest(name, names, count);
    fprintf(stderr, "bit: unknown command '%s'%s%s%s; bit help lists them\n", name, near ? "; did you mean " : "",
            near ? near : "", near ? "?" : "");
    return BIT_EUSAGE;
}

/* For shell completion: the commands, or the options of one. */
static int complete(int argc, char **argv)
{
    const struct bit_command *command = argc > 2 ? command_find(argv[2]) : NULL;
    if (command)
        bit_usage_complete(command->usage, stdout);
    for (size_t i = 0; argc < 3 && i < bit_command_count; i++)
        puts(bit_commands[i].name);
    if (argc < 3)
        puts("help\nversion");
    return argc < 3 || command ? BIT_OK : BIT_EUSAGE;
}

static int help(int argc, char **argv)
{
    char *arguments[] = {NULL, "--help", NULL};
    if (argc < 2) {
        print_commands(stdout);
        return BIT_OK;
    }
    if (!strcmp(argv[1], "--completion"))
        return complete(argc, argv);
    if (!strcmp(argv[1], "job")) {
        if (argc > 2 && !strcmp(argv[2], "--roff"))
            bit_job_help_roff(stdout);
        else
            bit_job_help(stdout);
        return BIT_OK;
    }
#ifdef HAVE_DAEMON
    if (!strcmp(argv[1], "states")) {
        bit_cli_help_states();
        return BIT_OK;
    }
    if (!strcmp(argv[1], "sweep")) {
        bit_cli_help_sweep();
        return BIT_OK;
    }
#endif
    const struct bit_command *command = command_find(argv[1]);
    if (!command)
        return unknown_command(argv[1]);
    arguments[0] = argv[1];
    return command->run(2, arguments);
}

static int run(int argc, char **argv)
{
    if (argc < 2) {
        print_commands(stderr);
        return BIT_EUSAGE;
    }
    if (!strcmp(argv[1], "help") || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
        return help(argc - 1, argv + 1);
    if (!strcmp(argv[1], "version") || !strcmp(argv[1], "--version")) {
        printf("bit %s\n", PACKAGE_VERSION);
        return BIT_OK;
    }
    const struct bit_command *command = command_find(argv[1]);
    return command ? command->run(argc - 1, argv + 1) : unknown_command(argv[1]);
}

int main(int argc, char **argv)
{
    struct bit_error error = {0};

    bit_file_streams();
    bit_compute_start(argv);
    bit_log_init("bit", BIT_LOG_INFO);
    if (bit_compute_check(&error)) {
        bit_log(BIT_LOG_ERROR, "%s", error.text);
        return error.code;
    }
    return bit_cli_finish(run(argc, argv));
}
