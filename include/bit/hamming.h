/* Pairs of 64-bit hashes that differ in few bits: every one of one list against every one of another. */
#ifndef BIT_HAMMING_H
#define BIT_HAMMING_H

#include <stddef.h>
#include <stdint.h>

struct bit_near { uint32_t a, b; };

/* Compares all pairs and writes places (i, j) where a[i] and b[j] differ in at most `most` (0 to 63) bits, the first `room` of them, in an
 * order that does not depend on the machine. Returns how many there are. Counts are below 2^32. Local, any thread. */
size_t bit_hamming_near(const uint64_t *a, size_t a_count, const uint64_t *b, size_t b_count, int most, struct bit_near *found, size_t room);

static inline int bit_hamming(uint64_t a, uint64_t b)
{
    return __builtin_popcountll(a ^ b);
}

#endif
