/* Lines of the list of bad images. */
#ifndef BIT_DATA_QUARANTINE_H
#define BIT_DATA_QUARANTINE_H

#include "bit/text.h"

/* Adds the line "epoch<TAB>path<TAB>reason". `epoch`: a number as text, or "-" (evaluation). Path and
 * reason are escaped by bit_text_escape. */
void bit_quarantine_line(struct bit_text *lines, const char *epoch, const char *path, const char *reason);

#endif
