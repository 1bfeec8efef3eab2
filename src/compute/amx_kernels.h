/* bfloat16 tiles on processors with AMX (tile matrix extensions): the inner loops of amx.c. x86-64 only; everywhere else
 * bit_amx_available is false and the backends' other operations do the same work. */
#ifndef BIT_COMPUTE_AMX_KERNELS_H
#define BIT_COMPUTE_AMX_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

#include "bit/bfloat16.h"

enum { AMX_SIDE = 32 /* channels and pixels of a block: two tiles of 16 rows, one of 32 columns */ };

/* True when processor, operating system and BIT_ISA allow tiles. */
bool bit_amx_available(void);
/* True when processor and operating system do. Asks the kernel for permission once. */
bool amx_permitted(void);

/* Sets this thread's tile shapes; before the first product on a thread's stack of work, undone by amx_end. */
void amx_begin(void);
void amx_end(void);

/* to[32][to_row] = transpose of 32 pixels of 32 channels; rows[i] NULL reads as zeros. */
void amx_transpose(const bit_bfloat16 *const rows[AMX_SIDE], size_t channel, bit_bfloat16 *to, size_t to_row);
/* 32 pixels of 32 channels -> to[16][32][2]: pairs of pixels side by side, as the second factor of a tile product. */
void amx_interleave(const bit_bfloat16 *const rows[AMX_SIDE], size_t channel, bit_bfloat16 *to);
/* sum[32][sum_row] (+)= a[32][a_row] b, over steps * 32 pixels; a's columns are pixels; b as amx_interleave writes it. */
void amx_product(const bit_bfloat16 *a, size_t a_row, const bit_bfloat16 *b, int steps, bool accumulate, float *sum,
                 size_t sum_row);

#endif
