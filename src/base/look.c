/* Names that look alike and are not: decomposed by macOS, with blanks at their ends, in another case, with invisible characters. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bit/memory.h"
#include "bit/text.h"
#include "decompositions.h"

enum { DEEPEST = 4 };

static int compare(const void *a, const void *b)
{
    unsigned short x = *(const unsigned short *)a, y = *(const unsigned short *)b;
    return x < y ? -1 : x > y;
}

static void add(struct bit_text *t, unsigned long c)
{
    if (c < 0x80)
        bit_text_add(t, "%c", (int)c);
    else if (c < 0x800)
        bit_text_add(t, "%c%c", (int)(0xC0 | c >> 6), (int)(0x80 | (c & 0x3F)));
    else if (c < 0x10000)
        bit_text_add(t, "%c%c%c", (int)(0xE0 | c >> 12), (int)(0x80 | (c >> 6 & 0x3F)), (int)(0x80 | (c & 0x3F)));
    else
        bit_text_add(t, "%c%c%c%c", (int)(0xF0 | c >> 18), (int)(0x80 | (c >> 12 & 0x3F)), (int)(0x80 | (c >> 6 & 0x3F)), (int)(0x80 | (c & 0x3F)));
}

static void add_decomposed(struct bit_text *t, unsigned long c, int depth)
{
    unsigned short key = (unsigned short)c;
    if (c >= 0xAC00 && c < 0xAC00 + 11172) { /* Hangul: lead, vowel, maybe tail */
        unsigned long at = c - 0xAC00;
        add(t, 0x1100 + at / 588);
        add(t, 0x1161 + at % 588 / 28);
        if (at % 28)
            add(t, 0x11A7 + at % 28);
        return;
    }
    const void *found = c > 0xFFFF || depth == DEEPEST ? NULL : bsearch(&key, decompositions, sizeof decompositions / sizeof *decompositions,
                                                                        sizeof *decompositions, compare);
    if (!found) {
        add(t, c);
        return;
    }
    const unsigned short *parts = found;
    add_decomposed(t, parts[1], depth + 1);
    add_decomposed(t, parts[2], depth + 1);
}

static unsigned long lower(unsigned long c)
{
    bool upper = (c >= 'A' && c <= 'Z') || (c >= 0x391 && c <= 0x3A9) || (c >= 0x410 && c <= 0x42F);
    return upper ? c + 32 : c;
}

char *bit_text_look(const char *name, struct bit_error *error)
{
    struct bit_text decomposed = {0}, look = {0};
    unsigned long c;
    for (const char *s = name; (c = bit_text_next(&s)) != 0;)
        add_decomposed(&decomposed, c, 0);
    for (const char *s = decomposed.data; s && (c = bit_text_next(&s)) != 0;) {
        bool blank = c == ' ' || c == 0xA0 || c == 0x3000 || (c >= 0x2000 && c <= 0x200A);
        if (blank ? look.size && look.data[look.size - 1] != ' ' : !bit_text_is_unseen(c))
            add(&look, blank ? ' ' : lower(c));
    }
    while (look.size && look.data[look.size - 1] == ' ')
        look.data[--look.size] = 0;
    bool failed = decomposed.failed || look.failed;
    bit_text_free(&decomposed);
    char *result = failed ? NULL : bit_copy_text(look.data ? look.data : "", error);
    if (failed)
        bit_fail(error, BIT_EENVIRONMENT, "not enough memory for a name");
    bit_text_free(&look);
    return result;
}

static const char *place(const char *text, size_t at, char *buffer, size_t size)
{
    unsigned long c;
    const char *s = text + at;
    while (at && (text[at] & 0xC0) == 0x80)
        s = text + --at;
    if (!(c = bit_text_next(&s)))
        return "its end";
    snprintf(buffer, size, "U+%04lX", c);
    return buffer;
}

void bit_text_difference(const char *a, const char *b, char *buffer, size_t size)
{
    size_t at = 0;
    char first[24], second[24];
    while (a[at] && a[at] == b[at])
        at++;
    snprintf(buffer, size, "they differ from byte %zu on: %s and %s", at + 1, place(a, at, first, sizeof first),
             place(b, at, second, sizeof second));
}
