/* What a trained network says of images without being trained on them: features and outputs, a micro-batch at a time. */
#ifndef BIT_FEATURES_H
#define BIT_FEATURES_H

#include <stdbool.h>
#include <stdint.h>

#include "bit/data.h"
#include "bit/group.h"
#include "bit/model.h"
#include "bit/probe.h"

struct bit_extraction {
    struct bit_model *model;      /* its weights are set; it pools */
    struct bit_stream *stream;    /* an evaluation stream at its beginning */
    bool outputs;                 /* the head runs, too: it is bit_classify */
    bool (*stop)(void);           /* asked before each micro-batch; true ends the extraction. NULL: never */
};

/* One micro-batch. All of it is valid during the call only. */
struct bit_extract {
    uint64_t number;              /* of the micro-batches of this rank, from 0 */
    const struct bit_batch *batch;/* its images; bad ones are left out, maybe all */
    int channels;
    const float *features;        /* [batch->images, channels] */
    const float *outputs;         /* [batch->images, classes]; NULL: not asked for */
};

/* Names the bad images of what the stream has handed out since the last call in the log, as warnings. Returns their number. Local. */
uint64_t bit_extract_tell_bad(struct bit_stream *stream);

/* Hands every micro-batch of this rank to `take`, in order; a failure of `take` ends it. 0: to the end; 1: `stop` ended it; -1. Local: where
 * batch norm runs it uses its running statistics. */
int bit_extract_all(const struct bit_extraction *extraction, int (*take)(void *context, const struct bit_extract *extract, struct bit_error *error),
                    void *context, struct bit_error *error);

/* Features of all images of a stream, in the memory of one rank. */
struct bit_gathered {
    uint64_t count;               /* good images; 0 on all ranks but the first */
    int channels;
    uint64_t *images;             /* their numbers, in the stream's order */
    float *features;              /* [count, channels] */
    uint64_t bad;                 /* images that could not be used; on all ranks */
};
/* Every rank extracts its share of `images` images in micro-batches of `micro_batch`; rank 0 gets all. The same bits on any number of ranks.
 * Memory: rank 0 as above, the others their share. 0; 1: stopped on some rank; -1: all ranks hold the same error. Free with
 * bit_gathered_free unless it is -1 or 1. Collective. */
int bit_features_gather(const struct bit_extraction *extraction, struct bit_group *group, uint64_t images, int micro_batch,
                        struct bit_gathered *gathered, struct bit_error *error);
void bit_gathered_free(struct bit_gathered *gathered);

/* ---- few-shot results of a network ---- */

struct bit_few_task {
    const struct bit_few_options *options;
    struct bit_model *model;      /* its weights are set; it pools */
    const struct bit_stream_options *stream; /* of an evaluation on group->size ranks; index, subset and rank are filled in */
    struct bit_group *group;
    const struct bit_index *train, *test; /* test: opened with the classes of train */
    bool (*stop)(void);           /* NULL: never */
};
/* Extracts the features of the images that are needed (of `train` the drawn ones, all with neighbours) and measures. Bad images are named in
 * the log and left out. 0: *result is filled, the same on all ranks and for any number of ranks; 1: stopped; -1: all ranks hold the same
 * error. Rank 0 computes the regressions. Collective. */
int bit_few_run(const struct bit_few_task *task, struct bit_few_result *result, struct bit_error *error);

#endif
