/* float32 products on bfloat16 tiles (AMX): the inner loops of split.c and split_weights.c.
 *
 * A float32 number has 24 significant bits, a bfloat16 number 8: x = x0 + x1 + x2 exactly, where x0 is x without its lower 16
 * bits, x1 the rest without its lower 16 bits, x2 what remains. Of the nine products of the parts of two numbers six are
 * added up in float32: x0 y0, x0 y1, x1 y0, x1 y1, x0 y2, x2 y0; the three left out are below about 2^-21 of the whole (G. Henry,
 * P. T. P. Tang, A. Heinecke, "Leveraging the bfloat16 artificial intelligence datatype for higher-precision computations",
 * ARITH 2019). Measured beside a chain of float32 multiply-adds, root mean square of the relative error: where signs are
 * mixed about half of the chain's; where no factor is negative 8.5e-7 (the chain 1.0e-6) over a depth of 4,608, but 8.4e-6
 * (1.5e-6) over 12,544 and 1.7e-5 (2.8e-6) over 32,768. So sums over pixels are cut (split_weights.c); a depth above 4,608
 * occurs in networks wider than 1. Numbers below 2^-110 lose bits, as the tile unit takes what is below 2^-126 for zero.
 *
 * A block is 32 rows or columns by 32 of depth: three parts (planes) of two tiles of SPLIT_TILE numbers. */
#ifndef BIT_COMPUTE_SPLIT_KERNELS_H
#define BIT_COMPUTE_SPLIT_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

#include "bit/bfloat16.h"

enum { SPLIT_SIDE = 32, SPLIT_TILE = 512, SPLIT_PLANES = 3, SPLIT_BLOCK = SPLIT_PLANES * 2 * SPLIT_TILE };

/* First factor, depth contiguous: rows[i][at .. at + 32) is row i. */
void split_rows(const float *const rows[SPLIT_SIDE], size_t at, bit_bfloat16 *block);
/* First factor, rows contiguous: lines[k][at .. at + 32) are all rows' numbers at depth k. */
void split_rows_turned(const float *const lines[SPLIT_SIDE], size_t at, bit_bfloat16 *block);
/* Second factor, columns contiguous: lines[k][at .. at + 32) are all columns' numbers at depth k. */
void split_columns(const float *const lines[SPLIT_SIDE], size_t at, bit_bfloat16 *block);
/* Second factor, depth contiguous: columns[j][at .. at + 32) is column j. */
void split_columns_turned(const float *const columns[SPLIT_SIDE], size_t at, bit_bfloat16 *block);

/* c[32][c_row] = (load ? c : 0) + a b over `steps` blocks of depth, which lie side by side. Between amx_begin and amx_end. */
void split_product(const bit_bfloat16 *a, const bit_bfloat16 *b, size_t steps, bool load, float *c, size_t c_row);
/* to[32][row] = transpose of tile[32][32]. */
void split_transpose(const float *tile, float *to, size_t row);
/* Brings c[32][c_row], soon to be written, into the cache. */
void split_fetch(const float *c, size_t c_row);

#endif
