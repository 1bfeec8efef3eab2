/* The one error object: a class (which is also the process's exit code) and a text for the user. */
#ifndef BIT_ERROR_H
#define BIT_ERROR_H

#include <stdarg.h>

/* Classes of failure; the values are exit codes (those of sysexits.h where one fits). */
enum bit_code {
    BIT_OK = 0,
    BIT_EUSAGE = 64,       /* bad command line or job file */
    BIT_EDATA = 65,        /* bad images, index or checkpoint contents */
    BIT_ENOINPUT = 66,     /* a named file or folder is missing or unreadable */
    BIT_ENOGENERATION = 69, /* checkpoints are there, and none of them is whole: nothing is begun afresh by itself */
    BIT_EINTERNAL = 70,    /* broken invariant: our bug */
    BIT_EENVIRONMENT = 74, /* disk, memory or network failed; the last generation stands */
    BIT_EAGAIN = 75,       /* stopped on request after a checkpoint: run again to resume */
    BIT_ELATE = 76,        /* a rank hung, was stopped or was lost; the last generation stands */
};

enum { BIT_ERROR_TEXT = 2048 };

/* Zero-initialise (`struct bit_error error = {0}`). The first failure is kept, later ones are dropped. */
struct bit_error {
    enum bit_code code;
    char text[BIT_ERROR_TEXT];
};

/* Records a failure unless one is recorded already; always returns -1, so that callers can `return bit_fail(...)`.
 * `error` may be NULL. */
int bit_fail(struct bit_error *error, enum bit_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int bit_fail_v(struct bit_error *error, enum bit_code code, const char *format, va_list arguments);

/* As bit_fail, with ": " and strerror(errno) appended. Where errno says that memory or descriptors ran out, BIT_ENOINPUT becomes
 * BIT_EENVIRONMENT. */
int bit_fail_errno(struct bit_error *error, enum bit_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Prefixes the recorded text with where it happened ("job.json: ..."). Keeps the class. Returns -1. */
int bit_fail_at(struct bit_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

void bit_error_clear(struct bit_error *error);

/* Short name of a class, for outcome.json: "usage", "data", "no-input", "no-generation", "internal", "environment",
 * "again", "late", "ok". */
const char *bit_code_name(enum bit_code code);

#endif
