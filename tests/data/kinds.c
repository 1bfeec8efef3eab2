#include "tests/data/kinds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void png(struct bytes *b)
{
    static const char data[] = "\x89PNG\r\n\x1A\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\10\2\0\0\0\x90wS\xDE\0\0\0\fIDAT"
        "\x08\xD7""c\xF8\xCF\xC0\0\0\3\1\1\0\x18\xDD\x8D\xB0\0\0\0\0IEND\xAE""B`\x82";
    replace(b, data, sizeof data - 1);
}

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

#define PHOTO {.width = 320, .height = 240, .colour = YCC420, .seed = 7}
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
    {"png", BAD, PHOTO, png},
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
};
const size_t kind_count = sizeof kinds / sizeof *kinds;

struct bytes kind_make(const struct kind *kind)
{
    struct bytes b = picture_make(&kind->picture);
    if (kind->change)
        kind->change(&b);
    return b;
}
