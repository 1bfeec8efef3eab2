/* Runs a fuzzing target without libFuzzer:
 *   TARGET N [SEED]   N inputs, each a valid one with some bytes changed, cut, repeated or overwritten by odd numbers
 *   TARGET FILE ...   these files
 *   TARGET --seeds FOLDER   writes the valid inputs there, as a corpus for libFuzzer or AFL++
 * With clang: -fsanitize=fuzzer,address,undefined and without this file. */
#include "tests/fuzz/mutate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CAPACITY = 1 << 20 };
static uint8_t seed[CAPACITY], input[2 * CAPACITY];
static uint64_t state;

static uint64_t draw(uint64_t bound)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % bound;
}

static size_t change(size_t size)
{
    static const uint64_t odd[] = {0, 1, 0x7F, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, ~0ull, 1ull << 40, 1ull << 63};
    size_t at = size ? draw(size) : 0, left = size - at, count = left ? 1 + draw(left < 16 ? left : 16) : 0;
    switch (draw(6)) {
    case 0:
        input[at] ^= (uint8_t)(1u << draw(8));
        break;
    case 1:
        for (size_t i = 0; i < count; i++)
            input[at + i] = (uint8_t)draw(256);
        break;
    case 2: { /* an odd number, mostly where numbers stand */
        uint64_t value = odd[draw(sizeof odd / sizeof *odd)];
        size_t bytes = (size_t)1 << draw(4);
        at = at / bytes * bytes;
        if (at + bytes <= size)
            memcpy(input + at, &value, bytes);
        break;
    }
    case 3:
        if (draw(8) == 0)
            return at;
        break;
    case 4:
        if (size + count < sizeof input && draw(4) == 0) {
            memmove(input + at + count, input + at, left);
            return size + count;
        }
        break;
    default: /* a small step up or down */
        input[at] = (uint8_t)(input[at] + (draw(2) ? 1 : -1));
    }
    return size;
}

static int run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return 2;
    }
    size_t size = fread(input, 1, sizeof input, file);
    fclose(file);
    return LLVMFuzzerTestOneInput(input, size);
}

static int write_seeds(const char *folder)
{
    for (int which = 0; ; which++) {
        char path[4096];
        size_t size = fuzz_seed(which, seed, sizeof seed);
        if (!size)
            return 0;
        snprintf(path, sizeof path, "%s/seed-%d", folder, which);
        FILE *file = fopen(path, "wb");
        if (!file || fwrite(seed, size, 1, file) != 1 || fclose(file)) {
            perror(path);
            return 2;
        }
    }
}

int main(int argc, char **argv)
{
    char *end;
    if (argc == 3 && !strcmp(argv[1], "--seeds"))
        return write_seeds(argv[2]);
    unsigned long runs = argc > 1 ? strtoul(argv[1], &end, 10) : 10000, done = 0;
    if (argc > 1 && *end) {
        int result = 0;
        for (int i = 1; i < argc; i++)
            result |= run_file(argv[i]);
        return result;
    }
    state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    while (done < runs)
        for (int which = 0; done < runs; which++) {
            size_t size = fuzz_seed(which, seed, sizeof seed);
            if (!size)
                break;
            for (int i = 0; i < 50 && done < runs; i++, done++) {
                size_t now = size;
                memcpy(input, seed, size);
                for (uint64_t changes = draw(6); changes > 0; changes--)
                    now = change(now);
                LLVMFuzzerTestOneInput(input, now);
            }
        }
    printf("%lu inputs\n", done);
    return 0;
}
