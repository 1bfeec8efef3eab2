/* The parts of bit_dedup_run: sets of pictures that are looked at once, pairs, verdicts, lists. */
#ifndef BIT_DEDUP_PARTS_H
#define BIT_DEDUP_PARTS_H

#include <limits.h>

#include "bit/data.h"
#include "bit/dedup.h"
#include "dedup/ledger.h"

/* ---- pictures as 64 x 64 pixels (readers.c) ---- */

/* A decoder and room for two pictures a thread. */
struct dedup_readers;
struct dedup_readers *dedup_readers_create(const struct bit_dedup_options *options, struct bit_error *error);
void dedup_readers_destroy(struct dedup_readers *readers);
int dedup_readers_count(const struct dedup_readers *readers);
enum dedup_reading { DEDUP_READ, DEDUP_BAD, DEDUP_GONE /* not to be opened */, DEDUP_FAILED /* this machine or its storage: `error` */ };
/* By the calling thread, number `me`; `which` of its two pictures. *content: the hash of the file. `error` also says why a picture is bad. */
enum dedup_reading dedup_read(struct dedup_readers *readers, int me, int which, const char *path, const float **pixels, struct bit_hash *content,
                              struct bit_error *error);

/* ---- a set (set.c) ---- */

enum { DEDUP_BLOCK = 1024 /* pictures that an interruption can cost */ };

/* What is known of a picture; looks of as many turns as its set has follow. */
struct dedup_record { struct bit_hash content; uint8_t quality, bad, unused[6]; struct bit_look looks[]; };

struct dedup_set {
    struct bit_index *index;
    struct bit_ledger *ledger;
    struct bit_hash key;   /* which pictures these are */
    char root[PATH_MAX];   /* that paths are below */
    int turns;
    uint64_t next;         /* picture, of the next block */
    bool known;            /* whether that comes from the ledger, as far as is known */
    unsigned char *records; /* of the last block computed */
    uint64_t computed;     /* pictures, not from the ledger */
};
int dedup_set_open(struct dedup_set *set, const char *path, int turns, const char *ledger, const struct bit_dedup_options *options,
                   struct bit_error *error);
void dedup_set_close(struct dedup_set *set);
/* The records of the next pictures; *count is 0 at the end. They stay until the next call. */
int dedup_set_block(struct dedup_set *set, struct dedup_readers *readers, const unsigned char **records, size_t *count, struct bit_error *error);
size_t dedup_record_size(int turns);
/* Below its root. */
int dedup_set_path(const struct dedup_set *set, uint64_t image, char path[PATH_MAX], struct bit_error *error);

/* ---- pairs (pairs.c) ---- */

/* Tests are numbered over all sets of them. */
struct dedup_pair { uint64_t upstream; uint32_t test; uint16_t wide; uint8_t bits, turn, same_file, unused[7]; };
struct dedup_pairs { struct dedup_pair *list; size_t count, capacity; };

/* All test pictures, put together for comparing. */
struct dedup_tests;
struct dedup_tests *dedup_tests_create(uint64_t images, int turns, struct bit_error *error);
void dedup_tests_destroy(struct dedup_tests *tests);
/* Adds the next `count` records; those of a quality below `quality` are compared as files only. */
void dedup_tests_add(struct dedup_tests *tests, const unsigned char *records, size_t count, int quality);
/* Once all are there. */
void dedup_tests_seal(struct dedup_tests *tests);
/* The candidates among `count` upstream pictures, of which the first has number `first`, and all tests, in order of upstream, then test.
 * *compared grows by the pairs of hashes. */
int dedup_tests_match(const struct dedup_tests *tests, const struct bit_dedup_options *options, const unsigned char *records, size_t count,
                      uint64_t first, struct dedup_pairs *pairs, double *compared, struct bit_error *error);
int dedup_pairs_add(struct dedup_pairs *pairs, const struct dedup_pair *more, size_t count, struct bit_error *error);

/* ---- results (lists.c) ---- */

enum dedup_kind { DEDUP_NONE, DEDUP_SAME_FILE, DEDUP_SAME_PICTURE, DEDUP_NEAR };
struct dedup_verdict { float difference, cosine /* NaN: not asked */; uint32_t kind; bool told_apart /* near, but for the network */; uint8_t unused[3]; };

struct dedup_results {
    const struct bit_dedup_options *options;
    const struct dedup_set *sets; /* [1 + test_count] */
    const struct dedup_pairs *pairs;
    const struct dedup_verdict *verdicts;
    struct bit_dedup_report *report;
};
/* Which set a test is of, and its number there. */
int dedup_find_test(const struct dedup_results *r, uint32_t test, uint64_t *image);
int dedup_write_lists(const struct dedup_results *results, struct bit_error *error);
int dedup_write_report(const struct dedup_results *results, struct bit_error *error);

#endif
