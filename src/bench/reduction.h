/* The benchmark of the reduction over ranks: `bit bench reduce` starts `bitrun --bench-reduce HOW` under mpirun, and both speak of it by one
 * struct. */
#ifndef BENCH_REDUCTION_H
#define BENCH_REDUCTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "bit/error.h"
#include "bit/group.h"

struct reduction_options {
    size_t elements;        /* of the gradient */
    size_t bucket_elements; /* moved at a time; 0: the default */
    int rounds;             /* measured; the median counts */
    int threads;            /* that compute in a rank */
    double compute_seconds; /* length of the backward pass that the reduction is to hide behind */
    bool json;
    const char *fit;        /* machine's file, to which the measurement is added; NULL: none */
};

/* As one word, "elements=N,bucket=N,rounds=N,threads=N,milliseconds=N,json=0|1,fit=FILE", and back; what HOW leaves out has a default, and
 * `fit` points into it. */
void reduction_options_write(const struct reduction_options *options, char *how, size_t size);
int reduction_options_read(const char *how, struct reduction_options *options, struct bit_error *error);

enum { REDUCTION_POINTS = 6 };
struct reduction_result {
    int ranks, threads, node_ranks; /* node_ranks: on the caller's machine */
    double reduce_seconds, gather_seconds; /* nothing else going on; medians, the slowest rank's, as all times here */
    double bytes, rate;    /* a rank sends, a round; over the time */
    double ceiling;        /* plain messages between neighbours, all at once: bytes a second that each sends */
    double compute_seconds, step_seconds; /* computing alone; computing, reduce and gather */
    double cpu_seconds;    /* of a core, that a rank's reduction takes from computing */
    double exposed_share;  /* of step_seconds: what is longer than computing alone */
    double latency, bandwidth; /* of plain messages to the farthest rank: seconds = latency + bytes / bandwidth */
    struct { double bytes, seconds; } point[REDUCTION_POINTS]; /* what that was fitted to */
    bool correct;
    double peak_bytes;     /* resident memory of the largest rank */
};

/* Measures; at least two ranks. Every rank gets the same figures. Collective. */
int reduction_measure(struct bit_group *world, const struct reduction_options *options, struct reduction_result *result,
                      struct bit_error *error);
/* Fills ceiling, latency, bandwidth and points. `block` has room for two messages of a bucket and is overwritten. Collective. */
int reduction_measure_messages(struct bit_group *world, float *block, size_t elements, struct reduction_result *result,
                               struct bit_error *error);
/* Lines for a person; the last are "GB/s: X" and "peak memory: Y GB". Or the same as one JSON object on a line. */
void reduction_print(const struct reduction_result *result, FILE *stream);
void reduction_print_json(const struct reduction_result *result, FILE *stream);

/* bitrun --bench-reduce HOW: reads, measures, rank 0 prints and adds to the machine's file. Collective. */
int reduction_main(struct bit_group *world, const char *how, struct bit_error *error);

#endif
