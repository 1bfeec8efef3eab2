#include "compute/pairs_kernels.h"

#include <stdint.h>
#include <string.h>

#ifdef __AVX512F__
#include "compute/transpose16.h"
#endif

static inline uint32_t rounded(float x)
{
    return bit_bfloat16_from_float(x);
}

/* Two neighbours in one word, in the order of the memory. */
static inline uint32_t pair(uint32_t first, uint32_t second)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return first | second << 16;
#else
    return first << 16 | second;
#endif
}

static inline __attribute__((always_inline)) void interleave_loop(const float *restrict from, size_t row, int block,
                                                                  const float *restrict scale,
                                                                  const float *restrict offset, uint32_t *restrict to)
{
    for (int k = 0; k < PAIRS_DEPTH; k += 2, from += 2 * row, to += block) {
        const float *restrict next = from + row;
#pragma omp simd
        for (int n = 0; n < block; n++) {
            float a = scale ? scale[n] * from[n] + offset[n] : from[n];
            float b = scale ? scale[n] * next[n] + offset[n] : next[n];
            to[n] = pair(rounded(a), rounded(b));
        }
    }
}

static void interleave(const float *from, size_t row, int block, const float *scale, const float *offset,
                       bit_bfloat16 *to)
{
    if (scale)
        interleave_loop(from, row, block, scale, offset, (uint32_t *)(void *)to);
    else
        interleave_loop(from, row, block, NULL, NULL, (uint32_t *)(void *)to);
}

/* to[16][16] of a matrix whose rows have `block` words = from[16][16] turned. */
static inline void turn(const uint32_t *from, uint32_t *to, int block)
{
#ifdef __AVX512F__
    __m512i p[16];
    for (int i = 0; i < 16; i++)
        p[i] = _mm512_loadu_si512(from + 16 * i);
    transpose16(p, (char *)to, (size_t)block * sizeof *to, 4 * (size_t)block * sizeof *to);
#else
    for (int i = 0; i < 16; i++)
        for (int n = 0; n < 16; n++)
            to[(size_t)i * (size_t)block + (size_t)n] = from[16 * n + i];
#endif
}

static inline __attribute__((always_inline)) void transpose_loop(const float *restrict from, size_t row, int block,
                                                                 const float *restrict scale,
                                                                 const float *restrict offset, uint32_t *to)
{
    for (int n = 0; n < block; n += 16) {
        uint32_t words[16][16];
        for (int i = 0; i < 16; i++, from += row) {
            bit_bfloat16 line[PAIRS_DEPTH];
#pragma omp simd
            for (int k = 0; k < PAIRS_DEPTH; k++)
                line[k] = (bit_bfloat16)rounded(scale ? scale[k] * from[k] + offset[k] : from[k]);
            memcpy(words[i], line, sizeof line);
        }
        turn(words[0], to + n, block);
    }
}

static void transpose(const float *from, size_t row, int block, const float *scale, const float *offset,
                      bit_bfloat16 *to)
{
    if (scale)
        transpose_loop(from, row, block, scale, offset, (uint32_t *)(void *)to);
    else
        transpose_loop(from, row, block, NULL, NULL, (uint32_t *)(void *)to);
}

const struct pairs_kernels BIT_KERNELS(pairs_kernels) = {.interleave = interleave, .transpose = transpose};
