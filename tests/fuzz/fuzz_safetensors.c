/* safetensors files of weights: whatever the bytes are, they are refused by name, or give finite numbers. */
#include "tests/fuzz/fuzz_weights.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_weights(data, size);
}

size_t fuzz_seed(int which, uint8_t *data, size_t capacity)
{
    return which ? 0 : fuzz_weights_seed(bit_weights_write_safetensors, data, capacity);
}
