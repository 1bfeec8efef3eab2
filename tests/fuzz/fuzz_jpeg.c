/* Image files: whatever the bytes are, the decoder decodes or refuses them. */
#include <stdlib.h>
#include <string.h>

#include "bit/data.h"
#include "tests/data/kinds.h"
#include "tests/fuzz/mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct bit_stream_options options = {.training = true, .seed = 3, .image_size = 32, .area_min = 0.05,
        .area_max = 1, .aspect_min = 0.75, .aspect_max = 4.0 / 3, .crop_attempts = 100, .mirror = true,
        .file_limit = 32 << 20, .pixel_limit = 4000000, .scan_limit = 100};
    static struct bit_decoder *decoder;
    static float pixels[32 * 32 * 3];
    struct bit_error error = {0};
    if (!decoder)
        decoder = bit_decoder_create(&options, &error);
    if (!decoder || (bit_decoder_run(decoder, data, size, 0, size, pixels, &error) && error.code != BIT_EDATA))
        abort();
    return 0;
}

size_t fuzz_seed(int which, uint8_t *data, size_t capacity)
{
    static const enum picture_colour colours[] = {YCC420, GREY, YCC444, CMYK_ADOBE, YCC420, RGB, YCC422};
    struct picture p = {.width = 70, .height = 50, .progressive = which % 3 == 2, .arithmetic = which == 4};
    if ((size_t)which >= sizeof colours / sizeof *colours)
        return 0;
    p.colour = colours[which];
    struct bytes b = picture_make(&p);
    size_t size = b.size <= capacity ? b.size : 0;
    memcpy(data, b.data, size);
    free(b.data);
    return size;
}
