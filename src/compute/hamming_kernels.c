/* HAMMING_A x HAMMING_B pairs at a time: the least number of differing bits of a group decides whether anybody looks closer. */
#include "compute/hamming_kernels.h"

#if defined __AVX2__
#include <immintrin.h>
#endif

#if defined __AVX512BW__

/* Bits of each byte by a table of 16 in each lane, then summed over 8 bytes. */
static inline __m512i count_512(__m512i x)
{
    const __m512i low = _mm512_set1_epi8(15);
    const __m512i table = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
    __m512i lower = _mm512_shuffle_epi8(table, _mm512_and_si512(x, low));
    __m512i upper = _mm512_shuffle_epi8(table, _mm512_and_si512(_mm512_srli_epi16(x, 4), low));
    return _mm512_sad_epu8(_mm512_add_epi8(lower, upper), _mm512_setzero_si512());
}

static size_t next(const uint64_t *a, const uint64_t *b, size_t from, size_t end, int most)
{
    const __m512i a0 = _mm512_set1_epi64((long long)a[0]), a1 = _mm512_set1_epi64((long long)a[1]);
    const __m512i a2 = _mm512_set1_epi64((long long)a[2]), a3 = _mm512_set1_epi64((long long)a[3]), limit = _mm512_set1_epi64(most);
    for (size_t j = from; j < end; j += HAMMING_B) {
        __m512i v = _mm512_loadu_si512(b + j);
        __m512i least = _mm512_min_epi64(count_512(_mm512_xor_si512(v, a0)), count_512(_mm512_xor_si512(v, a1)));
        least = _mm512_min_epi64(least, count_512(_mm512_xor_si512(v, a2)));
        least = _mm512_min_epi64(least, count_512(_mm512_xor_si512(v, a3)));
        if (_mm512_cmple_epi64_mask(least, limit))
            return j;
    }
    return end;
}

__attribute__((target("avx512f,avx512vpopcntdq"))) static size_t next_counting(const uint64_t *a, const uint64_t *b, size_t from, size_t end,
                                                                                int most)
{
    const __m512i a0 = _mm512_set1_epi64((long long)a[0]), a1 = _mm512_set1_epi64((long long)a[1]);
    const __m512i a2 = _mm512_set1_epi64((long long)a[2]), a3 = _mm512_set1_epi64((long long)a[3]), limit = _mm512_set1_epi64(most);
    for (size_t j = from; j < end; j += HAMMING_B) {
        __m512i v = _mm512_loadu_si512(b + j);
        __m512i least = _mm512_min_epi64(_mm512_popcnt_epi64(_mm512_xor_si512(v, a0)), _mm512_popcnt_epi64(_mm512_xor_si512(v, a1)));
        least = _mm512_min_epi64(least, _mm512_popcnt_epi64(_mm512_xor_si512(v, a2)));
        least = _mm512_min_epi64(least, _mm512_popcnt_epi64(_mm512_xor_si512(v, a3)));
        if (_mm512_cmple_epi64_mask(least, limit))
            return j;
    }
    return end;
}
#define NEXT_COUNTING next_counting

#elif defined __AVX2__

/* Sums of 8 bytes each, at most 64: bytes of the minimum can be taken as those of small numbers. */
static inline __m256i count_256(__m256i x)
{
    const __m256i low = _mm256_set1_epi8(15);
    const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    __m256i lower = _mm256_shuffle_epi8(table, _mm256_and_si256(x, low));
    __m256i upper = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(x, 4), low));
    return _mm256_sad_epu8(_mm256_add_epi8(lower, upper), _mm256_setzero_si256());
}

static size_t next(const uint64_t *a, const uint64_t *b, size_t from, size_t end, int most)
{
    const __m256i more = _mm256_set1_epi64x(most + 1);
    __m256i values[HAMMING_A];
    for (int i = 0; i < HAMMING_A; i++)
        values[i] = _mm256_set1_epi64x((long long)a[i]);
    for (size_t j = from; j < end; j += HAMMING_B) {
        __m256i v = _mm256_loadu_si256((const __m256i *)(b + j)), w = _mm256_loadu_si256((const __m256i *)(b + j + 4));
        __m256i least = more;
        for (int i = 0; i < HAMMING_A; i++) {
            least = _mm256_min_epi16(least, count_256(_mm256_xor_si256(v, values[i])));
            least = _mm256_min_epi16(least, count_256(_mm256_xor_si256(w, values[i])));
        }
        if (_mm256_movemask_epi8(_mm256_cmpgt_epi64(more, least)))
            return j;
    }
    return end;
}
#define NEXT_COUNTING NULL

#else

/* Bits of each byte, then of pairs, fours and eights of them. The compiler makes vectors of it where it can. */
static inline uint64_t count_64(uint64_t x)
{
    x -= x >> 1 & 0x5555555555555555;
    x = (x & 0x3333333333333333) + (x >> 2 & 0x3333333333333333);
    x = (x + (x >> 4)) & 0x0F0F0F0F0F0F0F0F;
    x += x >> 8;
    x += x >> 16;
    return (x + (x >> 32)) & 127;
}

static size_t next(const uint64_t *a, const uint64_t *b, size_t from, size_t end, int most)
{
    const uint64_t more = (uint64_t)most + 1;
    for (size_t j = from; j < end; j += HAMMING_B) {
        uint64_t below = 0; /* the sign of count - more, of any pair */
        for (int i = 0; i < HAMMING_A; i++)
#pragma omp simd reduction(| : below)
            for (int k = 0; k < HAMMING_B; k++)
                below |= count_64(a[i] ^ b[j + (size_t)k]) - more;
        if (below >> 63)
            return j;
    }
    return end;
}
#define NEXT_COUNTING NULL

#endif

const struct hamming_kernels BIT_KERNELS(hamming_kernels) = {.next = next, .next_counting = NEXT_COUNTING};
