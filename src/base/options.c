#include "bit/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bit/text.h"

enum { NAMES = 64, COLUMN = 24 };

/* ---- values ---- */

/* What was expected, or NULL when the value was good. `room` has space for a text. */
static const char *take_number(const struct bit_option *o, const char *value, void *to, char *room, size_t size)
{
    char *end;
    errno = 0;
    bool whole = o->kind != BIT_OPTION_REAL;
    double x = strtod(value, &end);
    bool good = !errno && end != value && !*end && x >= o->least && x <= o->most;
    if (whole)
        good = good && value[strspn(value, "0123456789")] == 0;
    if (!good) {
        snprintf(room, size, "a %snumber from %.15g to %.15g", whole ? "whole " : "", o->least, o->most);
        return room;
    }
    if (o->kind == BIT_OPTION_COUNT)
        *(uint64_t *)to = (uint64_t)x;
    else if (o->kind == BIT_OPTION_INT)
        *(int *)to = (int)x;
    else
        *(double *)to = x;
    return NULL;
}

static const char *take_choice(const struct bit_option *o, const char *value, int *to, char *room, size_t size)
{
    size_t used = 0;
    for (int i = 0; o->choices[i]; i++)
        if (!strcmp(o->choices[i], value)) {
            *to = i;
            return NULL;
        }
    for (int i = 0; o->choices[i] && used < size; i++)
        used += (size_t)snprintf(room + used, size - used, "%s%s", i ? o->choices[i + 1] ? ", " : " or " : "", o->choices[i]);
    return room;
}

static const char *take_value(const struct bit_option *o, const char *value, void *options, char *room, size_t size)
{
    void *to = (char *)options + o->at;
    struct bit_option_list *list = to;
    switch (o->kind) {
    case BIT_OPTION_TEXT:
    case BIT_OPTION_FILE:
        *(const char **)to = value;
        return *value ? NULL : o->value;
    case BIT_OPTION_LIST:
        if (!*value)
            return o->value;
        if (list->count == BIT_OPTION_VALUES)
            return "at most 256 of them";
        list->value[list->count++] = value;
        return NULL;
    case BIT_OPTION_COUNT:
    case BIT_OPTION_INT:
    case BIT_OPTION_REAL:
        return take_number(o, value, to, room, size);
    case BIT_OPTION_CHOICE:
        return take_choice(o, value, to, room, size);
    default:
        return o->take(options, value);
    }
}

/* ---- words ---- */

static int unknown_option(const struct bit_usage *usage, const char *word, struct bit_error *error)
{
    const char *names[NAMES] = {"--help"};
    size_t count = 1;
    for (size_t i = 0; i < usage->count && count < NAMES; i++)
        names[count++] = usage->options[i].name;
    const char *near = bit_text_nearest(word, names, count);
    return bit_fail(error, BIT_EUSAGE, "unknown option %s%s%s%s; see %s --help", word, near ? " (did you mean " : "", near ? near : "",
                    near ? "?)" : "", usage->command);
}

static bool is_option(const struct bit_usage *usage, const char *word)
{
    size_t length = strncmp(word, "--", 2) ? strlen(word) : strcspn(word, "=");
    bool found = !strcmp(word, "--help");
    for (size_t i = 0; i < usage->count && !found; i++)
        found = strlen(usage->options[i].name) == length && !strncmp(usage->options[i].name, word, length);
    return found;
}

/* "--name value" and "--name=value". Returns how many words were used, or -1. */
static int take_option(const struct bit_usage *usage, int left, char **words, void *options, struct bit_error *error)
{
    const char *equals = words[0][1] == '-' ? strchr(words[0], '=') : NULL;
    size_t length = equals ? (size_t)(equals - words[0]) : strlen(words[0]);
    char room[512];
    for (size_t i = 0; i < usage->count; i++) {
        const struct bit_option *o = &usage->options[i];
        if (strlen(o->name) != length || strncmp(o->name, words[0], length))
            continue;
        if (o->given_at)
            *(bool *)((char *)options + o->given_at) = true;
        if (o->kind == BIT_OPTION_FLAG) {
            if (equals)
                return bit_fail(error, BIT_EUSAGE, "%s takes no value", o->name);
            *(bool *)((char *)options + o->at) = true;
            return 1;
        }
        if (!equals && left < 2)
            return bit_fail(error, BIT_EUSAGE, "%s needs a value: %s", o->name, o->value);
        if (!equals && is_option(usage, words[1]))
            return bit_fail(error, BIT_EUSAGE, "%s needs a value: %s; the option %s follows it", o->name, o->value, words[1]);
        const char *value = equals ? equals + 1 : words[1], *expected = take_value(o, value, options, room, sizeof room);
        if (expected)
            return bit_fail(error, BIT_EUSAGE, "%s %s: expected %s", o->name, *value ? value : "''", expected);
        return equals ? 1 : 2;
    }
    return unknown_option(usage, words[0], error);
}

static int check_operands(const struct bit_usage *usage, const struct bit_operands *operands, struct bit_error *error)
{
    if (operands->count < usage->least)
        return bit_fail(error, BIT_EUSAGE, "%s is missing: %s %s; see %s --help", operands->count ? "something" : usage->operands,
                        usage->command, usage->operands, usage->command);
    return 0;
}

int bit_options_parse_quietly(const struct bit_usage *usage, int argc, char **argv, void *options, struct bit_operands *operands,
                              bool *wants_help, struct bit_error *error)
{
    *operands = (struct bit_operands){0};
    *wants_help = false;
    for (int i = 1, end = 0; i < argc;) {
        if (!end && !strcmp(argv[i], "--help")) {
            *wants_help = true;
            return 0;
        }
        if (!end && !strcmp(argv[i], "--")) {
            end = 1;
            i++;
            if (!usage->has_rest)
                continue;
            operands->rest = argv + i;
            operands->rest_count = argc - i;
            break;
        }
        bool is_number = usage->takes_negative && argv[i][1] >= '0' && argv[i][1] <= '9';
        if (!end && argv[i][0] == '-' && argv[i][1] && !is_number) {
            int used = take_option(usage, argc - i, argv + i, options, error);
            if (used < 0)
                return -1;
            i += used;
            continue;
        }
        if (operands->count == usage->most || operands->count == BIT_OPTION_VALUES)
            return usage->most == 1 ? bit_fail(error, BIT_EUSAGE, "one %s is expected, found %s and %s", usage->operands,
                                               operands->word[0], argv[i])
                                    : bit_fail(error, BIT_EUSAGE, "unexpected argument %s; see %s --help", argv[i], usage->command);
        operands->word[operands->count++] = argv[i++];
    }
    return check_operands(usage, operands, error);
}

int bit_options_parse(const struct bit_usage *usage, int argc, char **argv, void *options, struct bit_operands *operands,
                      struct bit_error *error)
{
    bool wants_help;
    if (bit_options_parse_quietly(usage, argc, argv, options, operands, &wants_help, error))
        return -1;
    if (wants_help)
        bit_usage_print(usage, stdout);
    return wants_help;
}

/* ---- help ---- */

/* Lines of `text`, the second and later ones indented. */
static void print_lines(const char *text, int indent, FILE *stream)
{
    for (const char *line = text; *line;) {
        size_t length = strcspn(line, "\n");
        fprintf(stream, "%*s%.*s\n", line == text ? 0 : indent, "", (int)length, line);
        line += length + (line[length] == '\n');
    }
}

void bit_usage_print(const struct bit_usage *usage, FILE *stream)
{
    fprintf(stream, "usage: %s%s%s%s%s\n", usage->command, *usage->operands ? " " : "", usage->operands, usage->count ? " [OPTION]..." : "",
            usage->has_rest ? " [-- OPTION...]" : "");
    fprintf(stream, "  ");
    print_lines(usage->about, 2, stream);
    for (size_t i = 0; i < usage->count; i++) {
        const struct bit_option *o = &usage->options[i];
        char left[128];
        if (!o->help)
            continue;
        int used = snprintf(left, sizeof left, "%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
        if (used > COLUMN)
            fprintf(stream, "  %s\n  %*s  ", left, COLUMN, "");
        else
            fprintf(stream, "  %-*s  ", COLUMN, left);
        print_lines(o->help, COLUMN + 4, stream);
    }
    if (usage->more) {
        fprintf(stream, "  ");
        print_lines(usage->more, 2, stream);
    }
}

void bit_usage_complete(const struct bit_usage *usage, FILE *stream)
{
    fputs("--help flag\n", stream);
    for (size_t i = 0; i < usage->count; i++) {
        const struct bit_option *o = &usage->options[i];
        fprintf(stream, "%s ", o->name);
        if (o->choices)
            for (int c = 0; o->choices[c]; c++)
                fprintf(stream, "%s%s", c ? "|" : "", o->choices[c]);
        else
            fputs(o->kind == BIT_OPTION_FLAG ? "flag" : o->kind == BIT_OPTION_FILE ? "file" : "text", stream);
        fputc('\n', stream);
    }
}
