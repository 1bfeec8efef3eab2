/* Growing text, JSON quoting, and the distance behind "did you mean". */
#ifndef BIT_TEXT_H
#define BIT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bit/error.h"

struct bit_text { char *data; size_t size, capacity; bool failed; }; /* zero-initialise; data is 0-terminated */

/* Appends; on lack of memory sets `failed` and does nothing more. Check once, at the end. */
void bit_text_add(struct bit_text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void bit_text_add_json(struct bit_text *t, const char *string); /* quoted and escaped */
void bit_text_free(struct bit_text *t);

/* Edit distance (insert, delete, replace, swap of neighbours), at most `limit` + 1. */
int bit_text_distance(const char *a, const char *b, int limit);
/* The name nearest to `word` within a third of its length, or NULL. */
const char *bit_text_nearest(const char *word, const char *const *names, size_t count);
/* "1.5 GB" (powers of 1000). */
void bit_text_bytes(double bytes, char *buffer, size_t size);
/* "1,5,10": ascending whole numbers from `least` to `most`, at most `capacity` of them. Their number; 0: it is no such list. */
int bit_text_numbers(const char *text, uint64_t least, uint64_t most, int capacity, uint64_t *numbers);
bool bit_text_is_utf8(const char *data, size_t size);
/* How many line ends a text has. */
size_t bit_text_lines(const char *text);

/* Copies `text` so that a terminal or a line of a file shows it as it is: control characters, bytes that are not UTF-8, and characters
 * without a look of their own (zero-width, direction marks, C1) become \t, \n, \r or \xHH, a byte each. The bytes of `kept` stay
 * as they are ("" for none); a backslash becomes two unless it is kept: then printf %b gives the text back. Cuts at `size` bytes, at
 * a whole character. Returns the bytes written, without the 0. */
size_t bit_text_escape(char *buffer, size_t size, const char *text, const char *kept);

/* The character at *text, which is moved behind it; 0 at the end. A byte that is not UTF-8 is 0xFFFD. */
unsigned long bit_text_next(const char **text);
/* Control characters, and those that are not seen or change how others are seen. */
bool bit_text_is_unseen(unsigned long character);
/* Two names with the same look are hard to tell apart: letters and marks decomposed (NFD, without reordering), lower case, invisible
 * characters and blanks at the ends left out. Free with bit_free; NULL for lack of memory. */
char *bit_text_look(const char *name, struct bit_error *error);
/* "they differ from byte 4 on: U+00E9 and U+0065" */
void bit_text_difference(const char *a, const char *b, char *buffer, size_t size);

#endif
