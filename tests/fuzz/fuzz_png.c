/* PNG files: whatever the bytes are, the decoder decodes or refuses them. Checksums are made to fit first, or nothing would come past them;
 * a last byte of 0 leaves them as they are. */
#include <stdlib.h>
#include <string.h>

#include "bit/data.h"
#include "tests/data/kinds.h"
#include "tests/fuzz/mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct bit_stream_options options = {.training = true, .seed = 3, .image_size = 32, .area_min = 0.05,
        .area_max = 1, .aspect_min = 0.75, .aspect_max = 4.0 / 3, .crop_attempts = 100, .mirror = true,
        .file_limit = 32 << 20, .pixel_limit = 4000000, .scan_limit = 100, .background = {255, 128, 0}};
    static struct bit_decoder *decoder;
    static float pixels[32 * 32 * 3];
    struct bit_error error = {0};
    uint8_t *copy = malloc(size + 1);
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    if (size && data[size - 1])
        png_mend(copy, size);
    if (!decoder)
        decoder = bit_decoder_create(&options, &error);
    if (!decoder || (bit_decoder_run(decoder, copy, size, 0, size, pixels, &error) && error.code != BIT_EDATA))
        abort();
    free(copy);
    return 0;
}

size_t fuzz_seed(int which, uint8_t *data, size_t capacity)
{
    static const enum picture_colour colours[] = {PNG_RGB, PNG_PALETTE, PNG_RGBA, PNG_GREY16, PNG_GREY, PNG_RGB16};
    size_t kinds = sizeof colours / sizeof *colours;
    if ((size_t)which >= 2 * kinds)
        return 0;
    struct picture p = {.width = 27, .height = 19, .progressive = (size_t)which >= kinds, .colour = colours[(size_t)which % kinds]};
    struct bytes b = picture_make(&p);
    size_t size = b.size <= capacity ? b.size : 0;
    memcpy(data, b.data, size);
    free(b.data);
    return size;
}
