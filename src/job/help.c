/* The reference of all keys, in words of the table that validates. */
#include <string.h>

#include "job/keys.h"

static void print_wrapped(FILE *stream, const char *text, int indent, int width)
{
    int column = 0;
    for (const char *word = text; *word;) {
        size_t length = strcspn(word, " ");
        if (column && column + 1 + (int)length > width - indent) {
            fputc('\n', stream);
            column = 0;
        }
        if (column)
            column += fprintf(stream, " %.*s", (int)length, word);
        else
            column = fprintf(stream, "%*s%.*s", indent, "", (int)length, word) - indent;
        word += length + (word[length] == ' ');
    }
    fputc('\n', stream);
}

static bool in_section(const struct key *key, const char *section)
{
    size_t length = strlen(section);
    return job_key_section_length(key->path) == length && !strncmp(key->path, section, length);
}

void bit_job_help(FILE *stream)
{
    char expected[400], line[600];
    fprintf(stream, "A job is a JSON object. Keys with a dot stand in a section: model.depth is "
                    "{\"model\": {\"depth\": ...}}.\nDefaults are those of BiT-S in the paper.\n");
    for (size_t s = 0; s < job_section_count; s++) {
        fprintf(stream, "\n%s%s%s\n", job_sections[s].name, *job_sections[s].name ? ": " : "", job_sections[s].meaning);
        for (size_t i = 0; i < job_key_count; i++) {
            const struct key *k = &job_keys[i];
            if (!in_section(k, job_sections[s].name))
                continue;
            job_key_expected(k, expected, sizeof expected);
            fprintf(stream, "\n  %s (%s)\n", k->path, k->value ? k->value : "must be given");
            snprintf(line, sizeof line, "%s%s%s.", expected, k->unit ? "; " : "", k->unit ? k->unit : "");
            print_wrapped(stream, line, 6, 100);
            print_wrapped(stream, k->meaning, 6, 100);
        }
    }
}

/* Text in which roff sees no commands. */
static void print_roff(FILE *stream, const char *text)
{
    for (const char *c = text; *c; c++) {
        if (*c == '\\')
            fputs("\\e", stream);
        else if (*c == '-')
            fputs("\\-", stream);
        else if ((*c == '.' || *c == '\'') && c == text)
            fprintf(stream, "\\&%c", *c);
        else
            fputc(*c, stream);
    }
}

void bit_job_help_roff(FILE *stream)
{
    char expected[400];
    for (size_t s = 0; s < job_section_count; s++) {
        fprintf(stream, ".SS \"");
        print_roff(stream, *job_sections[s].name ? job_sections[s].name : "Top");
        fprintf(stream, "\"\n");
        print_roff(stream, job_sections[s].meaning);
        fprintf(stream, ".\n");
        for (size_t i = 0; i < job_key_count; i++) {
            const struct key *k = &job_keys[i];
            if (!in_section(k, job_sections[s].name))
                continue;
            job_key_expected(k, expected, sizeof expected);
            fprintf(stream, ".TP\n.B ");
            print_roff(stream, k->path);
            fprintf(stream, "\n");
            print_roff(stream, k->meaning);
            fprintf(stream, "\n.br\nValue: ");
            print_roff(stream, expected);
            fprintf(stream, "%s", k->unit ? "; " : "");
            print_roff(stream, k->unit ? k->unit : "");
            fprintf(stream, ".\n%s", k->value ? "Default: " : "It must be given");
            print_roff(stream, k->value ? k->value : "");
            fprintf(stream, ".\n");
        }
    }
}
