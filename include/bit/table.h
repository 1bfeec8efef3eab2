/* The one table of all parameters. Weights, gradients and momentum are contiguous float32 blocks of table->elements
 * elements each; optimiser, reduction, checkpoint and hash walk this table, and nothing else enumerates parameters. */
#ifndef BIT_TABLE_H
#define BIT_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "bit/error.h"
#include "bit/hash.h"

enum bit_parameter_kind { BIT_KERNEL, BIT_GAMMA, BIT_BETA, BIT_BIAS, BIT_STATISTIC };
enum { BIT_PARAMETER_NAME = 96, BIT_TABLE_PAD = 16 /* elements: 64 bytes */ };

struct bit_parameter {
    char name[BIT_PARAMETER_NAME]; /* as in the published .npz: "resnet/block1/unit01/a/group_norm/gamma" */
    enum bit_parameter_kind kind;
    int dimensions;                /* 1 to 4 */
    size_t shape[4];               /* kernels: H, W, I, O; row-major */
    size_t count;                  /* product of the shape */
    size_t offset;                 /* first element in a block; a multiple of BIT_TABLE_PAD */
    int block;                     /* 0 root, 1..4, 5 final norm and head */
    /* roles: of the training at hand, so no file keeps them */
    bool head;                     /* the head's, else the backbone's */
    int per_class;                 /* the head's: numbers of a class in the last dimension, [per_class][classes]; 0: it counts no classes */
    bool trains;                   /* the optimiser changes it */
    bool decays;                   /* weight decay pulls at it */
    float rate;                    /* factor of the learning rate */
};

/* Parameters stand in forward order, so a backward pass finishes them from the end. Elements between one parameter's
 * end and the next one's offset are padding: always zero, in every block. */
struct bit_table {
    size_t count;    /* parameters */
    size_t capacity;
    size_t elements; /* of a block, padding included; a multiple of BIT_TABLE_PAD */
    size_t numbers;  /* without padding: the "number of parameters" of papers */
    struct bit_parameter *items;
};

struct bit_table *bit_table_create(struct bit_error *error);
void bit_table_destroy(struct bit_table *table);
/* Appends a parameter; returns its index or -1. */
int bit_table_add(struct bit_table *table, const char *name, enum bit_parameter_kind kind, int block, int dimensions,
                  const size_t *shape, struct bit_error *error);
/* Which parameters train, and how. A part is a block of the backbone (0 is the root; the norm behind block 4 belongs to it), or
 * the head. All zero: everything trains at the full rate, and decays. */
enum { BIT_PARTS = 6, BIT_PART_HEAD = 5 };
struct bit_roles_rule {
    bool decay_kernels_only;
    bool frozen[BIT_PARTS];
    float rate[BIT_PARTS];         /* factor of the learning rate; 0: 1 */
};
/* Sets the roles of all parameters but `head`, which stays as it is. bit_table_add gives those of a rule of zeros. */
void bit_table_assign(struct bit_table *table, const struct bit_roles_rule *rule);
/* Index of `name`, or -1. */
int bit_table_find(const struct bit_table *table, const char *name);
/* Index of the parameter that an element belongs to, its padding included; the table has at least one. */
size_t bit_table_at(const struct bit_table *table, size_t element);
/* True when both have the same names, shapes and offsets. */
bool bit_table_equal(const struct bit_table *a, const struct bit_table *b);
/* Hash of names, shapes and values (padding left out) of one block: equal models hash equal, whoever wrote them. */
struct bit_hash bit_table_hash(const struct bit_table *table, const float *block);
/* The same from the parameters' own hashes, each[i] = bit_hash_bytes of parameter i's values: for blocks that never lie
 * in memory as a whole. */
struct bit_hash bit_table_hash_combine(const struct bit_table *table, const struct bit_hash *each);

/* A run of elements of a block. */
struct bit_piece { size_t offset, count; };
/* What one rank owns of every block: pieces ascending, disjoint, multiples of BIT_TABLE_PAD. */
struct bit_share {
    size_t count;    /* pieces */
    size_t elements; /* sum over pieces */
    struct bit_piece *pieces;
};
void bit_share_destroy(struct bit_share *share);

#endif
