/* What outcome.json said when this invocation found it: it stands until the run has loaded where it goes on. Local. */
#ifndef RUN_FORMER_H
#define RUN_FORMER_H

#include <stdbool.h>
#include <stdint.h>

#include "bit/text.h"

/* The step of the newest generation it knew of; false: it knew of none, or cannot be read. `text` NULL: there was none. */
bool former_checkpoint(const char *text, uint64_t *step);
/* Adds its members about progress and accuracy, ",\n \"step\": 12" and so on; what it does not have is null. */
void former_add(struct bit_text *t, const char *text);

#endif
