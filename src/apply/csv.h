/* Fields of comma-separated values (RFC 4180). */
#ifndef APPLY_CSV_H
#define APPLY_CSV_H

#include <stdint.h>

#include "bit/data.h"
#include "bit/text.h"

/* A word, in quotation marks where it needs them. */
void csv_add(struct bit_text *text, const char *word);
/* Appends the names of an image's classes, with commas between, as a list has them. */
void csv_label_names(struct bit_text *text, const struct bit_index *index, uint64_t image);

#endif
