/* What bit predict, embed and probe share: their options about the network and its images. */
#ifndef BIT_CLI_APPLY_H
#define BIT_CLI_APPLY_H

#include "apply/trained.h"
#include "bit/options.h"

/* As the command line has it; cli_trained makes words of the choices. */
struct cli_trained { struct trained_options options; int backend, precision; /* -1: not given */ };
#define CLI_TRAINED_NONE {.backend = -1, .precision = -1}

extern const char *const cli_backends[], *const cli_precisions[];

/* Rows of an option table, for a member `trained` of type struct cli_trained in `struct options`. */
#define CLI_TRAINED_AT(member) .at = offsetof(struct options, trained.member)
#define CLI_TRAINED_ROWS \
    {"--size", "N", "side of the square that the network sees, pixels (default: as it was evaluated)", BIT_OPTION_INT, \
     CLI_TRAINED_AT(options.size), 1, 4096}, \
    {"--resize", "N", "the smaller side is resized to this, then the centre of --size is cut out", BIT_OPTION_INT, \
     CLI_TRAINED_AT(options.resize), 1, 8192}, \
    {"--squash", NULL, "the whole image is resized to --size x --size instead", BIT_OPTION_FLAG, CLI_TRAINED_AT(options.squash)}, \
    {"--stretch", NULL, "both sides are resized to --resize, whatever the aspect, then the centre of --size is cut out", BIT_OPTION_FLAG, \
     CLI_TRAINED_AT(options.stretch)}, \
    {"--threads", "N", "default: the cores of this process", BIT_OPTION_INT, CLI_TRAINED_AT(options.threads), 1, 4096}, \
    {"--micro-batch", "N", "images at a time (default: the network's job's)", BIT_OPTION_INT, CLI_TRAINED_AT(options.micro_batch), 1, 4096}, \
    {"--precision", "P", "float32 or bfloat16 (default: the network's job's)", BIT_OPTION_CHOICE, CLI_TRAINED_AT(precision), \
     .choices = cli_precisions}, \
    {"--backend", "B", "auto (default), onednn, openblas, reference", BIT_OPTION_CHOICE, CLI_TRAINED_AT(backend), .choices = cli_backends}

/* Loads the network and says on stderr what it is and what becomes of images. */
int cli_trained_load(const char *path, const struct cli_trained *given, struct trained *trained, struct bit_error *error);

#endif
