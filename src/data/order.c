#include "bit/data.h"
#include "bit/random.h"

/* A Feistel network on the smallest even number of bits that holds count - 1, walked along its cycle until the number
 * falls below count (M. Luby, C. Rackoff 1988; J. Black, P. Rogaway, "Ciphers with arbitrary finite domains", 2002). The
 * domain is below 4 * count, so a walk takes less than four steps on average. The round function of round r at x is
 * block x of the random stream (seed, order, epoch, r). Small domains need more than the usual four rounds. */
enum { ROUNDS = 8 };

uint64_t bit_order_at(uint64_t seed, uint64_t epoch, uint64_t position, uint64_t count)
{
    if (count < 2)
        return 0;
    unsigned bits = 64 - (unsigned)__builtin_clzll(count - 1);
    unsigned half = (bits + 1) / 2;
    uint64_t mask = ((uint64_t)1 << half) - 1;

    struct bit_random rounds[ROUNDS];
    for (unsigned i = 0; i < ROUNDS; i++)
        bit_random_init(&rounds[i], seed, BIT_PURPOSE_ORDER, epoch, i);

    uint64_t x = position;
    do {
        uint64_t left = x >> half, right = x & mask;
        for (unsigned i = 0; i < ROUNDS; i++) {
            struct bit_random block = rounds[i];
            block.counter[0] = (uint32_t)right;
            uint64_t next = left ^ (bit_random_u64(&block) & mask);
            left = right;
            right = next;
        }
        x = left << half | right;
    } while (x >= count);
    return x;
}
