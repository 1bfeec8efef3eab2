/* What an embedding has got done so far, beside its output: a folder with a file a rank, to which each finished micro-batch is appended with
 * a checksum. Whatever was killed, what stands there whole counts.
 *
 *     OUT.parts/about.json    what is embedded and how: parts of another one are refused
 *     OUT.parts/lock
 *     OUT.parts/part-RANK     records: struct part_head, then good x image numbers (u64), good x channels and good x outputs float32
 */
#ifndef APPLY_PARTS_H
#define APPLY_PARTS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bit/error.h"

struct part_shape { uint64_t batches; int micro_batch, channels, outputs; };

/* Where a micro-batch's record lies; file -1: nowhere yet. */
struct part_place { int32_t file; uint32_t good; uint64_t offset; };

/* Numbers of one micro-batch; room for all its images. */
struct part_rows { int good; uint64_t *images; float *features, *outputs; };

/* The size in bytes of a record's numbers. */
size_t part_bytes(const struct part_shape *shape, int good);

/* Looks through all parts of a folder: places[shape->batches]. Records that are torn or damaged are cut off, with all behind them. Local: while no
 * rank writes. */
int parts_scan(const char *folder, const struct part_shape *shape, struct part_place *places, struct bit_error *error);

/* The part that this rank appends to. NULL with `error` (environment). */
struct part;
struct part *part_open(const char *folder, int rank, const struct part_shape *shape, struct bit_error *error);
int part_append(struct part *part, uint64_t number, const struct part_rows *rows, struct bit_error *error);
int part_close(struct part *part, struct bit_error *error);

/* Reads records that parts_scan has found. */
struct parts;
struct parts *parts_open(const char *folder, const struct part_shape *shape, struct bit_error *error);
int parts_read(struct parts *parts, const struct part_place *place, struct part_rows *rows, struct bit_error *error);
void parts_close(struct parts *parts);

#endif
