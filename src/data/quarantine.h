/* The file that lists bad images: lines "epoch<TAB>path<TAB>reason", one a bad image and epoch. */
#ifndef BIT_DATA_QUARANTINE_H
#define BIT_DATA_QUARANTINE_H

#include "bit/error.h"

struct bit_quarantine;
/* Opens `path` for appending; lines that an earlier run left are known from then on and not written again. Each line is
 * one write, so that all ranks can share the file. */
struct bit_quarantine *bit_quarantine_open(const char *path, struct bit_error *error);
void bit_quarantine_close(struct bit_quarantine *q);
/* `epoch`: a number as text, or "-" (evaluation). Tabs, line ends and backslashes of path and reason are escaped. */
int bit_quarantine_add(struct bit_quarantine *q, const char *epoch, const char *path, const char *reason,
                       struct bit_error *error);

#endif
