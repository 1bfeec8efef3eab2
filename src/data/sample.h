/* One sample of the stream: an image, or what stands in for it. */
#ifndef BIT_DATA_SAMPLE_H
#define BIT_DATA_SAMPLE_H

#include <stdatomic.h>

#include "augment.h"

enum { BIT_SAMPLE_REASON = 256 };

struct bit_sample {
    uint64_t image, epoch; /* set by the stream */
    struct bit_window window; /* of `used` */
    uint64_t used;         /* whose pixels and labels these are: `image`, or its substitute */
    bool bad;              /* `image` was; `reason` says why */
    char reason[BIT_SAMPLE_REASON];
    struct bit_error error; /* no substitute found, or this machine failed */
};

/* How long loaders wait for storage that has gone, all of a stream together. */
struct bit_patience {
    double seconds;       /* for one image */
    atomic_bool over;     /* nobody waits (any more): one has waited in vain, or the stream is to pause or to end */
    atomic_bool told;     /* that somebody waits */
};

/* Fills `pixels` and the sample's results. A bad image of training is replaced by a substitute drawn from (seed, epoch,
 * image); it gets the augmentation that the bad one would have had. One of evaluation leaves `pixels` undefined.
 * An image is not bad because its storage is away: that is waited for, and then is a failure of class environment. */
void bit_sample_load(const struct bit_stream_options *options, struct bit_decoder *decoder, struct bit_sample *sample,
                     struct bit_patience *patience, void *pixels);

#endif
