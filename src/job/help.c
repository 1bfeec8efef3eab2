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
            snprintf(line, sizeof line, "%s%s%s.%s%s%s%s", expected, k->unit ? "; " : "", k->unit ? k->unit : "",
                     k->ruled ? " Fine-tuning: null by default, the rule chooses." : "", k->detection ? " Detection: " : "",
                     k->detection ? k->detection : "", k->detection ? " by default." : "");
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

static const char page_start[] =
    ".TH BIT\\-JOB 5 \"\" \"bit\" \"File Formats\"\n.SH NAME\nbit\\-job \\- job files of bit and bitrun\n.SH DESCRIPTION\n"
    "A job is a JSON object (RFC 8259) in UTF\\-8. Keys named with a dot below stand in a section:\n"
    ".B model.depth\nis {\"model\": {\"depth\": ...}}. Every key has a default, those of BiT\\-S in the paper, but for\n"
    ".BR data.train .\n"
    "Unknown, misspelt and duplicate keys, values of the wrong type or beyond their range, numbers that are not finite,\n"
    "text after the object, invalid UTF\\-8, more than 16 levels and files above 1 MiB are rejected: all errors at once, each\n"
    "with line and column.\n.PP\nThe option\n.BI \\-\\-set \" key.path=value\"\n"
    "of the programs replaces a value; it is JSON or, where it is not, a text. It is checked in the same way. Setting\n"
    ".B schedule.steps\ntakes the place of the file's\n.B schedule.epochs\nand so on for such pairs.\n"
    ".SH KEYS\n";

static const char page_end[] =
    ".SH EXAMPLE\n.nf\n{\n  \"model\": {\"depth\": 50, \"width\": 1},\n"
    "  \"data\": {\"train\": \"photos/train\", \"val\": \"photos/val\"},\n"
    "  \"schedule\": {\"epochs\": 90, \"batch\": 512, \"warmup_steps\": 500}\n}\n.fi\n"
    ".SH SEE ALSO\n.BR bit (1),\n.BR bitrun (1),\n.BR bit\\-launch (1),\n.BR bit\\-checkpoint (5)\n";

static void print_key_roff(FILE *stream, const struct key *k)
{
    char expected[400];
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
    fprintf(stream, ".\n%s", k->ruled ? "Fine\\-tuning: null by default, the rule chooses.\n" : "");
    if (k->detection) {
        fprintf(stream, "Detection: ");
        print_roff(stream, k->detection);
        fprintf(stream, " by default.\n");
    }
}

void bit_job_help_roff(FILE *stream)
{
    fputs(page_start, stream);
    for (size_t s = 0; s < job_section_count; s++) {
        fprintf(stream, ".SS ");
        print_roff(stream, *job_sections[s].name ? job_sections[s].name : "Top");
        fprintf(stream, "\n");
        print_roff(stream, job_sections[s].meaning);
        fprintf(stream, ".\n");
        for (size_t i = 0; i < job_key_count; i++)
            if (in_section(&job_keys[i], job_sections[s].name))
                print_key_roff(stream, &job_keys[i]);
    }
    fputs(page_end, stream);
}
