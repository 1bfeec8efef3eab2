#ifndef BIT_COMPUTE_HAMMING_KERNELS_H
#define BIT_COMPUTE_HAMMING_KERNELS_H

#include <stdbool.h>

#include "bit/hamming.h"
#include "compute/isa.h"

/* How many hashes of either list are looked at together. */
enum { HAMMING_A = 4, HAMMING_B = 8 };

struct hamming_kernels {
    /* The first multiple of HAMMING_B from `from` on at which one of b[j .. j + HAMMING_B - 1] is near one of a[0 .. HAMMING_A - 1]; `end`, which
     * is a multiple too: none. */
    size_t (*next)(const uint64_t *a, const uint64_t *b, size_t from, size_t end, int most);
    /* The same where the processor counts bits in vectors; NULL: not built. */
    size_t (*next_counting)(const uint64_t *a, const uint64_t *b, size_t from, size_t end, int most);
};
BIT_DECLARE_KERNELS(hamming_kernels)

/* Whether next_counting can run here. */
bool hamming_can_count(void);
/* bit_hamming_near by one of the functions above. */
size_t hamming_near(const struct hamming_kernels *kernels, bool counting, const uint64_t *a, size_t a_count, const uint64_t *b, size_t b_count,
                    int most, struct bit_near *found, size_t room);

#endif
