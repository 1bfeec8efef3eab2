/* What the files of sweeps share. */
#ifndef BIT_JOB_SWEEP_H
#define BIT_JOB_SWEEP_H

#include "bit/sweep.h"
#include "job/read.h"

#define SWEEP_SECTION "sweep"

/* The value of this path; NULL: there is none. */
const struct scan_value *sweep_find(const struct scan *scan, const char *path);
/* Whether a value is an object that stands for several: it has a key random or grid, and does not belong to the section sweep. */
bool sweep_is_variable(const struct scan *scan, size_t at);
/* Below the section `last` of a sweep, the key of the job that a value is for ("data.train" of sweep.last.data.train); NULL: for none. */
const char *sweep_last_key(const char *path);
/* A text between bytes of another, in place of those. NULL for lack of memory. */
char *sweep_splice(const char *text, size_t size, size_t start, size_t end, const char *middle, struct bit_error *error);

/* The text with overrides applied; what is wrong with them is added to `problems`. NULL for lack of memory only. */
char *sweep_override(const char *text, const char *const *overrides, size_t count, struct bit_problems *problems, struct bit_error *error);
/* The text with relative paths of the file made absolute against `folder`. NULL for lack of memory only. */
char *sweep_resolve(const char *text, const char *folder, struct bit_error *error);

#endif
