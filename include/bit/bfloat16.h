/* bfloat16: the upper half of a float32. */
#ifndef BIT_BFLOAT16_H
#define BIT_BFLOAT16_H

#include <stdint.h>
#include <string.h>

typedef uint16_t bit_bfloat16;

static inline float bit_bfloat16_to_float(bit_bfloat16 x)
{
    uint32_t bits = (uint32_t)x << 16;
    float y;
    memcpy(&y, &bits, sizeof y);
    return y;
}

/* Rounds to nearest, ties to even; NaN stays NaN. */
static inline bit_bfloat16 bit_bfloat16_from_float(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint32_t rounded = (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
    uint32_t quiet = (bits >> 16) | 0x40u;
    return (bit_bfloat16)((bits & 0x7FFFFFFFu) > 0x7F800000u ? quiet : rounded);
}

#endif
