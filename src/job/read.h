/* What reading a job shares between its files. */
#ifndef BIT_JOB_READ_H
#define BIT_JOB_READ_H

#include "job/keys.h"
#include "job/scan.h"

enum key_state { KEY_ABSENT, KEY_GIVEN, KEY_NULL, KEY_WRONG };

struct reading {
    struct bit_job *job;
    struct bit_problems *problems;
    struct bit_error *error;
    const char *folder;     /* relative paths of the file stand against it; NULL: they stay as they are */
    bool is_trial;          /* of a sweep: see job_parse_trial */
    struct { enum key_state state; int line, column; bool by_override; int count; } keys[KEYS_MOST];
};

/* Where a value comes from. */
struct source { const char *text; size_t size; enum scan_kind kind; int line, column; bool by_override; };

/* Converts a value and stores it in the job, or reports why not. -1 only for lack of memory. */
int job_value_store(struct reading *r, int key, const struct source *source, const char *path);

/* Checks between keys; fills in what null stands for. -1 only for lack of memory. */
int job_cross_check(struct reading *r);

/* 1: the key has the value of its default; 0: another one; -1 with `error`: lack of memory. */
int job_value_is_default(const struct bit_job *job, int key, struct bit_error *error);

/* The file's name without folder and .json. NULL for lack of memory. */
char *job_default_name(const char *path, struct bit_error *error);
/* Sorts; 0 when there is no error among them, else one that says the first and how many there are. */
int job_summarise(struct bit_problems *problems, const char *name, struct bit_error *error);

/* bit_job_parse of a trial's text: the section sweep is passed over, and overrides are the sweep's own. */
const struct bit_job *job_parse_trial(const char *text, size_t size, const char *name, const char *const *overrides, size_t override_count,
                                      struct bit_problems *problems, struct bit_error *error);

/* canonical and canonical_model. */
int job_write(struct bit_job *job, struct bit_error *error);

#endif
