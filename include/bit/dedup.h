/* Near-duplicates between the pictures that a network learns from and those that it is tested on. */
#ifndef BIT_DEDUP_H
#define BIT_DEDUP_H

#include <stdbool.h>
#include <stdint.h>

#include "bit/error.h"
#include "bit/hash.h"
#include "bit/text.h"

/* ---- what a picture looks like ---- */

enum { BIT_PRINT_SIDE = 64, BIT_PRINT_PIXELS = BIT_PRINT_SIDE * BIT_PRINT_SIDE * 3, BIT_TURNS = 8 };

/* Two hashes of a picture's 16 x 16 lowest frequencies. `hash`: as pHash, 8 x 8 coefficients against their median. `wide`: 16 x 16 without those
 * of frequency 0, against their median, as PDQ. Unlike these, a bit is set where the coefficient lies above the median by more than noise. */
struct bit_look { uint64_t hash, wide[4]; };

/* Of a picture squashed to 64 x 64 (BIT_PRINT_PIXELS values from -1 to 1): how it looks as it is and, where turns is BIT_TURNS, mirrored,
 * flipped and turned, in the order of enum bit_orientation less one. *quality: 0 (flat) to 100, as PDQ's: of pictures below 50 or so the hashes
 * tell nothing. */
void bit_look_at(const float *pixels, int turns, struct bit_look *looks, int *quality);
/* Bits that differ, of 256. */
int bit_look_distance(const struct bit_look *a, const struct bit_look *b);
/* Mean difference of two pictures of 64 x 64, the second one turned, in units of 1/255. */
double bit_look_difference(const float *a, const float *b, int turn);
/* Mean difference of a picture from its own mean colour, in the same units: two pictures of less contrast differ less. */
double bit_look_contrast(const float *pixels);
/* The difference up to which another picture is a copy of this one: `share` of its contrast, but at most `most` and at least what
 * compression alone does (4, or `most`). */
double bit_look_most(const float *pixels, double most, double share);

/* Where pixel (x, y) of a turned picture of side x side pixels stands in the picture as it is stored, counted row by row. */
int bit_look_place(int turn, int side, int x, int y);

/* ---- sets of pictures ---- */

/* Two pictures that pixels call near, the second one turned. */
struct bit_dedup_near { char *paths[2]; int turn; };
/* A network that confirms them, by the cosine of their features. */
struct bit_dedup_network {
    struct bit_hash hash;      /* of its weights: verdicts by another network are not taken over */
    const char *name;
    double cosine;             /* least one of duplicates */
    int (*compare)(void *context, const struct bit_dedup_near *pairs, size_t count, float *cosines, struct bit_error *error);
    void *context;
};

struct bit_dedup_options {
    const char *upstream;      /* folder or list, as data.train */
    const char *const *tests;
    int test_count;
    const char *folder;        /* of the results, and of what is known from an earlier start */
    int threads;
    int bits, wide_bits;       /* pairs that differ in no more are candidates: of 64, and then of 256 */
    int turns;                 /* 1: as they are; BIT_TURNS: mirrored, flipped and turned too */
    int quality;               /* least one of pictures that are compared by hash */
    double difference;         /* candidates that differ no more are duplicates: see bit_look_difference */
    double share;              /* and no more than this share of the test picture's contrast: see bit_look_most */
    uint64_t file_limit, pixel_limit;
    uint64_t most_pairs;       /* more candidates are an error */
    const struct bit_dedup_network *network; /* NULL: pixels alone decide */
};

struct bit_dedup_set {
    const char *path;
    uint64_t images, bad, flat;
    uint64_t marked;           /* images that have a duplicate on the other side */
    uint64_t unlisted;         /* images that a list cannot name (a tab, comma or newline in path or class), left out of the clean list */
};

struct bit_dedup_report {
    int set_count;             /* 0 is upstream */
    struct bit_dedup_set *sets;
    uint64_t candidates, same_files, same_pictures, near; /* pairs; the latter three are duplicates */
    uint64_t told_apart;       /* pairs near by their pixels that the network calls different pictures */
    uint64_t known;            /* pictures that an earlier start had looked at */
    double seconds, look_seconds, match_seconds;
    double compared;           /* pairs of hashes in match_seconds */
};

/* Looks at all pictures, compares every one of upstream with every one of the tests, confirms candidates by their pixels and then by the network, and writes into
 * `folder`:
 *   duplicates.tsv        a line a pair: upstream, test, kind (file, picture, near), bits of 64 and of 256, turn, difference, cosine ("-": not asked)
 *   remove.txt            upstream images that have a duplicate, a path a line
 *   upstream-clean.txt    the others as a list for data.train; test-N-clean.txt likewise for data.val
 *   test-N-marks.tsv      every test image: path, 0 or 1 (has a duplicate)
 *   report.json           the numbers of *report
 * and looks-N, pairs and verdicts, from which the next start with the same sets and options goes on after an interruption. Images that
 * cannot be read are counted. report->sets is freed by bit_dedup_free. Local; one process a folder. */
int bit_dedup_run(const struct bit_dedup_options *options, struct bit_dedup_report *report, struct bit_error *error);
/* The report as one line of JSON, as in report.json. */
void bit_dedup_json(const struct bit_dedup_options *options, const struct bit_dedup_report *report, struct bit_text *text);
void bit_dedup_free(struct bit_dedup_report *report);

#endif
