#include "tests/unit.h"

#include <math.h>

#include "data/augment.h"

static const struct bit_stream_options training = {.training = true, .seed = 3, .image_size = 224, .area_min = 0.05,
    .area_max = 1, .aspect_min = 0.75, .aspect_max = 4.0 / 3, .crop_attempts = 100, .mirror = true};

static int inside(const struct bit_window *w, int width, int height)
{
    return w->x.low >= 0 && w->x.high < width && w->y.low >= 0 && w->y.high < height && w->x.low <= w->x.high &&
           w->y.low <= w->y.high && w->x.first == w->x.low && w->x.length == w->x.high - w->x.low + 1 &&
           w->y.first == w->y.low && w->y.length == w->y.high - w->y.low + 1;
}

/* Area and aspect stay in their ranges (rounding to pixels moves the aspect by at most half a pixel's worth), the whole
 * range is used, and the crop reaches every edge. */
static void check_crops(int width, int height)
{
    double least = 2, most = 0, narrow = 9, wide = 0;
    int mirrored = 0, edges = 0, trials = 4000;
    for (int i = 0; i < trials; i++) {
        struct bit_window w;
        bit_window_choose(&training, 5, (uint64_t)i, width, height, &w);
        CHECK(inside(&w, width, height));
        double area = w.x.length * w.y.length / ((double)width * height), aspect = w.x.length / w.y.length;
        CHECK(area >= 0.05 && area <= 1);
        CHECK(w.x.length >= 0.75 * w.y.length - 0.5001 && w.x.length <= 4.0 / 3 * w.y.length + 0.5001);
        least = fmin(least, area), most = fmax(most, area);
        narrow = fmin(narrow, aspect), wide = fmax(wide, aspect);
        mirrored += w.mirror;
        edges |= (w.x.low == 0) | (w.y.low == 0) << 1 | (w.x.high == width - 1) << 2 | (w.y.high == height - 1) << 3;
    }
    CHECK(least < 0.07 && narrow < 0.78 && wide > 1.29 && edges == 15);
    CHECK(most > 0.7);
    CHECK(abs(mirrored - trials / 2) < 5 * 32);
}

static void test_crop_ranges(void)
{
    check_crops(500, 375);
    check_crops(375, 500);
    check_crops(224, 224);
}

static void test_pure(void)
{
    struct bit_window a, b, c, d;
    bit_window_choose(&training, 1, 77, 500, 375, &a);
    bit_window_choose(&training, 1, 77, 500, 375, &b);
    bit_window_choose(&training, 2, 77, 500, 375, &c);
    bit_window_choose(&training, 1, 78, 500, 375, &d);
    CHECK(a.x.first == b.x.first && a.y.length == b.y.length && a.mirror == b.mirror);
    CHECK(a.x.first != c.x.first || a.y.first != c.y.first);
    CHECK(a.x.first != d.x.first || a.y.first != d.y.first);
}

/* The mirror must not depend on the image's size, and be off when it is switched off. */
static void test_mirror(void)
{
    struct bit_stream_options off = training;
    off.mirror = false;
    for (uint64_t i = 0; i < 200; i++) {
        struct bit_window a, b, c;
        bit_window_choose(&training, 0, i, 500, 375, &a);
        bit_window_choose(&training, 0, i, 3, 900, &b);
        bit_window_choose(&off, 0, i, 500, 375, &c);
        CHECK(a.mirror == b.mirror && !c.mirror);
        CHECK(a.x.first == c.x.first && a.y.first == c.y.first);
    }
}

/* The square lies inside the resized image at a whole pixel, reaches its edges, and is mirrored half the time. */
static void check_square(enum bit_crop crop, int width, int height, int new_width, int new_height)
{
    struct bit_stream_options o = training;
    int edges = 0, mirrored = 0;
    o.crop = crop, o.resize = 24, o.image_size = 16;
    for (uint64_t i = 0; i < 1000; i++) {
        struct bit_window w;
        bit_window_choose(&o, 2, i, width, height, &w);
        double left = w.x.first * new_width / width, top = w.y.first * new_height / height;
        CHECK(fabs(left - nearbyint(left)) < 1e-9 && fabs(top - nearbyint(top)) < 1e-9);
        CHECK(left > -1e-9 && left < new_width - 16 + 1e-9 && top > -1e-9 && top < new_height - 16 + 1e-9);
        CHECK(fabs(w.x.length - 16.0 * width / new_width) < 1e-9);
        CHECK(fabs(w.y.length - 16.0 * height / new_height) < 1e-9);
        CHECK(w.x.low == 0 && w.x.high == width - 1 && w.y.low == 0 && w.y.high == height - 1);
        edges |= (lrint(left) == 0) | (lrint(top) == 0) << 1 | (lrint(left) == new_width - 16) << 2 | (lrint(top) == new_height - 16) << 3;
        mirrored += w.mirror;
    }
    CHECK(edges == 15 && mirrored > 400 && mirrored < 600);
}

static void test_squares(void)
{
    check_square(BIT_CROP_SQUASH, 500, 375, 24, 24);
    check_square(BIT_CROP_SQUASH, 10, 40, 24, 24);
    check_square(BIT_CROP_RANDOM, 500, 375, 32, 24);
    check_square(BIT_CROP_RANDOM, 12, 24, 24, 48);
}

/* Evaluation without a crop: the whole image, whatever its aspect. */
static void test_squashed_evaluation(void)
{
    struct bit_stream_options o = {.image_size = 128, .squash = true};
    struct bit_window w;
    bit_window_choose(&o, 0, 0, 500, 375, &w);
    CHECK(w.x.first == 0 && w.x.length == 500 && w.y.first == 0 && w.y.length == 375 && !w.mirror);
}

/* Both sides to 256, of which the centre of 224: 1/16 is left out on each side, whatever the aspect. */
static void test_stretched_evaluation(void)
{
    struct bit_stream_options o = {.image_size = 224, .resize = 256, .stretch = true};
    struct bit_window w;
    bit_window_choose(&o, 0, 0, 512, 128, &w);
    CHECK(w.x.first == 32 && w.x.length == 448 && w.y.first == 8 && w.y.length == 112 && !w.mirror);
}

/* Inside a border: the window of the smaller image, moved. */
static void test_border(void)
{
    struct bit_stream_options o = {.image_size = 24, .resize = 32}, framed = o;
    struct bit_window plain, w;
    framed.border = 2;
    for (int squash = 0; squash < 2; squash++) {
        o.squash = framed.squash = squash;
        bit_window_choose(&o, 0, 0, 500, 375, &plain);
        bit_window_choose(&framed, 0, 0, 504, 379, &w);
        CHECK(w.x.first == plain.x.first + 2 && w.x.length == plain.x.length && w.y.first == plain.y.first + 2 && w.y.length == plain.y.length);
        CHECK(w.x.low == 2 && w.x.high == 501 && w.y.low == 2 && w.y.high == 376 && !w.mirror);
    }
    framed.training = true; /* evaluation only */
    framed.crop = BIT_CROP_RANDOM;
    bit_window_choose(&framed, 0, 0, 504, 379, &w);
    CHECK(w.x.low == 0 && w.x.high == 503);
}

static void test_small_and_long(void)
{
    static const int sizes[][2] = {{1, 1}, {1, 2}, {2, 1}, {3, 3}, {8, 8}, {3, 500}, {500, 3}, {1, 65500}, {65500, 1}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (uint64_t i = 0; i < 50; i++) {
            struct bit_window w;
            bit_window_choose(&training, 0, i, sizes[s][0], sizes[s][1], &w);
            CHECK(inside(&w, sizes[s][0], sizes[s][1]));
        }
    struct bit_window w; /* no crop of 5 % fits: the central one, as wide as the aspect allows */
    bit_window_choose(&training, 0, 0, 500, 3, &w);
    CHECK(w.x.length == 4 && w.y.length == 3 && w.x.low == 248);
    bit_window_choose(&training, 0, 0, 3, 500, &w);
    CHECK(w.x.length == 3 && w.y.length == 4 && w.y.low == 248);
}

static void test_whole_image(void)
{
    struct bit_stream_options o = training;
    struct bit_window w;
    o.area_min = o.area_max = 1;
    o.aspect_min = o.aspect_max = 1;
    bit_window_choose(&o, 0, 0, 64, 64, &w);
    CHECK(w.x.low == 0 && w.x.high == 63 && w.y.low == 0 && w.y.high == 63);
}

static void test_central(void)
{
    struct bit_stream_options o = {.image_size = 224, .resize = 256, .mirror = true};
    struct bit_window w;
    bit_window_choose(&o, 0, 0, 512, 512, &w); /* halved, then 16 pixels (32 of the original) off each side */
    CHECK(w.x.first == 32 && w.x.length == 448 && w.y.first == 32 && w.y.length == 448 && !w.mirror);
    CHECK(w.x.low == 0 && w.x.high == 511);
    bit_window_choose(&o, 0, 0, 500, 375, &w); /* 341 x 256: 58 and 16 pixels off */
    CHECK(fabs(w.x.first - 58 * 500.0 / 341) < 1e-9 && fabs(w.x.length - 224 * 500.0 / 341) < 1e-9);
    CHECK(fabs(w.y.first - 16 * 375.0 / 256) < 1e-9);
    bit_window_choose(&o, 0, 0, 8, 8, &w); /* enlarged */
    CHECK(w.x.first == 0.5 && w.x.length == 7);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"crop ranges", test_crop_ranges}, {"pure", test_pure}, {"mirror", test_mirror},
        {"small and long", test_small_and_long}, {"whole image", test_whole_image}, {"central", test_central},
        {"squares", test_squares}, {"squashed evaluation", test_squashed_evaluation},
        {"stretched evaluation", test_stretched_evaluation},
        {"border", test_border},
    };
    return unit_main("data/augment", tests, sizeof tests / sizeof *tests, argc, argv);
}
