/* JPEG bytes to rows of RGBX pixels. As picture.h says; the functions below are its JPEG part. */
#ifndef BIT_DATA_JPEG_H
#define BIT_DATA_JPEG_H

#include "picture.h"

/* Besides the limits that the caller gives. They bound an image to about a second and 512 MB. */
enum {
    BIT_JPEG_COEFFICIENT_LIMIT = 384 << 20, /* bytes: files of several scans keep every coefficient */
    BIT_JPEG_WORK_LIMIT = 24000000,         /* 8x8 blocks visited over all scans */
    BIT_JPEG_ARITHMETIC_LIMIT = 4 << 20,    /* bytes of an arithmetic-coded file: ten times slower than Huffman codes */
};

struct bit_jpeg;
struct bit_jpeg *bit_jpeg_create(const struct bit_picture_limits *limits, struct bit_error *error);
void bit_jpeg_destroy(struct bit_jpeg *jpeg);
int bit_jpeg_open(struct bit_jpeg *jpeg, const void *data, size_t size, int *width, int *height, struct bit_error *error);
int bit_jpeg_start(struct bit_jpeg *jpeg, const struct bit_region *region, struct bit_error *error);
const uint8_t *bit_jpeg_row(struct bit_jpeg *jpeg, int y, struct bit_error *error);
void bit_jpeg_close(struct bit_jpeg *jpeg);

#endif
