/* What the files of bit predict share. */
#ifndef BIT_CLI_PREDICT_H
#define BIT_CLI_PREDICT_H

#include "bit/detect.h"
#include "cli/apply.h"

enum { PREDICT_TOP = 1000 };

/* As the rows of CLI_TRAINED_ROWS name it. */
struct options {
    struct cli_trained trained;
    int top, pictures;           /* top 0: not given */
    double score;                /* negative: not given */
    bool logits, json, csv;
    const char *list, *page;
};

struct predict_paths { const char **item; /* owned */ size_t count, capacity; };

struct predict_telling {
    const struct options *options;
    const struct trained *trained;
    const struct bit_index *index;
    struct predict_paths paths;  /* of the images as they were named; of DATA none */
    struct bit_stream *stream;
    bool labelled;
    int top;
    int32_t class[PREDICT_TOP];
    float probability[PREDICT_TOP];
    uint64_t told, bad;
    struct bit_text text;        /* of one micro-batch */
};

/* The path of an image as it was named; room for PATH_MAX. */
int predict_path(const struct predict_telling *telling, uint64_t image, char *path, struct bit_error *error);
/* With --json bad images are objects, too: nothing that was asked for is missing in the array. */
void predict_tell_bad(struct predict_telling *telling);
/* Prints and empties telling->text. */
int predict_flush(struct predict_telling *telling, struct bit_error *error);

/* Boxes of all images, told as the options say. */
int predict_boxes(struct predict_telling *telling, struct bit_error *error);

/* Boxes of one image, best first, in its own pixels. */
struct predict_found { const char *path; int width, height, count; const struct bit_detection *boxes; };

/* The page: begins, takes a picture (which may be unreadable by then), ends. `classes`: names by label. */
void predict_page_begin(struct bit_text *page, const char *model);
int predict_page_add(struct bit_text *page, const struct predict_found *found, const char *const *classes, struct bit_error *error);
/* total: images that there were. */
void predict_page_end(struct bit_text *page, uint64_t shown, uint64_t total);

#endif
