/* What bit_coco_check refuses and what it tells, trap by trap; pictures a line; boxes by image. */
#include "bit/coco.h"

#include <unistd.h>

#include "bit/file.h"
#include "bit/memory.h"
#include "../unit.h"

static char path[64];

static struct bit_coco *read_text(const char *text, struct bit_error *error)
{
    return bit_file_write_cache(path, text, strlen(text), error) ? NULL : bit_coco_read(path, error);
}

#define ALL(images, annotations, categories) "{\"images\":[" images "],\"annotations\":[" annotations "],\"categories\":[" categories "]}"
#define IMAGE "{\"id\":1,\"width\":64,\"height\":48,\"file_name\":\"a.jpg\"}"
#define CLASS "{\"id\":1,\"name\":\"cat\"}"
#define BOX(id, image, category, box) "{\"id\":" #id ",\"image_id\":" #image ",\"category_id\":" #category ",\"bbox\":" box ",\"area\":1,\"iscrowd\":0}"

struct trap { const char *text, *error, *note; };

static void check_trap(const struct trap *t)
{
    struct bit_error error = {0};
    struct bit_text notes = {0};
    struct bit_coco *c = read_text(t->text, &error);
    CHECK_STRING(error.text, "");
    REQUIRE(c != NULL);
    int failed = bit_coco_check(c, "FILE", &notes, &error);
    CHECK((failed != 0) == (t->error != NULL));
    if (t->error && (error.code != BIT_EDATA || !strstr(error.text, t->error))) {
        fprintf(stderr, "\n%s\n  says:     %s\n  expected: %s\n", t->text, error.text, t->error);
        CHECK(0);
    }
    if (t->note && !strstr(notes.data ? notes.data : "", t->note)) {
        fprintf(stderr, "\n%s\n  notes:    %s\n  expected: %s\n", t->text, notes.data ? notes.data : "", t->note);
        CHECK(0);
    }
    CHECK(t->note || t->error || !notes.size);
    bit_text_free(&notes);
    bit_coco_destroy(c);
}

static void traps(void)
{
    static const struct trap table[] = {
        {ALL(IMAGE, BOX(1, 1, 1, "[1,2,3,4]"), CLASS), NULL, NULL},
        {ALL("", "", CLASS), "FILE: no images", NULL},
        {ALL(IMAGE, "", ""), "FILE: no categories", NULL},
        {ALL(IMAGE "," IMAGE, "", CLASS), "FILE: images[0] and images[1] have the same id, 1", NULL},
        {ALL(IMAGE, "", CLASS "," "{\"id\":1,\"name\":\"dog\"}"), "categories[0] and categories[1] have the same id, 1", NULL},
        {ALL(IMAGE, "", CLASS "," "{\"id\":2,\"name\":\"cat\"}"), "categories[0] and categories[1] have the same name, \"cat\"", NULL},
        {ALL(IMAGE, "", "{\"id\":2}"), "categories[0].name (id 2): expected a name", NULL},
        {ALL(IMAGE, "", "{\"id\":2,\"name\":\"a\\nb\"}"), "found \"a\\nb\"", NULL},
        {ALL(IMAGE, BOX(7, 1, 1, "[1,2,3,4]") "," BOX(8, 1, 1, "[1,2,3,4]") "," BOX(7, 1, 1, "[1,2,3,4]"), CLASS),
         "annotations[0] (id 7, image 1) and annotations[2] (id 7, image 1) have the same id", NULL},
        {ALL(IMAGE, BOX(7, 2, 1, "[1,2,3,4]"), CLASS), "annotations[0] (id 7, image 2): image_id 2 is not among the images", NULL},
        {ALL(IMAGE, BOX(7, 1, 0, "[1,2,3,4]"), CLASS), "category_id 0 is not among the categories", NULL},
        {ALL(IMAGE, BOX(7, 1, 1, "[9,9,3,-4]"), CLASS), "the box [9, 9, 3, -4] has a negative side", NULL},
        {ALL("{\"id\":1}", "", CLASS), "images[0].file_name (id 1): expected a path below the folder of images, without \"..\", found \"\"", NULL},
        {ALL("{\"id\":1,\"file_name\":\"a/../../b.jpg\"}", "", CLASS), "found \"a/../../b.jpg\"", NULL},
        {ALL("{\"id\":1,\"file_name\":\"/b.jpg\"}", "", CLASS), "found \"/b.jpg\"", NULL},
        {ALL("{\"id\":1,\"file_name\":\"a//b.jpg\"}", "", CLASS), "found \"a//b.jpg\"", NULL},
        /* All kinds at once, a line each. */
        {ALL(IMAGE "," IMAGE, BOX(7, 9, 1, "[1,2,3,4]") "," BOX(8, 9, 1, "[1,2,3,4]") "," BOX(9, 9, 3, "[1,2,3,4]"), CLASS),
         "have the same id, 1\nFILE: annotations[0] (id 7, image 9): image_id 9 is not among the images; 2 more of this kind\nFILE: annotations[2]", NULL},
        {ALL(IMAGE, BOX(1, 1, 1, "[1,2,3,0]"), CLASS), NULL, "!1 box of no width or no height: not trained on (annotations[0] (id 1, image 1))\n"},
        {ALL(IMAGE, BOX(1, 1, 1, "[64,2,3,4]") "," BOX(2, 1, 1, "[1,2,3,4]"), CLASS), NULL, "!1 box wholly outside the picture"},
        {ALL(IMAGE, BOX(1, 1, 1, "[40,20,60,40]") "," BOX(2, 1, 1, "[1,2,3,4]"), CLASS), NULL, "!1 of the boxes reaches beyond the picture by more than a pixel: are they [x1, y1, x2, y2]?"},
        {ALL(IMAGE, BOX(1, 1, 1, "[60,2,6,4]") "," BOX(2, 1, 1, "[1,2,3,4]") "," BOX(3, 1, 1, "[1,2,3,4]") "," BOX(4, 1, 1, "[61,2,3.9,4]"), CLASS), NULL,
         " 1 box reaches beyond the picture by more than a pixel: clipped (annotations[0] (id 1, image 1))\n"},
        {ALL(IMAGE, BOX(0, 1, 1, "[1,2,3,4]"), CLASS), NULL, "!1 annotation with the id 0"},
        {ALL(IMAGE, "{\"id\":1,\"image_id\":1,\"category_id\":1,\"bbox\":[1,2,3,4],\"area\":-4,\"iscrowd\":0}", CLASS), NULL,
         "!1 annotation with a negative area: trained on, but an evaluation looks for none such (annotations[0] (id 1, image 1))\n"},
        {ALL(IMAGE ",{\"id\":2,\"width\":1,\"height\":1,\"file_name\":\"a.jpg\"}", BOX(1, 1, 1, "[1,2,3,4]") "," BOX(2, 2, 1, "[0,0,1,1]"), CLASS), NULL,
         "!1 file is named by more than one image (a.jpg)\n"},
        {ALL(IMAGE, "", CLASS), NULL, " 1 image without boxes: trained on as background (a.jpg)\n"},
        {ALL(IMAGE, "{\"id\":1,\"image_id\":1,\"category_id\":1,\"bbox\":[1,2,3,4],\"area\":1,\"iscrowd\":1}", CLASS), NULL, " 1 crowd"},
        {ALL(IMAGE, BOX(1, 1, 1, "[1,2,3,4]"), CLASS ",{\"id\":90,\"name\":\"dog\"}"), NULL, " 2 category ids, with gaps: classes are numbered by ascending id, and results get the ids back (1 to 90)\n"},
        {ALL(IMAGE, BOX(1, 1, 1, "[1,2,3,4]"), CLASS ",{\"id\":2,\"name\":\"dog\"}"), NULL, " 1 category without boxes (dog)\n"},
        {ALL(IMAGE, "{\"id\":1,\"image_id\":1,\"category_id\":1,\"bbox\":[1,2,3,4],\"iscrowd\":0}", CLASS), NULL, " 1 annotation without an area"},
        {ALL(IMAGE, "{\"id\":1,\"image_id\":1,\"category_id\":1,\"bbox\":[1,2,3,4],\"area\":1}", CLASS), NULL, " 1 annotation without iscrowd: 0 is taken\n"},
        {ALL("{\"id\":1,\"file_name\":\"a.jpg\"}", BOX(1, 1, 1, "[1,2,3,4]"), CLASS), NULL, " 1 image without width and height"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        check_trap(&table[i]);
}

static void lines(void)
{
    struct bit_error error = {0};
    struct bit_text notes = {0};
    struct bit_coco *c = read_text("{\"file_name\":\"x/1.jpg\",\"width\":64,\"height\":48,\"boxes\":[{\"class\":\"dog\",\"bbox\":[1,2,3,4]},"
                                   "{\"class\":\"cat\",\"bbox\":[5,6,7,8],\"iscrowd\":1,\"area\":50}]}\n\n"
                                   "{\"note\":\"\",\"boxes\":[],\"file_name\":\"2.jpg\"}\n{\"file_name\":\"3.jpg\",\"boxes\":[{\"bbox\":[1,1,1,1],\"class\":\"dog\"}]}", &error);
    CHECK_STRING(error.text, "");
    REQUIRE(c && c->is_lines && c->image_count == 3 && c->category_count == 2 && c->box_count == 3);
    CHECK_STRING(bit_coco_name(c, c->categories[0].name), "cat");
    CHECK_STRING(bit_coco_name(c, c->images[1].file_name), "2.jpg");
    CHECK(c->categories[0].id == 1 && c->categories[1].id == 2 && c->images[2].id == 3 && c->images[0].width == 64 && !c->images[1].width);
    CHECK(c->boxes[0].category == 2 && c->boxes[0].area == 12 && c->boxes[0].image == 1 && c->boxes[0].id == 1);
    CHECK(c->boxes[1].category == 1 && c->boxes[1].is_crowd && c->boxes[1].area == 50 && c->boxes[2].image == 3);
    CHECK(!bit_coco_check(c, "FILE", &notes, &error));
    bit_text_free(&notes);
    bit_coco_destroy(c);
    static const struct { const char *text, *says; } bad[] = {
        {"{\"boxes\":[]}", "line 1, byte 11: the line: the key \"file_name\" is missing"},
        {"{\"file_name\":\"a\",\"boxes\":[]}\n{\"file_name\":\"a\"}", "line 2, byte 45: the line: the key \"boxes\" is missing"},
        {"{\"file_name\":\"a\",\"boxes\":[{\"class\":\"x\"}]}", "boxes[0]: the key \"bbox\" is missing"},
        {"{\"file_name\":\"a\",\"boxes\":[{\"class\":3}]}", "boxes[0].class: expected a text, found 3"},
        {"{\"file_name\":\"a\",\"boxes\":[]}\n[]", "expected an object, of one picture, found an array"},
        {"{\"file_name\":\"a\",\"boxes\":[]}\n{\"file_name\":\"b\",\"boxes\":[}", "line 2, byte 55: expected a value, found '}'"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        bit_error_clear(&error);
        c = read_text(bad[i].text, &error);
        CHECK(!c && error.code == BIT_EDATA);
        if (!strstr(error.text, bad[i].says))
            fprintf(stderr, "\n%s\n  says:     %s\n  expected: %s\n", bad[i].text, error.text, bad[i].says);
        CHECK(strstr(error.text, bad[i].says) != NULL);
        bit_coco_destroy(c);
    }
}

static void groups(void)
{
    struct bit_error error = {0};
    struct bit_coco_groups g;
    struct bit_coco *c = read_text(ALL("{\"id\":9,\"file_name\":\"a\"},{\"id\":-3,\"file_name\":\"b\"},{\"id\":5,\"file_name\":\"c\"}",
                                       BOX(4, 5, 90, "[1,1,1,1]") "," BOX(3, 9, 2, "[2,1,1,1]") "," BOX(2, 5, 2, "[3,1,1,1]") "," BOX(1, 9, 7, "[4,1,1,1]"),
                                       "{\"id\":90,\"name\":\"x\"},{\"id\":2,\"name\":\"z\"},{\"id\":7,\"name\":\"y\"}"), &error);
    REQUIRE(c && !bit_coco_group(c, &g, &error));
    static const size_t boxes[] = {1, 3, 0, 2}, start[] = {0, 2, 2, 4}, categories[] = {1, 2, 0};
    static const int32_t classes[] = {2, 0, 0, 1};
    CHECK(!memcmp(g.boxes, boxes, sizeof boxes) && !memcmp(g.start, start, sizeof start));
    CHECK(!memcmp(g.classes, classes, sizeof classes) && !memcmp(g.categories, categories, sizeof categories));
    bit_coco_groups_free(&g);
    for (size_t n = 1; n < 8; n++) {
        bit_error_clear(&error);
        bit_memory_fail_at(n);
        int failed = bit_coco_group(c, &g, &error);
        bit_memory_fail_at(0);
        CHECK((failed != 0) == (n < 8) && error.code == BIT_EENVIRONMENT);
    }
    bit_coco_destroy(c);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {{"traps", traps}, {"lines", lines}, {"groups", groups}};
    snprintf(path, sizeof path, "coco-check-%d.json", (int)getpid());
    int failed = unit_main("coco_check", tests, sizeof tests / sizeof *tests, argc, argv);
    unlink(path);
    return failed;
}
