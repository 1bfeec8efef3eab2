/* Log lines to stderr and, when opened, to a file. Thread-safe. Not a way to report errors upward: that is error.h. */
#ifndef BIT_LOG_H
#define BIT_LOG_H

#include "bit/error.h"

enum bit_log_level { BIT_LOG_ERROR, BIT_LOG_WARNING, BIT_LOG_INFO, BIT_LOG_DEBUG };

/* Lines above `level` are dropped. Only rank 0 writes BIT_LOG_INFO to stderr; every rank writes warnings and errors,
 * prefixed with its rank when rank >= 0 and ranks > 1. Program name is the prefix ("bitrun: "). */
void bit_log_init(const char *program, enum bit_log_level level);
void bit_log_rank(int rank, int ranks);

/* BIT_LOG_INFO goes to the file only. */
void bit_log_quiet(int on);

/* Appends to `path` from now on (time stamp, level, rank, text; each line one write). -1 when it cannot be opened. */
int bit_log_open(const char *path, struct bit_error *error);
void bit_log_close(void);

void bit_log(enum bit_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Called with true before a live terminal line is drawn so that the next log line starts on a fresh line. */
void bit_log_live(int on);

#endif
