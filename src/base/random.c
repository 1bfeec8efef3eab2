#include "bit/random.h"

#include <math.h>

static void philox(const struct bit_random *r, uint32_t out[4])
{
    uint32_t c0 = r->counter[0], c1 = r->counter[1], c2 = r->counter[2], c3 = r->counter[3];
    uint32_t k0 = r->key[0], k1 = r->key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

/* The key is the seed; the counter holds purpose and a (words 2, 3) and the block number, and b is mixed into the key's
 * stream by a first Philox call so that 64 bits of it fit. */
void bit_random_init(struct bit_random *r, uint64_t seed, enum bit_purpose purpose, uint64_t a, uint64_t b)
{
    struct bit_random first = {
        .key = {(uint32_t)seed, (uint32_t)(seed >> 32)},
        .counter = {(uint32_t)b, (uint32_t)(b >> 32), (uint32_t)a, (uint32_t)purpose},
    };
    uint32_t mixed[4];
    philox(&first, mixed);
    *r = (struct bit_random){.key = {mixed[0], mixed[1]}, .counter = {0, 0, mixed[2], mixed[3]}, .used = 4};
}

uint32_t bit_random_u32(struct bit_random *r)
{
    if (r->used == 4) {
        philox(r, r->block);
        if (++r->counter[0] == 0)
            r->counter[1]++;
        r->used = 0;
    }
    return r->block[r->used++];
}

uint64_t bit_random_u64(struct bit_random *r)
{
    uint64_t high = bit_random_u32(r);
    return high << 32 | bit_random_u32(r);
}

double bit_random_uniform(struct bit_random *r)
{
    return (double)(bit_random_u64(r) >> 11) * 0x1p-53;
}

uint64_t bit_random_below(struct bit_random *r, uint64_t bound)
{
    /* Rejects the uneven rest: the first 2^64 mod bound numbers. */
    uint64_t rest = -bound % bound, x;
    do
        x = bit_random_u64(r);
    while (x < rest);
    return x % bound;
}

double bit_random_normal(struct bit_random *r)
{
    double u = 1.0 - bit_random_uniform(r); /* (0, 1] */
    double v = bit_random_uniform(r);
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586476925 * v);
}
