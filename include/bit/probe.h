/* What features are good for, without training a network on them: the linear probe of few images a class, as big_vision's few-shot
 * regression does it (evaluators/fewshot_lsr.py), and nearest neighbours. Local; deterministic: the same bits for the same features and
 * the same OpenBLAS kernels, whatever the number of threads. */
#ifndef BIT_PROBE_H
#define BIT_PROBE_H

#include <stdint.h>
#include <stdio.h>

#include "bit/error.h"
#include "bit/text.h"

/* Features of images and what the images show. */
struct bit_feature_set {
    uint64_t count;              /* images */
    int channels, classes;
    const float *features;       /* [count, channels] */
    const int32_t *labels;       /* image i has the labels label_start[i] to label_start[i + 1] - 1 */
    const uint64_t *label_start; /* count + 1 entries */
};

/* ---- numpy's generator ---- */

/* numpy.random.default_rng(seed) (PCG64 seeded by SeedSequence; NumPy 1.17 to 2.x): what users of big_vision have drawn with. */
struct bit_numpy_random { uint64_t state[2], increment[2]; /* high, low */ uint32_t half; int has_half; };
void bit_numpy_seed(struct bit_numpy_random *random, uint64_t seed);
uint64_t bit_numpy_u64(struct bit_numpy_random *random);
/* Generator.permutation(items), in place. */
void bit_numpy_permute(struct bit_numpy_random *random, uint64_t *items, uint64_t count);

/* ---- a few images of each class ---- */

struct bit_draw { uint64_t count; uint64_t *images; /* class after class */ };
/* `shots` images of each class, or all where it has fewer: of each class in turn numpy permutes the numbers of its images, and the first
 * ones count, as in big_vision. With one seed the images of fewer shots are among those of more. An image belongs to the class of its first
 * label. label_start, labels: as in bit_feature_set. Free draw->images with bit_free. */
int bit_draw_few(uint64_t count, int classes, const uint64_t *label_start, const int32_t *labels, int shots, uint64_t seed,
                 struct bit_draw *draw, struct bit_error *error);

/* ---- ridge regression ---- */

#define BIT_RIDGE_L2 1024.0
#define BIT_RIDGE_CONSTANT 100.0

struct bit_ridge {
    int channels, classes;
    double *mean, *scale;        /* [channels]: a feature becomes (x - mean) / scale */
    double *weights;             /* [channels + 1, classes]; the last row belongs to the constant column */
};
/* Fits `rows` of the set (NULL: the first `count`): features standardised by their own mean and standard deviation (of the population, plus
 * 1e-5), a constant column of BIT_RIDGE_CONSTANT, targets +1 for an image's labels and -1 for other classes, squares of all weights
 * times l2 added to the squared errors. Solved in double. Memory: 8 bytes x min(count, channels)^2 beside count x channels. Data: no rows. */
int bit_ridge_fit(const struct bit_feature_set *set, const uint64_t *rows, uint64_t count, double l2, struct bit_ridge *ridge,
                  struct bit_error *error);
void bit_ridge_free(struct bit_ridge *ridge);
/* *right: images of `test` one of whose labels has the largest output (of equal ones the first class counts). */
int bit_ridge_score(const struct bit_ridge *ridge, const struct bit_feature_set *test, uint64_t *right, struct bit_error *error);

/* ---- nearest neighbours ---- */

#define BIT_NEIGHBOUR_TEMPERATURE 0.07
enum { BIT_NEIGHBOURS_MOST = 4096 };

/* Each image of `test` gets the class for which the k images of `train` nearest by cosine vote most, each with exp(cosine /
 * temperature) (of equal votes the first class). right[i]: images whose label that is, with the k[i] nearest; k above the size of
 * `train` means all of it. k: ascending, at most BIT_NEIGHBOURS_MOST. */
int bit_neighbours_score(const struct bit_feature_set *train, const struct bit_feature_set *test, const int *k, int count,
                         double temperature, uint64_t *right, struct bit_error *error);

/* ---- the table of few-shot results ---- */

enum { BIT_FEW_SHOTS = 16, BIT_FEW_SEEDS = 64 };

/* Who draws the few images: numpy's generator as in big_vision (bit_draw_few), or the keys data.per_class and data.per_class_seed of jobs
 * (bit_subset_create): the images that fine-tuning trains on. */
enum bit_few_drawing { BIT_FEW_NUMPY, BIT_FEW_JOB };

struct bit_few_options {
    int shots, seeds, neighbours;     /* how many of each below */
    int shot[BIT_FEW_SHOTS];
    uint64_t seed[BIT_FEW_SEEDS];
    int neighbour[BIT_FEW_SHOTS];     /* of all training images; none: not done */
    double l2;
    enum bit_few_drawing drawing;
};
/* By numpy; shots 1, 5, 10, 25; seeds 0, 1, 2; l2 1024; 10, 20, 100, 200 neighbours. */
void bit_few_init(struct bit_few_options *options);

/* Accuracies of a number of shots over the seeds. */
struct bit_few_row {
    int shots;
    uint64_t train[BIT_FEW_SEEDS], right[BIT_FEW_SEEDS]; /* images trained on; test images told right */
    double median, least, most;                          /* shares of the test images */
};
struct bit_few_result {
    uint64_t test_images;
    struct bit_few_row row[BIT_FEW_SHOTS];
    uint64_t neighbour_right[BIT_FEW_SHOTS];
};
/* Where draws draw from: labels of all images, and which of them the rows of the training features are. */
struct bit_few_pool {
    uint64_t count;              /* images */
    int classes;
    const uint64_t *label_start; /* as in bit_feature_set */
    const int32_t *labels;
    const uint64_t *rows;        /* image of each row of the features, ascending: not every image has one. NULL: every one, in order */
};
/* The images that any of the draws takes, ascending; freed with bit_free. */
int bit_few_images(const struct bit_few_options *options, const struct bit_few_pool *pool, uint64_t **images, uint64_t *found,
                   struct bit_error *error);
/* Fits and scores each draw, and looks for neighbours among all of `train`. Drawn images without a row are left out. */
int bit_few_measure(const struct bit_few_options *options, const struct bit_few_pool *pool, const struct bit_feature_set *train,
                    const struct bit_feature_set *test, struct bit_few_result *result, struct bit_error *error);
/* A table for people; members of a JSON object, without its braces. */
void bit_few_print(const struct bit_few_options *options, const struct bit_few_result *result, FILE *stream);
void bit_few_json(const struct bit_few_options *options, const struct bit_few_result *result, struct bit_text *text);

#endif
