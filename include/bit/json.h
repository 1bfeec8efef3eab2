/* JSON of others, read strictly: cJSON accepts trailing text, doubled keys, look-ups in any case and numbers beyond double.
 * And numbers and members for JSON of our own. */
#ifndef BIT_JSON_H
#define BIT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bit/error.h"
#include "bit/hash.h"
#include "bit/text.h"

struct cJSON;

/* Whole numbers a double holds exactly lie below this. */
#define BIT_JSON_WHOLE_LIMIT 9007199254740992.0 /* 2^53 */

/* ---- documents ---- */

/* One JSON value and nothing behind it but white space, in UTF-8 without zero bytes. text[size] is 0. NULL with `error` (data),
 * which does not name the file. Free with cJSON_Delete. */
struct cJSON *bit_json_parse(const char *text, size_t size, struct bit_error *error);
/* The same of a file of at most `limit` bytes; the error names it. */
struct cJSON *bit_json_read(const char *path, size_t limit, struct bit_error *error);

/* ---- an object of which every key is known ---- */

/* An object being taken apart. `taken` counts the keys that were asked for and there, so that unknown ones show at the end. */
struct bit_json_object { const struct cJSON *json; const char *where; int taken; struct bit_error *error; };

/* Begins with `json`, which messages call `where`; it must be an object without doubled keys, of at most 64. All functions below
 * return 0 or -1 with an error (data) that names `where` and the key. */
int bit_json_start(struct bit_json_object *object, const struct cJSON *json, const char *where, struct bit_error *error);
/* Fails when a key has not been taken. */
int bit_json_end(const struct bit_json_object *object);
/* A message about the object itself. Always -1. */
int bit_json_fail(const struct bit_json_object *object, const char *what);
/* The value of `key`; NULL when it is missing, which is an error. */
const struct cJSON *bit_json_take(struct bit_json_object *object, const char *key);
/* NULL without an error when it is missing. */
const struct cJSON *bit_json_take_if(struct bit_json_object *object, const char *key);
/* A whole number from 0 to `limit` (< 2^53). */
int bit_json_take_whole(struct bit_json_object *object, const char *key, uint64_t limit, uint64_t *value);
/* The text itself, which lives as long as the document; NULL on failure. */
const char *bit_json_take_string(struct bit_json_object *object, const char *key);
/* A copy, freed with bit_free. */
int bit_json_take_copy(struct bit_json_object *object, const char *key, char **copy);
/* Into a buffer that must hold it. */
int bit_json_take_short(struct bit_json_object *object, const char *key, char *buffer, size_t size);
/* 32 digits. null is accepted when `known` is given, which tells it. */
int bit_json_take_hash(struct bit_json_object *object, const char *key, struct bit_hash *hash, bool *known);

/* ---- values that may be missing ---- */

/* Whether `json` is a whole number from 0 to `limit` (< 2^53). */
bool bit_json_is_whole(const struct cJSON *json, uint64_t limit, uint64_t *value);
/* Member `key` of an object (which may be NULL), or what is said for one that is missing or of another type. */
double bit_json_number(const struct cJSON *object, const char *key, double missing);
uint64_t bit_json_whole(const struct cJSON *object, const char *key, uint64_t missing);
const char *bit_json_string(const struct cJSON *object, const char *key, const char *missing);

/* ---- writing ---- */

/* `value` with `digits` significant digits, 17 of which give every double back; null when it is not finite. */
void bit_json_add_number(struct bit_text *text, double value, int digits);
/* ,"key":value for the members behind an object's first. */
void bit_json_add_member(struct bit_text *text, const char *key, double value, int digits);

#endif
