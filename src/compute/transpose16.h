/* Transposition of 16x16 words of 32 bits in AVX-512 registers. For x86-64 only, where the caller has made sure of AVX-512. */
#ifndef BIT_COMPUTE_TRANSPOSE16_H
#define BIT_COMPUTE_TRANSPOSE16_H

#include <immintrin.h>
#include <stddef.h>

/* Column 4 g + j of the rows p[16] goes to the 64 bytes at to + g * group + j * line (both in bytes). */
__attribute__((target("avx512f"))) static inline __attribute__((always_inline)) void transpose16(const __m512i p[16], char *to,
                                                                                                 size_t line, size_t group)
{
    __m512i t[16], q[16];
    #pragma GCC unroll 16
    for (int i = 0; i < 8; i++) {
        t[2 * i] = _mm512_unpacklo_epi32(p[2 * i], p[2 * i + 1]);
        t[2 * i + 1] = _mm512_unpackhi_epi32(p[2 * i], p[2 * i + 1]);
    }
    #pragma GCC unroll 16
    for (int i = 0; i < 4; i++) {
        q[4 * i] = _mm512_unpacklo_epi64(t[4 * i], t[4 * i + 2]);
        q[4 * i + 1] = _mm512_unpackhi_epi64(t[4 * i], t[4 * i + 2]);
        q[4 * i + 2] = _mm512_unpacklo_epi64(t[4 * i + 1], t[4 * i + 3]);
        q[4 * i + 3] = _mm512_unpackhi_epi64(t[4 * i + 1], t[4 * i + 3]);
    }
    #pragma GCC unroll 16
    for (int j = 0; j < 4; j++, to += line) { /* q[4 i + j], lane l: column 4 l + j of rows 4 i to 4 i + 3 */
        __m512i a = _mm512_shuffle_i32x4(q[j], q[4 + j], 0x44), b = _mm512_shuffle_i32x4(q[j], q[4 + j], 0xEE);
        __m512i c = _mm512_shuffle_i32x4(q[8 + j], q[12 + j], 0x44), d = _mm512_shuffle_i32x4(q[8 + j], q[12 + j], 0xEE);
        _mm512_storeu_si512(to, _mm512_shuffle_i32x4(a, c, 0x88));
        _mm512_storeu_si512(to + group, _mm512_shuffle_i32x4(a, c, 0xDD));
        _mm512_storeu_si512(to + 2 * group, _mm512_shuffle_i32x4(b, d, 0x88));
        _mm512_storeu_si512(to + 3 * group, _mm512_shuffle_i32x4(b, d, 0xDD));
    }
}

#endif
