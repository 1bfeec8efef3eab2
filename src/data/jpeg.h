/* JPEG bytes to rows of RGBX pixels, only where they are wanted. One object belongs to one thread. */
#ifndef BIT_DATA_JPEG_H
#define BIT_DATA_JPEG_H

#include <stddef.h>
#include <stdint.h>

#include "bit/error.h"

/* Besides the limits that the caller gives. They bound an image to about a second and 512 MB. */
enum {
    BIT_JPEG_COEFFICIENT_LIMIT = 384 << 20, /* bytes: files of several scans keep every coefficient */
    BIT_JPEG_WORK_LIMIT = 24000000,         /* 8x8 blocks visited over all scans */
    BIT_JPEG_ARITHMETIC_LIMIT = 4 << 20,    /* bytes of an arithmetic-coded file: ten times slower than Huffman codes */
};

struct bit_jpeg;
struct bit_jpeg *bit_jpeg_create(uint64_t pixel_limit, int scan_limit, struct bit_error *error);
void bit_jpeg_destroy(struct bit_jpeg *jpeg);

/* Reads the header. `data` must stay until bit_jpeg_close. Failures of class data speak of the image (not a JPEG,
 * damaged, beyond a limit), class environment of this machine. */
int bit_jpeg_open(struct bit_jpeg *jpeg, const void *data, size_t size, int *width, int *height,
                  struct bit_error *error);

/* Pixels left..right, top..bottom (inclusive) of the image reduced `factor` times (1, 2, 4, 8: by the DCT, to
 * ceil(size / factor) pixels). */
struct bit_jpeg_region { int factor, left, top, right, bottom; };
int bit_jpeg_start(struct bit_jpeg *jpeg, const struct bit_jpeg_region *region, struct bit_error *error);

/* Row y of the region: RGBX bytes from pixel `left` on. Rows are asked for in ascending order; the row before the last one
 * asked for is still valid. NULL when the data turn out to be damaged. */
const uint8_t *bit_jpeg_row(struct bit_jpeg *jpeg, int y, struct bit_error *error);

/* Ends an image, at any point, also after failures. */
void bit_jpeg_close(struct bit_jpeg *jpeg);

#endif
