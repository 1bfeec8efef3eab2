/* The index of annotated boxes: what it keeps, its cache, validation data, what is refused; pictures of another size. */
#include "tests/unit.h"

#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bit/coco.h"
#include "bit/data.h"
#include "bit/file.h"
#include "bit/log.h"
#include "bit/memory.h"
#include "data/index.h"
#include "picture.h"

static char root[64];

static const char *at(const char *name)
{
    static char paths[4][PATH_MAX];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, PATH_MAX, "%s/%s", root, name);
    return path;
}

static void put(const char *name, const char *text)
{
    struct timespec old[2] = {{1700000000, 5}, {1700000000, 5}}; /* what changed just now is never trusted */
    CHECK(bit_file_write_cache(at(name), text, strlen(text), NULL) == 0);
    utimensat(AT_FDCWD, at(name), old, 0);
}

static const char train[] =
    "{\"images\":[{\"id\":30,\"width\":40,\"height\":30,\"file_name\":\"x/b.jpg\"},{\"id\":4,\"width\":40,\"height\":30,\"file_name\":\"a.jpg\"},"
    "{\"id\":5,\"width\":40,\"height\":30,\"file_name\":\"c.jpg\"}],"
    "\"annotations\":[{\"id\":0,\"image_id\":4,\"category_id\":90,\"bbox\":[1,2,3.25,4],\"area\":7,\"iscrowd\":0},"
    "{\"id\":1,\"image_id\":30,\"category_id\":3,\"bbox\":[0.1,2,20,10],\"area\":150.5,\"iscrowd\":1},"
    "{\"id\":2,\"image_id\":4,\"category_id\":3,\"bbox\":[5,6,7,8],\"area\":56,\"iscrowd\":0}],"
    "\"categories\":[{\"id\":90,\"name\":\"ant\"},{\"id\":3,\"name\":\"zebra\"},{\"id\":7,\"name\":\"bee\"}]}";

static void begin(void)
{
    strcpy(root, "/tmp/bit-boxes-XXXXXX");
    if (!mkdtemp(root) || mkdir(at("x"), 0777) || mkdir(at("pictures"), 0777) || mkdir(at("pictures/x"), 0777))
        exit(2);
    put("train.json", train);
}

static void end(void)
{
    bit_folder_remove(root, NULL);
}

static struct bit_index *open_below(const char *name, const char *folder, const struct bit_index *classes, struct bit_error *error)
{
    char cache[80];
    snprintf(cache, sizeof cache, "%s/cache", root);
    bit_error_clear(error);
    return bit_index_open_below(at(name), *folder ? at(folder) : "", cache, classes, bit_group_self(), error);
}

static void check_index(const struct bit_index *index)
{
    struct bit_index_boxes b;
    char path[PATH_MAX];
    REQUIRE(bit_index_has_boxes(index) && bit_index_images(index) == 3 && bit_index_classes(index) == 3);
    CHECK(bit_index_label_count(index) == 3 && bit_index_labels_most(index) == 2);
    CHECK_STRING(bit_index_class_name(index, 0), "zebra"); /* by id: 3, 7, 90 */
    CHECK_STRING(bit_index_class_name(index, 2), "ant");
    CHECK(bit_index_category(index, 0) == 3 && bit_index_category(index, 1) == 7 && bit_index_category(index, 2) == 90);
    bit_index_boxes(index, 0, &b);
    CHECK(b.count == 1 && b.image_id == 30 && b.width == 40 && b.height == 30 && b.classes[0] == 0);
    CHECK(b.flags[0] == BIT_BOX_CROWD && b.areas[0] == 150.5 && b.boxes[0][0] == 0.1 && b.boxes[0][2] == 20);
    bit_index_boxes(index, 1, &b);
    CHECK(b.count == 2 && b.image_id == 4 && b.classes[0] == 2 && b.classes[1] == 0);
    CHECK(b.flags[0] == BIT_BOX_ID_ZERO && b.flags[1] == 0 && b.boxes[0][2] == 3.25 && b.boxes[1][3] == 8);
    bit_index_boxes(index, 2, &b);
    CHECK(b.count == 0 && b.image_id == 5);
    CHECK(!bit_index_image_path(index, 0, path, sizeof path, NULL));
    CHECK(strlen(path) > 7 && !strcmp(path + strlen(path) - 7, "x/b.jpg"));
}

static void keeps(void)
{
    struct bit_error error = {0};
    char a[33], b[33], first[33], second[33], path[PATH_MAX];
    begin();
    for (int time = 0; time < 2; time++) { /* the second from the cache */
        struct bit_index *index = open_below("train.json", "", NULL, &error);
        CHECK_STRING(error.text, "");
        REQUIRE(index != NULL);
        check_index(index);
        bit_index_fingerprint(index, a, time ? second : first);
        bit_index_close(index);
    }
    CHECK_STRING(first, second);
    /* Another folder of images is another index, though the file has not changed; where they are changes no fingerprint. */
    struct bit_index *index = open_below("train.json", "pictures", NULL, &error);
    REQUIRE(index != NULL);
    CHECK(!bit_index_image_path(index, 1, path, sizeof path, &error) && strstr(path, "/pictures/a.jpg"));
    bit_index_fingerprint(index, b, second);
    CHECK(!strcmp(a, b) && !strcmp(first, second));
    bit_index_close(index);
    /* A box that has moved is other data. */
    char moved[sizeof train];
    strcpy(moved, train);
    *strstr(moved, "3.25") = '2';
    put("train.json", moved);
    index = open_below("train.json", "", NULL, &error);
    REQUIRE(index != NULL);
    bit_index_fingerprint(index, b, second);
    CHECK(!strcmp(a, b) && strcmp(first, second));
    bit_index_close(index);
    end();
}

/* Classes are found by name; results get the ids of the file that is evaluated. */
static void validation(void)
{
    struct bit_error error = {0};
    struct bit_index_boxes b;
    begin();
    struct bit_index *index = open_below("train.json", "", NULL, &error);
    put("val.json", "{\"images\":[{\"id\":1,\"file_name\":\"a.jpg\"}],\"annotations\":[{\"id\":1,\"image_id\":1,\"category_id\":1,\"bbox\":[1,2,3,4]},"
                    "{\"id\":2,\"image_id\":1,\"category_id\":5,\"bbox\":[1,2,3,4]}],\"categories\":[{\"id\":1,\"name\":\"bee\"},{\"id\":5,\"name\":\"zebra\"}]}");
    struct bit_index *val = open_below("val.json", "", index, &error);
    CHECK_STRING(error.text, "");
    REQUIRE(index && val && bit_index_classes(val) == 3);
    bit_index_boxes(val, 0, &b);
    CHECK(b.count == 2 && b.classes[0] == 1 && b.classes[1] == 0);
    CHECK(bit_index_category(val, 1) == 1 && bit_index_category(val, 0) == 5 && bit_index_category(val, 2) == 90);
    bit_index_close(val);
    put("val.json", "{\"images\":[{\"id\":1,\"file_name\":\"a.jpg\"}],\"annotations\":[],\"categories\":[{\"id\":1,\"name\":\"Bee\"}]}");
    CHECK(!open_below("val.json", "", index, &error) && error.code == BIT_EDATA && strstr(error.text, "Bee"));
    put("val.tsv", "a.jpg\tbee\n");
    CHECK(!open_below("val.tsv", "", index, &error) && error.code == BIT_EDATA && strstr(error.text, "val.tsv has no boxes, but the training data has boxes"));
    bit_index_close(index);
    index = open_below("val.tsv", "", NULL, &error);
    REQUIRE(index != NULL);
    CHECK(!bit_index_has_boxes(index));
    CHECK(!open_below("train.json", "", index, &error) && strstr(error.text, "train.json has boxes, but the training data has none"));
    bit_index_close(index);
    end();
}

static void a_picture_a_line(void)
{
    struct bit_error error = {0};
    struct bit_index_boxes b;
    begin();
    put("train.jsonl", "\n{\"file_name\":\"x/2.png\",\"boxes\":[{\"class\":\"dog\",\"bbox\":[1,2,3,4]},{\"class\":\"cat\",\"bbox\":[5,6,7,8]}]}\n"
                       "{\"file_name\":\"1.jpg\",\"boxes\":[]}\n");
    struct bit_index *index = open_below("train.jsonl", "pictures", NULL, &error);
    CHECK_STRING(error.text, "");
    REQUIRE(index && bit_index_images(index) == 2 && bit_index_classes(index) == 2);
    CHECK_STRING(bit_index_class_name(index, 0), "cat");
    bit_index_boxes(index, 0, &b);
    CHECK(b.count == 2 && b.classes[0] == 1 && b.boxes[1][0] == 5 && b.width == 0);
    bit_index_close(index);
    end();
}

static void truth(void)
{
    struct bit_error error = {0};
    begin();
    struct bit_index *index = open_below("train.json", "", NULL, &error);
    struct bit_coco *c = index ? bit_index_truth(index, &error) : NULL, *file = bit_coco_read(at("train.json"), &error);
    REQUIRE(c && file && c->image_count == 3 && c->box_count == 3 && c->category_count == 3);
    CHECK(c->categories[2].id == 90);
    CHECK_STRING(bit_coco_name(c, c->categories[2].name), "ant");
    CHECK_STRING(bit_coco_name(c, c->images[0].file_name), "");
    /* It scores as the file does, ids of 0 included. */
    struct bit_coco_result results[] = {{4, 90, {1, 2, 3.25, 4}, 0.5}, {4, 3, {5, 6, 7, 8}, 0.4}, {30, 3, {1, 2, 5, 5}, 0.3}};
    struct bit_coco_results all = {results, 3};
    struct bit_coco_scores x = {0}, y = {0};
    CHECK(!bit_coco_score(c, &all, false, &x, &error) && !bit_coco_score(file, &all, false, &y, &error));
    CHECK(!memcmp(x.numbers, y.numbers, sizeof x.numbers) && fabs(x.numbers[BIT_COCO_AP] - 0.5) < 1e-9 && x.ids_zero == 1);
    bit_coco_scores_free(&x);
    bit_coco_scores_free(&y);
    bit_coco_destroy(c);
    bit_coco_destroy(file);
    bit_index_close(index);
    end();
}

static void refusals(void)
{
    struct bit_error error = {0};
    begin();
    CHECK(!open_below("train.json", "nowhere", NULL, &error) && error.code == BIT_ENOINPUT && strstr(error.text, "folder of images"));
    put("list.tsv", "a.jpg\tbee\n");
    CHECK(!open_below("list.tsv", "pictures", NULL, &error) && error.code == BIT_EUSAGE);
    put("broken.json", "{\"images\":[{\"id\":1,\"file_name\":\"../a.jpg\"}],\"annotations\":[],\"categories\":[{\"id\":1,\"name\":\"x\"}]}");
    CHECK(!open_below("broken.json", "", NULL, &error) && error.code == BIT_EDATA && strstr(error.text, "\"..\", found \"../a.jpg\""));
    put("broken.json", "{\"images\":[");
    CHECK(!open_below("broken.json", "", NULL, &error) && error.code == BIT_EDATA && strstr(error.text, "broken.json: line 1, byte 11: "));
    /* Blanks and a byte order mark in front are no list. */
    put("marked.json", "\xEF\xBB\xBF\n {\"images\":[{\"id\":1,\"file_name\":\"a.jpg\"}],\"annotations\":[],\"categories\":[{\"id\":1,\"name\":\"x\"}]}");
    struct bit_index *index = open_below("marked.json", "", NULL, &error);
    CHECK(index && bit_index_has_boxes(index) && bit_index_labels_most(index) == 0);
    bit_index_close(index);
    end();
}

/* A damaged block is refused wherever its boxes say what cannot be. */
static void damaged(void)
{
    struct bit_error error = {0};
    begin();
    struct bit_index *index = open_below("train.json", "", NULL, &error);
    REQUIRE(index != NULL);
    const struct bit_index_header *h = bit_index_block(index);
    char *copy = bit_allocate(h->bytes, 1, "a test", NULL);
    REQUIRE(copy != NULL);
    static const struct { enum bit_index_section section; size_t at; unsigned char byte; const char *says; } hurt[] = {
        {BOXES, 7, 0x7F, NULL}, {BOXES, 6, 0xFF, NULL}, {CLASS_ID, 8, 3, "category ids"}, {ROOT, 0, 'x', "folder of its images"}, {LABELS, 3, 0x7F, "class"}};
    memcpy(copy, h, h->bytes);
    CHECK(bit_index_check(copy, h->bytes, true, &error) == 0);
    for (size_t i = 0; i < sizeof hurt / sizeof *hurt; i++) {
        bit_error_clear(&error);
        memcpy(copy, h, h->bytes);
        copy[h->sections[hurt[i].section].start + hurt[i].at] = (char)hurt[i].byte;
        if (i == 1)
            copy[h->sections[BOXES].start + 7] = 0x7F; /* with the byte before: NaN */
        int failed = bit_index_check(copy, h->bytes, true, &error);
        CHECK(i == 0 || (failed && error.code == BIT_EDATA));
        CHECK(!hurt[i].says || strstr(error.text, hurt[i].says));
    }
    bit_free(copy);
    bit_index_close(index);
    end();
}

static void sizes(void)
{
    struct bit_error error = {0};
    struct bit_index_sizes found;
    struct bit_stream_options limits = {.file_limit = 1 << 20, .pixel_limit = 1 << 20, .scan_limit = 10};
    static const struct { const char *name; int width, height; } pictures[] = {{"x/b.jpg", 40, 30}, {"a.jpg", 30, 40}, {"c.jpg", 40, 30}};
    begin();
    for (int i = 0; i < 3; i++) {
        struct picture p = {.width = pictures[i].width, .height = pictures[i].height, .colour = i == 2 ? CMYK_ADOBE : YCC420};
        struct bytes file = picture_make(&p);
        picture_write(at(pictures[i].name), file.data, file.size);
        free(file.data);
    }
    struct bit_index *index = open_below("train.json", "", NULL, &error);
    REQUIRE(index != NULL);
    CHECK(!bit_index_look_sizes(index, 100, &limits, &found, &error) && found.looked == 3 && found.wrong == 1);
    CHECK(strstr(found.first, "/a.jpg: 30 x 40 pixels, but its boxes are for 40 x 30: turned since, or by its EXIF data") != NULL);
    picture_write(at("c.jpg"), "no picture", 10);
    CHECK(!bit_index_look_sizes(index, 100, &limits, &found, &error) && found.wrong == 2);
    CHECK(!bit_index_look_sizes(index, 1, &limits, &found, &error) && found.looked == 1 && found.wrong == 0);
    unlink(at("a.jpg")); /* missing ones are bit_index_look's */
    CHECK(!bit_index_look_sizes(index, 100, &limits, &found, &error) && found.wrong == 1);
    struct bit_index_sight sight;
    CHECK(!bit_index_look(index, 100, &sight, &error) && sight.looked == 3 && sight.missing == 1 && strstr(sight.first, "image id 4: "));
    bit_index_close(index);
    end();
}

static void lack_of_memory(void)
{
    struct bit_error error = {0};
    begin();
    for (size_t n = 1; n < 300; n++) {
        bit_error_clear(&error);
        bit_memory_fail_at(n);
        struct bit_index *index = bit_index_open_below(at("train.json"), "", NULL, NULL, bit_group_self(), &error);
        bit_memory_fail_at(0);
        if (index) {
            CHECK(n > 20);
            bit_index_close(index);
            end();
            return;
        }
        CHECK(error.code == BIT_EENVIRONMENT);
    }
    CHECK(0);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {{"keeps", keeps}, {"validation", validation}, {"a_picture_a_line", a_picture_a_line}, {"truth", truth},
                                             {"refusals", refusals}, {"damaged", damaged}, {"sizes", sizes}, {"lack_of_memory", lack_of_memory}};
    bit_log_init("test", BIT_LOG_ERROR);
    return unit_main("boxes", tests, sizeof tests / sizeof *tests, argc, argv);
}
