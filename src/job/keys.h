/* The one table of keys: it validates, documents and writes job files. Nothing else enumerates keys. */
#ifndef BIT_JOB_KEYS_H
#define BIT_JOB_KEYS_H

#include "bit/job.h"

enum key_type {
    KEY_INTEGER, /* int */
    KEY_COUNT,   /* uint64_t */
    KEY_REAL,    /* double */
    KEY_FLAG,    /* bool */
    KEY_TEXT,    /* char * */
    KEY_PATH,    /* char *, made absolute against the job file's folder */
    KEY_REALS,   /* double[BIT_JOB_DECAYS], ascending */
    KEY_COUNTS,  /* uint64_t[BIT_JOB_DECAYS], ascending */
    KEY_BLOCKS,  /* double[BIT_JOB_BLOCKS], exactly as many, in any order */
    KEY_NUMBERS, /* struct bit_job_numbers, one or more, in any order */
};

struct key {
    const char *path;
    enum key_type type;
    size_t offset;          /* in struct bit_job */
    const char *value;      /* default, as JSON; NULL: the key must be given */
    const char *detection;  /* default in a job of task detect; NULL: the same */
    const char *choices;    /* "group|batch": the only values; NULL: any */
    bool several;           /* KEY_TEXT: one or more of the choices, with commas between */
    double minimum, maximum;
    bool above;             /* the minimum itself is excluded */
    bool nullable;          /* null is allowed: see meaning */
    double null_number;     /* KEY_REAL, KEY_INTEGER, KEY_COUNT: what null becomes in struct bit_job */
    bool ruled;             /* in a job of task finetune the rule settles it unless it is given: null, or absent */
    bool model;             /* part of canonical_model */
    const char *unit;
    const char *meaning;
};

struct key_section { const char *name, *meaning; };

extern const struct key job_keys[];
extern const size_t job_key_count;
extern const struct key_section job_sections[]; /* "" first: the keys at the top */
extern const size_t job_section_count;

enum { KEYS_MOST = 128 };

/* Index of a path, or -1. */
int job_key_find(const char *path);
/* Length of the section's name in a key's path; 0 at the top. */
size_t job_key_section_length(const char *path);
/* One a key: bits of struct bit_job's `open`. */
static inline bool job_key_open(const struct bit_job *job, int key)
{
    return job->open[key / 64] >> (key % 64) & 1;
}
/* The default as JSON, by the job's task; NULL: the key must be given. */
const char *job_key_default(const struct key *key, const struct bit_job *job);
/* "a whole number from 1 to 32", "one of \"group\", \"batch\"". */
void job_key_expected(const struct key *key, char *buffer, size_t size);
/* The path a misspelt one probably means, or NULL. */
const char *job_key_suggest(const char *path);
/* A number as short as it can be and still read back the same. */
void job_number_text(double number, char buffer[40]);

static inline void *key_member(const struct key *key, struct bit_job *job)
{
    return (char *)job + key->offset;
}

static inline const void *key_member_const(const struct key *key, const struct bit_job *job)
{
    return (const char *)job + key->offset;
}

#endif
