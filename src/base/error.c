#include "bit/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int bit_fail_v(struct bit_error *error, enum bit_code code, const char *format, va_list arguments)
{
    if (error && error->code == BIT_OK) {
        error->code = code;
        vsnprintf(error->text, sizeof error->text, format, arguments);
    }
    return -1;
}

int bit_fail(struct bit_error *error, enum bit_code code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    bit_fail_v(error, code, format, arguments);
    va_end(arguments);
    return -1;
}

int bit_fail_errno(struct bit_error *error, enum bit_code code, const char *format, ...)
{
    int number = errno;
    /* What could not be opened for want of memory or descriptors is not missing. */
    if (code == BIT_ENOINPUT && (number == ENOMEM || number == EMFILE || number == ENFILE))
        code = BIT_EENVIRONMENT;
    if (error && error->code == BIT_OK) {
        va_list arguments;
        va_start(arguments, format);
        bit_fail_v(error, code, format, arguments);
        va_end(arguments);
        size_t used = strlen(error->text);
        snprintf(error->text + used, sizeof error->text - used, ": %s", strerror(number));
    }
    return -1;
}

int bit_fail_at(struct bit_error *error, const char *format, ...)
{
    if (error && error->code != BIT_OK) {
        char old[BIT_ERROR_TEXT];
        memcpy(old, error->text, sizeof old);
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error->text, sizeof error->text, format, arguments);
        va_end(arguments);
        size_t used = strlen(error->text);
        snprintf(error->text + used, sizeof error->text - used, ": %s", old);
    }
    return -1;
}

void bit_error_clear(struct bit_error *error)
{
    error->code = BIT_OK;
    error->text[0] = 0;
}

const char *bit_code_name(enum bit_code code)
{
    switch (code) {
    case BIT_OK: return "ok";
    case BIT_EUSAGE: return "usage";
    case BIT_EDATA: return "data";
    case BIT_ENOINPUT: return "no-input";
    case BIT_ENOGENERATION: return "no-generation";
    case BIT_EINTERNAL: return "internal";
    case BIT_EENVIRONMENT: return "environment";
    case BIT_EAGAIN: return "again";
    case BIT_ELATE: return "late";
    }
    return "unknown";
}
