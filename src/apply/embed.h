/* Features and outputs of all images of a set, into one file. */
#ifndef APPLY_EMBED_H
#define APPLY_EMBED_H

#include <stdbool.h>
#include <stdint.h>

#include "apply/trained.h"
#include "bit/error.h"
#include "bit/group.h"

struct embed_options {
    const struct trained *trained;
    const char *data, *out;      /* a folder of class folders or a list; OUT.h5 or OUT.csv, which must not be there */
    struct bit_group *group;
    bool (*stop)(void);          /* asked before each micro-batch; NULL: never */
};
struct embed_result { uint64_t images, bad, resumed; /* resumed: images that an interrupted start had done */ };

/* Embeds all images once, on all ranks, which must share the folder of OUT. What is done is kept beside it in OUT.parts, so that the same
 * call goes on after any interruption, on any number of ranks; OUT appears at the end, whole. 0; 1: stopped; -1: all ranks hold the same
 * error. Collective. */
int embed_run(const struct embed_options *options, struct embed_result *result, struct bit_error *error);
/* "OUT: 359 images of 512 features and 10 outputs, 2 of them bad" on standard output. Local. */
void embed_print(const struct embed_options *options, const struct embed_result *result);

#endif
