/* What the targets for files of weights share: the bytes become a file, which is opened and read into a small network. */
#ifndef TESTS_FUZZ_WEIGHTS_H
#define TESTS_FUZZ_WEIGHTS_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bit/exchange.h"
#include "bit/memory.h"
#include "tests/fuzz/mutate.h"

/* Names and places of a real network, sizes of a toy: both files stay below 16 KiB, where mutations hit. */
static struct bit_table *fuzz_table(void)
{
    struct bit_table *t = bit_table_create(NULL);
    bit_table_add(t, "resnet/root_block/standardized_conv2d/kernel", BIT_KERNEL, 0, 4, (size_t[]){1, 2, 3, 64}, NULL);
    bit_table_add(t, "resnet/block1/unit01/a/group_norm/gamma", BIT_GAMMA, 1, 1, (size_t[]){8}, NULL);
    bit_table_add(t, "resnet/block1/unit01/a/proj/standardized_conv2d/kernel", BIT_KERNEL, 1, 4, (size_t[]){1, 1, 2, 3}, NULL);
    bit_table_add(t, "resnet/head/conv2d/bias", BIT_BIAS, 5, 1, (size_t[]){5}, NULL);
    return t;
}

/* Refused with a message, or every number is finite. */
static int fuzz_weights(const uint8_t *data, size_t size)
{
    static char path[64];
    static struct bit_table *table;
    struct bit_error error = {0};
    if (!table) {
        table = fuzz_table();
        snprintf(path, sizeof path, "/tmp/fuzz-weights-%ld", (long)getpid());
    }
    FILE *f = fopen(path, "wb");
    if (!f || (size && fwrite(data, size, 1, f) != 1) || fclose(f))
        abort();
    float *block = bit_allocate(table->elements, sizeof *block, "weights", NULL);
    struct bit_weights_file *file = bit_weights_open(path, &error);
    if (!file != (error.code != BIT_OK) || (error.code && !strstr(error.text, path)))
        abort();
    if (file && bit_weights_read(file, table, block, &error) == 0)
        for (size_t i = 0; i < table->elements; i++)
            if (!isfinite(block[i]))
                abort();
    bit_weights_close(file);
    bit_free(block);
    unlink(path);
    return 0;
}

/* A file as the project itself writes it. */
static size_t fuzz_weights_seed(int (*write)(const struct bit_weights_export *, const char *, struct bit_error *), uint8_t *data,
                                size_t capacity)
{
    struct bit_error error = {0};
    struct bit_table *table = fuzz_table();
    float *block = bit_allocate(table->elements, sizeof *block, "weights", NULL);
    char path[64];
    snprintf(path, sizeof path, "/tmp/fuzz-seed-%ld", (long)getpid());
    const struct bit_weights_export e = {.table = table, .weights = block, .weight_standardization = true, .classes = "", .origin = "{}"};
    size_t size = 0;
    if (write(&e, path, &error) == 0) {
        FILE *f = fopen(path, "rb");
        size = f ? fread(data, 1, capacity, f) : 0;
        if (f)
            fclose(f);
    }
    unlink(path);
    bit_free(block);
    bit_table_destroy(table);
    return size;
}

#endif
