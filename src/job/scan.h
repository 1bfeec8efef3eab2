/* Strict look at JSON text: grammar, UTF-8, depth, duplicates, and where every value stands. cJSON, which is not strict,
 * then only sees single values that this scanner has found to be well-formed. */
#ifndef BIT_JOB_SCAN_H
#define BIT_JOB_SCAN_H

#include "bit/job.h"

enum { SCAN_PATH = 128, SCAN_VALUES = 4096, SCAN_NUMBER = 48, SCAN_PROBLEMS = 100 };

enum scan_kind { SCAN_BAD, SCAN_NULL, SCAN_FLAG, SCAN_NUMERAL, SCAN_TEXT, SCAN_LIST, SCAN_OBJECT };

/* One value of the text, in the order of the text. */
struct scan_value {
    enum scan_kind kind; /* SCAN_BAD: a problem has been reported already */
    size_t parent;       /* index; the root is its own parent */
    size_t start, end;   /* bytes */
    int line, column;    /* from 1; columns count characters */
    char path[SCAN_PATH];/* "model.depth", "schedule.decay_epochs[1]"; "" for the root */
};

struct scan {
    struct scan_value *values;
    size_t count, capacity;
    bool fatal;          /* the text could not be followed to its end */
};

/* Fills `scan` and adds what is wrong to `problems`. -1 only for lack of memory. */
int job_scan(const char *text, size_t size, struct scan *scan, struct bit_problems *problems,
              struct bit_error *error);
/* One value alone, for overrides: its kind, or SCAN_BAD when `text` is not exactly one well-formed value. -1 only for
 * lack of memory. */
int job_scan_one(const char *text, size_t size, enum scan_kind *kind, struct bit_error *error);
void job_scan_free(struct scan *scan);

/* Appends a problem; beyond SCAN_PROBLEMS they are dropped. -1 for lack of memory. */
int job_problem_add(struct bit_problems *problems, struct bit_error *error, bool warning, int line, int column,
                const char *key, const char *format, ...) __attribute__((format(printf, 7, 8)));
size_t job_problem_errors(const struct bit_problems *problems);
/* In the order of the text; those without a place last. */
void job_problem_sort(struct bit_problems *problems);

#endif
