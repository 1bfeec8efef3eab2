/* bitrun --embed. */
#ifndef RUN_EMBED_H
#define RUN_EMBED_H

#include "bit/error.h"
#include "bit/group.h"

struct options;

/* Embeds on all ranks what the options name, tells how it ended, and returns the exit code. Collective. */
int embed(struct bit_group *world, const struct options *options, struct bit_error *error);

#endif
