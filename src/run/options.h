/* bitrun's command line. */
#ifndef RUN_OPTIONS_H
#define RUN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "bit/error.h"
#include "bit/options.h"

struct options {
    const char *job;                            /* the job file */
    const char *out;                            /* the run's folder; NULL: runs/NAME */
    struct bit_option_list overrides;           /* "key.path=value" */
    char backend[64], threads[32];              /* --backend and --threads as overrides */
    const char *bench_reduce;                   /* measure the reduction in this way instead of training; NULL: train */
    const char *predictions, *confusion;        /* with evaluate: files to write; NULL: not */
    const char *trace;                          /* where the timeline goes; NULL: none */
    uint64_t trace_from, trace_count;           /* steps of this invocation in it, from 1 */
    uint64_t steps_limit;                       /* steps in this invocation; UINT64_MAX: no limit */
    bool embed;                                 /* embed images instead of training */
    const char *embed_model, *embed_data, *embed_out;
    bool evaluate, fresh, force, quiet, help, version, completion;
};

/* Texts point into argv. A usage error names the word that is wrong. Local, the same on every rank. */
int options_parse(struct options *options, int argc, char **argv, struct bit_error *error);
extern const struct bit_usage options_usage;

#endif
