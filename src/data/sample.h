/* One sample of the stream: an image, or what stands in for it. */
#ifndef BIT_DATA_SAMPLE_H
#define BIT_DATA_SAMPLE_H

#include "bit/data.h"

enum { BIT_SAMPLE_REASON = 256 };

struct bit_sample {
    uint64_t image, epoch; /* set by the stream */
    uint64_t used;         /* whose pixels and labels these are: `image`, or its substitute */
    bool bad;              /* `image` was; `reason` says why */
    char reason[BIT_SAMPLE_REASON];
    struct bit_error error; /* no substitute found, or this machine failed */
};

/* Fills `pixels` and the sample's results. A bad image of training is replaced by a substitute drawn from (seed, epoch,
 * image); it gets the augmentation that the bad one would have had. One of evaluation leaves `pixels` undefined. */
void bit_sample_load(const struct bit_stream_options *options, struct bit_decoder *decoder, struct bit_sample *sample,
                     void *pixels);

#endif
