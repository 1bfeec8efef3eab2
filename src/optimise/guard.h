/* What the optimiser has written is summed, and what it reads at the next step has to sum to the same: memory that changes
 * in between is found on the rank on which it happens. */
#ifndef BIT_OPTIMISE_GUARD_H
#define BIT_OPTIMISE_GUARD_H

#include <stdint.h>

#include "bit/optimise.h"

enum { BIT_GUARD_STRETCH = 16384 /* elements of a cell at most */ };

/* Two checksums of the words x[i] of a range of a block, modulo 2^32: plain = sum of (2 (i mod 4) + 1) x[i]; placed = sum of i / 4 times
 * those terms. Any change of a single word is found, since its factor in `plain` is odd. Several changed words, or words that were
 * swapped, stay undetected with a probability of about 2^-32. Sums of parts may be added in any order, by any number of threads and ranks:
 * struct bit_sum of bit/train.h. */

/* Four words at a time, as they come: for the compiler, one register of any machine. */
typedef uint32_t bit_words __attribute__((vector_size(16), may_alias));
typedef float bit_floats __attribute__((vector_size(16), may_alias));
enum { BIT_WORDS = 4 };

/* The sum of a range is taken by adding groups of four words: once is the sum of the groups, twice that of all these sums. */
struct bit_summing { bit_words once, twice; };
static inline void bit_summing_add(struct bit_summing *s, bit_words group)
{
    s->once += group;
    s->twice += s->once;
}
/* `groups` were added, the first of them number `first` of the block. */
struct bit_sum bit_summing_end(const struct bit_summing *s, size_t first, size_t groups);

static inline bool bit_sum_equal(struct bit_sum a, struct bit_sum b)
{
    return a.plain == b.plain && a.placed == b.placed;
}

/* A stretch of one parameter that one thread works on at a time. */
struct bit_cell {
    size_t offset, count;       /* elements of the block; multiples of BIT_TABLE_PAD */
    size_t at;                  /* of the share: where its momentum begins */
    size_t parameter;
    struct bit_sum weights, velocity; /* of what was last written */
};

struct bit_guard {
    const struct bit_table *table;
    const struct bit_share *share;
    bool armed;                 /* sums are known */
    size_t count;
    struct bit_cell *cells;     /* of this rank's share */
    struct bit_sum others;      /* of the weights that the other ranks own, as they have written them */
    struct bit_harm harm;       /* what the last update found */
};

/* Notes the harm unless one is noted already of an earlier place. From any thread. */
void bit_guard_report(struct bit_guard *guard, enum bit_harm_kind kind, const struct bit_cell *cell);

#endif
