/* Weights of others: published .npz files, safetensors with their names or timm's, ONNX. Local; knows no network and no
 * checkpoint: callers bring the parameter table and the block of weights. */
#ifndef BIT_EXCHANGE_H
#define BIT_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "bit/error.h"
#include "bit/table.h"

/* ---- in ---- */

/* A file of weights, opened for reading: .npz or safetensors, told apart by their first bytes. */
struct bit_weights_file;

/* What the arrays' names and shapes say about the network. */
struct bit_weights_network {
    int units[4];    /* of each block; 0: the file has no such block */
    int width;       /* widening factor */
    size_t classes;  /* outputs of the head */
};

/* Reads and checks everything but the numbers: the archive's structure, every array's header, names that collide or are
 * unknown. Memory: a few hundred bytes an array, whatever the file says. NULL with `error`: no-input when there is no such file,
 * data when it is damaged or something else, with file, array and what was expected. */
struct bit_weights_file *bit_weights_open(const char *path, struct bit_error *error);
void bit_weights_close(struct bit_weights_file *file);
const struct bit_weights_network *bit_weights_network(const struct bit_weights_file *file);

/* Fills `weights`, a zeroed block of `table`: every parameter of the table must be in the file with its shape, and nothing else.
 * Numbers become float32 (float16 and bfloat16 exactly, float64 rounded); NaN, infinite ones and those too large for float32 are
 * refused. Numbers pass through a small buffer: memory is the block alone. After a failure the block's contents are undefined. */
int bit_weights_read(struct bit_weights_file *file, const struct bit_table *table, float *weights, struct bit_error *error);

/* ---- out ---- */

/* What is written. Group norm only: all these formats' readers compute that. */
struct bit_weights_export {
    const struct bit_table *table;
    const float *weights;         /* a block of the table */
    int depth, width;             /* R50x1: 50 and 1 */
    const int *units;             /* of each of the four blocks */
    bool weight_standardization;  /* the network's: ONNX takes kernels as they are without it, the others cannot be written */
    bool standardized;            /* write kernels standardised: readers with another epsilon then compute the same network */
    int image_size, image_resize; /* pixels: of an evaluation, for timm's configuration */
    const char *classes;          /* names, one a line; "" when they are not known */
    const char *origin;           /* where the weights come from, a JSON object: kept as metadata */
};

/* Each writes beside `path` and renames at the end, synced: the file is there as a whole or not at all, and must not be there
 * before. Memory: beside the block at most one parameter more. Failures: usage when the network cannot be said in this format,
 * environment for the disk. */
int bit_weights_write_npz(const struct bit_weights_export *e, const char *path, struct bit_error *error);
int bit_weights_write_safetensors(const struct bit_weights_export *e, const char *path, struct bit_error *error);
/* Operator set 13; input "images" [batch, 3, height, width], RGB in [-1, 1], output "logits" [batch, classes]. Past 2 GB, the
 * format's limit, the numbers lie in PATH.data beside it. */
int bit_weights_write_onnx(const struct bit_weights_export *e, const char *path, struct bit_error *error);
/* A new folder with config.json, model.safetensors, classes.txt (when names are known) and origin.json, as timm's
 * create_model("local-dir:PATH") reads it. */
int bit_weights_write_timm(const struct bit_weights_export *e, const char *path, struct bit_error *error);
/* Whether timm has a model of this depth and width under a name. */
bool bit_weights_timm_knows(int depth, int width);

#endif
