/* Few-shot rows of a suite, and the probes beside them. Functions return 0, or -1 with `error` (usage) naming the suite's file. */
#ifndef SUITE_FEW_H
#define SUITE_FEW_H

#include <cjson/cJSON.h>

#include "bit/suite.h"

/* The suite's shots; NULL: the file has none. */
int suite_read_shots(struct bit_suite *suite, const char *file, const cJSON *shots, struct bit_error *error);
/* The suite's probe (NULL: none), and a probe for each task when it asks for them. The tasks have been read. */
int suite_read_probe(struct bit_suite *suite, const struct bit_suite_options *options, const cJSON *probe, struct bit_error *error);
void suite_free_probes(struct bit_suite *suite);
/* What is known of a task's results: nothing. */
void suite_forget(struct bit_suite_task *task);
/* Reads the results of the probes that have been made. */
void suite_look_at_probes(struct bit_suite *suite);

#endif
