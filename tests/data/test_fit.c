/* Pictures with boxes through the stream: where the window puts them, what pixels there are at their places, what is dropped, and that it
 * depends on (seed, epoch, image) only. */
#include "tests/unit.h"

#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <unistd.h>

#include "bit/data.h"
#include "bit/file.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "data/augment.h"
#include "data/boxes.h"
#include "picture.h"

static char root[64];

enum { SIZE = 64, IMAGES = 6, WIDTH = 90, HEIGHT = 60 };

static const char *at(const char *name)
{
    static char paths[4][PATH_MAX];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, PATH_MAX, "%s/%s", root, name);
    return path;
}

/* The box that picture i is white in; the rest is black. */
static void white_box(int i, int box[4])
{
    box[0] = 10 + 9 * i;
    box[1] = 8 + 3 * i;
    box[2] = 20 + i;
    box[3] = 16 + i;
}

static void make_pictures(void)
{
    static unsigned char pixels[WIDTH * HEIGHT];
    char name[32];
    for (int i = 0; i < IMAGES; i++) {
        int b[4];
        white_box(i, b);
        for (int p = 0; p < WIDTH * HEIGHT; p++) {
            int x = p % WIDTH, y = p / WIDTH;
            pixels[p] = x >= b[0] && x < b[0] + b[2] && y >= b[1] && y < b[1] + b[3] ? 255 : 0;
        }
        struct bytes file = picture_grey(pixels, WIDTH, HEIGHT);
        snprintf(name, sizeof name, "%d.png", i);
        picture_write(at(name), file.data, file.size);
        free(file.data);
    }
}

/* The annotations: of each picture its white box, a crowd, and a box of half a pixel. `width` as the file says. */
static struct bit_index *make_index(int width, int images)
{
    struct bit_text t = {0};
    struct bit_error error = {0};
    bit_text_add(&t, "{\"images\":[");
    for (int i = 0; i < images; i++)
        bit_text_add(&t, "%s{\"id\":%d,\"file_name\":\"%d.png\",\"width\":%d,\"height\":%d}", i ? "," : "", 10 - i, i, i == 1 ? width : WIDTH, HEIGHT);
    bit_text_add(&t, "],\"categories\":[{\"id\":1,\"name\":\"a\"},{\"id\":2,\"name\":\"b\"}],\"annotations\":[");
    for (int i = 0; i < images; i++) {
        int b[4];
        white_box(i, b);
        bit_text_add(&t, "%s{\"id\":%d,\"image_id\":%d,\"category_id\":1,\"bbox\":[1,1,50,50],\"iscrowd\":1},", i ? "," : "", 3 * i + 1, 10 - i);
        bit_text_add(&t, "{\"id\":%d,\"image_id\":%d,\"category_id\":%d,\"bbox\":[%d,%d,%d,%d]},", 3 * i + 2, 10 - i, 1 + i % 2, b[0], b[1], b[2], b[3]);
        bit_text_add(&t, "{\"id\":%d,\"image_id\":%d,\"category_id\":1,\"bbox\":[5,5,0.5,9]}", 3 * i + 3, 10 - i);
    }
    bit_text_add(&t, "]}");
    CHECK(!t.failed && !bit_file_write_cache(at("boxes.json"), t.data, t.size, &error));
    bit_text_free(&t);
    struct bit_index *index = bit_index_open(at("boxes.json"), NULL, NULL, bit_group_self(), &error);
    if (!index)
        fprintf(stderr, "%s\n", error.text), exit(2);
    return index;
}

static struct bit_stream_options options(const struct bit_index *index, bool training)
{
    return (struct bit_stream_options){.index = index, .seed = 5, .training = training, .image_size = SIZE, .crop = BIT_CROP_FIT, .mirror = true,
        .scale_min = 0.6, .scale_max = 1.8, .batch = 4, .micro_batch = 2, .ranks = 1, .loaders = 2, .prefetch = 3, .file_limit = 1 << 20,
        .pixel_limit = 1000000, .scan_limit = 10};
}

/* ---- windows ---- */

static void evaluation_windows(void)
{
    struct bit_window w;
    struct bit_stream_options o = options(NULL, false);
    static const struct { int width, height, valid_x, valid_y; } cases[] = {
        {90, 60, 64, 43}, {60, 90, 43, 64}, {64, 64, 64, 64}, {10, 10, 64, 64}, {1000, 1, 64, 1}, {640, 480, 64, 48}, {128, 37, 64, 18}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bit_window_choose(&o, 3, 4, cases[i].width, cases[i].height, &w);
        CHECK(!w.mirror && w.valid_x == cases[i].valid_x && w.valid_y == cases[i].valid_y);
        struct bit_frame f = bit_boxes_frame(&w, SIZE);
        CHECK(f.width == w.valid_x && f.height == w.valid_y);
        CHECK(fabs(f.scale_x - (double)w.valid_x / cases[i].width) < 1e-12 && fabs(f.scale_y - (double)w.valid_y / cases[i].height) < 1e-12);
    }
}

/* Over many draws: sizes within the range, crops within the image, both halves of mirrors, the same again. */
static void training_windows(void)
{
    struct bit_stream_options o = options(NULL, true);
    double least = 10, most = 0;
    int mirrors = 0, crops = 0;
    for (uint64_t sample = 0; sample < 2000; sample++) {
        struct bit_window w, again;
        memset(&w, 0, sizeof w); /* padding, too */
        memset(&again, 0, sizeof again);
        bit_window_choose(&o, 1, sample, 200, 100, &w);
        bit_window_choose(&o, 1, sample, 200, 100, &again);
        CHECK(!memcmp(&w, &again, sizeof w));
        double scale = 200 / w.x.length; /* of the larger side to the output's */
        least = fmin(least, scale);
        most = fmax(most, scale);
        mirrors += w.mirror;
        double first = w.mirror ? w.x.first + (SIZE - w.valid_x) * w.x.length / SIZE : w.x.first;
        CHECK(first >= -1e-9 && first + w.valid_x * w.x.length / SIZE <= 200 + 1e-9);
        CHECK(w.y.first >= -1e-9 && w.y.first + w.valid_y * w.y.length / SIZE <= 100 + 1e-9);
        crops += first > 0;
        CHECK(w.valid_x == (scale >= 1 ? SIZE : (int)lrint(scale * SIZE)));
    }
    CHECK(least > 0.59 && least < 0.62 && most > 1.78 && most < 1.81);
    CHECK(mirrors > 850 && mirrors < 1150 && crops > 1000 && crops < 1600);
    o.scale_min = o.scale_max = 1;
    o.mirror = false;
    struct bit_window w, e;
    memset(&w, 0, sizeof w);
    memset(&e, 0, sizeof e);
    bit_window_choose(&o, 1, 7, 200, 100, &w);
    o.training = false;
    bit_window_choose(&o, 1, 7, 200, 100, &e);
    CHECK(!memcmp(&w, &e, sizeof w)); /* without jitter and mirror training sees what evaluation sees */
}

/* ---- pixels and boxes ---- */

/* How the pixels of a box of the output and those around it look: white within, black beyond, grey where no image is. */
static void check_pixels(const float *pixels, const struct bit_box *box, double valid_x, double valid_y)
{
    double within = 0, around = 0;
    int in = 0, out = 0;
    for (int y = 0; y < SIZE; y++)
        for (int x = 0; x < SIZE; x++) {
            float value = pixels[3 * (y * SIZE + x)];
            double dx = fmax(box->x1 - x, x + 1 - box->x2), dy = fmax(box->y1 - y, y + 1 - box->y2), d = fmax(dx, dy);
            if (x >= valid_x || y >= valid_y)
                CHECK(value == 0);
            else if (d <= -2)
                within += value, in++;
            else if (fmax(box->x1 - (x + 1), x - box->x2) >= 2 || fmax(box->y1 - (y + 1), y - box->y2) >= 2)
                around += value, out++;
        }
    CHECK(!in || within / in > 0.999);
    CHECK(out && around / out < -0.999);
}

static void evaluation_stream(void)
{
    struct bit_error error = {0};
    struct bit_index *index = make_index(WIDTH, IMAGES);
    struct bit_stream_options o = options(index, false);
    for (enum bit_filter filter = BIT_FILTER_REDUCED; filter <= BIT_FILTER_ANTIALIAS; filter++) {
        o.filter = filter;
        struct bit_stream *stream = bit_stream_create(&o, &error);
        struct bit_batch *batch;
        REQUIRE(stream != NULL);
        int seen = 0;
        while (bit_stream_next(stream, &batch, &error) == 1) {
            const struct bit_targets *t = &batch->targets;
            REQUIRE(t->boxes && t->frames && t->label_start[batch->images] == batch->images);
            for (int i = 0; i < batch->images; i++, seen++) {
                int b[4];
                white_box(seen, b);
                const struct bit_frame *f = &t->frames[i];
                const struct bit_box *box = &t->boxes[i];
                CHECK(t->labels[i] == seen % 2 && f->width == 64 && f->height == 43);
                CHECK(fabs(box->x1 - b[0] * f->scale_x) < 1e-9 && fabs(box->y2 - (b[1] + b[3]) * f->scale_y) < 1e-9);
                check_pixels((float *)batch->pixels + i * SIZE * SIZE * 3, box, f->width, f->height);
            }
            bit_stream_release(stream, batch);
        }
        CHECK(seen == IMAGES);
        bit_stream_destroy(stream);
    }
    bit_index_close(index);
}

/* Steps of training by so many ranks: what is seen is put into `pixels` and `boxes` in the order of the global batch. */
static void train(const struct bit_index *index, int ranks, uint64_t from, uint64_t steps, struct bit_box *boxes, int *counts, double *sums)
{
    struct bit_error error = {0};
    for (int rank = 0; rank < ranks; rank++) {
        struct bit_stream_options o = options(index, true);
        o.scale_max = 3;
        o.rank = rank;
        o.ranks = ranks;
        struct bit_stream *stream = bit_stream_create(&o, &error);
        REQUIRE(stream && !bit_stream_seek(stream, from, &error));
        for (uint64_t n = 0; n < steps * 2 / (uint64_t)ranks; n++) {
            struct bit_batch *batch;
            REQUIRE(bit_stream_next(stream, &batch, &error) == 1);
            CHECK(batch->targets.boxes && !batch->targets.frames && batch->images == 2);
            for (int i = 0; i < 2; i++) {
                const int32_t *start = batch->targets.label_start;
                uint64_t place = batch->step * 4 + (uint64_t)(ranks == 2 ? rank : batch->micro) * 2 + (uint64_t)i;
                const float *pixels = (float *)batch->pixels + i * SIZE * SIZE * 3;
                counts[place] = start[i + 1] - start[i];
                CHECK(counts[place] <= 1); /* no crowd, nothing below a pixel */
                sums[place] = 0;
                for (int p = 0; p < 3 * SIZE * SIZE; p++)
                    sums[place] += pixels[p] * (1 + p % 7);
                if (!counts[place])
                    continue;
                boxes[place] = batch->targets.boxes[start[i]];
                CHECK(boxes[place].x1 >= 0 && boxes[place].x2 <= SIZE && boxes[place].x2 - boxes[place].x1 >= 1);
                /* What is grey is beyond the image, so the box tells nothing of it: the image's part is found by the pixels. */
                int valid_x = SIZE, valid_y = SIZE;
                while (valid_x && pixels[3 * (valid_x - 1)] == 0)
                    valid_x--;
                while (valid_y && pixels[3 * (valid_y - 1) * SIZE] == 0)
                    valid_y--;
                check_pixels(pixels, &boxes[place], valid_x, valid_y);
            }
            bit_stream_release(stream, batch);
        }
        bit_stream_destroy(stream);
    }
}

static void training_stream(void)
{
    enum { STEPS = 30, PLACES = 4 * STEPS };
    static struct bit_box boxes[3][PLACES];
    static int counts[3][PLACES];
    static double sums[3][PLACES];
    struct bit_index *index = make_index(WIDTH, IMAGES);
    train(index, 1, 0, STEPS, boxes[0], counts[0], sums[0]);
    train(index, 2, 0, STEPS, boxes[1], counts[1], sums[1]);
    train(index, 1, 0, STEPS / 2, boxes[2], counts[2], sums[2]);
    train(index, 1, STEPS / 2, STEPS / 2, boxes[2], counts[2], sums[2]); /* interrupted */
    for (int other = 1; other < 3; other++)
        CHECK(!memcmp(boxes[0], boxes[other], sizeof boxes[0]) && !memcmp(counts[0], counts[other], sizeof counts[0]) &&
              !memcmp(sums[0], sums[other], sizeof sums[0]));
    int found = 0;
    for (int i = 0; i < PLACES; i++)
        found += counts[0][i];
    printf(" %d boxes of %d", found, PLACES);
    CHECK(found > PLACES / 2 && found < PLACES); /* some are cropped away */
    bit_index_close(index);
}

/* A picture that is not of its annotations' size is bad: replaced in training, left out of an evaluation, listed in both. */
static void turned(void)
{
    struct bit_error error = {0};
    struct bit_index *index = make_index(HEIGHT, IMAGES);
    struct bit_batch *batch;
    struct bit_stream_options o = options(index, false);
    struct bit_stream *stream = bit_stream_create(&o, &error);
    int images = 0;
    REQUIRE(stream != NULL);
    while (bit_stream_next(stream, &batch, &error) == 1) {
        images += batch->images;
        bit_stream_release(stream, batch);
    }
    CHECK(images == IMAGES - 1);
    const struct bit_text *bad = bit_stream_bad(stream);
    CHECK(bad->data && strstr(bad->data, "/1.png\t90 x 60 pixels, but its boxes are for 60 x 60"));
    bit_stream_destroy(stream);
    o.training = true;
    stream = bit_stream_create(&o, &error);
    REQUIRE(stream != NULL);
    for (int n = 0; n < 6; n++) {
        REQUIRE(bit_stream_next(stream, &batch, &error) == 1);
        CHECK(batch->images == 2);
        bit_stream_release(stream, batch);
    }
    struct bit_stream_counts counts;
    bit_stream_count(stream, &counts);
    CHECK(counts.bad == 2); /* in each of two epochs */
    bit_stream_destroy(stream);
    bit_index_close(index);
}

static void refusals(void)
{
    struct bit_error error = {0};
    struct bit_index *index = make_index(WIDTH, IMAGES);
    struct bit_stream_options o = options(index, true);
    o.mixup = 0.1;
    CHECK(!bit_stream_create(&o, &error) && error.code == BIT_EUSAGE);
    bit_error_clear(&error);
    o.mixup = 0;
    o.crop = BIT_CROP_SQUASH;
    CHECK(!bit_stream_create(&o, &error) && error.code == BIT_EUSAGE);
    bit_error_clear(&error);
    o.crop = BIT_CROP_FIT;
    o.scale_max = 0.1;
    CHECK(!bit_stream_create(&o, &error) && error.code == BIT_EUSAGE && strstr(error.text, "scale 0.6 to 0.1"));
    bit_index_close(index);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {{"evaluation_windows", evaluation_windows}, {"training_windows", training_windows},
                                             {"evaluation_stream", evaluation_stream}, {"training_stream", training_stream}, {"turned", turned},
                                             {"refusals", refusals}};
    bit_log_init("test", BIT_LOG_ERROR);
    strcpy(root, "/tmp/bit-fit-XXXXXX");
    if (!mkdtemp(root))
        return 2;
    make_pictures();
    int failed = unit_main("fit", tests, sizeof tests / sizeof *tests, argc, argv);
    bit_folder_remove(root, NULL);
    return failed;
}
