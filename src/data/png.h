/* PNG bytes to rows of RGBX pixels. As picture.h says; the functions below are its PNG part. */
#ifndef BIT_DATA_PNG_H
#define BIT_DATA_PNG_H

#include "picture.h"

/* Besides the limits that the caller gives. */
enum {
    BIT_PNG_SIDE_LIMIT = 1000000,          /* pixels: some rows are held at a time */
    BIT_PNG_INTERLACED_LIMIT = 384 << 20,  /* bytes: interlaced pictures are held whole */
};

struct bit_png;
struct bit_png *bit_png_create(const struct bit_picture_limits *limits, struct bit_error *error);
void bit_png_destroy(struct bit_png *png);
int bit_png_open(struct bit_png *png, const void *data, size_t size, int *width, int *height, struct bit_error *error);
int bit_png_start(struct bit_png *png, const struct bit_region *region, struct bit_error *error);
const uint8_t *bit_png_row(struct bit_png *png, int y, struct bit_error *error);
void bit_png_close(struct bit_png *png);

#endif
