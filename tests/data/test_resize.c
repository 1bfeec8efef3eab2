#include "tests/unit.h"

#include <math.h>
#include <stdio.h>

#include <zlib.h>

#include "bit/bfloat16.h"
#include "bit/data.h"
#include "data/resize.h"
#include "tests/data/kinds.h"

enum { MOST = 64 };
static const struct bit_picture_limits limits = {.pixels = 64000000, .scans = 100};
static float pixels[MOST * MOST * 3], others[MOST * MOST * 3];

static const char *folder(void)
{
    const char *source = getenv("top_srcdir");
    return source ? source : "..";
}

static struct bytes read_whole(const char *name)
{
    char path[4096];
    struct bytes b = {malloc(1 << 20), 0};
    snprintf(path, sizeof path, "%s/tests/data/png/%s", folder(), name);
    FILE *file = fopen(path, "rb");
    if (file) {
        b.size = fread(b.data, 1, 1 << 20, file);
        fclose(file);
    }
    return b;
}

/* A window of a file, upright, by one filter. */
static int resize(const struct bytes *b, enum bit_filter filter, const struct bit_window *w, int size, float *out)
{
    int width, height;
    struct bit_error error = {0};
    struct bit_picture *picture = bit_picture_create(&limits, &error);
    struct bit_resizer *resizer = bit_resizer_create(size, filter, BIT_FLOAT32, &error);
    int result = !picture || !resizer || bit_picture_open(picture, b->data, b->size, &width, &height, &error) ||
                         bit_resizer_run(resizer, picture, width, height, BIT_UPRIGHT, w, out, &error) ? -1 : 0;
    bit_picture_destroy(picture);
    bit_resizer_destroy(resizer);
    return result;
}

/* ---- as others do ---- */

static bool same_bytes(const float *values, int count, unsigned long wanted)
{
    static unsigned char bytes[MOST * MOST * 3];
    for (int i = 0; i < count; i++)
        bytes[i] = (unsigned char)lrintf(values[i] * 127.5f + 127.5f);
    return crc32(0, bytes, (unsigned)count) == wanted;
}

static bool same_numbers(const float *values, int count, char *text)
{
    for (int i = 0; i < count; i++)
        if (fabs(values[i] * 127.5 + 127.5 - strtod(text, &text)) > 1e-3)
            return false;
    return true;
}

/* Each line of resized.txt: Pillow's antialiased bytes, TensorFlow's numbers. */
static void test_as_others(void)
{
    static char line[1 << 16];
    char path[4096], filter[20], name[100];
    int lines = 0, size, used;
    snprintf(path, sizeof path, "%s/tests/data/resized.txt", folder());
    FILE *list = fopen(path, "r");
    REQUIRE(list != NULL);
    for (; fgets(line, sizeof line, list); lines++) {
        struct bit_window w = {.mirror = false};
        REQUIRE(sscanf(line, "%19s %99s %lf %lf %d %d %lf %lf %d %d %d %n", filter, name, &w.x.first, &w.x.length, &w.x.low, &w.x.high,
                       &w.y.first, &w.y.length, &w.y.low, &w.y.high, &size, &used) == 11 && size <= MOST);
        bool wide = !strcmp(filter, "antialias");
        struct bytes b = read_whole(name);
        int result = resize(&b, wide ? BIT_FILTER_ANTIALIAS : BIT_FILTER_BILINEAR, &w, size, pixels);
        bool same = !result && (wide ? same_bytes(pixels, size * size * 3, strtoul(line + used, NULL, 16))
                                     : same_numbers(pixels, size * size * 3, line + used));
        CHECK(same);
        if (!same)
            printf("    %.80s\n", line);
        free(b.data);
    }
    fclose(list);
    CHECK(lines > 30);
}

/* What is cut out of a large square of the whole picture equals what a crop resizes by itself. */
static void test_crop_of_square(void)
{
    static const enum bit_filter filters[] = {BIT_FILTER_BILINEAR, BIT_FILTER_ANTIALIAS};
    struct bit_stream_options crop = {.training = true, .seed = 5, .crop = BIT_CROP_SQUASH, .resize = 40, .image_size = 24, .mirror = true,
                                      .pixel_limit = 1000000, .scan_limit = 10};
    struct bit_stream_options whole = {.squash = true, .image_size = 40, .pixel_limit = 1000000, .scan_limit = 10};
    struct bit_error error = {0};
    struct picture made = {.width = 173, .height = 90, .colour = PNG_RGB, .seed = 8};
    struct bytes b = picture_make(&made);
    for (size_t f = 0; f < 2; f++) {
        crop.filter = whole.filter = filters[f];
        struct bit_decoder *d = bit_decoder_create(&crop, &error), *e = bit_decoder_create(&whole, &error);
        REQUIRE(d && e);
        CHECK(!bit_decoder_run(e, b.data, b.size, 0, 0, others, &error));
        for (uint64_t epoch = 0; epoch < 10; epoch++) {
            struct bit_window w;
            double worst = 0;
            bit_window_choose(&crop, epoch, 3, 173, 90, &w);
            int left = (int)lrint(w.x.first * 40 / 173), top = (int)lrint(w.y.first * 40 / 90);
            CHECK(!bit_decoder_run(d, b.data, b.size, epoch, 3, pixels, &error));
            for (int i = 0; i < 24 * 24 * 3; i++) {
                int x = i / 3 % 24, y = i / 3 / 24;
                worst = fmax(worst, fabs(pixels[i] - others[((top + y) * 40 + left + (w.mirror ? 23 - x : x)) * 3 + i % 3]));
            }
            CHECK(worst < 1e-5);
        }
        bit_decoder_destroy(d);
        bit_decoder_destroy(e);
    }
    free(b.data);
}

/* ---- EXIF ---- */

/* A TIFF folder that holds the orientation behind another entry. */
static size_t make_exif(unsigned char *to, bool big, unsigned value)
{
    static const unsigned char little[] = "II*\0\x08\0\0\0\x02\0\x0F\x01\x02\0\x04\0\0\0cam\0\x12\x01\x03\0\x01\0\0\0\0\0\0\0\0\0\0\0";
    static const unsigned char large[] = "MM\0*\0\0\0\x08\0\x02\x01\x0F\0\x02\0\0\0\x04" "cam\0\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0";
    size_t size = sizeof little - 1;
    memcpy(to, big ? large : little, size);
    to[30 + big] = (unsigned char)value;
    return size;
}

static void insert(struct bytes *b, size_t at, const void *data, size_t size)
{
    b->data = realloc(b->data, b->size + size);
    memmove(b->data + at + size, b->data + at, b->size - at);
    memcpy(b->data + at, data, size);
    b->size += size;
}

static void orient(struct bytes *b, bool big, unsigned value)
{
    unsigned char segment[100] = {0xFF, 0xE1, 0, 0, 'E', 'x', 'i', 'f', 0, 0}, chunk[100] = {0, 0, 0, 0, 'e', 'X', 'I', 'f'};
    size_t size;
    if (b->data[0] == 0xFF) {
        size = 10 + make_exif(segment + 10, big, value);
        segment[3] = (unsigned char)(size - 2);
        insert(b, 20, segment, size); /* behind JFIF's */
        return;
    }
    size = make_exif(chunk + 8, big, value);
    chunk[3] = (unsigned char)size;
    insert(b, 33, chunk, size + 12);
    png_mend(b->data, b->size);
}

static void test_orientation_found(void)
{
    for (unsigned value = 0; value < 10; value++)
        for (int big = 0; big < 2; big++) {
            enum bit_orientation wanted = value >= 1 && value <= 8 ? (enum bit_orientation)value : BIT_UPRIGHT;
            struct bytes jpeg = picture_make(&(struct picture){.width = 20, .height = 10, .colour = YCC420});
            struct bytes png = picture_make(&(struct picture){.width = 20, .height = 10, .colour = PNG_RGB});
            CHECK(bit_exif_orientation(jpeg.data, jpeg.size) == BIT_UPRIGHT && bit_exif_orientation(png.data, png.size) == BIT_UPRIGHT);
            orient(&jpeg, big, value);
            orient(&png, big, value);
            CHECK(bit_exif_orientation(jpeg.data, jpeg.size) == wanted && bit_exif_orientation(png.data, png.size) == wanted);
            /* Cut anywhere or damaged, it is the right one or none (the sanitizers look for more). */
            for (size_t size = 0; size < 100; size++) {
                enum bit_orientation cut = bit_exif_orientation(jpeg.data, size), cut_png = bit_exif_orientation(png.data, size);
                CHECK((cut == wanted || cut == BIT_UPRIGHT) && (cut_png == wanted || cut_png == BIT_UPRIGHT));
                jpeg.data[size] ^= 0xFF, png.data[size] ^= 0xFF;
                bit_exif_orientation(jpeg.data, jpeg.size), bit_exif_orientation(png.data, png.size);
                jpeg.data[size] ^= 0xFF, png.data[size] ^= 0xFF;
            }
            free(jpeg.data);
            free(png.data);
        }
}

/* A grey picture of soft shapes as a camera stores it that was held so: what bit_exif.h says, the other way round. */
static struct bytes stored(int width, int height, unsigned value)
{
    bool swapped = value >= 5;
    int w = swapped ? height : width, h = swapped ? width : height;
    unsigned char *pgm = malloc((size_t)w * (size_t)h);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            static const int sx[] = {0, 0, 1, 1, 0, 0, 0, 1, 1}, sy[] = {0, 0, 0, 1, 1, 0, 1, 1, 0};
            int at_x = swapped ? y : x, at_y = swapped ? x : y;
            at_x = sx[value] ? w - 1 - at_x : at_x;
            at_y = sy[value] ? h - 1 - at_y : at_y;
            pgm[at_y * w + at_x] = (unsigned char)(128 + 60 * sin(x * 0.13) * cos(y * 0.07 + 1) + 50 * sin((x + 2 * y) * 0.045));
        }
    struct bytes b = picture_grey(pgm, w, h);
    free(pgm);
    return b;
}

/* All eight, in all filters, types and crops, come out as the upright picture does. */
static void check_turns(const struct bit_stream_options *options, double bound)
{
    struct bit_error error = {0};
    struct bit_stream_options o = *options;
    struct bytes upright = stored(150, 97, 1);
    o.exif_orientation = true;
    struct bit_decoder *d = bit_decoder_create(&o, &error), *plain = bit_decoder_create(options, &error);
    REQUIRE(d && plain);
    for (unsigned value = 1; value <= 8; value++) {
        struct bytes b = stored(150, 97, value);
        orient(&b, value & 1, value);
        for (uint64_t epoch = 0; epoch < 6; epoch++) {
            double worst = 0;
            CHECK(!bit_decoder_run(plain, upright.data, upright.size, epoch, 1, others, &error));
            CHECK(!bit_decoder_run(d, b.data, b.size, epoch, 1, pixels, &error));
            for (int i = 0; i < o.image_size * o.image_size * 3; i++)
                worst = fmax(worst, fabs(pixels[i] - others[i]) * 127.5);
            CHECK(worst <= bound);
            if (worst > bound)
                printf("    orientation %u, filter %d, crop %d: %g\n", value, (int)o.filter, (int)epoch, worst);
            /* Without the key the file's own order of pixels counts. */
            CHECK(!bit_decoder_run(plain, b.data, b.size, epoch, 1, others, &error));
            CHECK(value == 1 || memcmp(pixels, others, (size_t)(o.image_size * o.image_size) * 12));
        }
        free(b.data);
    }
    bit_decoder_destroy(d);
    bit_decoder_destroy(plain);
    free(upright.data);
}

static void test_turns(void)
{
    struct bit_stream_options o = {.training = true, .seed = 4, .area_min = 0.2, .area_max = 1, .aspect_min = 0.75, .aspect_max = 4.0 / 3,
        .crop_attempts = 100, .mirror = true, .pixel_limit = 64000000, .scan_limit = 100, .image_size = 40, .resize = 50};
    o.filter = BIT_FILTER_BILINEAR;
    check_turns(&o, 1e-3);
    o.filter = BIT_FILTER_ANTIALIAS; /* rounds to bytes between its two passes, whose order turns with the picture */
    check_turns(&o, 1.01);
    o.filter = BIT_FILTER_REDUCED; /* where it reduces, blocks begin at another edge */
    check_turns(&o, 4);
    o.crop = BIT_CROP_SQUASH;
    check_turns(&o, 1e-3);
    o.training = false;
    check_turns(&o, 1e-3);
    o.squash = true, o.image_size = 20;
    check_turns(&o, 12);
}

static void test_bfloat16(void)
{
    static bit_bfloat16 narrow[32 * 32 * 3];
    struct bit_stream_options o = {.squash = true, .image_size = 32, .filter = BIT_FILTER_ANTIALIAS, .pixel_limit = 1000000, .scan_limit = 10,
                                   .exif_orientation = true};
    struct bit_error error = {0};
    struct bytes b = stored(150, 97, 6);
    orient(&b, false, 6);
    struct bit_decoder *d = bit_decoder_create(&o, &error);
    o.precision = BIT_BFLOAT16;
    struct bit_decoder *e = bit_decoder_create(&o, &error);
    REQUIRE(d && e);
    CHECK(!bit_decoder_run(d, b.data, b.size, 0, 0, pixels, &error) && !bit_decoder_run(e, b.data, b.size, 0, 0, narrow, &error));
    int different = 0;
    for (int i = 0; i < 32 * 32 * 3; i++)
        different += narrow[i] != bit_bfloat16_from_float(pixels[i]);
    CHECK(different == 0);
    bit_decoder_destroy(d);
    bit_decoder_destroy(e);
    free(b.data);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"as others", test_as_others}, {"crop of square", test_crop_of_square}, {"orientation found", test_orientation_found},
        {"turns", test_turns}, {"bfloat16", test_bfloat16},
    };
    return unit_main("data/resize", tests, sizeof tests / sizeof *tests, argc, argv);
}
