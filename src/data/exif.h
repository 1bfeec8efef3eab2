/* How a camera was held: the orientation in a picture's EXIF data. */
#ifndef BIT_DATA_EXIF_H
#define BIT_DATA_EXIF_H

#include <stdbool.h>
#include <stddef.h>

/* The numbers of the standard. What is to be done to the stored picture to show it upright: mirrored is left to right, flipped top to
 * bottom; transposed is mirrored at the diagonal from the upper left; turned is clockwise. */
enum bit_orientation {
    BIT_UPRIGHT = 1, BIT_MIRRORED, BIT_TURNED_180, BIT_FLIPPED, BIT_TRANSPOSED, BIT_TURNED_90, BIT_TRANSVERSED, BIT_TURNED_270
};

/* Of a JPEG's first EXIF segment or a PNG's eXIf chunk, by the file's bytes; upright where there is none or it is damaged. */
enum bit_orientation bit_exif_orientation(const void *file, size_t size);

/* Whether rows become columns. */
static inline bool bit_orientation_swaps(enum bit_orientation o)
{
    return o >= BIT_TRANSPOSED;
}

/* Whether the order of stored columns (rows) is turned round. */
static inline bool bit_orientation_turns_x(enum bit_orientation o)
{
    return o == BIT_MIRRORED || o == BIT_TURNED_180 || o == BIT_TRANSVERSED || o == BIT_TURNED_270;
}

static inline bool bit_orientation_turns_y(enum bit_orientation o)
{
    return o == BIT_TURNED_180 || o == BIT_FLIPPED || o == BIT_TURNED_90 || o == BIT_TRANSVERSED;
}

#endif
