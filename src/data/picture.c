#include "picture.h"

#include <string.h>

#include "bit/memory.h"
#include "jpeg.h"
#include "kind.h"
#include "png.h"

enum format { NEITHER, JPEG, PNG };

struct bit_picture {
    enum format format; /* of the open picture */
    struct bit_jpeg *jpeg;
    struct bit_png *png;
};

struct bit_picture *bit_picture_create(const struct bit_picture_limits *limits, struct bit_error *error)
{
    struct bit_picture *p = bit_allocate(1, sizeof *p, "a picture decoder", error);
    if (!p)
        return NULL;
    p->jpeg = bit_jpeg_create(limits, error);
    p->png = p->jpeg ? bit_png_create(limits, error) : NULL;
    if (!p->png) {
        bit_picture_destroy(p);
        return NULL;
    }
    return p;
}

void bit_picture_destroy(struct bit_picture *p)
{
    if (!p)
        return;
    bit_jpeg_destroy(p->jpeg);
    bit_png_destroy(p->png);
    bit_free(p);
}

/* How a file of either format begins. */
static const struct { enum format format; size_t size; const char *bytes; } starts[] = {
    {JPEG, 3, "\xFF\xD8\xFF"}, {PNG, 8, "\x89PNG\r\n\x1A\n"}};

static enum format format_of(const uint8_t *data, size_t size, struct bit_error *error)
{
    if (!size) {
        bit_fail(error, BIT_EDATA, "empty file");
        return NEITHER;
    }
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        if (!memcmp(data, starts[i].bytes, size < starts[i].size ? size : starts[i].size)) {
            if (size >= starts[i].size)
                return starts[i].format;
            bit_fail(error, BIT_EDATA, "truncated: no more than %zu bytes", size);
            return NEITHER;
        }
    }
    const char *kind = bit_kind_of_bytes(data, size);
    if (kind)
        bit_fail(error, BIT_EDATA, "neither a JPEG nor a PNG file but %s", kind);
    else
        bit_fail(error, BIT_EDATA, "neither a JPEG nor a PNG file: starts with 0x%02x 0x%02x", data[0], size > 1 ? data[1] : 0);
    return NEITHER;
}

int bit_picture_open(struct bit_picture *p, const void *data, size_t size, int *width, int *height, struct bit_error *error)
{
    p->format = format_of(data, size, error);
    if (p->format == NEITHER)
        return -1;
    return p->format == JPEG ? bit_jpeg_open(p->jpeg, data, size, width, height, error)
                             : bit_png_open(p->png, data, size, width, height, error);
}

int bit_picture_start(struct bit_picture *p, const struct bit_region *region, struct bit_error *error)
{
    return p->format == JPEG ? bit_jpeg_start(p->jpeg, region, error) : bit_png_start(p->png, region, error);
}

const uint8_t *bit_picture_row(struct bit_picture *p, int y, struct bit_error *error)
{
    return p->format == JPEG ? bit_jpeg_row(p->jpeg, y, error) : bit_png_row(p->png, y, error);
}

void bit_picture_close(struct bit_picture *p)
{
    bit_jpeg_close(p->jpeg);
    bit_png_close(p->png);
    p->format = NEITHER;
}
