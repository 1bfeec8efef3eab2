#include "compute/split_kernels.h"

#include <stdint.h>
#include <string.h>

#if defined __x86_64__ && defined __linux__ && (__GNUC__ >= 11 || __clang_major__ >= 12)

#include "compute/transpose16.h"

#define TILES __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,amx-tile,amx-bf16,prfchw")))
#define INLINE TILES static inline __attribute__((always_inline))

/* The upper half of each number: its first part. */
INLINE __m512i upper(__m512 x)
{
    return _mm512_and_si512(_mm512_castps_si512(x), _mm512_set1_epi32((int)0xFFFF0000));
}

INLINE __m512 rest(__m512 x)
{
    return _mm512_sub_ps(x, _mm512_castsi512_ps(upper(x)));
}

TILES void split_rows(const float *const rows[SPLIT_SIDE], size_t at, bit_bfloat16 *block)
{
    const __m512i odd = _mm512_set_epi16(63, 61, 59, 57, 55, 53, 51, 49, 47, 45, 43, 41, 39, 37, 35, 33, 31, 29, 27, 25, 23, 21,
                                         19, 17, 15, 13, 11, 9, 7, 5, 3, 1);
    for (int i = 0; i < SPLIT_SIDE; i++) {
        bit_bfloat16 *to = block + i * 32;
        __m512 x = _mm512_loadu_ps(rows[i] + at), y = _mm512_loadu_ps(rows[i] + at + 16);
        #pragma GCC unroll 3
        for (int p = 0; p < SPLIT_PLANES; p++, x = rest(x), y = rest(y))
            _mm512_store_si512(to + p * 2 * SPLIT_TILE, _mm512_permutex2var_epi16(_mm512_castps_si512(x), odd,
                                                                                  _mm512_castps_si512(y)));
    }
}

/* Parts of x and y side by side: first factors' rows want depths in pairs, second factors' columns too. */
INLINE __m512i pair(__m512 x, __m512 y)
{
    return _mm512_or_si512(_mm512_srli_epi32(_mm512_castps_si512(x), 16), upper(y));
}

TILES void split_columns(const float *const lines[SPLIT_SIDE], size_t at, bit_bfloat16 *block)
{
    for (int i = 0; i < 16; i++)
        for (int half = 0; half < 2; half++) {
            bit_bfloat16 *to = block + half * SPLIT_TILE + i * 32;
            __m512 x = _mm512_loadu_ps(lines[2 * i] + at + half * 16), y = _mm512_loadu_ps(lines[2 * i + 1] + at + half * 16);
            #pragma GCC unroll 3
            for (int p = 0; p < SPLIT_PLANES; p++, x = rest(x), y = rest(y))
                _mm512_store_si512(to + p * 2 * SPLIT_TILE, pair(x, y));
        }
}

TILES void split_rows_turned(const float *const lines[SPLIT_SIDE], size_t at, bit_bfloat16 *block)
{
    for (int half = 0; half < 2; half++) {
        __m512i pairs[SPLIT_PLANES][16];
        for (int i = 0; i < 16; i++) {
            __m512 x = _mm512_loadu_ps(lines[2 * i] + at + half * 16), y = _mm512_loadu_ps(lines[2 * i + 1] + at + half * 16);
            #pragma GCC unroll 3
            for (int p = 0; p < SPLIT_PLANES; p++, x = rest(x), y = rest(y))
                pairs[p][i] = pair(x, y);
        }
        for (int p = 0; p < SPLIT_PLANES; p++)
            transpose16(pairs[p], (char *)(block + (2 * p + half) * SPLIT_TILE), 64, 256);
    }
}

TILES void split_columns_turned(const float *const columns[SPLIT_SIDE], size_t at, bit_bfloat16 *block)
{
    bit_bfloat16 rows[SPLIT_BLOCK] __attribute__((aligned(64)));
    split_rows(columns, at, rows);
    for (int tile = 0; tile < 2 * SPLIT_PLANES; tile++) {
        __m512i lines[16];
        for (int i = 0; i < 16; i++)
            lines[i] = _mm512_load_si512(rows + tile * SPLIT_TILE + i * 32);
        transpose16(lines, (char *)(block + tile * SPLIT_TILE), 64, 256);
    }
}

TILES void split_transpose(const float *tile, float *to, size_t row)
{
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++) {
            __m512i lines[16];
            for (int k = 0; k < 16; k++)
                lines[k] = _mm512_loadu_si512(tile + (16 * i + k) * SPLIT_SIDE + 16 * j);
            transpose16(lines, (char *)(to + (size_t)(16 * j) * row + 16 * i), row * 4, row * 16);
        }
}

#define ROW_TILES(plane) \
    _tile_loadd(4, a + 2 * (plane) * SPLIT_TILE, 64); \
    _tile_loadd(5, a + (2 * (plane) + 1) * SPLIT_TILE, 64)
#define COLUMN_TILES(plane) \
    _tile_loadd(6, b + 2 * (plane) * SPLIT_TILE, 64); \
    _tile_loadd(7, b + (2 * (plane) + 1) * SPLIT_TILE, 64)
#define FOUR_PRODUCTS \
    _tile_dpbf16ps(0, 4, 6); \
    _tile_dpbf16ps(1, 4, 7); \
    _tile_dpbf16ps(2, 5, 6); \
    _tile_dpbf16ps(3, 5, 7)

/* Brings one of the next block's six tiles closer. */
INLINE void prefetch(const bit_bfloat16 *a, int tile)
{
    const char *at = (const char *)(a + SPLIT_BLOCK + tile * SPLIT_TILE);
    for (int i = 0; i < 16; i++)
        _mm_prefetch(at + i * 64, _MM_HINT_T0);
}

TILES void split_product(const bit_bfloat16 *a, const bit_bfloat16 *b, size_t steps, bool load, float *c, size_t c_row)
{
    float *below = c + 16 * c_row;
    if (load) {
        _tile_loadd(0, c, c_row * 4);
        _tile_loadd(1, c + 16, c_row * 4);
        _tile_loadd(2, below, c_row * 4);
        _tile_loadd(3, below + 16, c_row * 4);
    } else {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    }
    /* Small products first; from one pair of parts to the next only one side is loaded. */
    for (size_t s = 0; s < steps; s++, a += SPLIT_BLOCK, b += SPLIT_BLOCK) {
        prefetch(a, 0);
        ROW_TILES(2);
        COLUMN_TILES(0);
        FOUR_PRODUCTS;
        prefetch(a, 1);
        ROW_TILES(1);
        FOUR_PRODUCTS;
        prefetch(a, 2);
        COLUMN_TILES(1);
        FOUR_PRODUCTS;
        prefetch(a, 3);
        ROW_TILES(0);
        FOUR_PRODUCTS;
        prefetch(a, 4);
        COLUMN_TILES(2);
        FOUR_PRODUCTS;
        prefetch(a, 5);
        COLUMN_TILES(0);
        FOUR_PRODUCTS;
    }
    _tile_stored(0, c, c_row * 4);
    _tile_stored(1, c + 16, c_row * 4);
    _tile_stored(2, below, c_row * 4);
    _tile_stored(3, below + 16, c_row * 4);
}

TILES void split_fetch(const float *c, size_t c_row)
{
    for (size_t i = 0; i < SPLIT_SIDE; i++) {
        __builtin_prefetch(c + i * c_row, 1, 3);
        __builtin_prefetch(c + i * c_row + 16, 1, 3);
    }
}

#else

/* Never called where bit_amx_available is false; the same numbers in the same places. */

static void split(float x, bit_bfloat16 *to)
{
    for (int p = 0; p < SPLIT_PLANES; p++) {
        uint32_t bits, cut;
        float part;
        memcpy(&bits, &x, sizeof bits);
        cut = bits & 0xFFFF0000;
        memcpy(&part, &cut, sizeof part);
        to[p * 2 * SPLIT_TILE] = (bit_bfloat16)(bits >> 16);
        x -= part;
    }
}

static size_t row_place(int row, int depth)
{
    return (size_t)(row / 16) * SPLIT_TILE + (size_t)(row % 16) * 32 + (size_t)depth;
}

static size_t column_place(int column, int depth)
{
    return (size_t)(column / 16) * SPLIT_TILE + (size_t)(depth / 2) * 32 + (size_t)(column % 16) * 2 + (size_t)(depth % 2);
}

void split_rows(const float *const rows[SPLIT_SIDE], size_t at, bit_bfloat16 *block)
{
    for (int i = 0; i < SPLIT_SIDE; i++)
        for (int k = 0; k < SPLIT_SIDE; k++)
            split(rows[i][at + (size_t)k], block + row_place(i, k));
}

void split_rows_turned(const float *const lines[SPLIT_SIDE], size_t at, bit_bfloat16 *block)
{
    for (int i = 0; i < SPLIT_SIDE; i++)
        for (int k = 0; k < SPLIT_SIDE; k++)
            split(lines[k][at + (size_t)i], block + row_place(i, k));
}

void split_columns(const float *const lines[SPLIT_SIDE], size_t at, bit_bfloat16 *block)
{
    for (int j = 0; j < SPLIT_SIDE; j++)
        for (int k = 0; k < SPLIT_SIDE; k++)
            split(lines[k][at + (size_t)j], block + column_place(j, k));
}

void split_columns_turned(const float *const columns[SPLIT_SIDE], size_t at, bit_bfloat16 *block)
{
    for (int j = 0; j < SPLIT_SIDE; j++)
        for (int k = 0; k < SPLIT_SIDE; k++)
            split(columns[j][at + (size_t)k], block + column_place(j, k));
}

void split_product(const bit_bfloat16 *a, const bit_bfloat16 *b, size_t steps, bool load, float *c, size_t c_row)
{
    for (int i = 0; i < SPLIT_SIDE; i++)
        for (int j = 0; j < SPLIT_SIDE; j++) {
            float sum = load ? c[(size_t)i * c_row + (size_t)j] : 0;
            for (size_t k = 0; k < steps * SPLIT_SIDE; k++) {
                const bit_bfloat16 *x = a + k / SPLIT_SIDE * SPLIT_BLOCK + row_place(i, (int)(k % SPLIT_SIDE));
                const bit_bfloat16 *y = b + k / SPLIT_SIDE * SPLIT_BLOCK + column_place(j, (int)(k % SPLIT_SIDE));
                for (int p = SPLIT_PLANES - 1; p >= 0; p--)
                    for (int q = 0; p + q < SPLIT_PLANES; q++)
                        sum += bit_bfloat16_to_float(x[p * 2 * SPLIT_TILE]) * bit_bfloat16_to_float(y[q * 2 * SPLIT_TILE]);
            }
            c[(size_t)i * c_row + (size_t)j] = sum;
        }
}

void split_transpose(const float *tile, float *to, size_t row)
{
    for (int i = 0; i < SPLIT_SIDE; i++)
        for (int j = 0; j < SPLIT_SIDE; j++)
            to[(size_t)j * row + (size_t)i] = tile[i * SPLIT_SIDE + j];
}

void split_fetch(const float *c, size_t c_row)
{
    (void)c, (void)c_row;
}

#endif
