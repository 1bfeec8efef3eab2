/* What stands between the backbone's features and the task: a head. It adds its parameters to the model's table, turns
 * features into outputs, outputs and targets into losses and gradients, and scores outputs by metrics that it names
 * itself. Model, trainer, evaluator and run know heads by this interface only.
 *
 * A head takes the pooled features, the outputs of blocks (taps), or both, and says which in `struct bit_head`. What it does
 * not ask for costs no memory and no time.
 *
 * To add a head: put src/heads/NAME.c with a table of these operations and include/bit/NAME.h with a struct that has
 * `struct bit_head head` as its first member and holds the settings (plain values, nothing to free); add the struct to
 * `union bit_any_head` (bit/heads.h), let bit_recipe_model (src/recipe/recipe.c) choose it from the job, and test it in
 * tests/heads with the floors below only. For taps set `taps`, and `unpooled` unless it takes the pooled features, too; ask
 * `struct bit_head_input` for their shapes, read call->tap in forward and fill call->d_tap in backward.
 * tests/model/test_head.c has the smallest example, tests/model/taps.h one with taps. */
#ifndef BIT_HEAD_H
#define BIT_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bit/compute.h"
#include "bit/error.h"
#include "bit/metric.h"
#include "bit/sink.h"
#include "bit/table.h"
#include "bit/targets.h"

/* What a head gets of each image. A tap is the output of a block: the sum of its last unit's convolutions and shortcut, before
 * the norm and ReLU with which the next unit begins (behind block 4: the last norm); or, for `activated` heads, what these make of
 * it. tap[block] for blocks 1 to 4; all zero where the head did not ask. */
enum { BIT_BLOCKS = 4 };
struct bit_tap_shape { int height, width, channels; };
struct bit_head_input {
    int channels;                 /* of the pooled features; 0 for a head that takes none */
    enum bit_type type;           /* of the taps and their gradients */
    struct bit_tap_shape tap[BIT_BLOCKS + 1];
};

/* What the random numbers of a training pass hang on, so that ranks and micro-batches do not matter: the step, and the number of the
 * first image in the global batch. */
struct bit_head_draw { uint64_t seed, step, image; };

/* One pass over a micro-batch, as the model hands it to its head. Valid until the model's next forward pass. */
struct bit_head_call {
    int images;
    bool training;                /* a backward pass follows */
    struct bit_head_draw draw;    /* of a training pass: bit_model_set_draw */
    struct bit_head_input input;
    const float *pooled;          /* [images, input.channels]: each channel's mean over an image; NULL: not asked for */
    float *d_pooled;              /* its gradient, likewise: backward writes all of it */
    const void *tap[BIT_BLOCKS + 1]; /* [images, height, width, channels] of input.type; NULL: not asked for */
    void *d_tap[BIT_BLOCKS + 1];  /* their gradients, likewise: backward writes all of them; NULL in a model for evaluation */
    const struct bit_table *table;
    size_t first;                 /* number of the head's first parameter in the table */
    const float *weights;         /* block of the table */
    void *work;                   /* the head's own memory (`bytes`), 64-byte aligned; kept from forward to backward */
    void *state;                  /* what its `create` returned; NULL for a head without */
    const struct bit_backend *backend;
};

/* What an evaluation kept of the images it saw, in the order of the index; bad images have no record. */
struct bit_records {
    size_t bytes;                 /* of a record */
    uint64_t count;
    const uint64_t *images;       /* number of each one's image in the index */
    const void *data;             /* count x bytes, 8-byte aligned */
};

struct bit_head_operations;
/* The first member of each head's settings. Constant while a model, a trainer or an evaluation uses it. */
struct bit_head {
    const struct bit_head_operations *operations;
    const char *title, *loss_name; /* in plans, for people and for programs: "RetinaNet" and "focal"; NULL in tests that print none */
    unsigned taps;                /* blocks whose outputs it takes: BIT_TAP(2) | BIT_TAP(4); 0: none */
    bool unpooled;                /* takes no pooled features: the last norm and the blocks above the highest tap do not run;
                                   * their parameters stay in the table, with gradients of zero */
    bool activated;               /* taps are taken behind norm and ReLU. Only for unpooled heads whose taps include block 4 */
};
#define BIT_TAP(block) (1u << (block))

/* All are local: they never communicate. */
struct bit_head_operations {
    /* Appends the head's parameters, in the order in which backward finishes them from the last; -1 with `error` when the
     * settings make no sense. */
    int (*describe)(const struct bit_head *head, const struct bit_head_input *input, struct bit_table *table,
                    struct bit_error *error);
    /* Fills the head's parameters (from number `first` on); the block is zero before. A pure function of settings and seed. */
    void (*initialise)(const struct bit_head *head, const struct bit_table *table, size_t first, uint64_t seed,
                       float *weights);
    /* Of call->work, for so many images. */
    size_t (*bytes)(const struct bit_head *head, const struct bit_head_input *input, int images, bool training);
    /* Instead of `bytes`, for heads that keep more than plain memory (convolutions): what goes to call->state and, in *bytes, the size of
     * call->work. NULL with `error`. Freed by destroy. The head outlives it. */
    void *(*create)(const struct bit_head *head, const struct bit_head_input *input, int images, bool training,
                    const struct bit_backend *backend, size_t *bytes, struct bit_error *error);
    void (*destroy)(void *state);
    /* Multiply-adds of one image's forward pass times 2. */
    double (*flops)(const struct bit_head *head, const struct bit_head_input *input);

    /* Features to outputs, which stay in call->work. */
    int (*forward)(const struct bit_head *head, const struct bit_head_call *call, struct bit_error *error);
    /* losses[i] (double, unscaled) of the first `images` images. When training also keeps the gradient of the outputs times
     * `scale` (1 / global batch) for backward; the images from `images` on get none. */
    void (*loss)(const struct bit_head *head, const struct bit_head_call *call, const struct bit_targets *targets,
                 int images, double scale, double *losses);
    /* How many positive examples the last loss found in the first `images` images: a mean loss, and its gradient, are divided by their
     * number in the global batch plus one. NULL: by the number of images. */
    uint64_t (*positives)(const struct bit_head *head, const struct bit_head_call *call, int images);
    /* Gives the sink the head's parameters, from the last to the first, and fills call->d_pooled and each call->d_tap that there is. */
    int (*backward)(const struct bit_head *head, const struct bit_head_call *call, struct bit_gradient_sink *sink,
                    struct bit_error *error);

    /* How well the outputs of a forward pass meet the targets: a sum of score_bytes, all zero at first, that ranks exchange
     * as it is. score adds the first `images` images; merge adds the sum of another micro-batch, always in the order of the
     * micro-batches, so that bits do not depend on the number of ranks. */
    size_t score_bytes;
    void (*score)(const struct bit_head *head, const struct bit_head_call *call, const struct bit_targets *targets,
                  int images, void *sum);
    void (*merge)(const struct bit_head *head, void *sum, const void *other);
    /* The metrics of `images` images. sum NULL: their names, titles and forms, values NaN. The first metric is the one by
     * which evaluations are compared. Names are for ever: files of runs have them. */
    void (*report)(const struct bit_head *head, const void *sum, uint64_t images, struct bit_metrics *metrics);

    /* ---- for metrics that a small sum cannot hold; each NULL where a head has none of them ---- */

    /* Whole numbers that an evaluation adds up over all images and ranks, in any order (by class, say): how many, and `count` adds the
     * first `images` images. */
    size_t (*counters)(const struct bit_head *head);
    void (*count)(const struct bit_head *head, const struct bit_head_call *call, const struct bit_targets *targets, int images,
                  uint64_t *counters);
    /* What is to be known of each image once all have been seen: bytes of a record (a multiple of 8); `keep` fills the one of image
     * `image` of the batch, zero before. They are kept when somebody asks for them, or when `needs_records` says that conclude does. */
    size_t (*record_bytes)(const struct bit_head *head);
    bool (*needs_records)(const struct bit_head *head);
    void (*keep)(const struct bit_head *head, const struct bit_head_call *call, const struct bit_targets *targets, int image, void *record);
    /* Fills in the metrics that `report` left open. counters: the sum over all, or NULL; records: of all images, or NULL when they were
     * not kept. Called on rank 0 alone. */
    int (*conclude)(const struct bit_head *head, const uint64_t *counters, const struct bit_records *records, struct bit_metrics *metrics,
                    struct bit_error *error);
};

#endif
