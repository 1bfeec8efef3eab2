#include "cli/compose.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bit/file.h"
#include "bit/jpeg.h"
#include "bit/memory.h"
#include "data/picture.h"

enum { FILE_MOST = 256 << 20, PIXELS_MOST = 100000000, SCANS_MOST = 200, CHANNELS = 4 };

void canvas_free(struct canvas *c)
{
    bit_free(c->pixels);
    *c = (struct canvas){0};
}

static float *pixel_at(const struct canvas *c, int x, int y)
{
    return c->pixels + ((size_t)y * (size_t)c->width + (size_t)x) * CHANNELS;
}

static int create(struct canvas *c, int width, int height, struct bit_error *error)
{
    *c = (struct canvas){width, height, bit_allocate((size_t)width * (size_t)height, CHANNELS * sizeof(float), "a picture", error)};
    return c->pixels ? 0 : -1;
}

/* ---- reading ---- */

/* Decodes with white or black behind what is transparent; colours go to `channel` 0 to 2 of the canvas for black; for white, alpha comes from
 * what has become lighter. */
static int decode(struct canvas *c, const void *data, size_t size, bool square, bool white, struct bit_error *error)
{
    const uint8_t level = white ? 255 : 0;
    const struct bit_picture_limits limits = {PIXELS_MOST, SCANS_MOST, {level, level, level}};
    struct bit_picture *picture = bit_picture_create(&limits, error);
    int width, height, result = picture && !bit_picture_open(picture, data, size, &width, &height, error) ? 0 : -1;
    if (!result && square)
        width = height = width < height ? width : height;
    if (!result && !white)
        result = create(c, width, height, error);
    const struct bit_region region = {1, 0, 0, width - 1, height - 1};
    if (!result)
        result = bit_picture_start(picture, &region, error);
    for (int y = 0; !result && y < height; y++) {
        const uint8_t *row = bit_picture_row(picture, y, error);
        result = row ? 0 : -1;
        for (int x = 0; !result && x < width; x++)
            for (int k = 0; k < 3; k++) {
                float value = (float)row[4 * x + k] / 255, *p = pixel_at(c, x, y);
                if (!white)
                    p[k] = value;
                else if (k == 1) /* the same in all three */
                    p[3] = 1 - (value - p[1]);
            }
    }
    if (picture)
        bit_picture_close(picture);
    bit_picture_destroy(picture);
    return result;
}

int canvas_read(struct canvas *c, const char *path, bool square, struct bit_error *error)
{
    char *data = NULL;
    size_t size = 0;
    *c = (struct canvas){0};
    int result = bit_file_read(path, FILE_MOST, &data, &size, error);
    if (!result && (decode(c, data, size, square, false, error) || decode(c, data, size, square, true, error)))
        result = bit_fail_at(error, "%s", path);
    bit_free(data);
    if (result)
        canvas_free(c);
    return result;
}

/* ---- resizing ---- */

/* One axis: `out` pixels from `in`; strides count floats. Weights fall linearly to zero at the distance of an output pixel, or of one
 * input pixel where it is enlarged. */
static void resize_line(const float *from, size_t from_stride, int in, float *to, size_t to_stride, int out)
{
    const double scale = (double)in / out, reach = scale > 1 ? scale : 1;
    for (int o = 0; o < out; o++) {
        double centre = (o + 0.5) * scale, sum = 0, value[CHANNELS] = {0};
        int low = (int)floor(centre - reach), high = (int)ceil(centre + reach);
        for (int i = low < 0 ? 0 : low; i < in && i <= high; i++) {
            double weight = 1 - fabs(i + 0.5 - centre) / reach;
            if (weight <= 0)
                continue;
            sum += weight;
            for (int k = 0; k < CHANNELS; k++)
                value[k] += weight * (double)from[(size_t)i * from_stride + (size_t)k];
        }
        for (int k = 0; k < CHANNELS; k++)
            to[(size_t)o * to_stride + (size_t)k] = (float)(value[k] / sum);
    }
}

int canvas_resize(struct canvas *c, int width, int height, struct bit_error *error)
{
    struct canvas wide = {0}, result = {0};
    if (create(&wide, width, c->height, error) || create(&result, width, height, error)) {
        canvas_free(&wide);
        canvas_free(&result);
        return -1;
    }
    for (int y = 0; y < c->height; y++)
        resize_line(pixel_at(c, 0, y), CHANNELS, c->width, pixel_at(&wide, 0, y), CHANNELS, width);
    for (int x = 0; x < width; x++)
        resize_line(pixel_at(&wide, x, 0), (size_t)width * CHANNELS, c->height, pixel_at(&result, x, 0), (size_t)width * CHANNELS, height);
    canvas_free(&wide);
    canvas_free(c);
    *c = result;
    return 0;
}

/* ---- cutting and pasting ---- */

bool canvas_trim(struct canvas *c)
{
    int left = c->width, right = -1, top = c->height, bottom = -1;
    for (int y = 0; y < c->height; y++)
        for (int x = 0; x < c->width; x++)
            if (pixel_at(c, x, y)[3] > 0.02f) {
                left = x < left ? x : left, right = x > right ? x : right;
                top = y < top ? y : top, bottom = y;
            }
    if (right < 0)
        return false;
    const int width = right - left + 1, height = bottom - top + 1;
    for (int y = 0; y < height; y++) /* rows move to the front, never past one that is still to be read */
        memmove(c->pixels + (size_t)y * (size_t)width * CHANNELS, pixel_at(c, left, top + y), (size_t)width * CHANNELS * sizeof(float));
    c->width = width;
    c->height = height;
    return true;
}

void canvas_paste(struct canvas *c, const struct canvas *object)
{
    const int left = (c->width - object->width) / 2, top = (c->height - object->height) / 2;
    for (int y = 0; y < object->height; y++)
        for (int x = 0; x < object->width; x++) {
            if (left + x < 0 || left + x >= c->width || top + y < 0 || top + y >= c->height)
                continue;
            const float *over = pixel_at(object, x, y);
            float *under = pixel_at(c, left + x, top + y);
            for (int k = 0; k < CHANNELS; k++)
                under[k] = over[k] + (1 - over[3]) * under[k];
        }
}

int canvas_write(const struct canvas *c, const char *path, int quality, struct bit_error *error)
{
    const size_t count = (size_t)c->width * (size_t)c->height;
    uint8_t *bytes = bit_allocate(count, 3, "a picture", error);
    unsigned char *data = NULL;
    size_t size = 0;
    int result = bytes ? 0 : -1;
    for (size_t i = 0; i < count && !result; i++)
        for (size_t k = 0; k < 3; k++)
            bytes[3 * i + k] = (uint8_t)lrintf(fminf(fmaxf(c->pixels[CHANNELS * i + k] * 255, 0), 255));
    if (!result)
        result = bit_jpeg_write(bytes, c->width, c->height, BIT_JPEG_RGB, quality, &data, &size, error) || bit_file_write_cache(path, data, size, error) ? -1 : 0;
    bit_free(bytes);
    free(data);
    return result;
}
