/* What a fuzzing target offers to mutate.c (and to libFuzzer). */
#ifndef TESTS_FUZZ_MUTATE_H
#define TESTS_FUZZ_MUTATE_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* A valid input to start from; returns its size, 0 past the last one. */
size_t fuzz_seed(int which, uint8_t *data, size_t capacity);

#endif
