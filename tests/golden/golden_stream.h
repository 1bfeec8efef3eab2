/* Numbers of golden cases: everything is a function of its name, splitmix over fnv1a64(name), so that no case stores any. */
#ifndef BIT_TESTS_GOLDEN_STREAM_H
#define BIT_TESTS_GOLDEN_STREAM_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t fnv1a64(const char *text)
{
    uint64_t h = 0xCBF29CE484222325u;
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 0x100000001B3u;
    return h;
}

static inline uint64_t splitmix(uint64_t key, uint64_t i)
{
    uint64_t z = key + (i + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* Number i of a stream, in [-1, 1). */
static inline double signed_at(uint64_t key, uint64_t i)
{
    return 2 * ((double)(splitmix(key, i) >> 11) * 0x1p-53) - 1;
}

static inline void fill(const char *name, size_t count, double center, double scale, float *values)
{
    uint64_t key = fnv1a64(name);
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(center + scale * signed_at(key, i));
}

#endif
