/* What the benchmarks of `bit bench` share. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>

#include "bit/compute.h"
#include "bit/heads.h"
#include "bit/model.h"
#include "bit/statistics.h"
#include "cli/cli.h"

enum { BENCH_COPIES = 256 };

enum bench_task { BENCH_CLASSIFY, BENCH_DETECT };

struct bench_options {
    int depth, width;          /* --model R50x1 */
    int batch, micro_batch;    /* images */
    int size;                  /* pixels */
    int classes;               /* 0: as usual for the task */
    int task;                  /* enum bench_task */
    int precision_choice;      /* of the option; makes: */
    enum bit_type precision;
    int threads;
    const char *backend_name;  /* makes: */
    const struct bit_backend *backend;
    int repeat;                /* timed runs of each thing; the fastest counts */
    bool json, profile, quiet; /* quiet: prints nothing */
    bool forward;              /* step: evaluation's half alone */
    bool explain;              /* ops: which kernel serves what, without measuring */
    const char *data;          /* decode: folder of JPEG files; NULL: made ones */
    int images;                /* of it, at most */
    const char *folder;        /* checkpoint: where to write */
    const char *fit;           /* machine's file, to which the measurement is added; NULL: none */
    int copies;                /* step: processes that do the same at once */
    int ranks, bucket;         /* reduce: of how many processes; elements of a bucket, 0: the default */
    double seconds;            /* reduce: of computing that the reduction is to hide behind */
    char **mpirun_options;     /* reduce: given to mpirun */
    int mpirun_count;
};

/* Each prints its figures, the ceilings measured in the same run and their ratio; returns the exit code. */
int bench_ops(const struct bench_options *options);
int bench_step(const struct bench_options *options);
int bench_decode(const struct bench_options *options);
int bench_checkpoint(const struct bench_options *options);
int bench_reduce(const struct bench_options *options); /* ends as the mpirun that it starts */

/* 0 when libraries can have, within the limit of address space, what they take while they work; call it when all else is allocated. */
int bench_room(const struct bench_options *o, struct bit_error *error);
/* The last two lines of a report in words: images a second, and the most memory that this process has had. */
void bench_print_end(double images_per_second);

/* ---- the machine's file ---- */

/* Before measuring: can the file be read, and written? A new one is not left behind. */
int bench_fit_check(const char *path, struct bit_error *error);
/* Seconds: a micro-batch's passes; a step's packing of weights and SGD over all of them. */
int bench_fit_compute(const struct bench_options *options, double forward, double backward, double fixed, double update,
                      struct bit_error *error);
/* Seconds of a core an image. */
int bench_fit_decode(const struct bench_options *options, double seconds, struct bit_error *error);
void bench_model_options(const struct bench_options *options, union bit_any_head *head, struct bit_model_options *model);

/* Starts copies - 1 more processes that do `work`, which must not return; their process numbers go to children[]. Returns how many were
 * started. They are killed by bench_company_end, or when this process ends. */
size_t bench_company_start(int copies, void (*work)(const struct bench_options *options),
                           const struct bench_options *options, int *children);
int bench_company_end(const int *children, size_t count, struct bit_error *error);

/* ---- ceilings ---- */

/* GFLOP/s of OpenBLAS's sgemm on 2048^3, and GB/s moved (read + written) by copying 256 MB; all threads, the fastest of
 * `repeat` runs. -1 when memory is short. */
int bench_ceiling_product(int repeat, double *gigaflops, struct bit_error *error);
int bench_ceiling_copy(int repeat, double *gigabytes, struct bit_error *error);

/* ---- images ---- */

enum { BENCH_FILE_LIMIT = 32 << 20 }; /* bytes of a file */
/* A JPEG file's contents; path NULL: made here. */
struct bench_picture { char *path; unsigned char *data; size_t size; };
struct bench_pictures { struct bench_picture *list; size_t count, capacity, bytes; };
/* The first `most` JPEG files below a folder, in bytewise order, read. */
int bench_pictures_find(struct bench_pictures *pictures, const char *folder, size_t most, struct bit_error *error);
/* Photograph-like noise of 500 x 375 pixels and about 58 kB. */
int bench_pictures_make(struct bench_pictures *pictures, struct bit_error *error);
void bench_pictures_free(struct bench_pictures *pictures);

/* ---- the convolutions of a network ---- */

struct bench_convolution { struct bit_geometry geometry; int count; bool need_data_gradient; };
/* The distinct ones for `images` images of size^2, in forward order; returns their number, at most `capacity`. */
size_t bench_network(const struct bench_options *options, int images, struct bench_convolution *list, size_t capacity);

#endif
