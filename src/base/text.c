#include "bit/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bit/memory.h"

static bool reserve(struct bit_text *t, size_t more)
{
    if (t->failed)
        return false;
    if (t->size + more + 1 <= t->capacity)
        return true;
    size_t capacity = t->capacity * 2 > t->size + more + 1 ? t->capacity * 2 : t->size + more + 1;
    char *data = bit_allocate(capacity < 256 ? 256 : capacity, 1, "text", NULL);
    if (!data) {
        t->failed = true;
        return false;
    }
    if (t->size)
        memcpy(data, t->data, t->size);
    bit_free(t->data);
    t->data = data;
    t->capacity = capacity < 256 ? 256 : capacity;
    return true;
}

void bit_text_add(struct bit_text *t, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (size < 0 || !reserve(t, (size_t)size))
        return;
    va_start(arguments, format);
    vsnprintf(t->data + t->size, (size_t)size + 1, format, arguments);
    va_end(arguments);
    t->size += (size_t)size;
}

/* Without a format: of a text with many small parts the format takes most of the time. */
static void append(struct bit_text *t, const void *bytes, size_t size)
{
    if (!reserve(t, size))
        return;
    memcpy(t->data + t->size, bytes, size);
    t->size += size;
    t->data[t->size] = 0;
}

/* Bytes of the well-formed character that starts at the 0-terminated `s`, or 0. */
static int utf8_length(const unsigned char *s)
{
    int length = *s < 0x80 ? 1 : *s < 0xE0 ? 2 : *s < 0xF0 ? 3 : 4;
    for (int i = 1; i < length; i++)
        if (!s[i])
            return 0;
    return bit_text_is_utf8((const char *)s, (size_t)length) ? length : 0;
}

/* File names may hold any byte, JSON may not: what is not UTF-8 becomes U+FFFD. */
void bit_text_add_json(struct bit_text *t, const char *string)
{
    int length;
    append(t, "\"", 1);
    for (const unsigned char *s = (const unsigned char *)string; *s; s++) {
        if (*s == '"' || *s == '\\')
            append(t, (const char[]){'\\', (char)*s}, 2);
        else if (*s == '\n')
            append(t, "\\n", 2);
        else if (*s < 0x20)
            bit_text_add(t, "\\u%04x", *s);
        else if (*s < 0x80) {
            for (length = 1; length < 4096 && s[length] >= 0x20 && s[length] < 0x80; length++) /* a run: lists are long */
                if (s[length] == '"' || s[length] == '\\')
                    break;
            append(t, s, (size_t)length);
            s += length - 1;
        } else if ((length = utf8_length(s)) == 0)
            append(t, "\\ufffd", 6);
        else {
            append(t, s, (size_t)length);
            s += length - 1;
        }
    }
    append(t, "\"", 1);
}

void bit_text_free(struct bit_text *t)
{
    bit_free(t->data);
    *t = (struct bit_text){0};
}

int bit_text_distance(const char *a, const char *b, int limit)
{
    enum { MOST = 64 };
    int n = (int)strlen(a), m = (int)strlen(b);
    if (n >= MOST || m >= MOST || abs(n - m) > limit)
        return limit + 1;
    int rows[3][MOST + 1];
    int *before = rows[0], *last = rows[1], *row = rows[2];
    for (int j = 0; j <= m; j++)
        last[j] = j;
    for (int i = 1; i <= n; i++) {
        row[0] = i;
        for (int j = 1; j <= m; j++) {
            int best = last[j - 1] + (a[i - 1] != b[j - 1]);
            if (last[j] + 1 < best)
                best = last[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            row[j] = best;
        }
        int *old = before;
        before = last;
        last = row;
        row = old;
    }
    return last[m] > limit ? limit + 1 : last[m];
}

const char *bit_text_nearest(const char *word, const char *const *names, size_t count)
{
    const char *best = NULL;
    int limit = (int)strlen(word) / 3;
    limit = limit < 1 ? 1 : limit;
    for (size_t i = 0; i < count; i++) {
        int distance = bit_text_distance(word, names[i], limit);
        if (distance <= limit) {
            best = names[i];
            limit = distance - 1;
        }
    }
    return best;
}

void bit_text_bytes(double bytes, char *buffer, size_t size)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    size_t unit = 0;
    while (bytes >= 999.5 && unit + 1 < sizeof units / sizeof *units) {
        bytes /= 1000;
        unit++;
    }
    snprintf(buffer, size, unit && bytes < 99.95 ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
}

bool bit_text_is_utf8(const char *data, size_t size)
{
    const unsigned char *s = (const unsigned char *)data, *end = s + size;
    while (s < end) {
        unsigned c = *s++, minimum;
        int more;
        if (c < 0x80)
            continue;
        if (c >= 0xC2 && c < 0xE0)
            more = 1, c &= 0x1F, minimum = 0x80;
        else if (c >= 0xE0 && c < 0xF0)
            more = 2, c &= 0x0F, minimum = 0x800;
        else if (c >= 0xF0 && c < 0xF5)
            more = 3, c &= 0x07, minimum = 0x10000;
        else
            return false;
        while (more--) {
            if (s == end || (*s & 0xC0) != 0x80)
                return false;
            c = c << 6 | (*s++ & 0x3Fu);
        }
        if (c < minimum || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000))
            return false;
    }
    return true;
}

/* The character of the well-formed `length` bytes at `s`. */
static unsigned long utf8_character(const unsigned char *s, int length)
{
    unsigned long c = length == 1 ? *s : *s & (0x7Fu >> length);
    for (int i = 1; i < length; i++)
        c = c << 6 | (s[i] & 0x3Fu);
    return c;
}

unsigned long bit_text_next(const char **text)
{
    const unsigned char *s = (const unsigned char *)*text;
    if (!*s)
        return 0;
    int length = utf8_length(s);
    *text += length ? length : 1;
    return length ? utf8_character(s, length) : 0xFFFD;
}

bool bit_text_is_unseen(unsigned long c)
{
    static const struct { unsigned long first, last; } unseen[] = {
        {0, 0x1F}, {0x7F, 0x9F}, {0xAD, 0xAD}, {0x61C, 0x61C}, {0x180E, 0x180E}, {0x200B, 0x200F}, {0x2028, 0x202E}, {0x2060, 0x206F},
        {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE007F}};
    for (size_t i = 0; i < sizeof unseen / sizeof *unseen; i++)
        if (c >= unseen[i].first && c <= unseen[i].last)
            return true;
    return false;
}

size_t bit_text_escape(char *buffer, size_t size, const char *text, const char *kept)
{
    size_t used = 0;
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        char piece[4 * 4 + 1];
        static const char from[] = "\t\n\r\\", to[] = "tnr\\";
        const char *named = strchr(from, *s);
        int length = utf8_length(s);
        if (strchr(kept, *s))
            sprintf(piece, "%c", *s), length = 1;
        else if (named)
            sprintf(piece, "\\%c", to[named - from]);
        else if (length && !bit_text_is_unseen(utf8_character(s, length)))
            sprintf(piece, "%.*s", length, (const char *)s);
        else {
            length = length ? length : 1;
            for (int i = 0; i < length; i++)
                sprintf(piece + 4 * i, "\\x%02X", s[i]);
        }
        if (used + strlen(piece) >= size)
            break;
        strcpy(buffer + used, piece);
        used += strlen(piece);
        s += length;
    }
    if (size)
        buffer[used] = 0;
    return used;
}

int bit_text_numbers(const char *text, uint64_t least, uint64_t most, int capacity, uint64_t *numbers)
{
    for (int count = 0;; text++) {
        char *end;
        errno = 0;
        unsigned long long number = strtoull(text, &end, 10);
        if (*text < '0' || *text > '9' || errno || number < least || number > most || count == capacity ||
            (count && number <= numbers[count - 1]))
            return 0;
        numbers[count++] = number;
        text = end;
        if (!*text)
            return count;
        if (*text != ',')
            return 0;
    }
}

size_t bit_text_lines(const char *text)
{
    size_t count = 0;
    for (; (text = strchr(text, '\n')); text++)
        count++;
    return count;
}
