/* What can still be seen of a picture. */
#include <string.h>

#include "bit/data.h"
#include "bit/memory.h"
#include "picture.h"

enum { GREY = 0xa0, FACTOR = 8 };

/* Every `step`-th pixel of the rows that can be decoded; the rest stays grey. Gives the rows. */
static int take_rows(struct bit_picture *picture, int width, int height, int step, int columns, int rows, uint8_t *pixels)
{
    struct bit_error ignored = {0};
    int taken = 0;
    for (int y = 0; y < height && taken < rows; y++) {
        const uint8_t *row = bit_picture_row(picture, y, &ignored);
        if (!row)
            break;
        if (y % step)
            continue;
        for (int x = 0; x < columns && x * step < width; x++)
            memcpy(pixels + 3 * ((size_t)taken * (size_t)columns + (size_t)x), row + 4 * (size_t)(x * step), 3);
        taken++;
    }
    return taken;
}

/* The stream refuses a JPEG that is cut off as a whole; with an end marker behind what is there, its rows can be seen. */
static int open_cut(struct bit_picture *picture, uint8_t *copy, const void *data, size_t bytes, int *width, int *height)
{
    struct bit_error ignored = {0};
    memcpy(copy, data, bytes);
    copy[bytes] = 0xff;
    copy[bytes + 1] = 0xd9;
    return bit_picture_open(picture, copy, bytes + 2, width, height, &ignored);
}

int bit_thumbnail(const void *data, size_t bytes, int size, uint8_t *pixels, int *width, int *height, struct bit_error *error)
{
    const struct bit_picture_limits limits = {100000000, 100, {255, 255, 255}};
    struct bit_picture *picture = bit_picture_create(&limits, error);
    uint8_t *copy = bit_allocate(bytes + 2, 1, "a picture", error);
    int full_width, full_height, result = -1;
    if (!picture || !copy) {
        bit_picture_destroy(picture);
        bit_free(copy);
        return -1;
    }
    if (bit_picture_open(picture, data, bytes, &full_width, &full_height, error) == 0 ||
        open_cut(picture, copy, data, bytes, &full_width, &full_height) == 0) {
        *error = (struct bit_error){0};
        int longest = full_width > full_height ? full_width : full_height, factor = 1;
        while (factor < FACTOR && longest / (2 * factor) >= size)
            factor *= 2;
        const struct bit_region region = {factor, 0, 0, (full_width + factor - 1) / factor - 1, (full_height + factor - 1) / factor - 1};
        int step = (longest / factor + size - 1) / size;
        step = step < 1 ? 1 : step;
        *width = (region.right + step) / step < size ? (region.right + step) / step : size;
        *height = (region.bottom + step) / step < size ? (region.bottom + step) / step : size;
        *width = *width < 1 ? 1 : *width;
        *height = *height < 1 ? 1 : *height;
        memset(pixels, GREY, 3 * (size_t)*width * (size_t)*height);
        if (bit_picture_start(picture, &region, error) == 0)
            result = take_rows(picture, region.right + 1, region.bottom + 1, step, *width, *height, pixels) > 0
                         ? 0
                         : bit_fail(error, BIT_EDATA, "no row of it can be decoded");
        bit_picture_close(picture);
    }
    bit_picture_destroy(picture);
    bit_free(copy);
    return result;
}
