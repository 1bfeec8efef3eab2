/* bit end: what the end of a start means for the next one; for bit-launch, batch scripts and people. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "bit/file.h"
#include "bit/record.h"
#include "bit/text.h"
#include "cli/cli.h"

struct options { const char *before; uint64_t code; bool code_given, evaluation, asked, ended, mark, held, json; };

#define AT(member) .at = offsetof(struct options, member)
static const struct bit_option known[] = {
    {"--code", "N", "exit code of what started it (mpirun, srun, bitrun); above 128: it died of signal N - 128", BIT_OPTION_COUNT,
     AT(code), 0, 255, .given_at = offsetof(struct options, code_given)},
    {"--evaluation", NULL, "it was bitrun --evaluate, which leaves outcome.json alone", BIT_OPTION_FLAG, AT(evaluation)},
    {"--asked", NULL, "it was asked to stop", BIT_OPTION_FLAG, AT(asked)},
    {"--ended", NULL, "it was ended from outside, as one that hung", BIT_OPTION_FLAG, AT(ended)},
    {"--before", "MARK", "what bit end RUN --mark said before the start: an outcome that is still the same says nothing;\n"
     "'-': there was none", BIT_OPTION_TEXT, AT(before)},
    {"--mark", NULL, "instead: prints such a mark", BIT_OPTION_FLAG, AT(mark)},
    {"--held", NULL, "instead: prints whether a process holds the folder, yes or no", BIT_OPTION_FLAG, AT(held)},
    {"--json", NULL, "one JSON object instead of a line", BIT_OPTION_FLAG, AT(json)},
};
const struct bit_usage bit_end_usage = {
    "bit end", "[RUN]",
    "Says what the end of a start means: ACTION CODE TOLD WHY, where ACTION is\n"
    "  done   nothing is left to do\n"
    "  again  start it again at once\n"
    "  later  start it again when another run has left the folder, or when it is wanted again\n"
    "  held   somebody has to look first\n"
    "CODE the run's own exit code, and TOLD \"told\" when the run has said so itself, else \"news\". RUN is its folder. A\n"
    "run of which outcome.json still says that it runs, though no process holds the folder, becomes a failure there.\n"
    "Without RUN: what CODE itself means.",
    known, sizeof known / sizeof *known, .least = 0, .most = 1};

static int mark(const char *folder)
{
    char text[128];
    bit_outcome_mark(folder, text, sizeof text);
    puts(*text ? text : "-");
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

int bit_cli_end(int argc, char **argv)
{
    struct options o = {0};
    struct bit_operands operands;
    int code;
    if (!bit_cli_parse(&bit_end_usage, argc, argv, &o, &operands, &code))
        return code;
    const char *folder = operands.count ? operands.word[0] : NULL;
    if (!folder && (!o.code_given || o.mark || o.held))
        return bit_cli_usage(&bit_end_usage, "a run's folder or --code is needed");
    if (o.mark || o.held)
        return o.mark ? mark(folder) : held(folder);
    struct bit_end_facts facts = {.code = o.code_given ? (int)o.code : -1, .is_evaluation = o.evaluation, .asked = o.asked,
                                  .ended = o.ended, .patience = 5, .before = o.before && !strcmp(o.before, "-") ? "" : o.before};
    return judge(folder, &facts, o.json);
}
