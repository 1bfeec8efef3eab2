/* COCO: annotation files and result files read as streams, and the average precision of the results. */
#ifndef BIT_COCO_H
#define BIT_COCO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bit/error.h"
#include "bit/text.h"

/* ---- annotations ---- */

/* Ids are whole numbers, magnitude below 2^53. A text is at names + its offset; "" where the file has none. */
struct bit_coco_image { int64_t id; uint32_t width, height; uint64_t file_name; }; /* width, height 0: not given */
struct bit_coco_category { int64_t id; uint64_t name; };
struct bit_coco_box {
    int64_t id, image, category;
    double box[4]; /* x y w h in pixels, from the upper left corner; finite */
    double area;   /* of the object's mask as the file says, or w * h where it does not */
    bool is_crowd;
};
/* All in the order of the file. */
struct bit_coco {
    struct bit_coco_image *images;
    struct bit_coco_category *categories;
    struct bit_coco_box *boxes;
    size_t image_count, category_count, box_count;
    size_t areas_missing, crowds_missing; /* boxes without an area, without an iscrowd of their own */
    size_t areas_negative;    /* of those with one: nothing is to be found there, as in pycocotools */
    bool is_lines;            /* the file had a picture a line */
    char *names;
    size_t names_size;
};

/* A file of a JSON object a line is read likewise, each line a picture:
 *     {"file_name": "a/1.jpg", "width": 640, "height": 480, "boxes": [{"class": "cat", "bbox": [x, y, w, h], "iscrowd": 0, "area": 1}]}
 * of which file_name, boxes, class and bbox must be there. Its images have ids from 1 on, so have its boxes, and its categories by the bytewise
 * order of their names.
 *
 * Reads images, annotations and categories, in whatever order they stand; what else the file holds is skipped unread, masks above
 * all: memory is that of the arrays, about 80 bytes a box. Of an annotation id, image_id, category_id and bbox must be there;
 * iscrowd is 0 where it is missing. NULL with an error (data: file, line, byte, what was expected; no-input) for malformed JSON,
 * values of wrong types, keys that stand there twice, and numbers that are not finite. What the numbers refer to is not
 * looked at: see bit_coco_score and bit_coco_check. Free with bit_coco_destroy. Local, as all here. */
struct bit_coco *bit_coco_read(const char *path, struct bit_error *error);
void bit_coco_destroy(struct bit_coco *coco);
const char *bit_coco_name(const struct bit_coco *coco, uint64_t offset);

/* ---- for training ---- */

/* What training must not stumble over. An error (data) of a line a kind: ids or category names that stand there twice, annotations of images or
 * categories that are not listed, file names that lead out of their folder, no images or categories at all. What is good to know
 * is added to `notes`, a line each: '!' (a warning) or ' ', then the text. `path` is for messages. */
int bit_coco_check(const struct bit_coco *coco, const char *path, struct bit_text *notes, struct bit_error *error);

/* Boxes by image, and classes: the categories by ascending id, from 0. Of a file that has been checked. */
struct bit_coco_groups {
    size_t *boxes;      /* numbers of boxes, those of image i from start[i] to start[i + 1] - 1, in the order of the file */
    size_t *start;      /* image_count + 1 */
    int32_t *classes;   /* [box_count], by number of the box */
    size_t *categories; /* number of the category of each class */
};
int bit_coco_group(const struct bit_coco *coco, struct bit_coco_groups *groups, struct bit_error *error);
void bit_coco_groups_free(struct bit_coco_groups *groups);

/* ---- results ---- */

struct bit_coco_result { int64_t image, category; double box[4], score; }; /* box: x y w h; ids are those of the annotations */
struct bit_coco_results { struct bit_coco_result *results; size_t count; };

/* An array of {"image_id", "category_id", "bbox", "score"}; other keys are skipped. 0 or -1 as bit_coco_read. */
int bit_coco_results_read(const char *path, struct bit_coco_results *results, struct bit_error *error);
void bit_coco_results_free(struct bit_coco_results *results);
/* Appends one result as JSON. Its numbers are rounded to float32 and written with nine digits, which give that float32 back; *result then
 * holds what a reader of the text gets, so that it evaluates as the file does. */
void bit_coco_result_add(struct bit_text *text, struct bit_coco_result *result);

/* ---- average precision ---- */

/* The twelve numbers, in the order and by the names under which they are known. */
enum bit_coco_number {
    BIT_COCO_AP, BIT_COCO_AP50, BIT_COCO_AP75, BIT_COCO_AP_SMALL, BIT_COCO_AP_MEDIUM, BIT_COCO_AP_LARGE,
    BIT_COCO_AR1, BIT_COCO_AR10, BIT_COCO_AR100, BIT_COCO_AR_SMALL, BIT_COCO_AR_MEDIUM, BIT_COCO_AR_LARGE,
    BIT_COCO_NUMBERS
};
extern const char *const bit_coco_number_names[BIT_COCO_NUMBERS]; /* "AP", "AP50", ... "ARl" */

/* -1: there is nothing that could be found. */
struct bit_coco_category_score { int64_t id; uint64_t name; uint64_t truths; double ap, ap50, ar100; };
struct bit_coco_scores {
    double numbers[BIT_COCO_NUMBERS];
    struct bit_coco_category_score *categories; /* by ascending id */
    size_t category_count;
    double precision_sum, recall_sum; /* over all thresholds, recall levels, areas, limits and categories that exist: for tests */
    /* What the file holds that does not count, or counts in an odd way. */
    uint64_t unlisted_images, unlisted_categories; /* annotations of an image, a category that is not listed */
    uint64_t results_dropped;                      /* results of a category that is not listed */
    uint64_t ids_zero, ids_twice;                  /* annotations with id 0; with an id that an earlier one has */
};

/* Box AP as pycocotools computes it (its rules to the bit, except that no results give 0 and not an error; an annotation of id 0 makes
 * its result false, and of annotations with equal ids the last is seen for each: quirks that are kept). `class_agnostic`: all categories
 * are one, of id 1. A failure (data) is a result of an image that is not listed, an image id listed twice, or a lack of categories.
 * Free with bit_coco_scores_free. */
int bit_coco_score(const struct bit_coco *truth, const struct bit_coco_results *results, bool class_agnostic,
                   struct bit_coco_scores *scores, struct bit_error *error);
void bit_coco_scores_free(struct bit_coco_scores *scores);

/* ---- comparing ---- */

enum { BIT_COCO_DIFFERENCES = 3 }; /* AP, AP50, AP75 */
struct bit_coco_difference {
    enum bit_coco_number number;
    double mean[2];     /* of the results of each group, on the images as they are */
    double least, most; /* second - first: the middle 95 % over the draws */
    double above;       /* share of the draws with a second - first above 0 */
};

/* Paired bootstrap over images (Efron, "Bootstrap methods: another look at the jackknife", 1979): each of `draws` (at least 1) takes as many
 * images as there are, with replacement, from (seed, number of the draw), and judges all results on these. results[g]: count[g] (at least 1)
 * results of group g, such as those of three seeds, whose numbers are averaged. Categories without objects in a draw do not count in it. -1 as bit_coco_score,
 * and (data) when there is no object at all. */
int bit_coco_compare(const struct bit_coco *truth, const struct bit_coco_results *const results[2], const size_t count[2], bool class_agnostic,
                     uint64_t draws, uint64_t seed, struct bit_coco_difference difference[BIT_COCO_DIFFERENCES], struct bit_error *error);

#endif
