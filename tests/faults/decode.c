/* decode FILE: one image through the decoder with a job's limits; prints "SECONDS PEAK-KB". A refused one counts like any. */
#include <stdio.h>
#include <sys/resource.h>

#include "bit/clock.h"
#include "bit/data.h"

int main(int argc, char **argv)
{
    static const struct bit_stream_options options = {.training = true, .seed = 3, .image_size = 224, .area_min = 0.05,
        .area_max = 1, .aspect_min = 0.75, .aspect_max = 4.0 / 3, .crop_attempts = 100, .mirror = true,
        .file_limit = 32 << 20, .pixel_limit = 64000000, .scan_limit = 100};
    static float pixels[224 * 224 * 3];
    struct bit_error error = {0};
    struct rusage usage;
    struct bit_decoder *decoder = bit_decoder_create(&options, &error);
    if (argc != 2 || !decoder) {
        fprintf(stderr, "usage: decode FILE\n");
        return 64;
    }
    double begun = bit_clock_seconds();
    if (bit_decoder_run_file(decoder, argv[1], 0, 0, pixels, &error) && error.code != BIT_EDATA)
        return error.code;
    double seconds = bit_clock_seconds() - begun;
    getrusage(RUSAGE_SELF, &usage);
    printf("%.3f %ld\n", seconds, usage.ru_maxrss);
    bit_decoder_destroy(decoder);
    return 0;
}
