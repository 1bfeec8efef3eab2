/* JSON read as a stream of tokens: files of any size in bounded memory, and without trust in what they hold. Strict as RFC 8259, but
 * for a byte order mark at the beginning and for NaN, Infinity and -Infinity, which Python's json writes: they are numbers. */
#ifndef BIT_JSON_STREAM_H
#define BIT_JSON_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bit/error.h"

enum bit_json_token {
    BIT_JSON_BROKEN = -1, /* the error says where and why */
    BIT_JSON_END,         /* of the file */
    BIT_JSON_OBJECT, BIT_JSON_OBJECT_END,
    BIT_JSON_ARRAY, BIT_JSON_ARRAY_END,
    BIT_JSON_KEY,         /* of a member, whose value is the next token */
    BIT_JSON_TEXT, BIT_JSON_NUMBER, BIT_JSON_TRUE, BIT_JSON_FALSE, BIT_JSON_NULL,
};

enum {
    BIT_JSON_DEEPEST = 256,    /* objects and arrays within each other */
    BIT_JSON_TEXT_MOST = 65535 /* bytes of a key, and of a text that is not skipped */
};

struct bit_json_stream;

/* Opens a file. `many`: any number of values stand one after another, as in a file of a JSON object a line; else exactly one. NULL:
 * it cannot be opened (no-input). Local, as all below. */
struct bit_json_stream *bit_json_stream_open(const char *path, bool many, struct bit_error *error);
void bit_json_stream_close(struct bit_json_stream *s);

/* The next token. A failure is class data and names file, line, byte, what was expected and what was found; a file that cannot be
 * read is class environment. */
enum bit_json_token bit_json_stream_next(struct bit_json_stream *s, struct bit_error *error);
/* Reads past the rest of the value that begins with `token`, the one just returned; of a key: past its value. Numbers and texts in it
 * are checked for their form only. 0 or -1. */
int bit_json_stream_skip(struct bit_json_stream *s, enum bit_json_token token, struct bit_error *error);

/* Of the token just returned: a key or text in UTF-8 without zero bytes (valid until the next token), a number rounded to double
 * (infinite when it is beyond). */
const char *bit_json_stream_text(const struct bit_json_stream *s);
double bit_json_stream_number(const struct bit_json_stream *s);
/* "an object", "a text", "a number": for messages. */
const char *bit_json_token_name(enum bit_json_token token);
/* The line on which the token just returned begins, from 1. */
uint64_t bit_json_stream_line(const struct bit_json_stream *s);
/* A failure (data) at the token just returned: "FILE: line L, byte B: ...". Always -1. */
int bit_json_stream_fail(const struct bit_json_stream *s, struct bit_error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
