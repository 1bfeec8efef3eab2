#include "sample.h"

#include <limits.h>
#include <stdio.h>

#include "bit/random.h"

enum { CANDIDATES = 64 };

/* 1: decoded; 0: bad, *error says why; -1: this machine failed. */
static int load(const struct bit_stream_options *o, struct bit_decoder *decoder, uint64_t image,
                const struct bit_sample *sample, void *pixels, struct bit_error *error)
{
    char path[PATH_MAX];
    if (!bit_index_image_path(o->index, image, path, sizeof path, error) &&
        !bit_decoder_run_file(decoder, path, sample->epoch, sample->image, pixels, error))
        return 1;
    if (error->code == BIT_EDATA)
        return 0;
    return bit_fail_at(error, "%s", path);
}

void bit_sample_load(const struct bit_stream_options *o, struct bit_decoder *decoder, struct bit_sample *sample,
                     void *pixels)
{
    struct bit_error error = {0};
    struct bit_random random;
    uint64_t images = bit_index_images(o->index);
    bit_error_clear(&sample->error);
    sample->used = sample->image;
    int loaded = load(o, decoder, sample->image, sample, pixels, &error);
    sample->bad = loaded == 0;
    if (sample->bad)
        snprintf(sample->reason, sizeof sample->reason, "%.*s", BIT_SAMPLE_REASON - 1, error.text);
    if (sample->bad && o->training) {
        bit_random_init(&random, o->seed, BIT_PURPOSE_SUBSTITUTE, sample->epoch, sample->image);
        for (int i = 0; loaded == 0 && i < CANDIDATES; i++) {
            sample->used = bit_random_below(&random, images);
            if (sample->used == sample->image)
                continue;
            bit_error_clear(&error);
            loaded = load(o, decoder, sample->used, sample, pixels, &error);
        }
        if (loaded == 0)
            bit_fail(&sample->error, BIT_EDATA, "no substitute for a bad image among %d tries; the first was: %s",
                     CANDIDATES, sample->reason);
    }
    if (loaded < 0)
        sample->error = error;
}
