/* How alike two pictures are to a network. */
#ifndef APPLY_ALIKE_H
#define APPLY_ALIKE_H

#include <stdint.h>

#include "apply/trained.h"
#include "bit/dedup.h"

/* Decodes whole pictures as `trained` sees them when they are squashed, by `threads` threads; files and pictures above the limits (bytes,
 * pixels) cannot be read. Keeps `trained`, which is the caller's and whose micro-batch is at least 2. NULL with `error`. Local. */
struct alike;
struct alike *alike_create(struct trained *trained, int threads, uint64_t file_limit, uint64_t pixel_limit, struct bit_error *error);
void alike_destroy(struct alike *alike);
/* A bit_dedup_network's: context is the struct alike. cosines[i]: of the features of pair i, the second picture turned; NaN: features that are all
 * zero. A picture that cannot be read is an error. */
int alike_compare(void *context, const struct bit_dedup_near *pairs, size_t count, float *cosines, struct bit_error *error);

#endif
