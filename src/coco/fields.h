/* Members of objects in a JSON stream, taken with their types; errors name the object, the key, and what was expected. */
#ifndef BIT_COCO_FIELDS_H
#define BIT_COCO_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include "bit/json_stream.h"

enum { BIT_FIELDS_MOST = 16 };

/* An object of an array that is being read: "annotations[12]". */
struct bit_fields {
    struct bit_json_stream *stream;
    const char *array;          /* its name; "" for objects a line, of which the line says enough */
    uint64_t number;
    const char *const *keys;    /* those that are known, ended by NULL; at most BIT_FIELDS_MOST */
    unsigned seen;              /* a bit for each that has come */
    int key;                    /* the one that came last */
    struct bit_error *error;
};

/* Calls `read` for each object of the array whose token is next. 0 or -1. */
int bit_fields_array(struct bit_json_stream *stream, const char *array, int (*read)(struct bit_fields *fields, void *context),
                     const char *const *keys, void *context, struct bit_error *error);
/* The next known key of the object that has been entered: its number; -1: failed; -2: the object ends. Others are skipped; a known one
 * that comes again is an error. */
enum { BIT_FIELDS_FAILED = -1, BIT_FIELDS_DONE = -2 };
int bit_fields_next(struct bit_fields *f);
/* Are all keys there whose bits are set? The error names the first that is not. */
int bit_fields_need(const struct bit_fields *f, unsigned keys);
/* An error about the value of the last key. Always -1. */
int bit_fields_fail(const struct bit_fields *f, const char *expected, enum bit_json_token found);

/* The value of the last key; 0 or -1. */
int bit_fields_whole(const struct bit_fields *f, double least, double most, int64_t *value);
int bit_fields_number(const struct bit_fields *f, double *value); /* finite */
int bit_fields_box(const struct bit_fields *f, double box[4]);    /* an array of four finite numbers */
int bit_fields_flag(const struct bit_fields *f, bool *value);     /* 0, 1, true, false */
/* Valid until the next token; NULL on failure. */
const char *bit_fields_text(const struct bit_fields *f);

/* Makes room for one more in an array of `count` of `size` bytes each; it grows by doubling. */
int bit_fields_grow(void **array, size_t count, size_t *capacity, size_t size, const char *what, struct bit_error *error);

#endif
