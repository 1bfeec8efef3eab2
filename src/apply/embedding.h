/* Features that bit embed wrote as HDF5, read again. */
#ifndef APPLY_EMBEDDING_H
#define APPLY_EMBEDDING_H

#include "bit/probe.h"

struct embedding {
    char *model, *weights, *transform; /* attributes of the file; "": it has none */
    uint64_t images;             /* all, also those that could not be used */
    int classes;
    char **names;                /* [classes] of the data */
    uint64_t *rows;              /* [set.count] images of the rows, ascending */
    uint64_t *all_start, *start; /* labels of all images; of the rows */
    int32_t *all_labels, *labels;
    float *features;             /* [set.count, channels] of those that could be used */
    struct bit_feature_set set;  /* of the rows, in these */
};

/* Reads features, labels, label_start, label_name and good (see the head of output_hdf5.c) into memory. `classes`: of whose data these are the test
 * images: labels become its numbers by name (class data: it has no such class); NULL: the file's own. -1: no input, or class data naming the
 * file and what is wrong in it; embedding_free afterwards, also then. Local. */
int embedding_read(const char *path, const struct embedding *classes, struct embedding *embedding, struct bit_error *error);
void embedding_free(struct embedding *embedding);

#endif
