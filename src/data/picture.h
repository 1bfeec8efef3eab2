/* Picture bytes, JPEG or PNG by their first bytes, to rows of RGBX pixels, only where they are wanted. One object belongs to one thread. */
#ifndef BIT_DATA_PICTURE_H
#define BIT_DATA_PICTURE_H

#include <stddef.h>
#include <stdint.h>

#include "bit/error.h"

struct bit_picture_limits {
    uint64_t pixels;
    int scans;             /* of a progressive JPEG */
    uint8_t background[3]; /* what shows through where a PNG is transparent: red, green, blue */
};

/* Pixels left..right, top..bottom (inclusive) of the picture reduced `factor` times (1, 2, 4, 8), to ceil(size / factor) pixels: a JPEG
 * by its DCT, a PNG by the mean of factor x factor pixels. */
struct bit_region { int factor, left, top, right, bottom; };

struct bit_picture;
struct bit_picture *bit_picture_create(const struct bit_picture_limits *limits, struct bit_error *error);
void bit_picture_destroy(struct bit_picture *picture);

/* Reads the header. `data` must stay until bit_picture_close. Failures of class data speak of the picture (neither JPEG nor PNG,
 * damaged, beyond a limit), class environment of this machine. */
int bit_picture_open(struct bit_picture *picture, const void *data, size_t size, int *width, int *height, struct bit_error *error);
int bit_picture_start(struct bit_picture *picture, const struct bit_region *region, struct bit_error *error);
/* Row y of the region: RGBX bytes from pixel `left` on. Rows are asked for in ascending order; the row before the last one
 * asked for is still valid. NULL when the data turn out to be damaged. */
const uint8_t *bit_picture_row(struct bit_picture *picture, int y, struct bit_error *error);
/* Ends a picture, at any point, also after failures. */
void bit_picture_close(struct bit_picture *picture);

#endif
