/* All chunks are looked at before libpng sees a byte: is the file whole, do the checksums fit, can so few bytes hold so many pixels?
 * The verdict on a file then depends on the crop only where its compressed data are ill in spite of fitting checksums.
 *
 * What pixels become: grey and palette turn into RGB; of 16 bits the upper 8 are taken, as TensorFlow and Pillow do; transparent pixels
 * are laid over the background, in 8 bits and rounded. Colour profiles and gamma are ignored, as in those. */
#include "png.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <png.h>
#include <zlib.h>

#include "bit/memory.h"

enum { SIGNATURE = 8, CHUNK = 12 /* length, name and checksum around a chunk's data */, HEADER = 13, PASSES = 7 };
enum { DEFLATE_RATIO = 1032 /* bytes that one byte of deflated data can become at most */ };

/* The first chunk. */
struct header { uint32_t width, height; int depth, colour, interlaced; };

struct bit_png {
    struct bit_picture_limits limits;
    png_structp png;
    png_infop info;
    jmp_buf failed;
    char reason[160], warning[120];
    struct bit_error memory; /* of an allocation that failed */
    const uint8_t *data;
    size_t size, at;
    struct header header;
    struct bit_region region;
    bool alpha;
    int next, source;     /* the reduced row, and the row of the file, that come next */
    uint8_t *whole;       /* interlaced pictures: their wanted rows; others: one row */
    size_t whole_capacity;
    int first, last;      /* rows of the file that are wanted */
    uint8_t *rows;        /* two rows of the region */
    uint16_t *sums;       /* a row of the region while pixels are added up */
    size_t rows_capacity; /* pixels */
};

/* ---- what libpng calls ---- */

static void on_error(png_structp png, png_const_charp text)
{
    struct bit_png *p = png_get_error_ptr(png);
    snprintf(p->reason, sizeof p->reason, "damaged PNG: %.80s%s%.60s", text, *p->warning ? ": " : "", p->warning);
    longjmp(p->failed, 1);
}

/* The first one names the cause of an error that follows; warnings alone do no harm. */
static void on_warning(png_structp png, png_const_charp text)
{
    struct bit_png *p = png_get_error_ptr(png);
    if (!*p->warning)
        snprintf(p->warning, sizeof p->warning, "%s", text);
}

static png_voidp on_allocate(png_structp png, png_alloc_size_t size)
{
    struct bit_png *p = png_get_mem_ptr(png);
    return bit_allocate(size, 1, "a PNG decoder", &p->memory);
}

static void on_free(png_structp png, png_voidp memory)
{
    (void)png;
    bit_free(memory);
}

static void on_read(png_structp png, png_bytep to, size_t count)
{
    struct bit_png *p = png_get_io_ptr(png);
    if (count > p->size - p->at)
        png_error(png, "its data end too early");
    memcpy(to, p->data + p->at, count);
    p->at += count;
}

static int fail_reason(struct bit_png *p, struct bit_error *error)
{
    if (p->memory.code != BIT_OK)
        return bit_fail(error, p->memory.code, "%s", p->memory.text);
    return bit_fail(error, BIT_EDATA, "%s", p->reason);
}

/* ---- life ---- */

struct bit_png *bit_png_create(const struct bit_picture_limits *limits, struct bit_error *error)
{
    struct bit_png *p = bit_allocate(1, sizeof *p, "a PNG decoder", error);
    if (p)
        p->limits = *limits;
    return p;
}

void bit_png_close(struct bit_png *p)
{
    if (p->png)
        png_destroy_read_struct(&p->png, &p->info, NULL);
    p->png = NULL;
    p->info = NULL;
}

void bit_png_destroy(struct bit_png *p)
{
    if (!p)
        return;
    bit_png_close(p);
    bit_free(p->whole);
    bit_free(p->rows);
    bit_free(p->sums);
    bit_free(p);
}

/* ---- the chunks ---- */

static uint32_t number_at(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static bool is(const uint8_t *name, const char *wanted)
{
    return !memcmp(name, wanted, 4);
}

static bool is_name(const uint8_t *name)
{
    for (int i = 0; i < 4; i++)
        if ((name[i] | 0x20) < 'a' || (name[i] | 0x20) > 'z')
            return false;
    return true;
}

/* Chunks that do not matter to the pixels. Others are not believed to be unknown ones: it may be a name that is damaged. */
static bool is_harmless(const uint8_t *name)
{
    static const char known[] = "tEXt zTXt iTXt tIME gAMA cHRM sRGB iCCP cICP pHYs bKGD hIST sBIT sPLT eXIf oFFs pCAL sCAL sTER acTL fcTL fdAT";
    for (size_t i = 0; i < sizeof known; i += 5)
        if (is(name, known + i))
            return true;
    return false;
}

/* One chunk at `at`; *length is that of its data. Checksums have to fit, but for those of harmless chunks. */
static int check_chunk(const uint8_t *data, size_t size, size_t at, size_t *length, struct bit_error *error)
{
    const uint8_t *name = data + at + 4;
    if (size - at < CHUNK)
        return bit_fail(error, BIT_EDATA, "truncated: no end chunk");
    if (!is_name(name))
        return bit_fail(error, BIT_EDATA, "damaged PNG: no chunk begins at byte %zu", at);
    *length = number_at(data + at);
    if (*length > size - at - CHUNK)
        return bit_fail(error, BIT_EDATA, "truncated: chunk %.4s at byte %zu has %zu bytes, %zu are left", (const char *)name, at, *length,
                        size - at - CHUNK);
    if (!is_harmless(name) && crc32(0, name, (uInt)*length + 4) != number_at(name + 4 + *length))
        return bit_fail(error, BIT_EDATA, "damaged PNG: the checksum of chunk %.4s at byte %zu does not fit", (const char *)name, at);
    return 0;
}

static int read_header(struct bit_png *p, const uint8_t *name, size_t length, struct bit_error *error)
{
    const uint8_t *h = name + 4;
    if (is(name, "CgBI"))
        return bit_fail(error, BIT_EDATA, "a PNG as Xcode changes them for telephones (CgBI), which no other reader reads: take the original");
    if (!is(name, "IHDR") || length != HEADER)
        return bit_fail(error, BIT_EDATA, "damaged PNG: it does not begin with a header chunk");
    p->header = (struct header){number_at(h), number_at(h + 4), h[8], h[9], h[12]};
    return 0;
}

/* Stops at the end chunk; what some programs write behind it does no harm. */
static int check_chunks(struct bit_png *p, uint64_t *packed, struct bit_error *error)
{
    size_t length = 0;
    *packed = 0;
    for (size_t at = SIGNATURE;; at += CHUNK + length) {
        const uint8_t *name = p->data + at + 4;
        if (check_chunk(p->data, p->size, at, &length, error) || (at == SIGNATURE && read_header(p, name, length, error)))
            return -1;
        if (is(name, "IDAT"))
            *packed += length;
        if (is(name, "IEND"))
            return 0;
    }
}

static int check_limits(const struct bit_png *p, uint64_t packed, struct bit_error *error)
{
    const struct header *h = &p->header;
    static const int samples[] = {1, 1, 3, 1, 2, 1, 4};
    uint64_t pixels = (uint64_t)h->width * h->height, bits = (uint64_t)h->depth * (h->colour < 7 ? (uint64_t)samples[h->colour] : 1);
    if (pixels > p->limits.pixels)
        return bit_fail(error, BIT_EDATA, "claims %u x %u pixels: more than the %.0f megapixels of data.max_megapixels", h->width, h->height,
                        (double)p->limits.pixels / 1e6);
    if (h->width > BIT_PNG_SIDE_LIMIT || h->height > BIT_PNG_SIDE_LIMIT)
        return bit_fail(error, BIT_EDATA, "claims %u x %u pixels: at most %d a side (a fixed limit)", h->width, h->height, BIT_PNG_SIDE_LIMIT);
    if (pixels / 8 * bits / DEFLATE_RATIO > packed)
        return bit_fail(error, BIT_EDATA, "claims %u x %u pixels: %llu bytes of data cannot hold so many", h->width, h->height,
                        (unsigned long long)packed);
    if (h->interlaced && pixels * 4 > BIT_PNG_INTERLACED_LIMIT)
        return bit_fail(error, BIT_EDATA, "%u x %u interlaced pixels would take %.0f MB: at most %.0f (a fixed limit)", h->width, h->height,
                        (double)pixels * 4 / 1e6, BIT_PNG_INTERLACED_LIMIT / 1e6);
    return 0;
}

/* ---- open ---- */

/* What the pixels do not need (texts, profiles, times) is skipped unseen: its data can be as large as a bomb. Checksums were looked at. */
static void set_up(struct bit_png *p)
{
    png_set_read_fn(p->png, p, on_read);
    png_set_crc_action(p->png, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);
    png_set_keep_unknown_chunks(p->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_user_limits(p->png, BIT_PNG_SIDE_LIMIT, BIT_PNG_SIDE_LIMIT);
    png_set_option(p->png, PNG_MAXIMUM_INFLATE_WINDOW, PNG_OPTION_ON); /* some old programs state too small a one */
}

int bit_png_open(struct bit_png *p, const void *data, size_t size, int *width, int *height, struct bit_error *error)
{
    uint64_t packed;
    p->data = data;
    p->size = size;
    p->at = 0;
    *p->warning = 0;
    bit_error_clear(&p->memory);
    if (check_chunks(p, &packed, error) || check_limits(p, packed, error))
        return -1;
    if (setjmp(p->failed))
        return fail_reason(p, error);
    p->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, p, on_error, on_warning, p, on_allocate, on_free);
    p->info = p->png ? png_create_info_struct(p->png) : NULL;
    if (!p->info) {
        snprintf(p->reason, sizeof p->reason, "libpng refuses to start: %s", p->warning);
        return p->memory.code ? fail_reason(p, error) : bit_fail(error, BIT_EENVIRONMENT, "%s", p->reason);
    }
    set_up(p);
    png_read_info(p->png, p->info);
    *width = (int)p->header.width;
    *height = (int)p->header.height;
    return 0;
}

/* ---- rows ---- */

static uint8_t *grow(uint8_t *old, size_t *capacity, size_t needed, struct bit_error *error)
{
    if (needed <= *capacity)
        return old;
    bit_free(old);
    uint8_t *memory = bit_allocate(needed, 1, "decoded image rows", error);
    *capacity = memory ? needed : 0;
    return memory;
}

static int reserve(struct bit_png *p, struct bit_error *error)
{
    size_t pixels = (size_t)(p->region.right - p->region.left + 1), rows = p->header.interlaced ? (size_t)(p->last - p->first + 1) + 1 : 1;
    p->whole = grow(p->whole, &p->whole_capacity, rows * p->header.width * 4, error);
    if (!p->whole)
        return -1;
    if (pixels <= p->rows_capacity)
        return 0;
    bit_free(p->rows);
    bit_free(p->sums);
    p->rows_capacity = 0;
    p->rows = bit_allocate(pixels, 2 * 4, "decoded image rows", error);
    p->sums = p->rows ? bit_allocate(pixels, 4 * sizeof *p->sums, "decoded image rows", error) : NULL;
    if (!p->sums)
        return -1;
    p->rows_capacity = pixels;
    return 0;
}

/* Any kind of pixel to RGBA or RGBX of 8 bits. */
static void set_output(struct bit_png *p)
{
    p->alpha = (p->header.colour & PNG_COLOR_MASK_ALPHA) || png_get_valid(p->png, p->info, PNG_INFO_tRNS);
    png_set_expand(p->png);
    png_set_strip_16(p->png);
    png_set_gray_to_rgb(p->png);
    png_set_filler(p->png, 255, PNG_FILLER_AFTER);
    png_set_interlace_handling(p->png);
    png_read_update_info(p->png, p->info);
}

/* The last row of `whole` takes those that nobody wants. */
static uint8_t *interlaced_row(const struct bit_png *p, int y)
{
    int row = y < p->first || y > p->last ? p->last - p->first + 1 : y - p->first;
    return p->whole + (size_t)row * p->header.width * 4;
}

static void read_interlaced(struct bit_png *p)
{
    for (int pass = 0; pass < PASSES; pass++)
        for (int y = 0; y < (int)p->header.height; y++)
            png_read_row(p->png, interlaced_row(p, y), NULL);
}

int bit_png_start(struct bit_png *p, const struct bit_region *region, struct bit_error *error)
{
    if (setjmp(p->failed))
        return fail_reason(p, error);
    p->region = *region;
    p->next = region->top;
    p->source = 0;
    p->first = region->top * region->factor;
    p->last = (region->bottom + 1) * region->factor - 1;
    if (p->last >= (int)p->header.height)
        p->last = (int)p->header.height - 1;
    set_output(p);
    if (png_get_rowbytes(p->png, p->info) != (size_t)p->header.width * 4)
        return bit_fail(error, BIT_EINTERNAL, "libpng gives %zu bytes for %u pixels", png_get_rowbytes(p->png, p->info), p->header.width);
    if (reserve(p, error))
        return -1;
    if (p->header.interlaced)
        read_interlaced(p);
    return 0;
}

/* Row y of the file. */
static uint8_t *source_row(struct bit_png *p, int y)
{
    if (p->header.interlaced)
        return interlaced_row(p, y);
    for (; p->source <= y; p->source++)
        png_read_row(p->png, p->whole, NULL);
    return p->whole;
}

static void lay_over(uint8_t *pixels, int count, const uint8_t background[3])
{
    for (int i = 0; i < count; i++, pixels += 4)
        for (int c = 0; c < 3; c++)
            pixels[c] = (uint8_t)((pixels[c] * pixels[3] + background[c] * (255 - pixels[3]) + 127) / 255);
}

/* `count` pixels of the file from `pixels` on, each added to the sum of the reduced pixel that it lies in. */
static void add_up(const uint8_t *pixels, int count, int factor, uint16_t *sums)
{
    for (int i = 0; i < count; i++, pixels += 4) {
        uint16_t *sum = sums + (size_t)(i / factor) * 4;
        for (int c = 0; c < 3; c++)
            sum[c] = (uint16_t)(sum[c] + pixels[c]);
    }
}

/* The mean, rounded; pixels and rows at the edge are made of fewer. */
static void divide(const uint16_t *sums, int columns, int rows, int factor, uint8_t *out)
{
    for (int i = 0; i < columns; i += factor, sums += 4, out += 4) {
        int n = rows * (columns - i < factor ? columns - i : factor);
        for (int c = 0; c < 3; c++)
            out[c] = (uint8_t)((sums[c] + n / 2) / n);
    }
}

static void make_row(struct bit_png *p, int y, uint8_t *out)
{
    int factor = p->region.factor, left = p->region.left * factor, columns = (p->region.right + 1) * factor - left;
    int top = y * factor, bottom = top + factor - 1;
    if (columns > (int)p->header.width - left)
        columns = (int)p->header.width - left;
    if (bottom > p->last)
        bottom = p->last;
    memset(p->sums, 0, p->rows_capacity * 4 * sizeof *p->sums);
    for (int s = top; s <= bottom; s++) {
        uint8_t *pixels = source_row(p, s) + (size_t)left * 4;
        if (p->alpha)
            lay_over(pixels, columns, p->limits.background);
        if (factor == 1)
            memcpy(out, pixels, (size_t)columns * 4);
        else
            add_up(pixels, columns, factor, p->sums);
    }
    if (factor > 1)
        divide(p->sums, columns, bottom - top + 1, factor, out);
}

static uint8_t *kept_row(const struct bit_png *p, int y)
{
    return p->rows + (size_t)(y & 1) * p->rows_capacity * 4;
}

const uint8_t *bit_png_row(struct bit_png *p, int y, struct bit_error *error)
{
    if (y >= p->next) {
        if (setjmp(p->failed)) {
            fail_reason(p, error);
            return NULL;
        }
        make_row(p, y, kept_row(p, y));
        p->next = y + 1;
    }
    return kept_row(p, y);
}
