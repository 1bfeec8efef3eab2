/* Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
 * A stream is a pure function of (seed, purpose, a, b): which rank or thread draws it cannot matter. */
#ifndef BIT_RANDOM_H
#define BIT_RANDOM_H

#include <stdint.h>

enum bit_purpose {
    BIT_PURPOSE_INITIALISE = 1, /* a: parameter number, b: block of 8192 elements */
    BIT_PURPOSE_ORDER = 2,      /* a: epoch, b: Feistel round */
    BIT_PURPOSE_AUGMENT = 3,    /* a: epoch, b: sample */
    BIT_PURPOSE_SUBSTITUTE = 4, /* a: epoch, b: sample that was bad */
    BIT_PURPOSE_SUBSET = 5,     /* a: class */
    BIT_PURPOSE_MIX = 6,        /* b: step */
    BIT_PURPOSE_DROPOUT = 7,    /* a: step below 2^32, b: number of the image in the global batch */
    BIT_PURPOSE_SWEEP = 8,      /* a: trial, b: hash of the key's name */
    BIT_PURPOSE_BOOTSTRAP = 9,  /* b: draw */
    BIT_PURPOSE_TEST = 99,
};

struct bit_random {
    uint32_t key[2];
    uint32_t counter[4];
    uint32_t block[4];
    unsigned used;
};

/* Starts the stream of (seed, purpose, a, b). `a` below 2^32; `b` any 64-bit number. */
void bit_random_init(struct bit_random *r, uint64_t seed, enum bit_purpose purpose, uint64_t a, uint64_t b);
uint32_t bit_random_u32(struct bit_random *r);
uint64_t bit_random_u64(struct bit_random *r);
double bit_random_uniform(struct bit_random *r);                 /* [0, 1), 53 bits */
uint64_t bit_random_below(struct bit_random *r, uint64_t bound); /* [0, bound), unbiased; bound > 0 */
double bit_random_normal(struct bit_random *r);                  /* mean 0, variance 1 (Box-Muller) */

#endif
