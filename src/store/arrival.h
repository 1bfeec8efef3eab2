/* A block of values that arrives in parts, from several threads, in any order: each parameter is hashed by whoever brings its
 * last part, while others still wait for the disk. */
#ifndef BIT_STORE_ARRIVAL_H
#define BIT_STORE_ARRIVAL_H

#include <stdatomic.h>
#include <stdint.h>

#include "bit/table.h"

struct arrival {
    const struct bit_table *table;
    const float *block;
    _Atomic uint64_t *missing; /* [parameters]: elements */
    struct bit_hash *each;     /* [parameters] */
};

/* `block` stays the caller's. Fill with zeros before; free after failures too. */
int arrival_start(struct arrival *arrival, const struct bit_table *table, const float *block, struct bit_error *error);
/* Elements [from, until) of the block are in place; each is told once. Any thread. */
void arrival_add(struct arrival *arrival, uint64_t from, uint64_t until);
/* bit_table_hash of the block; 0, or -1 when something never came. */
int arrival_hash(const struct arrival *arrival, struct bit_hash *hash);
void arrival_free(struct arrival *arrival);

#endif
