/* A small model's state whose every value is a function of (array, element, step), so that what is loaded can be compared
 * with what it must be, without a second copy. Shapes are awkward on purpose. */
#ifndef BIT_TESTS_STORE_STATE_H
#define BIT_TESTS_STORE_STATE_H

#include <stdio.h>
#include <string.h>

#include "bit/memory.h"
#include "bit/store.h"

static inline struct bit_table *state_table(int large)
{
    static const struct { const char *name; enum bit_parameter_kind kind; int block, dimensions; size_t shape[4]; } rows[] = {
        {"resnet/root_block/standardized_conv2d/kernel", BIT_KERNEL, 0, 4, {7, 7, 3, 8}},
        {"resnet/block1/unit01/a/group_norm/gamma", BIT_GAMMA, 1, 1, {8}},
        {"resnet/block1/unit01/a/group_norm/beta", BIT_BETA, 1, 1, {8}},
        {"resnet/block1/unit01/a/standardized_conv2d/kernel", BIT_KERNEL, 1, 4, {1, 1, 8, 13}},
        {"resnet/block1/unit01/b/standardized_conv2d/kernel", BIT_KERNEL, 1, 4, {3, 3, 13, 5}},
        {"resnet/odd/two", BIT_KERNEL, 2, 2, {37, 11}},
        {"resnet/odd/three", BIT_KERNEL, 2, 3, {5, 17, 19}},
        {"resnet/odd/one", BIT_BIAS, 3, 1, {1}},
        {"resnet/head/conv2d/kernel", BIT_KERNEL, 5, 4, {1, 1, 64, 31}},
        {"resnet/head/conv2d/bias", BIT_BIAS, 5, 1, {31}},
    };
    struct bit_table *table = bit_table_create(NULL);
    size_t big[4] = {3, 3, 64, 96};
    for (size_t i = 0; table && i < sizeof rows / sizeof *rows; i++)
        bit_table_add(table, rows[i].name, rows[i].kind, rows[i].block, rows[i].dimensions, rows[i].shape, NULL);
    for (int i = 0; table && i < large; i++) {
        char name[64];
        snprintf(name, sizeof name, "resnet/block4/unit%02d/b/standardized_conv2d/kernel", i + 1);
        bit_table_add(table, name, BIT_KERNEL, 4, 4, big, NULL);
    }
    return table;
}

static inline struct bit_table *state_statistics(void)
{
    struct bit_table *table = bit_table_create(NULL);
    size_t shape = 21;
    bit_table_add(table, "resnet/block1/unit01/a/batch_norm/mean", BIT_STATISTIC, 1, 1, &shape, NULL);
    bit_table_add(table, "resnet/block1/unit01/a/batch_norm/variance", BIT_STATISTIC, 1, 1, &shape, NULL);
    return table;
}

enum { STATE_WEIGHTS, STATE_MOMENTUM, STATE_STATISTICS };

/* Element k of parameter i. tests/store/readback.py knows the same formula. */
static inline float state_value(int array, size_t parameter, size_t k, uint64_t step)
{
    uint32_t x = (uint32_t)k * 2654435761u + (uint32_t)parameter * 40503u + (uint32_t)array * 977u + (uint32_t)step * 31u;
    return (float)((int)(x >> 8 & 0xFFFFF) - 0x80000) / 1024.0f;
}

static inline void state_fill(const struct bit_table *table, int array, uint64_t step, float *block)
{
    for (size_t i = 0; i < table->count; i++)
        for (size_t k = 0; k < table->items[i].count; k++)
            block[table->items[i].offset + k] = state_value(array, i, k, step);
}

/* Elements that differ from what they must be, padding included. */
static inline size_t state_wrong(const struct bit_table *table, int array, uint64_t step, const float *block)
{
    size_t wrong = 0, end = 0;
    for (size_t i = 0; i < table->count; i++) {
        const struct bit_parameter *p = &table->items[i];
        for (; end < p->offset; end++)
            wrong += block[end] != 0;
        for (size_t k = 0; k < p->count; k++, end++)
            wrong += block[end] != state_value(array, i, k, step);
    }
    return wrong;
}

static inline struct bit_checkpoint state_checkpoint(uint64_t step)
{
    return (struct bit_checkpoint){.step = step, .samples = step * 64, .epoch = (double)step / 7,
        .job = "{\"name\":\"a \\\"job\\\"\",\"seed\":7}", .model = "{\"depth\":50,\"model\":{\"width\":1},\"loss\":\"softmax\"}",
        .classes = "cat\ndog\n\xc3\xa9t\xc3\xa9\n", .data_fingerprint = "0123456789abcdef0123456789abcdef", .extra = "{\"best\":0.5}"};
}

#endif
