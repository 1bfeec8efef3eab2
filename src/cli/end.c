/* bit end: what the end of a start means for the next one; for bit-launch, batch scripts and people. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bit/file.h"
#include "bit/record.h"
#include "bit/text.h"
#include "cli/cli.h"

static const char usage[] =
    "bit end RUN [--code N] [--evaluation] [--asked] [--ended] [--before MARK] [--json]\n"
    "bit end --code N\n"
    "bit end RUN --mark | --held\n"
    "  Says what the end of a start means: ACTION CODE TOLD WHY, where ACTION is\n"
    "    done   nothing is left to do\n"
    "    again  start it again at once\n"
    "    later  start it again when another run has left the folder, or when it is wanted again\n"
    "    held   somebody has to look first\n"
    "  CODE the run's own exit code, and TOLD \"told\" when the run has said so itself, else \"news\". RUN is its folder. A run of which outcome.json still says that it runs, though\n"
    "  no process holds the folder, becomes a failure there. Without RUN: what CODE itself means.\n"
    "  --code N        exit code of what started it (mpirun, srun, bitrun); above 128: it died of signal N - 128\n"
    "  --evaluation    it was bitrun --evaluate, which leaves outcome.json alone\n"
    "  --asked         it was asked to stop\n"
    "  --ended         it was ended from outside, as one that hung\n"
    "  --before MARK   what bit end RUN --mark said before the start: an outcome that is still the same says nothing\n"
    "  --mark          instead: prints such a mark\n"
    "  --held          instead: prints whether a process holds the folder, yes or no\n"
    "  --json          one JSON object instead of a line";

static int mark(const char *folder)
{
    char text[128];
    bit_outcome_mark(folder, text, sizeof text);
    puts(text);
    return BIT_OK;
}

static int held(const char *folder)
{
    char path[PATH_MAX];
    struct bit_error error = {0};
    if (bit_path_join(path, sizeof path, folder, BIT_RECORD_LOCK, &error))
        return bit_cli_error(&error);
    puts(bit_lock_is_held(path, 0) ? "yes" : "no");
    return BIT_OK;
}

static void print_json(const struct bit_end *end)
{
    struct bit_text t = {0};
    bit_text_add(&t, "{\"action\": \"%s\", \"code\": %d, \"told\": %s, \"why\": ", bit_end_action_name(end->action), end->code,
                 end->is_news ? "false" : "true");
    bit_text_add_json(&t, end->why);
    printf("%s}\n", t.data ? t.data : "");
    bit_text_free(&t);
}

static int judge(const char *folder, const struct bit_end_facts *facts, bool json)
{
    struct bit_error error = {0};
    struct bit_end end;
    if (folder && !bit_file_exists(folder)) {
        bit_fail(&error, BIT_ENOINPUT, "there is no folder %s", folder);
        return bit_cli_error(&error);
    }
    if (folder ? bit_end_judge(folder, facts, &end, &error) : bit_end_of_code(facts->code, &end, &error))
        return bit_cli_error(&error);
    if (json)
        print_json(&end);
    else
        printf("%s %d %s %s\n", bit_end_action_name(end.action), end.code, end.is_news ? "news" : "told", end.why);
    return BIT_OK;
}

static int read_code(const char *text, int *code)
{
    char *rest;
    errno = 0;
    long value = strtol(text, &rest, 10);
    if (*text < '0' || *text > '9' || *rest || errno || value > 255)
        return bit_cli_usage(usage, "--code %s: expected an exit code from 0 to 255", text);
    *code = (int)value;
    return BIT_OK;
}

int bit_cli_end(int argc, char **argv)
{
    struct bit_end_facts facts = {.code = -1, .patience = 5};
    const char *folder = NULL;
    bool json = false, wants_mark = false, wants_held = false;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--help"))
            return printf("usage: %s\n", usage), BIT_OK;
        if (!strcmp(argv[i], "--code") && i + 1 < argc) {
            if (read_code(argv[++i], &facts.code))
                return BIT_EUSAGE;
        } else if (!strcmp(argv[i], "--before") && i + 1 < argc)
            facts.before = argv[++i];
        else if (!strcmp(argv[i], "--evaluation"))
            facts.is_evaluation = true;
        else if (!strcmp(argv[i], "--asked"))
            facts.asked = true;
        else if (!strcmp(argv[i], "--ended"))
            facts.ended = true;
        else if (!strcmp(argv[i], "--mark"))
            wants_mark = true;
        else if (!strcmp(argv[i], "--held"))
            wants_held = true;
        else if (!strcmp(argv[i], "--json"))
            json = true;
        else if (*argv[i] == '-' || folder)
            return bit_cli_usage(usage, "unexpected argument %s", argv[i]);
        else
            folder = argv[i];
    }
    if (!folder && (facts.code < 0 || wants_mark || wants_held))
        return bit_cli_usage(usage, "a run's folder or --code is needed");
    return wants_mark ? mark(folder) : wants_held ? held(folder) : judge(folder, &facts, json);
}
