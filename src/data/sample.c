#include "sample.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "bit/clock.h"
#include "bit/log.h"
#include "bit/random.h"
#include "bit/wait.h"
#include "decoder.h"
#include "index.h"

enum { CANDIDATES = 64 };

/* Whether the storage is away, so that another try may succeed: reading failed, the folder cannot be reached, or the file is there again when it
 * is looked for. A single file that is missing from a folder that is there is a bad image. */
static bool is_away(const struct bit_stream_options *o, enum bit_file_fault fault, uint64_t image, const char *path)
{
    struct stat status;
    if (fault == BIT_FILE_LOST)
        return true;
    if (fault != BIT_FILE_ABSENT && fault != BIT_FILE_REFUSED)
        return false;
    return !bit_index_in_reach(o->index, image) || (fault == BIT_FILE_ABSENT && stat(path, &status) == 0);
}

/* False when it has been waited long enough. */
static bool wait_more(struct bit_patience *patience, double since, const char *path, const struct bit_error *error)
{
    if (atomic_load(&patience->over))
        return false;
    if (bit_clock_seconds() - since >= patience->seconds) {
        atomic_store(&patience->over, true);
        return false;
    }
    if (!atomic_exchange(&patience->told, true))
        bit_log(BIT_LOG_WARNING, "%s: %s; waiting up to %g seconds for its storage", path, error->text, patience->seconds);
    bit_sleep(0.05);
    return true;
}

/* 1: decoded; 0: bad, *error says why; -1: this machine or the storage failed. */
static int load(const struct bit_stream_options *o, struct bit_decoder *decoder, uint64_t image,
                struct bit_sample *sample, struct bit_patience *patience, void *pixels, struct bit_error *error)
{
    char path[PATH_MAX];
    double since = bit_clock_seconds();
    bool waited = false;
    if (bit_index_image_path(o->index, image, path, sizeof path, error))
        return error->code == BIT_EDATA ? 0 : -1;
    while (bit_decoder_run_file(decoder, path, sample->epoch, sample->image, pixels, error)) {
        if (!is_away(o, bit_decoder_fault(decoder), image, path))
            return error->code == BIT_EDATA ? 0 : bit_fail_at(error, "%s", path);
        if (!wait_more(patience, since, path, error)) {
            struct bit_error lost = *error;
            bit_error_clear(error);
            return bit_fail(error, BIT_EENVIRONMENT, "%s: %s: its storage or its folder is away; put it back and give the same "
                            "command", path, lost.text);
        }
        bit_error_clear(error);
        waited = true;
    }
    if (waited)
        atomic_store(&patience->told, false);
    sample->window = *bit_decoder_window(decoder);
    /* Boxes belong to pixels as they were annotated. */
    return bit_index_check_size(o->index, image, sample->window.width, sample->window.height, error) ? 0 : 1;
}

static bool was_opened(const struct bit_decoder *decoder)
{
    enum bit_file_fault fault = bit_decoder_fault(decoder);
    return fault != BIT_FILE_ABSENT && fault != BIT_FILE_REFUSED;
}

void bit_sample_load(const struct bit_stream_options *o, struct bit_decoder *decoder, struct bit_sample *sample,
                     struct bit_patience *patience, void *pixels)
{
    struct bit_error error = {0};
    struct bit_random random;
    uint64_t images = o->subset ? o->subset->count : bit_index_images(o->index);
    bit_error_clear(&sample->error);
    sample->used = sample->image;
    int loaded = load(o, decoder, sample->image, sample, patience, pixels, &error);
    bool opened = was_opened(decoder);
    sample->bad = loaded == 0;
    if (sample->bad)
        snprintf(sample->reason, sizeof sample->reason, "%.*s", BIT_SAMPLE_REASON - 1, error.text);
    if (sample->bad && o->training) {
        bit_random_init(&random, o->seed, BIT_PURPOSE_SUBSTITUTE, sample->epoch, sample->image);
        for (int i = 0; loaded == 0 && i < CANDIDATES; i++) {
            sample->used = bit_random_below(&random, images);
            if (o->subset)
                sample->used = o->subset->images[sample->used];
            if (sample->used == sample->image)
                continue;
            bit_error_clear(&error);
            loaded = load(o, decoder, sample->used, sample, patience, pixels, &error);
            opened |= was_opened(decoder);
        }
        if (loaded == 0 && !opened)
            bit_fail(&sample->error, BIT_EENVIRONMENT, "no image can be opened, %d were tried; the first: %s", CANDIDATES,
                     sample->reason);
        else if (loaded == 0)
            bit_fail(&sample->error, BIT_EDATA, "no substitute for a bad image among %d tries; the first was: %s",
                     CANDIDATES, sample->reason);
    }
    if (loaded < 0)
        sample->error = error;
}
