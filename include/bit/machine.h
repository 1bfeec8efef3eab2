/* What was measured of a machine, in a small JSON file, and what a job would do there: bit bench --fit, bit plan --machine. */
#ifndef BIT_MACHINE_H
#define BIT_MACHINE_H

#include <stdbool.h>
#include <stdio.h>

#include "bit/recipe.h"
#include "bit/text.h"

/* Training on one process among `processes` that do the same at once, each with `threads`. */
struct bit_machine_compute {
    char model[16], precision[16], backend[16];
    int size, micro_batch, threads, processes, cores;
    double flops_an_image;
    double parameters;        /* with padding */
    double forward, backward; /* seconds a micro-batch */
    double fixed, update;     /* seconds a step: packing weights; SGD over all parameters */
};

/* Ranks that reduce and gather: within a machine or between machines. Rates: bytes that a rank sends, a second. */
struct bit_machine_network {
    int ranks;
    double latency, bandwidth; /* of plain messages: seconds = latency + bytes / bandwidth */
    double reduce, gather;     /* rates */
    double cpu;                /* seconds of a core that a rank's reduction takes, a byte sent */
};

enum { BIT_MACHINE_COMPUTES = 64 };
struct bit_machine {
    struct bit_machine_compute compute[BIT_MACHINE_COMPUTES];
    int computes;
    struct bit_machine_network node, network; /* ranks 0: not measured */
    double decode;                            /* seconds of a core an image; 0: not measured */
};

/* Missing: no-input; `new` true: then an empty one. */
int bit_machine_read(const char *path, bool new, struct bit_machine *machine, struct bit_error *error);
int bit_machine_write(const char *path, const struct bit_machine *machine, struct bit_error *error);
/* Adds, or replaces one of the same model, size, precision, backend, micro-batch, threads and processes. */
int bit_machine_add(struct bit_machine *machine, const struct bit_machine_compute *compute, struct bit_error *error);

/* A step of the plan's job on `ranks` ranks, `per_node` of them on each machine; src/recipe/predict.c has the formula. */
struct bit_prediction {
    int ranks, nodes, micro_batches, batch;
    double line;          /* bytes a second that a machine sends */
    double compute;       /* seconds: forward, backward, packing, decoding where cores are scarce */
    double reduce, exposed, gather, update; /* the whole reduction; what of it the backward pass does not hide */
    double step, images_per_second;
    double efficiency;    /* the step without reduction and gather, over the step */
    bool scaled;          /* no such network was measured: from another's, by arithmetic and number of parameters */
};
/* cores: of a machine, 0: as measured. line: 0: as measured. micro_batches: a rank's. -1 when the machine's file lacks what is needed. */
int bit_predict(const struct bit_plan *plan, const struct bit_machine *machine, int ranks, int per_node, double cores,
                int micro_batches, double line, struct bit_prediction *prediction, struct bit_error *error);
void bit_prediction_print(const struct bit_prediction *prediction, FILE *stream);
void bit_prediction_json(const struct bit_prediction *prediction, struct bit_text *text);

#endif
