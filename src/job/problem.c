/* The list of problems found in a job: kept in the order of the file, printed with their places. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bit/memory.h"
#include "job/scan.h"

static int grow(struct bit_problems *p, struct bit_error *error)
{
    if (p->count < p->capacity)
        return 0;
    size_t capacity = p->capacity ? p->capacity * 2 : 8;
    struct bit_problem *items = bit_allocate(capacity, sizeof *items, "the list of problems", error);
    if (!items)
        return -1;
    if (p->count)
        memcpy(items, p->items, p->count * sizeof *items);
    bit_free(p->items);
    p->items = items;
    p->capacity = capacity;
    return 0;
}

/* Cuts a text that snprintf has shortened back to whole UTF-8 characters. */
static void mend_tail(char *text)
{
    size_t size = strlen(text), at = size;
    while (at && ((unsigned char)text[at - 1] & 0xC0) == 0x80)
        at--;
    if (at && !bit_text_is_utf8(text + at - 1, size - at + 1))
        text[at - 1] = 0;
}

static int add(struct bit_problems *problems, struct bit_error *error, struct bit_problem *p, const char *key,
               const char *format, va_list arguments)
{
    if (problems->count >= SCAN_PROBLEMS)
        return 0;
    if (grow(problems, error))
        return -1;
    snprintf(p->key, sizeof p->key, "%s", key ? key : "");
    vsnprintf(p->text, sizeof p->text, format, arguments);
    mend_tail(p->key);
    mend_tail(p->text);
    problems->items[problems->count++] = *p;
    return 0;
}

int job_problem_add(struct bit_problems *problems, struct bit_error *error, bool warning, int line, int column,
                const char *key, const char *format, ...)
{
    struct bit_problem p = {.line = line, .column = column, .warning = warning};
    va_list arguments;
    va_start(arguments, format);
    int result = add(problems, error, &p, key, format, arguments);
    va_end(arguments);
    return result;
}

int bit_problems_add_warning(struct bit_problems *problems, struct bit_error *error, const char *key,
                             const char *format, ...)
{
    struct bit_problem p = {.warning = true};
    va_list arguments;
    va_start(arguments, format);
    int result = add(problems, error, &p, key, format, arguments);
    va_end(arguments);
    return result;
}

size_t job_problem_errors(const struct bit_problems *problems)
{
    size_t errors = 0;
    for (size_t i = 0; i < problems->count; i++)
        errors += !problems->items[i].warning;
    return errors;
}

static bool after(const struct bit_problem *a, const struct bit_problem *b)
{
    if (!a->line || !b->line)
        return !a->line && b->line;
    return a->line > b->line || (a->line == b->line && a->column > b->column);
}

/* Insertion: few, nearly sorted, and equal places keep their order. */
void job_problem_sort(struct bit_problems *problems)
{
    for (size_t i = 1; i < problems->count; i++) {
        struct bit_problem p = problems->items[i];
        size_t at = i;
        for (; at > 0 && after(&problems->items[at - 1], &p); at--)
            problems->items[at] = problems->items[at - 1];
        problems->items[at] = p;
    }
}

void bit_problems_free(struct bit_problems *p)
{
    bit_free(p->items);
    *p = (struct bit_problems){0};
}

void bit_problem_text(const struct bit_problem *p, const char *file, char *buffer, size_t size)
{
    char place[32] = "";
    if (p->line)
        snprintf(place, sizeof place, "%d:%d:", p->line, p->column);
    snprintf(buffer, size, "%s%s%s%s%s%s%s%s", file, *file ? ":" : "", place, *file || *place ? " " : "",
             p->warning ? "warning: " : "", p->key, *p->key ? ": " : "", p->text);
}

void bit_problems_print(const struct bit_problems *p, const char *file, FILE *stream)
{
    char line[1024];
    for (size_t i = 0; i < p->count; i++) {
        bit_problem_text(&p->items[i], file, line, sizeof line);
        fprintf(stream, "%s\n", line);
    }
}
