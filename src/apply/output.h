/* The finished embedding, as HDF5 or CSV. */
#ifndef APPLY_OUTPUT_H
#define APPLY_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "apply/trained.h"
#include "bit/data.h"
#include "bit/error.h"

enum { OUTPUT_TOP = 5 };

/* Images `first` to first + count - 1 of the index. Of one that could not be used good is 0 and its numbers are NaN, its classes -1. */
struct output_rows {
    uint64_t first;
    int count, top;
    uint8_t *good;
    float *features, *outputs, *probability; /* [count, channels], [count, classes], [count, top] */
    int32_t *class;                          /* [count, top] */
};

struct output {
    const struct output_operations *operations;
    const struct trained *trained;
    const struct bit_index *index;
    const char *path;
    uint64_t images;
    int channels, classes, top;
    void *context;
};

/* One kind of file. begin makes the file, write gets all rows in order, end closes it and leaves it on disk; end is called after a failure,
 * too. All return 0 or -1. */
struct output_operations {
    const char *ending;
    int (*begin)(struct output *o, struct bit_error *error);
    int (*write)(struct output *o, const struct output_rows *rows, struct bit_error *error);
    int (*end)(struct output *o, struct bit_error *error);
};
extern const struct output_operations output_hdf5, output_csv;

/* By the ending of the name; NULL with `error` (usage). */
const struct output_operations *output_find(const char *path, struct bit_error *error);

#endif
