#include "job/scan.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bit/memory.h"

struct scanner {
    const char *text;
    size_t size, at;
    int line;
    size_t line_start;
    struct scan *scan;
    struct bit_problems *problems;
    struct bit_error *error;
    bool stop;          /* fatal problem, or no memory */
    bool out_of_memory;
    bool comment_seen;
    size_t flaws;       /* found so far: a list with one inside is not shown to cJSON */
};

static int column_of(const struct scanner *s, size_t at)
{
    int column = 1;
    for (size_t i = s->line_start; i < at; i++)
        column += ((unsigned char)s->text[i] & 0xC0) != 0x80;
    return column;
}

/* A problem at byte `at` of the present line; scanning goes on. */
#define REPORT(s, at, key, ...) REPORT_AT(s, (s)->line, column_of(s, at), key, __VA_ARGS__)
#define REPORT_AT(s, line, column, key, ...)                                                                           \
    ((s)->flaws++, (s)->out_of_memory |= job_problem_add((s)->problems, (s)->error, false, line, column, key, __VA_ARGS__))
#define STOP(s, at, key, ...) (REPORT(s, at, key, __VA_ARGS__), (s)->stop = true)

/* What stands at the present place, for "found ...". */
static const char *found(const struct scanner *s, char buffer[32])
{
    if (s->at >= s->size)
        return "the end of the text";
    unsigned char c = (unsigned char)s->text[s->at];
    size_t length = 1;
    while (c >= 0x80 && s->at + length < s->size && ((unsigned char)s->text[s->at + length] & 0xC0) == 0x80)
        length++;
    if (c < 0x20 || c == 0x7F)
        snprintf(buffer, 32, "the control character 0x%02x", c);
    else
        snprintf(buffer, 32, "'%.*s'", (int)length, s->text + s->at);
    return buffer;
}

static void skip_comment(struct scanner *s)
{
    if (!s->comment_seen)
        REPORT(s, s->at, "", "JSON has no comments; remove it, or use the key \"comment\"");
    s->comment_seen = true;
    s->flaws++;
    bool block = s->text[s->at] == '/' && s->text[s->at + 1] == '*';
    for (; s->at < s->size; s->at++) {
        if (!block && s->text[s->at] == '\n')
            return;
        if (s->text[s->at] == '\n') {
            s->line++;
            s->line_start = s->at + 1;
        }
        if (block && s->at + 1 < s->size && s->text[s->at] == '*' && s->text[s->at + 1] == '/') {
            s->at += 2;
            return;
        }
    }
}

static void skip_space(struct scanner *s)
{
    for (; s->at < s->size; s->at++) {
        char c = s->text[s->at], next = s->at + 1 < s->size ? s->text[s->at + 1] : 0;
        while (c == '#' || (c == '/' && (next == '/' || next == '*'))) {
            skip_comment(s);
            c = s->at < s->size ? s->text[s->at] : 0;
            next = s->at + 1 < s->size ? s->text[s->at + 1] : 0;
        }
        if (s->at >= s->size)
            return;
        if (c == '\n') {
            s->line++;
            s->line_start = s->at + 1;
        } else if (c != ' ' && c != '\t' && c != '\r') {
            return;
        }
    }
}

static int hex4(const struct scanner *s, size_t at)
{
    int value = 0;
    if (at + 4 > s->size)
        return -1;
    for (size_t i = at; i < at + 4; i++) {
        char c = s->text[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
                  : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* After the backslash. False when the escape is not one of JSON's or names no character. */
static bool skip_escape(struct scanner *s)
{
    char c = s->at < s->size ? s->text[s->at] : 0;
    if (c != 'u') {
        s->at++;
        return c && strchr("\"\\/bfnrt", c);
    }
    int code = hex4(s, s->at + 1), low = -1;
    s->at += 5;
    if (code >= 0xD800 && code < 0xDC00) {
        if (s->at + 6 <= s->size && s->text[s->at] == '\\' && s->text[s->at + 1] == 'u')
            low = hex4(s, s->at + 2);
        s->at += 6;
        return low >= 0xDC00 && low < 0xE000;
    }
    return code > 0 && !(code >= 0xDC00 && code < 0xE000);
}

/* At the opening quote; leaves `at` behind the closing one. */
static bool skip_string(struct scanner *s, const char *path)
{
    size_t start = s->at++;
    while (s->at < s->size && s->text[s->at] != '"') {
        size_t here = s->at;
        unsigned char c = (unsigned char)s->text[here];
        char buffer[32];
        if (c < 0x20) {
            STOP(s, here, path, c == '\n' || c == '\r' ? "text without closing quote" : "%s within a text",
                 found(s, buffer));
            return false;
        }
        s->at++;
        if (c == '\\' && !skip_escape(s)) {
            STOP(s, here, path, "bad escape in a text: expected \\\" \\\\ \\/ \\b \\f \\n \\r \\t or \\uXXXX of a "
                                "character other than zero");
            return false;
        }
    }
    if (s->at >= s->size) {
        STOP(s, start, path, "text without closing quote");
        return false;
    }
    s->at++;
    return true;
}

static size_t digits(const struct scanner *s, size_t at)
{
    size_t from = at;
    while (at < s->size && s->text[at] >= '0' && s->text[at] <= '9')
        at++;
    return at - from;
}

static bool word_character(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.' ||
           c == '+' || c == '-';
}

/* Length of a JSON number at `at`, or 0. */
static size_t number_length(const struct scanner *s, size_t at)
{
    size_t start = at, n;
    at += at < s->size && s->text[at] == '-';
    if (!(n = digits(s, at)) || (n > 1 && s->text[at] == '0'))
        return 0;
    at += n;
    if (at < s->size && s->text[at] == '.') {
        if (!(n = digits(s, at + 1)))
            return 0;
        at += n + 1;
    }
    if (at < s->size && (s->text[at] == 'e' || s->text[at] == 'E')) {
        at++;
        at += at < s->size && (s->text[at] == '+' || s->text[at] == '-');
        if (!(n = digits(s, at)))
            return 0;
        at += n;
    }
    return at - start;
}

/* A number, true, false, null, or something that looks like one of them. */
static enum scan_kind scan_word(struct scanner *s, const char *path)
{
    size_t start = s->at, length = 0;
    while (start + length < s->size && word_character(s->text[start + length]))
        length++;
    const char *word = s->text + start;
    s->at += length;
    if ((length == 4 && !memcmp(word, "true", 4)) || (length == 5 && !memcmp(word, "false", 5)))
        return SCAN_FLAG;
    if (length == 4 && !memcmp(word, "null", 4))
        return SCAN_NULL;
    if (length && number_length(s, start) == length) {
        char copy[SCAN_NUMBER + 1];
        if (length > SCAN_NUMBER) {
            REPORT(s, start, path, "number with more than %d characters", SCAN_NUMBER);
            return SCAN_BAD;
        }
        memcpy(copy, word, length);
        copy[length] = 0;
        if (isfinite(strtod(copy, NULL)))
            return SCAN_NUMERAL;
        REPORT(s, start, path, "the number %s is too large", copy);
        return SCAN_BAD;
    }
    char buffer[32];
    if (!length)
        STOP(s, start, path, "expected a value, found %s", found(s, buffer));
    else if ((*word >= '0' && *word <= '9') || strchr("+-.", *word))
        REPORT(s, start, path, "'%.*s' is not a JSON number", length < 40 ? (int)length : 40, word);
    else
        REPORT(s, start, path, "expected a value, found the word %.*s (text needs double quotes)",
               length < 40 ? (int)length : 40, word);
    return SCAN_BAD;
}

static size_t value_add(struct scanner *s, size_t parent, const char *path)
{
    struct scan *scan = s->scan;
    if (scan->count == SCAN_VALUES) {
        STOP(s, s->at, path, "more than %d values", SCAN_VALUES);
        return 0;
    }
    if (scan->count == scan->capacity) {
        size_t capacity = scan->capacity ? scan->capacity * 2 : 64;
        struct scan_value *values = bit_allocate(capacity, sizeof *values, "the values of a job file", s->error);
        if (!values) {
            s->out_of_memory = s->stop = true;
            return 0;
        }
        if (scan->count)
            memcpy(values, scan->values, scan->count * sizeof *values);
        bit_free(scan->values);
        scan->values = values;
        scan->capacity = capacity;
    }
    struct scan_value *v = &scan->values[scan->count];
    *v = (struct scan_value){.parent = parent, .start = s->at, .line = s->line, .column = column_of(s, s->at)};
    snprintf(v->path, sizeof v->path, "%s", path);
    return scan->count++;
}

/* The key's text, decoded, appended to the parent's path; escapes may hide a duplicate. */
static void make_path(struct scanner *s, size_t parent, size_t start, char path[SCAN_PATH])
{
    const char *above = s->scan->values[parent].path;
    cJSON *key = cJSON_ParseWithLength(s->text + start, s->at - start);
    if (!key) {
        bit_fail(s->error, BIT_EENVIRONMENT, "out of memory: a key of the job file");
        s->out_of_memory = s->stop = true;
        return;
    }
    if (snprintf(path, SCAN_PATH, "%s%s%s", above, *above ? "." : "", key->valuestring) >= SCAN_PATH)
        path[SCAN_PATH - 1] = 0; /* too long for a key: unknown anyway */
    for (char *c = path; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            *c = '?';
    cJSON_Delete(key);
}

static void scan_value_at(struct scanner *s, size_t parent, const char *path, int depth);

/* After a member: true when another one follows. A trailing or missing comma is reported and forgiven. */
static bool next_member(struct scanner *s, const char *path, char close)
{
    char buffer[32];
    skip_space(s);
    if (s->stop)
        return false;
    char c = s->at < s->size ? s->text[s->at] : 0;
    if (c == ',') {
        size_t comma = s->at++;
        int line = s->line, column = column_of(s, comma);
        skip_space(s);
        if (s->at >= s->size || s->text[s->at] != close)
            return true;
        REPORT_AT(s, line, column, path, "comma before the closing '%c'", close);
        s->at++;
        return false;
    }
    if (s->at < s->size && c == close) {
        s->at++;
        return false;
    }
    if (c == '"' && close == '}') {
        REPORT(s, s->at, path, "a comma is missing before this key");
        return true;
    }
    STOP(s, s->at, path, "expected ',' or '%c', found %s", close, found(s, buffer));
    return false;
}

static void scan_object(struct scanner *s, size_t self, int depth)
{
    bool more;
    char buffer[32];
    s->at++;
    skip_space(s);
    if (s->at < s->size && s->text[s->at] == '}') {
        s->at++;
        return;
    }
    do {
        char path[SCAN_PATH] = "";
        skip_space(s);
        size_t start = s->at;
        if (s->at >= s->size || s->text[s->at] != '"') {
            STOP(s, s->at, s->scan->values[self].path, "expected a key in double quotes, found %s", found(s, buffer));
            return;
        }
        int line = s->line, column = column_of(s, start);
        if (!skip_string(s, s->scan->values[self].path))
            return;
        make_path(s, self, start, path);
        if (s->stop)
            return;
        bool again = false;
        for (size_t i = self + 1; i < s->scan->count && !again; i++)
            again = s->scan->values[i].parent == self && !strcmp(s->scan->values[i].path, path);
        if (again)
            REPORT_AT(s, line, column, path, "this key stands twice");
        skip_space(s);
        if (s->at >= s->size || s->text[s->at] != ':') {
            STOP(s, s->at, path, "expected ':' after the key, found %s", found(s, buffer));
            return;
        }
        s->at++;
        skip_space(s);
        size_t value = s->scan->count;
        scan_value_at(s, self, path, depth + 1);
        if (again && value < s->scan->count)
            s->scan->values[value].kind = SCAN_BAD;
        more = !s->stop && next_member(s, s->scan->values[self].path, '}');
    } while (more);
}

static void scan_list(struct scanner *s, size_t self, int depth)
{
    bool more;
    s->at++;
    skip_space(s);
    if (s->at < s->size && s->text[s->at] == ']') {
        s->at++;
        return;
    }
    size_t element = 0;
    do {
        char path[SCAN_PATH];
        skip_space(s);
        int used = snprintf(path, sizeof path, "%s", s->scan->values[self].path);
        snprintf(path + used, sizeof path - (size_t)used, "[%zu]", element++);
        scan_value_at(s, self, path, depth + 1);
        more = !s->stop && next_member(s, s->scan->values[self].path, ']');
    } while (more);
}

static void scan_value_at(struct scanner *s, size_t parent, const char *path, int depth)
{
    if (depth > BIT_JOB_DEPTH_LIMIT) {
        STOP(s, s->at, path, "nested deeper than %d levels", BIT_JOB_DEPTH_LIMIT);
        return;
    }
    size_t self = value_add(s, parent, path);
    enum scan_kind kind;
    size_t flaws = s->flaws;
    if (s->stop)
        return;
    char c = s->at < s->size ? s->text[s->at] : 0;
    if (c == '{')
        kind = SCAN_OBJECT, scan_object(s, self, depth);
    else if (c == '[')
        scan_list(s, self, depth), kind = s->flaws == flaws ? SCAN_LIST : SCAN_BAD;
    else if (c == '"')
        kind = skip_string(s, path) ? SCAN_TEXT : SCAN_BAD;
    else
        kind = scan_word(s, path);
    s->scan->values[self].kind = s->stop && kind != SCAN_OBJECT ? SCAN_BAD : kind;
    s->scan->values[self].end = s->at;
}

static void check_utf8(struct scanner *s)
{
    if (bit_text_is_utf8(s->text, s->size))
        return;
    /* A character is at most four bytes: the first bad one begins where no valid start of the text goes on. */
    size_t at = 0;
    while (at < s->size) {
        size_t length = 1;
        while (length <= 4 && at + length <= s->size && !bit_text_is_utf8(s->text + at, length))
            length++;
        if (length > 4 || at + length > s->size)
            break;
        if (s->text[at] == '\n') {
            s->line++;
            s->line_start = at + 1;
        }
        at += length;
    }
    STOP(s, at, "", "invalid UTF-8 (byte 0x%02x); save the file as UTF-8", (unsigned)(unsigned char)s->text[at]);
}

int job_scan(const char *text, size_t size, struct scan *scan, struct bit_problems *problems,
              struct bit_error *error)
{
    struct scanner s = {.text = text, .size = size, .line = 1, .scan = scan, .problems = problems, .error = error};
    char buffer[32];
    check_utf8(&s);
    if (!s.stop && size >= 3 && !memcmp(text, "\xEF\xBB\xBF", 3)) {
        REPORT(&s, 0, "", "byte order mark at the start; save the file as UTF-8 without it");
        s.at = s.line_start = 3;
    }
    skip_space(&s);
    if (!s.stop && (s.at >= size || text[s.at] != '{'))
        STOP(&s, s.at, "", "expected a JSON object ('{'), found %s", found(&s, buffer));
    if (!s.stop)
        scan_value_at(&s, 0, "", 1);
    skip_space(&s);
    scan->fatal = s.stop;
    if (!s.stop && s.at < size)
        REPORT(&s, s.at, "", "expected nothing after the object, found %s", found(&s, buffer));
    return s.out_of_memory ? -1 : 0;
}

int job_scan_one(const char *text, size_t size, enum scan_kind *kind, struct bit_error *error)
{
    struct scan scan = {0};
    struct bit_problems problems = {0};
    struct scanner s = {.text = text, .size = size, .line = 1, .scan = &scan, .problems = &problems, .error = error};
    *kind = SCAN_BAD;
    if (bit_text_is_utf8(text, size)) {
        scan_value_at(&s, 0, "", 1);
        if (!s.stop && !problems.count && s.at == size && scan.count)
            *kind = scan.values[0].kind;
    }
    bit_problems_free(&problems);
    job_scan_free(&scan);
    return s.out_of_memory ? -1 : 0;
}

void job_scan_free(struct scan *scan)
{
    bit_free(scan->values);
    *scan = (struct scan){0};
}
