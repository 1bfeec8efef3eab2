/* Internal to exchange: arrays of a file that is being read, whatever its format. */
#ifndef EXCHANGE_SOURCE_H
#define EXCHANGE_SOURCE_H

#include <stdio.h>

#include "bit/exchange.h"

enum { SOURCE_ARRAYS = 4096, SOURCE_NAME = 160 };

enum number_type { NUMBER_F16, NUMBER_BF16, NUMBER_F32, NUMBER_F64 };

/* One array. Its numbers come as a stream; axis i of the stream, from the slowest to the fastest, is axis order[i] of the table's
 * parameter, whose shape is `shape`. */
struct array {
    char raw[SOURCE_NAME];          /* as the file calls it */
    char name[BIT_PARAMETER_NAME];  /* as the table does */
    enum number_type type;
    int dimensions;                 /* 0 to 4 */
    size_t shape[4];
    unsigned char order[4];
    uint64_t count;                 /* numbers */
    uint64_t member;                /* index in the archive (npz) */
    uint64_t at;                    /* first byte of the numbers: in the member (npz), in the file (safetensors) */
};

struct bit_weights_file {
    char *path;
    struct array *arrays;           /* by name, ascending, once opened */
    size_t count;
    struct bit_weights_network network;
    const struct source_operations *operations;
    struct zip *zip;                /* npz */
    struct zip_file *stream;
    uint64_t limit;                 /* an array's numbers end here (safetensors) */
    uint64_t place;
    int file;
};

/* A stream of one array's bytes: begin, read to the last one, end (which finds a wrong checksum or bytes too many). */
struct source_operations {
    int (*begin)(struct bit_weights_file *file, const struct array *array, struct bit_error *error);
    int (*read)(struct bit_weights_file *file, void *buffer, size_t size, struct bit_error *error);
    int (*end)(struct bit_weights_file *file, struct bit_error *error);
    void (*close)(struct bit_weights_file *file);
};

/* Fill path's arrays, count, operations. Errors do not name the file yet. */
int npz_open(struct bit_weights_file *file, struct bit_error *error);
int safetensors_open(struct bit_weights_file *file, struct bit_error *error);

/* The next free array, with its name known: fails when there are too many, or when no network has such a name. */
struct array *source_add(struct bit_weights_file *file, const char *raw, struct bit_error *error);
/* shape as stored; sets shape, order and count. `fortran`: first axis fastest. */
int source_shape(struct array *array, const uint64_t *shape, int dimensions, bool fortran, struct bit_error *error);
size_t number_size(enum number_type type);

/* The header of a .npy: at least its first 12 bytes are at `data`. Bytes of the whole header, or 0 with `error`. */
size_t npy_header_size(const unsigned char *data, size_t size, struct bit_error *error);
/* Fills type, shape, order, count. `data`: the whole header. */
int npy_header_parse(const unsigned char *data, size_t size, struct array *array, struct bit_error *error);

#endif
