/* bit embed: features and outputs of a set's images. */
#include <stddef.h>
#include <stdio.h>

#include "apply/embed.h"
#include "cli/apply.h"
#include "cli/cli.h"

struct options { struct cli_trained trained; };

static const struct bit_option known[] = {CLI_TRAINED_ROWS};
const struct bit_usage bit_embed_usage = {
    "bit embed", "MODEL DATA OUT.h5|OUT.csv",
    "Writes what MODEL makes of every image of DATA (a folder of class folders, or a list): features, outputs, the five most probable\n"
    "classes, labels, path. OUT appears when all is done; until then OUT.parts beside it keeps what is done, and the same command goes on\n"
    "after any interruption. On several ranks: mpirun -n RANKS bitrun --embed MODEL DATA OUT.",
    known, sizeof known / sizeof *known, .least = 3, .most = 3};

int bit_cli_embed(int argc, char **argv)
{
    struct options options = {.trained = CLI_TRAINED_NONE};
    struct bit_operands words;
    struct bit_error error = {0};
    struct trained trained = {0};
    struct embed_result result;
    int code;
    if (!bit_cli_parse(&bit_embed_usage, argc, argv, &options, &words, &code))
        return code;
    if (cli_trained_load(words.word[0], &options.trained, &trained, &error) == 0) {
        const struct embed_options embed = {.trained = &trained, .data = words.word[1], .out = words.word[2], .group = bit_group_self()};
        if (embed_run(&embed, &result, &error) == 0)
            embed_print(&embed, &result);
    }
    trained_free(&trained);
    return error.code ? bit_cli_error(&error) : BIT_OK;
}
