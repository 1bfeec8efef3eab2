/* How large the images of an index are: what the rule of fine-tuning asks. */
#include <limits.h>
#include <stdlib.h>

#include "decoder.h"

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

int bit_index_measure(const struct bit_stream_options *options, uint64_t *pixels, struct bit_error *error)
{
    enum { MOST = 101 };
    const struct bit_index *index = options->index;
    uint64_t found[MOST], images = options->subset ? options->subset->count : bit_index_images(index);
    uint64_t looked = images < MOST ? images : MOST;
    struct bit_error first = {0};
    int count = 0;
    struct bit_decoder *decoder = bit_decoder_create(options, error);
    if (!decoder)
        return -1;
    for (uint64_t i = 0; i < looked; i++) {
        struct bit_error bad = {0};
        char path[PATH_MAX];
        int width, height;
        uint64_t place = looked > 1 ? i * ((images - 1) / (looked - 1)) : 0, image = options->subset ? options->subset->images[place] : place;
        if (!bit_index_image_path(index, image, path, sizeof path, &bad) && !bit_decoder_measure(decoder, path, &width, &height, &bad))
            found[count++] = (uint64_t)width * (uint64_t)height;
        else if (!first.code)
            bit_fail(&first, bad.code, "%s: %s", path, bad.text);
    }
    bit_decoder_destroy(decoder);
    if (!count)
        return bit_fail(error, first.code ? first.code : BIT_EDATA, "none of %llu images that were looked at can be read; the first: %s",
                        (unsigned long long)looked, first.text);
    qsort(found, (size_t)count, sizeof *found, ascending);
    *pixels = found[count / 2];
    return 0;
}
