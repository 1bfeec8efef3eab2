#include "tests/unit.h"

#include <stdio.h>
#include <unistd.h>

#include <zlib.h>

#include "bit/data.h"
#include "bit/memory.h"
#include "data/picture.h"
#include "data/png.h"
#include "tests/data/kinds.h"

static const struct bit_picture_limits limits = {.pixels = 64000000, .scans = 100};

static struct bytes read_whole(const char *path)
{
    struct bytes b = {malloc(1 << 20), 0};
    FILE *file = fopen(path, "rb");
    if (file) {
        b.size = fread(b.data, 1, 1 << 20, file);
        fclose(file);
    }
    return b;
}

/* The red, green, blue bytes of a region; NULL: refused. */
static uint8_t *read_region(struct bit_picture *p, const struct bytes *b, const struct bit_region *region, struct bit_error *error)
{
    int width, height, columns = region->right - region->left + 1, rows = region->bottom - region->top + 1;
    uint8_t *rgb = calloc((size_t)columns * (size_t)rows, 3);
    bool fine = !bit_picture_open(p, b->data, b->size, &width, &height, error) && !bit_picture_start(p, region, error);
    for (int y = 0; y < rows && fine; y++) {
        const uint8_t *row = bit_picture_row(p, region->top + y, error);
        fine = row != NULL;
        for (int i = 0; i < columns * 3 && fine; i++)
            rgb[y * columns * 3 + i] = row[i / 3 * 4 + i % 3];
    }
    bit_picture_close(p);
    if (!fine)
        free(rgb);
    return fine ? rgb : NULL;
}

static uint8_t *read_picture(struct bit_picture *p, const struct bytes *b, int width, int height, struct bit_error *error)
{
    return read_region(p, b, &(struct bit_region){1, 0, 0, width - 1, height - 1}, error);
}

/* ---- files of other programs ---- */

static void check_file(struct bit_picture *p, const char *folder, const char *name, int width, int height, unsigned wanted)
{
    char path[4096];
    struct bit_error error = {0};
    snprintf(path, sizeof path, "%s/%s", folder, name);
    struct bytes b = read_whole(path);
    uint8_t *rgb = read_picture(p, &b, width, height, &error);
    unsigned sum = rgb ? (unsigned)crc32(0, rgb, (unsigned)(width * height * 3)) : 0;
    CHECK(rgb != NULL && sum == wanted);
    if (sum != wanted)
        printf("    %s: %08x, expected %08x %s\n", name, sum, wanted, error.text);
    free(rgb);
    free(b.data);
}

/* Every colour type and depth, interlaced or not, of PngSuite, Pillow, ImageMagick, Netpbm and OptiPNG. */
static void test_files(void)
{
    char folder[4000], path[4096], line[256], name[100];
    const char *source = getenv("top_srcdir");
    struct bit_error error = {0};
    struct bit_picture_limits blue = limits;
    int files = 0, width, height;
    unsigned black, over;
    memcpy(blue.background, (const uint8_t[]){0x20, 0x40, 0x60}, 3);
    struct bit_picture *p = bit_picture_create(&limits, &error), *q = bit_picture_create(&blue, &error);
    REQUIRE(p && q);
    snprintf(folder, sizeof folder, "%s/tests/data/png", source ? source : "..");
    snprintf(path, sizeof path, "%s/expected.txt", folder);
    FILE *list = fopen(path, "r");
    REQUIRE(list != NULL);
    for (; fgets(line, sizeof line, list); files++) {
        REQUIRE(sscanf(line, "%99s %d %d %x %x", name, &width, &height, &black, &over) == 5);
        check_file(p, folder, name, width, height, black);
        check_file(q, folder, name, width, height, over);
    }
    fclose(list);
    CHECK(files > 70);
    bit_picture_destroy(p);
    bit_picture_destroy(q);
}

/* ---- regions ---- */

static void check_regions(struct bit_picture *p, enum picture_colour colour, bool interlaced)
{
    struct picture made = {.width = 61, .height = 45, .colour = colour, .progressive = interlaced, .seed = 5};
    struct bytes b = picture_make(&made);
    struct bit_error error = {0};
    for (int factor = 1; factor <= 8; factor *= 2) {
        int width = (61 + factor - 1) / factor, height = (45 + factor - 1) / factor, different = 0;
        struct bit_region all = {factor, 0, 0, width - 1, height - 1}, part = {factor, width / 3, height / 4, width - 2, height - 1};
        uint8_t *whole = read_region(p, &b, &all, &error), *cut = read_region(p, &b, &part, &error);
        CHECK(whole && cut);
        for (int y = part.top; y <= part.bottom && whole && cut; y++)
            different += memcmp(whole + (y * width + part.left) * 3, cut + (y - part.top) * (part.right - part.left + 1) * 3,
                                (size_t)(part.right - part.left + 1) * 3) != 0;
        CHECK(different == 0);
        free(whole);
        free(cut);
    }
    free(b.data);
}

static void test_regions(void)
{
    struct bit_error error = {0};
    struct bit_picture *p = bit_picture_create(&limits, &error);
    REQUIRE(p != NULL);
    for (enum picture_colour colour = PNG_GREY; colour <= PNG_PALETTE; colour++) {
        check_regions(p, colour, false);
        check_regions(p, colour, true);
    }
    bit_picture_destroy(p);
}

/* ---- JPEG and PNG ---- */

/* A picture whose pixels a JPEG keeps: one grey everywhere in each block of 16 x 16. Whatever the crop is, both formats give the same. */
static void test_formats_agree(void)
{
    struct bit_stream_options o = {.training = true, .seed = 4, .area_min = 0.05, .area_max = 1, .aspect_min = 0.75, .aspect_max = 4.0 / 3,
        .crop_attempts = 100, .mirror = true, .pixel_limit = 64000000, .scan_limit = 100, .resize = 70};
    struct picture grey = {.width = 600, .height = 450, .colour = PNG_GREY, .seed = 3}, jpeg = grey;
    static float a[64 * 64 * 3], b[64 * 64 * 3];
    struct bit_error error = {0};
    jpeg.colour = GREY;
    jpeg.quality = 100;
    struct bytes as_png = picture_make(&grey), as_jpeg = picture_make(&jpeg);
    for (o.image_size = 16; o.image_size <= 64; o.image_size *= 2) {
        struct bit_decoder *d = bit_decoder_create(&o, &error);
        REQUIRE(d != NULL);
        for (uint64_t epoch = 0; epoch < 20; epoch++) {
            double sum = 0, count = o.image_size * o.image_size * 3;
            CHECK(!bit_decoder_run(d, as_png.data, as_png.size, epoch, 1, a, &error));
            CHECK(!bit_decoder_run(d, as_jpeg.data, as_jpeg.size, epoch, 1, b, &error));
            for (int i = 0; i < (int)count; i++)
                sum += (a[i] > b[i] ? a[i] - b[i] : b[i] - a[i]) * 127.5;
            CHECK(sum / count < 1.6); /* the DCT reduces a little otherwise than the mean */
            if (sum / count >= 1.6)
                printf("    size %d, crop %d: %g\n", o.image_size, (int)epoch, sum / count);
        }
        bit_decoder_destroy(d);
    }
    free(as_png.data);
    free(as_jpeg.data);
}

/* ---- what is not whole ---- */

/* Cut anywhere, a file is refused; with any one bit of what matters changed, too. */
static void test_every_cut_and_change(void)
{
    struct picture made = {.width = 24, .height = 20, .colour = PNG_PALETTE, .seed = 5};
    struct bytes b = picture_make(&made);
    struct bit_error error = {0};
    struct bit_picture *p = bit_picture_create(&limits, &error);
    REQUIRE(p != NULL);
    int taken = 0;
    for (size_t size = 0; size < b.size; size++) {
        struct bytes cut = {b.data, size};
        bit_error_clear(&error);
        taken += read_picture(p, &cut, 24, 20, &error) != NULL || error.code != BIT_EDATA;
    }
    CHECK(taken == 0);
    for (size_t at = 0; at < b.size * 8; at++) {
        b.data[at / 8] ^= (unsigned char)(1 << at % 8);
        bit_error_clear(&error);
        taken += read_picture(p, &b, 24, 20, &error) != NULL || error.code != BIT_EDATA;
        b.data[at / 8] ^= (unsigned char)(1 << at % 8);
    }
    CHECK(taken == 0);
    bit_picture_destroy(p);
    free(b.data);
}

static int open_with(struct bit_picture *p, const struct bytes *b, struct bit_error *error)
{
    int width, height;
    bit_error_clear(error);
    int result = bit_picture_open(p, b->data, b->size, &width, &height, error);
    bit_picture_close(p);
    return result;
}

/* Interlaced pictures are held whole: the limit counts before anything is allocated. */
static void test_interlaced_limit(void)
{
    struct bit_picture_limits wide = {.pixels = 4000000000};
    struct bit_error error = {0};
    struct picture made = {.width = 200, .height = 100, .colour = PNG_GREY, .progressive = true};
    struct bytes b = picture_make(&made);
    struct bit_picture *p = bit_picture_create(&wide, &error);
    REQUIRE(p != NULL);
    unsigned side = 3200; /* as many as its bytes could hold */
    for (int i = 0; i < 4; i++)
        b.data[16 + i] = b.data[20 + i] = (unsigned char)(side >> (24 - 8 * i));
    png_mend(b.data, b.size);
    CHECK(open_with(p, &b, &error) == 0);
    /* 11000 x 11000 pixels of data that could hold them */
    b.data = realloc(b.data, b.size + 200000);
    memset(b.data + b.size, 0, 200000);
    for (int i = 0; i < 4; i++)
        b.data[16 + i] = b.data[20 + i] = (unsigned char)(11000u >> (24 - 8 * i));
    b.data[b.size + 1] = 2; /* one more chunk of 0x20000 bytes */
    memcpy(b.data + b.size + 4, "IDAT", 4);
    memcpy(b.data + b.size + 12 + 0x20000, "\0\0\0\0IEND", 8);
    memcpy(b.data + b.size - 8, "TEND", 4); /* the old end */
    b.data[b.size - 8] |= 0x20;
    b.size += 12 + 0x20000 + 12;
    png_mend(b.data, b.size);
    CHECK(open_with(p, &b, &error) == -1 && error.code == BIT_EDATA && strstr(error.text, "interlaced pixels would take 484 MB"));
    if (error.code)
        printf("    %s\n", error.text);
    bit_picture_destroy(p);
    free(b.data);
}

/* Every allocation fails once: an environment error, nothing leaks (the sanitizers look), and the next picture is read. */
static void test_lack_of_memory(void)
{
    struct picture made = {.width = 50, .height = 40, .colour = PNG_RGBA, .progressive = true};
    struct bytes b = picture_make(&made);
    size_t used = bit_memory_used();
    int failures = 0;
    for (size_t n = 1; n < 40; n++) {
        struct bit_error error = {0};
        bit_memory_fail_at(n);
        struct bit_picture *p = bit_picture_create(&limits, &error);
        uint8_t *rgb = p ? read_picture(p, &b, 50, 40, &error) : NULL;
        bit_memory_fail_at(0);
        CHECK((rgb != NULL) == (error.code == BIT_OK) && (rgb || error.code == BIT_EENVIRONMENT));
        failures += rgb == NULL;
        free(rgb);
        if (p) {
            bit_error_clear(&error);
            rgb = read_picture(p, &b, 50, 40, &error);
            CHECK(rgb != NULL);
            free(rgb);
        }
        bit_picture_destroy(p);
    }
    CHECK(failures >= 8 && bit_memory_used() == used);
    free(b.data);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"files of other programs", test_files}, {"regions", test_regions}, {"formats agree", test_formats_agree},
        {"every cut and change", test_every_cut_and_change}, {"interlaced limit", test_interlaced_limit},
        {"lack of memory", test_lack_of_memory},
    };
    return unit_main("data/png", tests, sizeof tests / sizeof *tests, argc, argv);
}
