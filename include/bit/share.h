/* Which part of every block (weights, gradient, momentum) a rank owns, and the buckets in which gradients are summed over ranks. Pure
 * arithmetic: plan and benchmarks ask it without MPI. Local. */
#ifndef BIT_SHARE_H
#define BIT_SHARE_H

#include <stddef.h>

#include "bit/error.h"
#include "bit/table.h"

/* What rank `rank` of `ranks` owns of every block: of each bucket of bucket_elements (counted from the end of the table,
 * where the backward pass starts) an equal part (0: the default size). Parts are multiples of BIT_TABLE_PAD and may be
 * empty. The same as bit_reducer_share's for the same bucket size. Local, pure. */
int bit_share_create(const struct bit_table *table, size_t bucket_elements, int rank, int ranks,
                     struct bit_share *share, struct bit_error *error);

/* Elements of a bucket: messages of at most 512 KB to a partner, which go out unasked (world.c), and the tail that no
 * backward pass is left to hide stays short. And how many are on their way at once. */
enum { BIT_BUCKET_DEFAULT = 1 << 18, BIT_BUCKET_WINDOW = 4 };

/* ---- buckets ---- */

/* Bucket 0 is the end of the table. Its elements are cut into `ranks` positions of equal size (a multiple of
 * BIT_TABLE_PAD; the last ones may be shorter or empty). */
struct bit_buckets { size_t elements, size, count; int ranks; };
struct bit_buckets bit_buckets_make(size_t elements, size_t bucket_elements, int ranks);
/* First element of a position; of position `ranks`: the end of the bucket. */
size_t bit_bucket_edge(const struct bit_buckets *b, size_t bucket, int position);
/* log2 ranks, or -1 when that is not a whole number. */
int bit_bucket_levels(int ranks);
/* The position that rank `rank` owns: its number with the bits reversed (halving by neighbours first leads there), or
 * simply its number when the ranks are not a power of two. */
int bit_bucket_position(int rank, int ranks);
/* Elements of a position of a whole bucket; and those that may arrive before they are added: half a bucket, or everybody's part. */
size_t bit_bucket_part(const struct bit_buckets *b);
size_t bit_bucket_scratch(const struct bit_buckets *b);
/* Bytes that summing a block of `elements` over the ranks keeps for buckets on their way (bit_reducer_create). */
size_t bit_reduction_bytes(size_t elements, size_t bucket_elements, int ranks);

/* ---- momentum on its way into a checkpoint ---- */

/* Elements of a block of `elements` that the ranks pass on at a time, and the fewest to which that is halved where parts are uneven. */
enum { BIT_MOMENTUM_WINDOW_LEAST = 1 << 14 };
size_t bit_momentum_window(size_t elements);

#endif
