#include "cli/apply.h"

#include <stdio.h>
#include <string.h>

#include "bit/log.h"

const char *const cli_backends[] = {"auto", "onednn", "openblas", "reference", NULL};
const char *const cli_precisions[] = {"float32", "bfloat16", NULL};

int cli_trained_load(const char *path, const struct cli_trained *given, struct trained *trained, struct bit_error *error)
{
    struct trained_options options = given->options;
    char transform[128];
    char words[2][64];
    const char *const overrides[2] = {words[0], words[1]};
    snprintf(words[0], sizeof words[0], "backend=%s", cli_backends[given->backend >= 0 ? given->backend : 0]);
    if (given->precision >= 0)
        snprintf(words[1], sizeof words[1], "precision=%s", cli_precisions[given->precision]);
    options.overrides = overrides;
    options.override_count = given->precision >= 0 ? 2 : 1;
    if (trained_load(path, &options, bit_group_self(), trained, error))
        return -1;
    trained_transform(trained, transform, sizeof transform);
    bit_log(BIT_LOG_INFO, "%s: R%dx%d, %zu classes%s; %s%s", trained->name, trained->network.depth, trained->network.width,
            trained->network.classes, *trained->class_text ? "" : " without names", transform,
            trained->known_transform ? "" : " (the file does not say what it was trained with: see --size, --resize, --squash)");
    return 0;
}
