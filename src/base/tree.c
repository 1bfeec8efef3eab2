#include "bit/tree.h"

int bit_tree_blocks(int leaves)
{
    int blocks = 0;
    while (leaves > 1) {
        leaves /= 2;
        blocks++;
    }
    return blocks ? blocks : 1;
}

/* Going down: a right child is evaluated one accumulator above its parent's. The leaf completes every subtree whose last
 * leaf it is: as many as there are right turns at the end of the way. */
struct bit_tree_leaf bit_tree_leaf(int leaves, int leaf)
{
    int block = 0, merges = 0;
    while (leaves > 1) {
        int left = (leaves + 1) / 2;
        if (leaf < left) {
            leaves = left;
            merges = 0;
        } else {
            leaf -= left;
            leaves -= left;
            block++;
            merges++;
        }
    }
    return (struct bit_tree_leaf){.block = merges ? block - 1 : block, .merges = merges};
}

double bit_tree_sum(const double *values, int leaves)
{
    if (leaves == 1)
        return values[0];
    int left = (leaves + 1) / 2;
    return bit_tree_sum(values, left) + bit_tree_sum(values + left, leaves - left);
}

size_t bit_tree_bytes(const struct bit_table *table, int leaves)
{
    size_t largest = 0;
    for (size_t i = 0; i < table->count; i++)
        if (table->items[i].count > largest)
            largest = table->items[i].count;
    return ((size_t)bit_tree_blocks(leaves) * table->elements + (leaves > 1 ? largest : 0)) * sizeof(float);
}
