/* The binary tree in which everything that a step sums over micro-batches is added:
 *   tree(1) = the leaf, tree(n) = tree(ceil(n / 2)) + tree(floor(n / 2)), leaves in order.
 * With n = R m leaves and R a power of two, rank r's leaves [r m, (r + 1) m) are a subtree, and the sum over ranks,
 * neighbours first, is the top of the same tree: bits do not depend on R. */
#ifndef BIT_TREE_H
#define BIT_TREE_H

#include <stddef.h>

#include "bit/table.h"

/* Evaluating the tree a leaf at a time needs this many accumulators (1 for one leaf, else floor(log2 leaves)) and room
 * for one leaf. leaves >= 1. */
int bit_tree_blocks(int leaves);

/* What happens with leaf number `leaf`. merges 0: it is stored in accumulator `block`. Else it is added to accumulator
 * `block`, that sum to accumulator block - 1, and so on, `merges` additions in all; the last sum is kept. After the last
 * leaf, accumulator 0 holds the tree. */
struct bit_tree_leaf { int block, merges; };
struct bit_tree_leaf bit_tree_leaf(int leaves, int leaf);

/* The tree over `leaves` numbers. */
double bit_tree_sum(const double *values, int leaves);

/* Bytes that the gradient of `leaves` micro-batches needs: accumulators of the table's size, and room for the largest
 * parameter where there is more than one leaf. */
size_t bit_tree_bytes(const struct bit_table *table, int leaves);

#endif
