#include "tests/unit.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include <jpeglib.h>

#include "bit/bfloat16.h"
#include "bit/data.h"
#include "bit/memory.h"
#include "data/augment.h"
#include "data/resample.h"
#include "tests/data/kinds.h"

enum { SIZE = 96 };
static const struct bit_stream_options training = {.training = true, .seed = 3, .image_size = SIZE, .area_min = 0.05,
    .area_max = 1, .aspect_min = 0.75, .aspect_max = 4.0 / 3, .crop_attempts = 100, .mirror = true,
    .file_limit = 32 << 20, .pixel_limit = 64000000, .scan_limit = 100};

/* ---- the reference: the whole image, decoded plainly, and bilinear interpolation in double ---- */

struct image { int width, height; double *rgb; };

static void ignore_message(j_common_ptr info, int level)
{
    (void)info, (void)level;
}

/* A PNG, whose pixels are known: the rounded mean of factor x factor of them. */
static struct image reduce_whole(const struct picture *p, int factor)
{
    struct image image = {(p->width + factor - 1) / factor, (p->height + factor - 1) / factor, NULL};
    unsigned char *rgb = picture_rgb(p);
    image.rgb = calloc((size_t)image.width * (size_t)image.height * 3, sizeof(double));
    for (int i = 0; i < image.width * image.height * 3; i++) {
        int left = i / 3 % image.width * factor, top = i / 3 / image.width * factor, n = 0, sum = 0;
        for (int y = top; y < top + factor && y < p->height; y++)
            for (int x = left; x < left + factor && x < p->width; x++, n++)
                sum += rgb[(y * p->width + x) * 3 + i % 3];
        image.rgb[i] = floor((double)sum / n + 0.5);
    }
    free(rgb);
    return image;
}

static struct image decode_whole(const struct bytes *b, int factor)
{
    struct jpeg_decompress_struct info;
    struct jpeg_error_mgr errors;
    info.err = jpeg_std_error(&errors);
    errors.emit_message = ignore_message;
    jpeg_create_decompress(&info);
    jpeg_mem_src(&info, b->data, b->size);
    jpeg_read_header(&info, TRUE);
    int four = info.num_components == 4, inverted = info.saw_Adobe_marker;
    info.out_color_space = four ? JCS_CMYK : JCS_RGB;
    info.scale_num = 1;
    info.scale_denom = (unsigned)factor;
    jpeg_start_decompress(&info);
    struct image image = {(int)info.output_width, (int)info.output_height, NULL};
    image.rgb = malloc((size_t)image.width * (size_t)image.height * 3 * sizeof(double));
    JSAMPLE *row = malloc((size_t)image.width * 4);
    for (int y = 0; y < image.height; y++) {
        jpeg_read_scanlines(&info, &row, 1);
        for (int x = 0; x < image.width; x++)
            for (int c = 0; c < 3; c++) {
                double v = row[x * (four ? 4 : 3) + c], k = four ? row[x * 4 + 3] : 255;
                if (four && !inverted)
                    v = 255 - v, k = 255 - k;
                image.rgb[(y * image.width + x) * 3 + c] = four ? floor(v * k / 255 + 0.5) : v;
            }
    }
    jpeg_finish_decompress(&info);
    jpeg_destroy_decompress(&info);
    free(row);
    return image;
}

/* Value at a place (pixel centres at whole numbers), kept within low..high on both axes. */
static double interpolate(const struct image *m, double x, double y, const int low[2], const int high[2], int c)
{
    x = fmin(fmax(x, low[0]), high[0]);
    y = fmin(fmax(y, low[1]), high[1]);
    int x0 = (int)x, y0 = (int)y, x1 = x0 < high[0] ? x0 + 1 : x0, y1 = y0 < high[1] ? y0 + 1 : y0;
    double fx = x - x0, fy = y - y0;
    const double *p = m->rgb;
    return (p[(y0 * m->width + x0) * 3 + c] * (1 - fx) + p[(y0 * m->width + x1) * 3 + c] * fx) * (1 - fy) +
           (p[(y1 * m->width + x0) * 3 + c] * (1 - fx) + p[(y1 * m->width + x1) * 3 + c] * fx) * fy;
}

/* Greatest difference between `pixels` and the window of the whole image reduced `factor` times, in units of 1/255. */
static double compare(const struct image *m, const struct bit_window *w, int factor, const float *pixels, int size)
{
    double worst = 0;
    int low[2] = {w->x.low / factor, w->y.low / factor}, high[2] = {w->x.high / factor, w->y.high / factor};
    for (int y = 0; y < size; y++)
        for (int x = 0; x < size; x++)
            for (int c = 0; c < 3; c++) {
                double at_x = (w->x.first + (x + 0.5) * w->x.length / size) / factor - 0.5;
                double at_y = (w->y.first + (y + 0.5) * w->y.length / size) / factor - 0.5;
                double want = interpolate(m, at_x, at_y, low, high, c);
                double got = pixels[(y * size + (w->mirror ? size - 1 - x : x)) * 3 + c] * 127.5 + 127.5;
                worst = fmax(worst, fabs(got - want));
            }
    return worst;
}

static int expected_factor(const struct bit_window *w, int size)
{
    double least = fmin(w->x.length, w->y.length) / size;
    return least >= 8 ? 8 : least >= 4 ? 4 : least >= 2 ? 2 : 1;
}

static void check_kind(const struct kind *kind, const struct bit_stream_options *options, int crops)
{
    struct bit_error error = {0};
    struct bytes b = kind_make(kind);
    struct image whole[4] = {{0}};
    static float pixels[SIZE * SIZE * 3];
    struct bit_decoder *d = bit_decoder_create(options, &error);
    REQUIRE(d != NULL);
    for (int i = 0; i < crops; i++) {
        struct bit_window w;
        bit_window_choose(options, (uint64_t)i, 9, kind->picture.width, kind->picture.height, &w);
        int factor = expected_factor(&w, options->image_size), level = factor == 8 ? 3 : factor / 2;
        if (!whole[level].rgb)
            whole[level] = kind->picture.colour >= PNG_GREY ? reduce_whole(&kind->picture, factor) : decode_whole(&b, factor);
        int result = bit_decoder_run(d, b.data, b.size, (uint64_t)i, 9, pixels, &error);
        double worst = result ? 999 : compare(&whole[level], &w, factor, pixels, options->image_size);
        CHECK(result == 0 && worst < 1e-3);
        if (result || worst >= 1e-3) {
            printf("    %s, crop %d, factor %d: %g %s\n", kind->name, i, factor, worst, error.text);
            break;
        }
    }
    bit_decoder_destroy(d);
    for (int i = 0; i < 4; i++)
        free(whole[i].rgb);
    free(b.data);
}

/* Every good kind, many crops: equal to decoding everything and cutting out. */
static void test_crops_equal_whole(void)
{
    for (size_t i = 0; i < kind_count; i++)
        if (kinds[i].verdict == GOOD)
            check_kind(&kinds[i], &training, 16);
}

/* Output sizes that make the image be reduced by the DCT. */
static void test_reduced_crops(void)
{
    struct bit_stream_options o = training;
    for (o.image_size = 8; o.image_size <= 64; o.image_size *= 2)
        for (size_t i = 0; i < kind_count; i++)
            if (kinds[i].verdict == GOOD)
                check_kind(&kinds[i], &o, 8);
}

/* Evaluation against another formulation: the whole image is resized, then its centre is cut out. */
static void test_central_crop(void)
{
    static const int sizes[][2] = {{160, 120}, {120, 163}, {90, 90}, {31, 200}, {8, 8}};
    struct bit_stream_options o = training;
    static float pixels[SIZE * SIZE * 3];
    struct bit_error error = {0};
    o.training = false;
    o.resize = 110;
    struct bit_decoder *d = bit_decoder_create(&o, &error);
    REQUIRE(d != NULL);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        struct picture p = {.width = sizes[s][0], .height = sizes[s][1], .colour = YCC444, .seed = (unsigned)s};
        struct bytes b = picture_make(&p);
        struct image m = decode_whole(&b, 1);
        int smaller = m.width < m.height ? m.width : m.height, low[2] = {0, 0}, high[2] = {m.width - 1, m.height - 1};
        int width = (int)lrint(110.0 * m.width / smaller), height = (int)lrint(110.0 * m.height / smaller);
        double worst = 0;
        CHECK(bit_decoder_run(d, b.data, b.size, 0, 0, pixels, &error) == 0);
        for (int i = 0; i < SIZE * SIZE * 3; i++) {
            int c = i % 3, x = i / 3 % SIZE + (width - SIZE) / 2, y = i / 3 / SIZE + (height - SIZE) / 2;
            double want = interpolate(&m, (x + 0.5) * m.width / width - 0.5, (y + 0.5) * m.height / height - 0.5, low,
                                      high, c);
            worst = fmax(worst, fabs(pixels[i] * 127.5 + 127.5 - want));
        }
        CHECK(worst < 1e-3);
        free(m.rgb);
        free(b.data);
    }
    bit_decoder_destroy(d);
}

static void test_bfloat16(void)
{
    struct bit_stream_options o = training;
    static float wide[SIZE * SIZE * 3];
    static bit_bfloat16 narrow[SIZE * SIZE * 3];
    struct bit_error error = {0};
    struct bytes b = kind_make(&kinds[1]);
    struct bit_decoder *d = bit_decoder_create(&o, &error);
    o.precision = BIT_BFLOAT16;
    struct bit_decoder *e = bit_decoder_create(&o, &error);
    REQUIRE(d && e);
    CHECK(bit_decoder_run(d, b.data, b.size, 1, 2, wide, &error) == 0);
    CHECK(bit_decoder_run(e, b.data, b.size, 1, 2, narrow, &error) == 0);
    int different = 0;
    for (int i = 0; i < SIZE * SIZE * 3; i++)
        different += narrow[i] != bit_bfloat16_from_float(wide[i]);
    CHECK(different == 0);
    bit_decoder_destroy(d);
    bit_decoder_destroy(e);
    free(b.data);
}

/* The vector code rounds as the plain one, and 0 and 255 become -1 and 1 exactly. */
static void test_resample_bits(void)
{
    enum { COUNT = 1000 };
    uint8_t upper[COUNT], lower[COUNT];
    float out[COUNT + 16], row[16] = {1, 2, 3, 0, 5, 6, 7, 0}, pixels[6];
    int32_t index[2] = {0, 0};
    float weight[2] = {0, 0.5f};
    struct bit_axis axis = {.size = 2, .first = 0, .last = 1, .index = index, .weight = weight};
    int different = 0;
    for (int i = 0; i < COUNT; i++)
        upper[i] = (uint8_t)(i * 7), lower[i] = (uint8_t)(i * 13 + 5);
    for (int k = 0; k < 50; k++) {
        float w = (float)k / 49.5f;
        bit_row_blend(upper, lower, w, COUNT, out);
        for (int i = 0; i < COUNT; i++) { /* every operation rounded by itself */
            volatile float step = (float)(lower[i] - upper[i]) * w, value = (float)upper[i] + step;
            volatile float centred = value - 127.5f;
            different += out[i] != centred * (1 / 127.5f);
        }
    }
    CHECK(different == 0);
    memset(upper, 0, sizeof upper);
    memset(lower, 255, sizeof lower);
    bit_row_blend(upper, lower, 0, COUNT, out);
    CHECK(out[0] == -1 && out[COUNT - 1] == -1);
    bit_row_blend(upper, lower, 1, COUNT, out);
    CHECK(out[0] == 1 && out[COUNT - 1] == 1);
    bit_row_spread(row, &axis, pixels);
    CHECK(pixels[0] == 1 && pixels[2] == 3 && pixels[3] == 3 && pixels[5] == 5);
}

/* ---- bad images ---- */

static void test_bad_kinds(void)
{
    static float pixels[SIZE * SIZE * 3];
    struct bit_error error = {0};
    struct bytes good = kind_make(&kinds[1]);
    struct bit_decoder *d = bit_decoder_create(&training, &error);
    REQUIRE(d != NULL);
    size_t used = bit_memory_used();
    for (size_t i = 0; i < kind_count; i++) {
        struct bytes b = kind_make(&kinds[i]);
        int refused = 0, crops = 12;
        for (int e = 0; e < crops; e++) {
            bit_error_clear(&error);
            int result = bit_decoder_run(d, b.data, b.size, (uint64_t)e, 1, pixels, &error);
            refused += result != 0;
            CHECK(result == 0 || (error.code == BIT_EDATA && *error.text));
        }
        CHECK(kinds[i].verdict != BAD || refused == crops);
        CHECK(kinds[i].verdict != GOOD || refused == 0);
        if ((kinds[i].verdict == BAD && refused != crops) || (kinds[i].verdict == GOOD && refused))
            printf("    %s: %d of %d refused, %s\n", kinds[i].name, refused, crops, error.text);
        free(b.data);
        /* What came before does not matter to the next image. */
        bit_error_clear(&error);
        CHECK(bit_decoder_run(d, good.data, good.size, 0, 0, pixels, &error) == 0);
    }
    CHECK(bit_memory_used() < used + (8 << 20));
    bit_decoder_destroy(d);
    free(good.data);
}

/* What is neither JPEG nor PNG is named for what it is. */
static void test_named(void)
{
    static const struct { const char *bytes; size_t size; const char *text; } files[] = {
        {"<!doctype html><html>", 21, "an HTML page"}, {"\xEF\xBB\xBF\n <HTML>", 11, "an HTML page"}, {"<?xml version", 13, "an XML file"},
        {"\0\0\0\x18" "ftypheic", 12, "a HEIC picture"}, {"\0\0\0\x18" "ftypmif1", 12, "a HEIF picture"},
        {"\0\0\0\x18" "ftypavif", 12, "an AVIF picture"}, {"\0\0\0\x18" "ftypisom", 12, "an MP4 film"},
        {"version https://git-lfs.github.com/spec/v1\noid", 46, "a Git LFS pointer, not the picture: run git lfs pull"},
        {"/annex/objects/MD5E-s1", 22, "a git-annex pointer"}, {"\0\x05\x16\x07\0\x02\0\0Mac OS X", 16, "an AppleDouble file"},
        {"\x89PNG\r\n\x1A\n", 8, "truncated: no end chunk"}, {"\x89PNG\n\x1A\n\0", 8, "a PNG picture whose first bytes were changed"}, {"\x89PN", 3, "truncated"}, {"GIF89a", 6, "a GIF picture"}, {"RIFF\x24\0\0\0WEBPVP8 ", 16, "a WebP picture"},
        {"RIFF\x24\0\0\0WAVEfmt ", 16, "a RIFF file"}, {"II*\0\x08\0\0\0", 8, "a TIFF picture"}, {"MM\0*\0\0\0\x08", 8, "a TIFF picture"},
        {"BM\x46\0\0\0", 6, "a BMP picture"}, {"%PDF-1.7", 8, "a PDF file"}, {"\x1F\x8B\x08\0", 4, "a gzip file"}, {"PK\x03\x04\x14\0", 6, "a ZIP file"},
        {"\xFF\x0A\0\0", 4, "a JPEG XL picture"}, {"{\"error\": 404}", 14, "a JSON text"}, {"not found\n", 10, "but a text"},
        {"\0\0\0\0\0\0", 6, "zeros only"}, {"", 0, "empty file"}, {"\xFF", 1, "truncated: no more than 1 bytes"}, {"\xFF\xD8", 2, "truncated"},
        {"\x81\x07\xFE", 3, "starts with 0x81 0x07"}};
    static float pixels[SIZE * SIZE * 3];
    struct bit_error error = {0};
    struct bit_decoder *d = bit_decoder_create(&training, &error);
    REQUIRE(d != NULL);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        bit_error_clear(&error);
        CHECK(bit_decoder_run(d, files[i].bytes, files[i].size, 0, 0, pixels, &error) == -1 && strstr(error.text, files[i].text));
    }
    bit_decoder_destroy(d);
}

static void test_reasons(void)
{
    static const struct { const char *kind, *text; } wanted[] = {
        {"empty", "empty file"}, {"gif", "GIF"}, {"text", "neither a JPEG nor a PNG file but a text"}, {"half-file", "truncated"},
        {"huge-claim", "65500 x 65500 pixels: more than the 64 megapixels of data.max_megapixels"}, {"too-many-scans", "more than 100 scans (data.max_scans)"}, {"noise", "Corrupt JPEG data"},
        {"wide-claim-progressive", "several scans would take"},
        {"png-signature-only", "truncated: no end chunk"}, {"png-half-file", "truncated: chunk IDAT at byte "},
        {"png-no-end", "truncated: no end chunk"}, {"png-data-changed", "the checksum of chunk IDAT at byte 33 does not fit"},
        {"png-header-changed", "the checksum of chunk IHDR at byte 8"}, {"png-clear-changed", "the checksum of chunk tRNS"},
        {"png-huge-claim", "65500 x 65500 pixels: more than the 64 megapixels of data.max_megapixels"},
        {"png-lying-claim", "7900 x 8000 pixels: "}, {"png-long-claim", "at most 1000000 a side (a fixed limit)"},
        {"png-largest-claim", "4294967295 x 4294967295 pixels: more than"}, {"png-no-header", "does not begin with a header"},
        {"png-xcode", "CgBI"}, {"png-no-palette", "Missing PLTE"}, {"png-zero-width", "Image width is zero"},
        {"png-false-depth", "Invalid bit depth"}, {"png-no-name", "no chunk begins at byte 33"}, {"png-noise", "damaged PNG: "},
        {"png-line-ends-changed", "a PNG picture whose first bytes were changed"},
    };
    static float pixels[SIZE * SIZE * 3];
    struct bit_error error = {0};
    struct bit_decoder *d = bit_decoder_create(&training, &error);
    REQUIRE(d != NULL);
    for (size_t w = 0; w < sizeof wanted / sizeof *wanted; w++)
        for (size_t i = 0; i < kind_count; i++) {
            if (strcmp(kinds[i].name, wanted[w].kind))
                continue;
            struct bytes b = kind_make(&kinds[i]);
            bit_error_clear(&error);
            CHECK(bit_decoder_run(d, b.data, b.size, 0, 0, pixels, &error) == -1);
            CHECK(strstr(error.text, wanted[w].text) != NULL);
            if (!strstr(error.text, wanted[w].text))
                printf("    %s: %s\n", wanted[w].kind, error.text);
            free(b.data);
        }
    bit_decoder_destroy(d);
}

static int run_with(const struct bit_stream_options *o, const char *path, struct bit_error *error)
{
    static float pixels[SIZE * SIZE * 3];
    bit_error_clear(error);
    struct bit_decoder *d = bit_decoder_create(o, error);
    int result = d ? bit_decoder_run_file(d, path, 0, 0, pixels, error) : -1;
    bit_decoder_destroy(d);
    return result;
}

static void test_files_and_limits(void)
{
    char folder[] = "/tmp/bit-decode-XXXXXX", path[64], link[64];
    struct bit_stream_options o = training;
    struct bit_error error = {0};
    struct bytes b = kind_make(&kinds[1]); /* 321 x 243 */
    REQUIRE(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/a.jpg", folder);
    snprintf(link, sizeof link, "%s/b.jpg", folder);
    CHECK(run_with(&o, path, &error) == -1 && error.code == BIT_EDATA);
    picture_write(path, b.data, b.size);
    CHECK(run_with(&o, path, &error) == 0);
    CHECK(run_with(&o, folder, &error) == -1 && error.code == BIT_EDATA);
    CHECK(symlink("b.jpg", link) == 0 && run_with(&o, link, &error) == -1 && error.code == BIT_EDATA);
    o.file_limit = b.size;
    CHECK(run_with(&o, path, &error) == 0);
    o.file_limit = b.size - 1;
    CHECK(run_with(&o, path, &error) == -1 && error.code == BIT_EDATA && strstr(error.text, "limit"));
    o = training;
    o.pixel_limit = 321 * 243;
    CHECK(run_with(&o, path, &error) == 0);
    o.pixel_limit--;
    CHECK(run_with(&o, path, &error) == -1 && error.code == BIT_EDATA);
    unlink(path);
    unlink(link);
    rmdir(folder);
    free(b.data);
}

static void test_scan_limit(void)
{
    struct bit_error error = {0};
    static float pixels[SIZE * SIZE * 3];
    struct bit_stream_options o = training;
    struct picture p = {.width = 64, .height = 64, .colour = YCC444, .scans = 40};
    struct bytes b = picture_make(&p);
    for (int limit = 1; limit < 300; limit += 20) {
        o.scan_limit = limit;
        struct bit_decoder *d = bit_decoder_create(&o, &error);
        REQUIRE(d != NULL);
        int result = bit_decoder_run(d, b.data, b.size, 0, 0, pixels, &error);
        CHECK((result == 0) == (limit > 128)); /* 1 + 63 + 63 + 1 or so */
        bit_error_clear(&error);
        bit_decoder_destroy(d);
    }
    free(b.data);
}

static void test_bad_options(void)
{
    struct bit_stream_options o = training;
    struct bit_error error = {0};
    o.image_size = 0;
    CHECK(!bit_decoder_create(&o, &error) && error.code == BIT_EUSAGE);
    bit_error_clear(&error);
    o = training;
    o.area_min = NAN;
    CHECK(!bit_decoder_create(&o, &error) && error.code == BIT_EUSAGE);
    bit_error_clear(&error);
    o = training;
    o.training = false;
    o.resize = SIZE - 1;
    CHECK(!bit_decoder_create(&o, &error) && error.code == BIT_EUSAGE);
}

/* Every allocation fails once: an environment error, nothing leaks (the sanitizers look), and the next run works. */
static void test_lack_of_memory(void)
{
    struct bytes b = kind_make(&kinds[1]);
    static float pixels[SIZE * SIZE * 3];
    size_t used = bit_memory_used();
    int failures = 0;
    for (size_t n = 1; n < 40; n++) {
        struct bit_error error = {0};
        bit_memory_fail_at(n);
        struct bit_decoder *d = bit_decoder_create(&training, &error);
        int result = d ? bit_decoder_run(d, b.data, b.size, 0, 0, pixels, &error) : -1;
        bit_memory_fail_at(0);
        CHECK((result == 0) == (error.code == BIT_OK) && (result == 0 || error.code == BIT_EENVIRONMENT));
        failures += result != 0;
        if (d && result) {
            bit_error_clear(&error);
            CHECK(bit_decoder_run(d, b.data, b.size, 0, 0, pixels, &error) == 0);
        }
        bit_decoder_destroy(d);
    }
    CHECK(failures >= 8 && bit_memory_used() == used);
    free(b.data);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"crops equal whole", test_crops_equal_whole}, {"reduced crops", test_reduced_crops},
        {"central crop", test_central_crop}, {"bfloat16", test_bfloat16}, {"resample bits", test_resample_bits},
        {"bad kinds", test_bad_kinds}, {"named", test_named}, {"reasons", test_reasons}, {"files and limits", test_files_and_limits},
        {"scan limit", test_scan_limit}, {"bad options", test_bad_options}, {"lack of memory", test_lack_of_memory},
    };
    return unit_main("data/decode", tests, sizeof tests / sizeof *tests, argc, argv);
}
