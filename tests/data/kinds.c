#include "tests/data/kinds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

/* First marker FF `code` from `from` on; 0 when there is none. Only headers are searched: before the first scan. */
static size_t find_marker(const struct bytes *b, size_t from, int code)
{
    for (size_t i = from; i + 3 < b->size; i++)
        if (b->data[i] == 0xFF && b->data[i + 1] == code)
            return i;
    return 0;
}

static size_t find_frame(const struct bytes *b)
{
    size_t at = find_marker(b, 0, 0xC0);
    return at ? at : find_marker(b, 0, 0xC2);
}

/* First byte of entropy-coded data. */
static size_t find_data(const struct bytes *b)
{
    size_t at = find_marker(b, 0, 0xDA);
    return at + 2 + (size_t)(b->data[at + 2] << 8 | b->data[at + 3]);
}

static void replace(struct bytes *b, const void *data, size_t size)
{
    b->data = realloc(b->data, size + 1);
    memcpy(b->data, data, size);
    b->size = size;
}

static void cut_segment(struct bytes *b, int code)
{
    size_t at;
    while ((at = find_marker(b, 2, code)) && at < find_data(b)) {
        size_t size = 2 + (size_t)(b->data[at + 2] << 8 | b->data[at + 3]);
        memmove(b->data + at, b->data + at + size, b->size - at - size);
        b->size -= size;
    }
}

static void insert(struct bytes *b, size_t at, const void *data, size_t size)
{
    b->data = realloc(b->data, b->size + size);
    memmove(b->data + at + size, b->data + at, b->size - at);
    memcpy(b->data + at, data, size);
    b->size += size;
}

static void set_size(struct bytes *b, unsigned width, unsigned height)
{
    unsigned char *f = b->data + find_frame(b);
    f[5] = (unsigned char)(height >> 8), f[6] = (unsigned char)height;
    f[7] = (unsigned char)(width >> 8), f[8] = (unsigned char)width;
}

static void empty(struct bytes *b) { b->size = 0; }
static void one_byte(struct bytes *b) { b->size = 1; }
static void start_only(struct bytes *b) { b->size = 2; }
static void header_only(struct bytes *b) { b->size = 20; }
static void half_header(struct bytes *b) { b->size = find_marker(b, 0, 0xDB) + 30; }
static void no_data(struct bytes *b) { b->size = find_data(b); }
static void half(struct bytes *b) { b->size /= 2; }
static void last_bytes_lost(struct bytes *b) { b->size -= 12; }
static void text(struct bytes *b) { replace(b, "This is not an image.\n", 22); }
static void html(struct bytes *b) { replace(b, "<html><body>404 Not Found</body></html>\n", 40); }
static void gif(struct bytes *b) { replace(b, "GIF89a\1\0\1\0\0\0\0;", 14); }
static void zeroes(struct bytes *b) { memset(b->data, 0, b->size); }
static void zeroed_tail(struct bytes *b) { memset(b->data + b->size / 2, 0, b->size - b->size / 2); }
static void huge_claim(struct bytes *b) { set_size(b, 65500, 65500); }
static void large_claim(struct bytes *b) { set_size(b, 9000, 7000); }
static void wide_claim(struct bytes *b) { set_size(b, 65500, 970); }
static void zero_width(struct bytes *b) { set_size(b, 0, 100); }
static void zero_height(struct bytes *b) { set_size(b, 100, 0); }
static void twelve_bits(struct bytes *b) { b->data[find_frame(b) + 4] = 12; }
static void lossless(struct bytes *b) { b->data[find_frame(b) + 1] = 0xC3; }
static void no_components(struct bytes *b) { b->data[find_frame(b) + 9] = 0; }
static void zero_sampling(struct bytes *b) { b->data[find_frame(b) + 11] = 0; }
static void no_huffman(struct bytes *b) { cut_segment(b, 0xC4); }
static void no_quantisers(struct bytes *b) { cut_segment(b, 0xDB); }
static void no_frame(struct bytes *b) { cut_segment(b, 0xC0); }
static void two_frames(struct bytes *b)
{
    size_t at = find_frame(b), size = 2 + (size_t)(b->data[at + 2] << 8 | b->data[at + 3]);
    unsigned char copy[64];
    memcpy(copy, b->data + at, size);
    insert(b, at, copy, size);
}
static void short_segment(struct bytes *b)
{
    size_t at = find_marker(b, 0, 0xDB);
    b->data[at + 2] = 0, b->data[at + 3] = 1;
}
static void long_segment(struct bytes *b)
{
    size_t at = find_marker(b, 0, 0xDB);
    b->data[at + 2] = 0xFF, b->data[at + 3] = 0xFF;
}
static void bad_huffman(struct bytes *b) { memset(b->data + find_marker(b, 0, 0xC4) + 5, 0xFF, 16); }

/* Noise where entropy-coded data should be; a stray marker right at its start, so that no crop escapes it. */
static void noise(struct bytes *b)
{
    unsigned x = 12345;
    size_t from = find_data(b);
    for (size_t i = from; i + 2 < b->size; i++) {
        x = x * 1664525 + 1013904223;
        b->data[i] = (unsigned char)(x >> 24);
    }
    b->data[from] = 0xFF;
    b->data[from + 1] = 0xC0;
}

static void flips(struct bytes *b)
{
    unsigned x = 999;
    size_t from = find_data(b);
    for (int i = 0; i < 40; i++) {
        x = x * 1664525 + 1013904223;
        b->data[from + (x >> 8) % (b->size - from)] ^= (unsigned char)(1u << (x >> 5 & 7));
    }
}

static void zeroed_middle(struct bytes *b)
{
    memset(b->data + b->size / 3, 0, b->size / 3);
}

static void trailing(struct bytes *b)
{
    static const char rest[] = "bytes after the end of the image, as some cameras write them";
    insert(b, b->size, rest, sizeof rest);
}

/* Stray bytes between two segments: libjpeg skips them. */
static void stray_bytes(struct bytes *b)
{
    insert(b, find_marker(b, 0, 0xDB), "\0\0stray\0", 8);
}

/* Bytes that the decoder leaves over before the end marker. */
static void padded_data(struct bytes *b)
{
    insert(b, b->size - 2, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
}

/* ---- PNG ---- */

static size_t be32(const unsigned char *at)
{
    return (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
}

static void set_be32(unsigned char *at, size_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(value >> (24 - 8 * i));
}

void png_mend(unsigned char *data, size_t size)
{
    for (size_t at = 8, length; at + 12 <= size; at += length + 12) {
        length = be32(data + at);
        if (length > size - at - 12)
            return;
        set_be32(data + at + 8 + length, crc32(0, data + at + 4, (unsigned)length + 4));
    }
}

/* Where the first chunk of this name begins; 0: nowhere. */
static size_t find_chunk(const struct bytes *b, const char *name)
{
    for (size_t at = 8; at + 12 <= b->size; at += be32(b->data + at) + 12)
        if (!memcmp(b->data + at + 4, name, 4))
            return at;
    return 0;
}

static void insert_chunk(struct bytes *b, const char *before, const char *name, const void *data, size_t size)
{
    unsigned char *chunk = calloc(1, size + 12);
    set_be32(chunk, size);
    memcpy(chunk + 4, name, 4);
    memcpy(chunk + 8, data, size);
    insert(b, find_chunk(b, before), chunk, size + 12);
    png_mend(b->data, b->size);
    free(chunk);
}

static void cut_chunk(struct bytes *b, const char *name)
{
    size_t at = find_chunk(b, name), size = be32(b->data + at) + 12;
    memmove(b->data + at, b->data + at + size, b->size - at - size);
    b->size -= size;
}

static void png_claim(struct bytes *b, size_t width, size_t height)
{
    set_be32(b->data + 16, width);
    set_be32(b->data + 20, height);
    png_mend(b->data, b->size);
}

static void png_byte(struct bytes *b, size_t at, unsigned char value)
{
    b->data[at] = value;
    png_mend(b->data, b->size);
}

static void png_signature(struct bytes *b) { b->size = 8; }
static void png_header(struct bytes *b) { b->size = 8 + 25; }
static void png_data_changed(struct bytes *b) { b->data[find_chunk(b, "IDAT") + 100] ^= 1; }
static void png_header_changed(struct bytes *b) { b->data[19] ^= 1; }
static void png_clear_changed(struct bytes *b) { b->data[find_chunk(b, "tRNS") + 9] ^= 1; }
static void png_deflate(struct bytes *b) { png_byte(b, find_chunk(b, "IDAT") + 8, 0); }
static void png_noise(struct bytes *b)
{
    memset(b->data + find_chunk(b, "IDAT") + 12, 0xFF, 40);
    png_mend(b->data, b->size);
}
static void png_huge(struct bytes *b) { png_claim(b, 65500, 65500); }
static void png_lies(struct bytes *b) { png_claim(b, 7900, 8000); }
static void png_long(struct bytes *b) { png_claim(b, 1, 2000000); }
static void png_most(struct bytes *b) { png_claim(b, 0xFFFFFFFF, 0xFFFFFFFF); }
static void png_taller(struct bytes *b) { png_claim(b, 320, 250); }
static void png_no_width(struct bytes *b) { png_claim(b, 0, 240); }
static void png_depth(struct bytes *b) { png_byte(b, 24, 7); }
static void png_colour(struct bytes *b) { png_byte(b, 25, 200); }
static void png_method(struct bytes *b) { png_byte(b, 26, 1); }
static void png_window(struct bytes *b) { b->data[find_chunk(b, "IDAT") + 8] = 0x08, png_byte(b, find_chunk(b, "IDAT") + 9, 0x1D); }
static void png_no_palette(struct bytes *b) { cut_chunk(b, "PLTE"); }
static void png_no_data(struct bytes *b) { cut_chunk(b, "IDAT"); }
static void png_no_end(struct bytes *b) { cut_chunk(b, "IEND"); }
static void png_no_header(struct bytes *b) { cut_chunk(b, "IHDR"); }
static void png_xcode(struct bytes *b) { insert_chunk(b, "IHDR", "CgBI", "\x30\0\x20\x02", 4); }
static void png_profile(struct bytes *b) { insert_chunk(b, "IDAT", "iCCP", "no profile", 11); }
static void png_text(struct bytes *b) { insert_chunk(b, "IDAT", "zTXt", "text\0\0\x78\x9c no text", 16); }
static void png_critical(struct bytes *b) { insert_chunk(b, "IDAT", "ABCD", "unknown, but needed", 20); }
static void png_long_chunk(struct bytes *b) { set_be32(b->data + find_chunk(b, "IDAT"), 0x7FFFFFFF); }
static void png_no_name(struct bytes *b) { png_byte(b, find_chunk(b, "IDAT") + 5, 0x80); }
static void png_line_ends(struct bytes *b)
{
    memmove(b->data + 4, b->data + 5, b->size - 5);
    b->size--;
}

#define PHOTO {.width = 320, .height = 240, .colour = YCC420, .seed = 7}
#define PNG_PHOTO {.width = 320, .height = 240, .colour = PNG_RGB, .seed = 7}
const struct kind kinds[] = {
    {"grey", GOOD, {.width = 200, .height = 150, .colour = GREY, .seed = 1}, NULL},
    {"ycc-420", GOOD, {.width = 321, .height = 243, .colour = YCC420, .seed = 2}, NULL},
    {"ycc-422", GOOD, {.width = 319, .height = 241, .colour = YCC422, .seed = 3}, NULL},
    {"ycc-440", GOOD, {.width = 300, .height = 200, .colour = YCC440, .seed = 4}, NULL},
    {"ycc-444", GOOD, {.width = 250, .height = 333, .colour = YCC444, .seed = 5}, NULL},
    {"rgb", GOOD, {.width = 240, .height = 240, .colour = RGB, .seed = 6}, NULL},
    {"cmyk-adobe", GOOD, {.width = 220, .height = 180, .colour = CMYK_ADOBE, .seed = 7}, NULL},
    {"cmyk-plain", GOOD, {.width = 220, .height = 180, .colour = CMYK_PLAIN, .seed = 8}, NULL},
    {"ycck", GOOD, {.width = 220, .height = 180, .colour = YCCK, .seed = 9}, NULL},
    {"progressive-420", GOOD, {.width = 310, .height = 205, .colour = YCC420, .progressive = true, .seed = 10}, NULL},
    {"progressive-444", GOOD, {.width = 205, .height = 310, .colour = YCC444, .progressive = true, .seed = 11}, NULL},
    {"progressive-grey", GOOD, {.width = 99, .height = 101, .colour = GREY, .progressive = true, .seed = 12}, NULL},
    {"arithmetic", EITHER, {.width = 160, .height = 120, .colour = YCC420, .arithmetic = true, .seed = 13}, NULL},
    {"restart", GOOD, {.width = 300, .height = 300, .colour = YCC420, .restart = 5, .seed = 14}, NULL},
    {"quality-100", GOOD, {.width = 301, .height = 207, .colour = YCC420, .quality = 100, .seed = 15}, NULL},
    {"quality-5", GOOD, {.width = 301, .height = 207, .colour = YCC420, .quality = 5, .seed = 16}, NULL},
    {"1x1", GOOD, {.width = 1, .height = 1, .colour = YCC420, .seed = 17}, NULL},
    {"2x3", GOOD, {.width = 2, .height = 3, .colour = YCC422, .seed = 18}, NULL},
    {"3x500", GOOD, {.width = 3, .height = 500, .colour = YCC420, .seed = 19}, NULL},
    {"500x3", GOOD, {.width = 500, .height = 3, .colour = YCC420, .seed = 20}, NULL},
    {"17x13", GOOD, {.width = 17, .height = 13, .colour = YCC420, .seed = 21}, NULL},
    {"large", GOOD, {.width = 1403, .height = 1051, .colour = YCC420, .seed = 22}, NULL},
    {"large-progressive", GOOD, {.width = 1102, .height = 901, .colour = YCC420, .progressive = true, .seed = 23}, NULL},
    {"trailing-bytes", GOOD, PHOTO, trailing},
    {"stray-bytes", GOOD, PHOTO, stray_bytes},
    {"padded-data", GOOD, PHOTO, padded_data},
    {"empty", BAD, PHOTO, empty},
    {"one-byte", BAD, PHOTO, one_byte},
    {"text", BAD, PHOTO, text},
    {"html", BAD, PHOTO, html},
    {"gif", BAD, PHOTO, gif},
    {"zeroes", BAD, PHOTO, zeroes},
    {"start-only", BAD, PHOTO, start_only},
    {"header-only", BAD, PHOTO, header_only},
    {"half-header", BAD, PHOTO, half_header},
    {"no-data", BAD, PHOTO, no_data},
    {"half-file", BAD, PHOTO, half},
    {"half-progressive", BAD, {.width = 320, .height = 240, .colour = YCC420, .progressive = true, .seed = 7}, half},
    {"last-bytes-lost", BAD, PHOTO, last_bytes_lost},
    {"zeroed-tail", BAD, PHOTO, zeroed_tail},
    {"noise", BAD, PHOTO, noise},
    {"huge-claim", BAD, PHOTO, huge_claim},
    {"large-claim-progressive", BAD, {.width = 320, .height = 240, .colour = YCC444, .progressive = true}, large_claim},
    {"wide-claim-progressive", BAD, {.width = 320, .height = 240, .colour = CMYK_ADOBE, .progressive = true}, wide_claim},
    {"zero-width", BAD, PHOTO, zero_width},
    {"zero-height", BAD, PHOTO, zero_height},
    {"twelve-bits", BAD, PHOTO, twelve_bits},
    {"lossless", BAD, PHOTO, lossless},
    {"no-components", BAD, PHOTO, no_components},
    {"zero-sampling", BAD, PHOTO, zero_sampling},
    {"no-huffman-tables", BAD, {.width = 320, .height = 240, .progressive = true, .colour = YCC420}, no_huffman},
    {"no-quantiser-tables", BAD, PHOTO, no_quantisers},
    {"no-frame", BAD, PHOTO, no_frame},
    {"two-frames", BAD, PHOTO, two_frames},
    {"short-segment", BAD, PHOTO, short_segment},
    {"long-segment", BAD, PHOTO, long_segment},
    {"bad-huffman-table", BAD, PHOTO, bad_huffman},
    {"too-many-scans", BAD, {.width = 320, .height = 240, .colour = YCC444, .scans = 150, .seed = 7}, NULL},
    {"bit-flips", EITHER, PHOTO, flips},
    {"zeroed-middle", EITHER, PHOTO, zeroed_middle},
    {"png-grey", GOOD, {.width = 200, .height = 150, .colour = PNG_GREY, .seed = 1}, NULL},
    {"png-rgb", GOOD, {.width = 321, .height = 243, .colour = PNG_RGB, .seed = 2}, NULL},
    {"png-rgba", GOOD, {.width = 319, .height = 241, .colour = PNG_RGBA, .seed = 3}, NULL},
    {"png-grey16", GOOD, {.width = 300, .height = 200, .colour = PNG_GREY16, .seed = 4}, NULL},
    {"png-rgb16", GOOD, {.width = 250, .height = 333, .colour = PNG_RGB16, .seed = 5}, NULL},
    {"png-palette", GOOD, {.width = 240, .height = 240, .colour = PNG_PALETTE, .seed = 6}, NULL},
    {"png-interlaced-rgb", GOOD, {.width = 310, .height = 205, .colour = PNG_RGB, .progressive = true, .seed = 7}, NULL},
    {"png-interlaced-palette", GOOD, {.width = 205, .height = 310, .colour = PNG_PALETTE, .progressive = true, .seed = 8}, NULL},
    {"png-interlaced-rgba", GOOD, {.width = 99, .height = 101, .colour = PNG_RGBA, .progressive = true, .seed = 9}, NULL},
    {"png-1x1", GOOD, {.width = 1, .height = 1, .colour = PNG_RGB, .seed = 10}, NULL},
    {"png-2x3", GOOD, {.width = 2, .height = 3, .colour = PNG_GREY, .progressive = true, .seed = 11}, NULL},
    {"png-3x500", GOOD, {.width = 3, .height = 500, .colour = PNG_RGB, .seed = 12}, NULL},
    {"png-500x3", GOOD, {.width = 500, .height = 3, .colour = PNG_RGBA, .seed = 13}, NULL},
    {"png-large", GOOD, {.width = 1403, .height = 1051, .colour = PNG_RGB, .seed = 14}, NULL},
    {"png-large-interlaced", GOOD, {.width = 1102, .height = 901, .colour = PNG_RGBA, .progressive = true, .seed = 15}, NULL},
    {"png-trailing-bytes", GOOD, PNG_PHOTO, trailing},
    {"png-false-profile", GOOD, PNG_PHOTO, png_profile},
    {"png-false-text", GOOD, PNG_PHOTO, png_text},
    {"png-signature-only", BAD, PNG_PHOTO, png_signature},
    {"png-header-only", BAD, PNG_PHOTO, png_header},
    {"png-half-file", BAD, PNG_PHOTO, half},
    {"png-last-bytes-lost", BAD, PNG_PHOTO, last_bytes_lost},
    {"png-line-ends-changed", BAD, PNG_PHOTO, png_line_ends},
    {"png-data-changed", BAD, PNG_PHOTO, png_data_changed},
    {"png-header-changed", BAD, PNG_PHOTO, png_header_changed},
    {"png-clear-changed", BAD, {.width = 240, .height = 240, .colour = PNG_PALETTE}, png_clear_changed},
    {"png-no-deflate", BAD, PNG_PHOTO, png_deflate},
    {"png-noise", BAD, PNG_PHOTO, png_noise},
    {"png-huge-claim", BAD, PNG_PHOTO, png_huge},
    {"png-lying-claim", BAD, PNG_PHOTO, png_lies},
    {"png-long-claim", BAD, PNG_PHOTO, png_long},
    {"png-largest-claim", BAD, PNG_PHOTO, png_most},
    {"png-taller-claim", EITHER, PNG_PHOTO, png_taller},
    {"png-taller-claim-interlaced", BAD, {.width = 320, .height = 240, .colour = PNG_RGB, .progressive = true}, png_taller},
    {"png-zero-width", BAD, PNG_PHOTO, png_no_width},
    {"png-false-depth", BAD, PNG_PHOTO, png_depth},
    {"png-false-colour", BAD, PNG_PHOTO, png_colour},
    {"png-false-method", BAD, PNG_PHOTO, png_method},
    {"png-small-window", EITHER, PNG_PHOTO, png_window},
    {"png-no-palette", BAD, {.width = 240, .height = 240, .colour = PNG_PALETTE}, png_no_palette},
    {"png-no-data", BAD, PNG_PHOTO, png_no_data},
    {"png-no-end", BAD, PNG_PHOTO, png_no_end},
    {"png-no-header", BAD, PNG_PHOTO, png_no_header},
    {"png-xcode", BAD, PNG_PHOTO, png_xcode},
    {"png-unknown-critical", BAD, PNG_PHOTO, png_critical},
    {"png-long-chunk", BAD, PNG_PHOTO, png_long_chunk},
    {"png-no-name", BAD, PNG_PHOTO, png_no_name},
};
const size_t kind_count = sizeof kinds / sizeof *kinds;

struct bytes kind_make(const struct kind *kind)
{
    struct bytes b = picture_make(&kind->picture);
    if (kind->change)
        kind->change(&b);
    return b;
}
