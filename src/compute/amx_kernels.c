#include "compute/amx_kernels.h"

#include "compute/isa.h"

#if defined __x86_64__ && defined __linux__ && (__GNUC__ >= 11 || __clang_major__ >= 12)

#include <cpuid.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "compute/transpose16.h"

#define TILES __attribute__((target("avx512f,avx512bw,avx512vl,amx-tile,amx-bf16")))

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool permitted;

static void ask(void)
{
    enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d))
        return;
    bool bf16 = d >> 22 & 1, tile = d >> 24 & 1;
    permitted = bf16 && tile && syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}

bool amx_permitted(void)
{
    pthread_once(&once, ask);
    return permitted;
}

TILES void amx_begin(void)
{
    struct { uint8_t palette, start, reserved[14]; uint16_t bytes[16]; uint8_t rows[16]; } shape = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        shape.bytes[i] = 64;
        shape.rows[i] = 16;
    }
    /* gcc's intrinsic claims to read 8 bytes only: without this the stores above are dropped. */
    __asm__ volatile("" : : "r"(&shape) : "memory");
    _tile_loadconfig(&shape);
}

TILES void amx_end(void)
{
    _tile_release();
}

TILES static inline __m512i row_load(const bit_bfloat16 *row, size_t channel)
{
    return row ? _mm512_loadu_si512(row + channel) : _mm512_setzero_si512();
}

/* Pairs of pixels, then a transposition of 16x16 pairs for either half of each 128-bit lane's channels. */
TILES void amx_transpose(const bit_bfloat16 *const rows[AMX_SIDE], size_t channel, bit_bfloat16 *to, size_t to_row)
{
    __m512i pairs[2][16];
    for (int i = 0; i < 16; i++) {
        __m512i a = row_load(rows[2 * i], channel), b = row_load(rows[2 * i + 1], channel);
        pairs[0][i] = _mm512_unpacklo_epi16(a, b); /* channels 0-3, 8-11, 16-19, 24-27 */
        pairs[1][i] = _mm512_unpackhi_epi16(a, b); /* channels 4-7, 12-15, 20-23, 28-31 */
    }
    for (int half = 0; half < 2; half++) {
        /* Column 4 g + j of a half is channel 8 g + 4 half + j. */
        transpose16(pairs[half], (char *)(to + (size_t)(4 * half) * to_row), to_row * sizeof *to, 8 * to_row * sizeof *to);
    }
}

TILES void amx_interleave(const bit_bfloat16 *const rows[AMX_SIDE], size_t channel, bit_bfloat16 *to)
{
    const __m512i low = _mm512_set_epi16(47, 15, 46, 14, 45, 13, 44, 12, 43, 11, 42, 10, 41, 9, 40, 8, 39, 7, 38, 6, 37, 5,
                                         36, 4, 35, 3, 34, 2, 33, 1, 32, 0);
    const __m512i high = _mm512_add_epi16(low, _mm512_set1_epi16(16));
    for (int i = 0; i < 16; i++, to += 64) {
        __m512i a = row_load(rows[2 * i], channel), b = row_load(rows[2 * i + 1], channel);
        _mm512_storeu_si512(to, _mm512_permutex2var_epi16(a, low, b));
        _mm512_storeu_si512(to + 32, _mm512_permutex2var_epi16(a, high, b));
    }
}

TILES void amx_product(const bit_bfloat16 *a, size_t a_row, const bit_bfloat16 *b, int steps, bool accumulate, float *sum,
                       size_t sum_row)
{
    float *below = sum + 16 * sum_row;
    if (accumulate) {
        _tile_loadd(0, sum, sum_row * 4);
        _tile_loadd(1, sum + 16, sum_row * 4);
        _tile_loadd(2, below, sum_row * 4);
        _tile_loadd(3, below + 16, sum_row * 4);
    } else {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    }
    for (int k = 0; k < steps; k++, a += 32, b += 1024) {
        _tile_loadd(6, b, 128);
        _tile_loadd(4, a, a_row * 2);
        _tile_loadd(7, b + 32, 128);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(5, a + 16 * a_row, a_row * 2);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, sum, sum_row * 4);
    _tile_stored(1, sum + 16, sum_row * 4);
    _tile_stored(2, below, sum_row * 4);
    _tile_stored(3, below + 16, sum_row * 4);
}

#else

bool amx_permitted(void)
{
    return false;
}

/* Never called where bit_amx_available is false. */
void amx_begin(void) {}
void amx_end(void) {}

void amx_transpose(const bit_bfloat16 *const rows[AMX_SIDE], size_t channel, bit_bfloat16 *to, size_t to_row)
{
    for (int i = 0; i < AMX_SIDE; i++)
        for (int c = 0; c < AMX_SIDE; c++)
            to[(size_t)c * to_row + i] = rows[i] ? rows[i][channel + c] : 0;
}

void amx_interleave(const bit_bfloat16 *const rows[AMX_SIDE], size_t channel, bit_bfloat16 *to)
{
    for (int i = 0; i < AMX_SIDE; i++)
        for (int c = 0; c < AMX_SIDE; c++)
            to[(i / 2 * AMX_SIDE + c) * 2 + i % 2] = rows[i] ? rows[i][channel + c] : 0;
}

void amx_product(const bit_bfloat16 *a, size_t a_row, const bit_bfloat16 *b, int steps, bool accumulate, float *sum,
                 size_t sum_row)
{
    for (int i = 0; i < AMX_SIDE; i++)
        for (int j = 0; j < AMX_SIDE; j++) {
            float s = accumulate ? sum[(size_t)i * sum_row + j] : 0;
            for (int k = 0; k < steps * AMX_SIDE; k++)
                s += bit_bfloat16_to_float(a[(size_t)i * a_row + k]) *
                     bit_bfloat16_to_float(b[(k / 2 * AMX_SIDE + j) * 2 + k % 2]);
            sum[(size_t)i * sum_row + j] = s;
        }
}

#endif

bool bit_amx_available(void)
{
    return bit_level() == BIT_LEVEL_AMX;
}
