/* A pull parser over blocks of a file. What may straddle two blocks (numbers, words, escapes) is first moved to the front of the block,
 * with what follows read behind it; texts are gathered piece by piece. */
#include "bit/json_stream.h"

#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bit/memory.h"
#include "bit/text.h"

enum { BLOCK = 1 << 18, NUMBER_MOST = 1023 };

/* What may come next. */
enum expected { VALUE, VALUE_OR_END, KEY, KEY_OR_END, COMMA_OR_END, END };

struct bit_json_stream {
    char *path;
    int file;
    bool many, whole, quiet;      /* whole: all of the file is read; quiet: values are passed over */
    char *block;                  /* BLOCK bytes and a 0 behind block[end - 1] */
    size_t at, end;
    uint64_t before;              /* bytes of the file in front of block[0] */
    uint64_t line, begin;         /* of the token: its line, and its first byte, from 0 */
    enum expected expected;
    int depth;
    bool in_object[BIT_JSON_DEEPEST + 1];
    char *text;                   /* BIT_JSON_TEXT_MOST + 1 bytes */
    size_t size;
    double number;
};

struct bit_json_stream *bit_json_stream_open(const char *path, bool many, struct bit_error *error)
{
    struct stat status;
    struct bit_json_stream *s = bit_allocate(1, sizeof *s, "a JSON file", error);
    if (!s)
        return NULL;
    s->many = many;
    s->line = 1;
    s->file = open(path, O_RDONLY | O_CLOEXEC);
    if (s->file < 0)
        bit_fail_errno(error, BIT_ENOINPUT, "%s: cannot open it", path);
    else if (!fstat(s->file, &status) && S_ISDIR(status.st_mode))
        bit_fail(error, BIT_ENOINPUT, "%s: expected a JSON file, found a folder", path);
    else if ((s->path = bit_copy_text(path, error)) && (s->block = bit_allocate(BLOCK + 1, 1, "a JSON file", error)) &&
             (s->text = bit_allocate(BIT_JSON_TEXT_MOST + 1, 1, "a JSON file", error)))
        return s;
    bit_json_stream_close(s);
    return NULL;
}

void bit_json_stream_close(struct bit_json_stream *s)
{
    if (!s)
        return;
    if (s->file >= 0)
        close(s->file);
    bit_free(s->path);
    bit_free(s->block);
    bit_free(s->text);
    bit_free(s);
}

/* ---- failures ---- */

int bit_json_stream_fail(const struct bit_json_stream *s, struct bit_error *error, const char *format, ...)
{
    char what[BIT_ERROR_TEXT];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    return bit_fail(error, BIT_EDATA, "%s: line %llu, byte %llu: %s", s->path, (unsigned long long)s->line,
                    (unsigned long long)s->begin, what);
}

const char *bit_json_token_name(enum bit_json_token token)
{
    static const char *const names[] = {"the end of the file", "an object", "the end of an object", "an array", "the end of an array",
                                        "a key", "a text", "a number", "true", "false", "null"};
    return token < 0 ? "what is no JSON" : names[token];
}

/* A failure at the byte that is next. */
static int fail_here(struct bit_json_stream *s, struct bit_error *error, const char *expected)
{
    char found[32] = "the end of the file";
    unsigned char c = (unsigned char)s->block[s->at];
    s->begin = s->before + s->at;
    if (s->at < s->end)
        snprintf(found, sizeof found, c > 0x20 && c < 0x7F ? "'%c'" : "byte 0x%02X", c);
    return bit_json_stream_fail(s, error, "expected %s, found %s", expected, found);
}

/* ---- bytes ---- */

/* Makes `wanted` bytes (fewer than BLOCK) stand behind each other, or what the file still has. */
static int ensure(struct bit_json_stream *s, size_t wanted, struct bit_error *error)
{
    if (s->end - s->at >= wanted || s->whole)
        return 0;
    memmove(s->block, s->block + s->at, s->end - s->at);
    s->before += s->at;
    s->end -= s->at;
    s->at = 0;
    while (s->end < wanted && !s->whole) {
        ssize_t size = read(s->file, s->block + s->end, BLOCK - s->end);
        if (size < 0)
            return bit_fail_errno(error, BIT_EENVIRONMENT, "%s: cannot read it", s->path);
        s->whole = size == 0;
        s->end += (size_t)size;
    }
    s->block[s->end] = 0;
    return 0;
}

static int skip_space(struct bit_json_stream *s, struct bit_error *error)
{
    for (;;) {
        char c = s->block[s->at];
        if (s->at == s->end) {
            if (s->whole)
                return 0;
            if (ensure(s, 1, error))
                return -1;
            bool is_first = !s->before && !s->at;
            if (is_first && s->end >= 3 && !memcmp(s->block, "\xEF\xBB\xBF", 3))
                s->at = 3;
        } else if (c == '\n') {
            s->line++;
            s->at++;
        } else if (c == ' ' || c == '\t' || c == '\r') {
            s->at++;
        } else {
            return 0;
        }
    }
}

/* ---- texts ---- */

static int add_bytes(struct bit_json_stream *s, const char *bytes, size_t size, struct bit_error *error)
{
    if (s->quiet)
        return 0;
    if (s->size + size > BIT_JSON_TEXT_MOST)
        return bit_json_stream_fail(s, error, "a text of more than %d bytes", BIT_JSON_TEXT_MOST);
    memcpy(s->text + s->size, bytes, size);
    s->size += size;
    return 0;
}

/* The four digits at `at`; -1 when they are none. */
static long hexadecimal(const char *at)
{
    long value = 0;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static size_t encode(unsigned long c, char out[4])
{
    if (c < 0x80)
        return out[0] = (char)c, 1;
    if (c < 0x800)
        return out[0] = (char)(0xC0 | c >> 6), out[1] = (char)(0x80 | (c & 63)), 2;
    if (c < 0x10000)
        return out[0] = (char)(0xE0 | c >> 12), out[1] = (char)(0x80 | (c >> 6 & 63)), out[2] = (char)(0x80 | (c & 63)), 3;
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 63));
    out[2] = (char)(0x80 | (c >> 6 & 63));
    out[3] = (char)(0x80 | (c & 63));
    return 4;
}

/* \uXXXX, or two of them for a character beyond U+FFFF. block[at] is the 'u'. */
static int read_unicode(struct bit_json_stream *s, struct bit_error *error)
{
    const char *at = s->block + s->at;
    char bytes[4];
    long c = s->end - s->at >= 5 ? hexadecimal(at + 1) : -1;
    if (c < 0)
        return fail_here(s, error, "four hexadecimal digits behind \\u");
    s->at += 5;
    if (s->quiet)
        return 0;
    if (c >= 0xD800 && c < 0xDC00) {
        long low = s->end - s->at >= 6 && at[5] == '\\' && at[6] == 'u' ? hexadecimal(at + 7) : -1;
        if (low < 0xDC00 || low > 0xDFFF)
            return bit_json_stream_fail(s, error, "\\u%04lX without its second half", c);
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
        s->at += 6;
    } else if (c >= 0xDC00 && c < 0xE000) {
        return bit_json_stream_fail(s, error, "\\u%04lX without its first half", c);
    }
    if (!c)
        return bit_json_stream_fail(s, error, "a zero byte (\\u0000) in a text");
    return add_bytes(s, bytes, encode((unsigned long)c, bytes), error);
}

static int read_escape(struct bit_json_stream *s, struct bit_error *error)
{
    static const char names[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    if (ensure(s, 12, error))
        return -1;
    s->at++;
    char c = s->block[s->at];
    const char *name = c ? strchr(names, c) : NULL;
    if (c == 'u')
        return read_unicode(s, error);
    if (!name)
        return fail_here(s, error, "one of \"\\/bfnrtu behind a backslash");
    s->at++;
    return add_bytes(s, &meant[name - names], 1, error);
}

/* Behind the opening quote. */
static int read_text(struct bit_json_stream *s, struct bit_error *error)
{
    s->size = 0;
    for (;;) {
        const char *from = s->block + s->at, *stop = s->block + s->end, *at = from;
        while (at < stop && (unsigned char)*at >= 0x20 && *at != '"' && *at != '\\')
            at++;
        if (add_bytes(s, from, (size_t)(at - from), error))
            return -1;
        s->at += (size_t)(at - from);
        if (at == stop) {
            if (ensure(s, 1, error))
                return -1;
            if (s->at == s->end)
                return fail_here(s, error, "the quote that ends a text");
        } else if (*at == '"') {
            break;
        } else if (*at != '\\') {
            return fail_here(s, error, "no control character in a text");
        } else if (read_escape(s, error)) {
            return -1;
        }
    }
    s->at++;
    s->text[s->size] = 0;
    if (!s->quiet && !bit_text_is_utf8(s->text, s->size))
        return bit_json_stream_fail(s, error, "a text that is not UTF-8");
    return 0;
}

/* ---- numbers and words ---- */

/* Digits of a number as they come. The first 19 give an exact mantissa. */
struct digits { uint64_t mantissa; int kept, scale; bool cut; };

static const char *read_digits(const char *at, struct digits *d, bool behind_point)
{
    for (; *at >= '0' && *at <= '9'; at++) {
        if (d->kept < 19) {
            d->mantissa = d->mantissa * 10 + (uint64_t)(*at - '0');
            d->kept += d->mantissa != 0;
            d->scale -= behind_point;
        } else {
            d->cut = true;
        }
    }
    return at;
}

/* Correctly rounded: mantissa and power of ten are exact in double, so one division or multiplication rounds once; else strtod. */
static double value_of(const char *text, const struct digits *d, int exponent, bool negative)
{
    static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
                                    1e18, 1e19, 1e20, 1e21, 1e22};
    int scale = d->scale + exponent;
    if (d->cut || d->mantissa > 1ULL << 53 || scale < -22 || scale > 22)
        return strtod(text, NULL);
    double value = scale < 0 ? (double)d->mantissa / powers[-scale] : (double)d->mantissa * powers[scale];
    return negative ? -value : value;
}

static int read_number(struct bit_json_stream *s, struct bit_error *error)
{
    if (ensure(s, NUMBER_MOST + 1, error))
        return -1;
    const char *begin = s->block + s->at, *at = begin, *part;
    struct digits d = {0};
    bool negative = *at == '-', below = false;
    int exponent = 0;
    at += negative;
    part = at;
    at = *at == '0' ? at + 1 : read_digits(at, &d, false);
    if (at == part)
        goto no_digit;
    if (*at == '.') {
        part = ++at;
        at = read_digits(at, &d, true);
        if (at == part)
            goto no_digit;
    }
    if (*at == 'e' || *at == 'E') {
        at++;
        below = *at == '-';
        at += below || *at == '+';
        for (part = at; *at >= '0' && *at <= '9'; at++)
            exponent = exponent < 100000 ? exponent * 10 + (*at - '0') : exponent;
        if (at == part)
            goto no_digit;
    }
    if (at - begin > NUMBER_MOST)
        return bit_json_stream_fail(s, error, "a number of more than %d characters", NUMBER_MOST);
    if (!s->quiet)
        s->number = value_of(begin, &d, below ? -exponent : exponent, negative);
    s->at += (size_t)(at - begin);
    return 0;
no_digit:
    s->at += (size_t)(at - begin);
    return fail_here(s, error, "a digit");
}

/* true, false, null, and the numbers that JSON does not have. */
static enum bit_json_token read_word(struct bit_json_stream *s, struct bit_error *error)
{
    static const struct { const char *word; enum bit_json_token token; double number; } words[] = {
        {"true", BIT_JSON_TRUE, 0}, {"false", BIT_JSON_FALSE, 0}, {"null", BIT_JSON_NULL, 0}, {"NaN", BIT_JSON_NUMBER, NAN},
        {"Infinity", BIT_JSON_NUMBER, INFINITY}, {"-Infinity", BIT_JSON_NUMBER, -INFINITY}};
    if (ensure(s, 16, error))
        return BIT_JSON_BROKEN;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t size = strlen(words[i].word);
        if (s->end - s->at >= size && !memcmp(s->block + s->at, words[i].word, size)) {
            s->at += size;
            s->number = words[i].number;
            return words[i].token;
        }
    }
    return (enum bit_json_token)fail_here(s, error, "a value");
}

/* ---- grammar ---- */

static void value_ends(struct bit_json_stream *s)
{
    s->expected = s->depth ? COMMA_OR_END : s->many ? VALUE : END;
}

static enum bit_json_token enter(struct bit_json_stream *s, bool object, struct bit_error *error)
{
    if (s->depth == BIT_JSON_DEEPEST)
        return (enum bit_json_token)bit_json_stream_fail(s, error, "objects and arrays more than %d deep", BIT_JSON_DEEPEST);
    s->in_object[++s->depth] = object;
    s->expected = object ? KEY_OR_END : VALUE_OR_END;
    s->at++;
    return object ? BIT_JSON_OBJECT : BIT_JSON_ARRAY;
}

static enum bit_json_token leave(struct bit_json_stream *s)
{
    bool object = s->in_object[s->depth--];
    s->at++;
    value_ends(s);
    return object ? BIT_JSON_OBJECT_END : BIT_JSON_ARRAY_END;
}

static enum bit_json_token read_value(struct bit_json_stream *s, char c, struct bit_error *error)
{
    enum bit_json_token token = BIT_JSON_BROKEN;
    if (c == '{' || c == '[')
        return enter(s, c == '{', error);
    if (c == '"') {
        s->at++;
        token = read_text(s, error) ? BIT_JSON_BROKEN : BIT_JSON_TEXT;
    } else if ((c >= '0' && c <= '9') || (c == '-' && !ensure(s, 2, error) && s->block[s->at + 1] != 'I')) {
        token = read_number(s, error) ? BIT_JSON_BROKEN : BIT_JSON_NUMBER;
    } else {
        token = read_word(s, error);
    }
    value_ends(s);
    return token;
}

static enum bit_json_token read_key(struct bit_json_stream *s, struct bit_error *error)
{
    s->at++;
    if (read_text(s, error) || skip_space(s, error))
        return BIT_JSON_BROKEN;
    if (s->block[s->at] != ':')
        return (enum bit_json_token)fail_here(s, error, "':' behind a key");
    s->at++;
    s->expected = VALUE;
    return BIT_JSON_KEY;
}

enum bit_json_token bit_json_stream_next(struct bit_json_stream *s, struct bit_error *error)
{
    if (skip_space(s, error))
        return BIT_JSON_BROKEN;
    char c = s->block[s->at], closing = s->in_object[s->depth] ? '}' : ']';
    if (s->expected == COMMA_OR_END && c == ',') {
        s->at++;
        s->expected = s->in_object[s->depth] ? KEY : VALUE;
        if (skip_space(s, error))
            return BIT_JSON_BROKEN;
        c = s->block[s->at];
    }
    s->begin = s->before + s->at;
    switch (s->expected) {
    case VALUE_OR_END:
        return c == closing ? leave(s) : read_value(s, c, error);
    case VALUE:
        if (s->at == s->end && !s->depth && s->many)
            return BIT_JSON_END;
        return read_value(s, c, error);
    case KEY_OR_END:
        if (c == closing)
            return leave(s);
        /* fall through */
    case KEY:
        return c == '"' ? read_key(s, error) : (enum bit_json_token)fail_here(s, error, s->expected == KEY ? "a key" : "a key or '}'");
    case COMMA_OR_END:
        return c == closing ? leave(s) : (enum bit_json_token)fail_here(s, error, closing == '}' ? "',' or '}'" : "',' or ']'");
    case END:
        break;
    }
    return s->at == s->end ? BIT_JSON_END : (enum bit_json_token)fail_here(s, error, "nothing behind the value");
}

int bit_json_stream_skip(struct bit_json_stream *s, enum bit_json_token token, struct bit_error *error)
{
    int depth = s->depth - (token == BIT_JSON_OBJECT || token == BIT_JSON_ARRAY);
    s->quiet = true;
    if (token == BIT_JSON_KEY)
        token = bit_json_stream_next(s, error);
    while (token != BIT_JSON_BROKEN && s->depth > depth)
        token = bit_json_stream_next(s, error);
    s->quiet = false;
    return token == BIT_JSON_BROKEN ? -1 : 0;
}

/* ---- the token ---- */

const char *bit_json_stream_text(const struct bit_json_stream *s)
{
    return s->text;
}

double bit_json_stream_number(const struct bit_json_stream *s)
{
    return s->number;
}

uint64_t bit_json_stream_line(const struct bit_json_stream *s)
{
    return s->line;
}
