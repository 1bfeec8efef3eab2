#include "exif.h"

#include <stdint.h>
#include <string.h>

enum { ORIENTATION = 0x0112, SHORT = 3, LONG = 4, ENTRY = 12 };

/* A TIFF structure, in either order of bytes. */
struct tiff { const uint8_t *data; size_t size; bool big; };

static uint32_t number(const struct tiff *t, size_t at, int bytes)
{
    uint32_t value = 0;
    for (int i = 0; i < bytes; i++)
        value |= (uint32_t)t->data[at + (size_t)i] << 8 * (t->big ? bytes - 1 - i : i);
    return value;
}

static enum bit_orientation of_entry(const struct tiff *t, size_t at)
{
    uint32_t type = number(t, at + 2, 2), value = number(t, at + 8, type == LONG ? 4 : 2);
    return (type == SHORT || type == LONG) && value >= BIT_UPRIGHT && value <= BIT_TURNED_270 ? (enum bit_orientation)value : BIT_UPRIGHT;
}

/* Of the first folder of a TIFF structure. */
static enum bit_orientation of_tiff(const uint8_t *data, size_t size)
{
    struct tiff t = {data, size, size > 0 && *data == 'M'};
    if (size < 8 || (memcmp(data, "II*\0", 4) && memcmp(data, "MM\0*", 4)))
        return BIT_UPRIGHT;
    size_t at = number(&t, 4, 4);
    if (at < 8 || at > size - 2)
        return BIT_UPRIGHT;
    uint32_t entries = number(&t, at, 2);
    at += 2;
    for (uint32_t i = 0; i < entries && size - at >= ENTRY; i++, at += ENTRY)
        if (number(&t, at, 2) == ORIENTATION)
            return of_entry(&t, at);
    return BIT_UPRIGHT;
}

/* Segments up to the first scan. */
static enum bit_orientation of_jpeg(const uint8_t *data, size_t size)
{
    for (size_t at = 2; at + 4 <= size;) {
        if (data[at] != 0xFF || data[at + 1] == 0xFF || data[at + 1] == 0) {
            at++; /* fill bytes and stray ones, as libjpeg skips them */
            continue;
        }
        size_t length = (size_t)data[at + 2] << 8 | data[at + 3];
        if (data[at + 1] == 0xDA || data[at + 1] == 0xD9 || length < 2 || length > size - at - 2)
            break;
        if (data[at + 1] == 0xE1 && length >= 8 && !memcmp(data + at + 4, "Exif\0\0", 6))
            return of_tiff(data + at + 10, length - 8);
        at += 2 + length;
    }
    return BIT_UPRIGHT;
}

static enum bit_orientation of_png(const uint8_t *data, size_t size)
{
    struct tiff t = {data, size, true};
    for (size_t at = 8; at + 12 <= size;) {
        size_t length = number(&t, at, 4);
        if (length > size - at - 12)
            break;
        if (!memcmp(data + at + 4, "eXIf", 4))
            return of_tiff(data + at + 8, length);
        at += length + 12;
    }
    return BIT_UPRIGHT;
}

enum bit_orientation bit_exif_orientation(const void *file, size_t size)
{
    const uint8_t *data = file;
    if (size >= 3 && !memcmp(data, "\xFF\xD8\xFF", 3))
        return of_jpeg(data, size);
    return size >= 8 && !memcmp(data, "\x89PNG", 4) ? of_png(data, size) : BIT_UPRIGHT;
}
