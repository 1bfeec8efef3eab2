/* Command lines from one table: parsing, help, error messages and shell completion. */
#ifndef BIT_OPTIONS_H
#define BIT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "bit/error.h"

/* What an option's value is, and the type of the member that gets it. */
enum bit_option_kind {
    BIT_OPTION_FLAG,   /* no value; bool: set to true */
    BIT_OPTION_TEXT,   /* const char *, into argv; not empty */
    BIT_OPTION_FILE,   /* the same, completed as a file or folder */
    BIT_OPTION_LIST,   /* struct bit_option_list: each value, of an option that may be repeated; not empty */
    BIT_OPTION_COUNT,  /* uint64_t from least to most (< 2^53) */
    BIT_OPTION_INT,    /* int from least to most */
    BIT_OPTION_REAL,   /* double from least to most */
    BIT_OPTION_CHOICE, /* int: which of `choices` */
    BIT_OPTION_OWN,    /* `take` reads it */
};

enum { BIT_OPTION_VALUES = 256 };
struct bit_option_list { const char *value[BIT_OPTION_VALUES]; size_t count; };

struct bit_option {
    const char *name;            /* "--out", or "-n" */
    const char *value;           /* in the help: "DIR"; NULL of a flag */
    const char *help;            /* a line, or several with \n; NULL: another name of the row before, or not for people */
    enum bit_option_kind kind;
    size_t at;                   /* offset of the member */
    double least, most;          /* COUNT, INT, REAL */
    const char *const *choices;  /* CHOICE: texts, ended by NULL; of other kinds for completion only */
    size_t given_at;             /* offset of a bool that is set when the option is there; 0: none */
    /* OWN: NULL when it is good, otherwise what was expected. */
    const char *(*take)(void *options, const char *value);
};

/* A command: "bit plan", "bitrun". */
struct bit_usage {
    const char *command;
    const char *operands;        /* "JOB.json"; "" for none */
    const char *about;           /* what it does, lines with \n, without a final one */
    const struct bit_option *options;
    size_t count;
    int least, most;             /* operands */
    bool takes_negative;         /* operands may be numbers like -3 */
    bool has_rest;               /* what follows "--" is for another program, and not operands */
    const char *more;            /* printed behind the options, or NULL */
};

struct bit_operands { char *word[BIT_OPTION_VALUES]; int count; char **rest; int rest_count; };

/* Takes argv[1] and what follows apart: "--name value", "--name=value", "-n value", operands, and "--", behind which all are
 * operands. --help is every command's. 1: help was asked for, and printed to stdout; 0: fine; -1 (usage): what is wrong, with the
 * nearest name of an unknown option. Does not change members of options that are not given. */
int bit_options_parse(const struct bit_usage *usage, int argc, char **argv, void *options, struct bit_operands *operands,
                      struct bit_error *error);
/* The same where help is printed later, or by one of several processes: *wants_help instead of 1. */
int bit_options_parse_quietly(const struct bit_usage *usage, int argc, char **argv, void *options, struct bit_operands *operands,
                              bool *wants_help, struct bit_error *error);
void bit_usage_print(const struct bit_usage *usage, FILE *stream);
/* For shell completion: a line an option: name, kind of its value (flag, text, file, or the choices with '|' between them). */
void bit_usage_complete(const struct bit_usage *usage, FILE *stream);

#endif
