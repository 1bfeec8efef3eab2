/* Annotation and result files: what is read, and what is refused with which words. */
#include "bit/coco.h"

#include <unistd.h>

#include "bit/file.h"
#include "bit/memory.h"
#include "../unit.h"

static char path[64];

static struct bit_coco *read_text(const char *text, struct bit_error *error)
{
    if (bit_file_write_cache(path, text, strlen(text), error))
        return NULL;
    return bit_coco_read(path, error);
}

#define PARTS(images, annotations, categories) "{\"images\":[" images "],\"annotations\":[" annotations "],\"categories\":[" categories "]}"

static const char whole[] =
    "\xEF\xBB\xBF{\"info\": {\"deep\": [[{\"x\": [1, -2.5e-3, \"\\u00e9\\ud83d\\ude00\"]}]], \"year\": 2017}, \"categories\": [{\"supercategory\": \"animal\","
    "\"id\": 17, \"name\": \"c\\u00e4t\\ud83d\\ude00\"}],\n \"annotations\": [{\"segmentation\": {\"counts\": \"\\u0000abc\", \"size\": [1, 2]}, \"iscrowd\": 1,"
    "\"id\": 9007199254740991, \"image_id\": 1e3, \"category_id\": 17, \"bbox\": [0.1, 1e1, 123456789.123456789, 3]},"
    "{\"id\": -4, \"image_id\": 1000, \"category_id\": 17.0, \"bbox\": [1, 2, 3, 4], \"area\": 5.25, \"segmentation\": [[NaN, 1e999]]}],"
    "\"images\": [{\"id\": 1000, \"height\": 480, \"width\": 640, \"file_name\": \"a\\/b.jpg\", \"coco_url\": null}]}\n";

static void reads(void)
{
    struct bit_error error = {0};
    struct bit_coco *c = read_text(whole, &error);
    CHECK_STRING(error.text, "");
    REQUIRE(c && c->image_count == 1 && c->category_count == 1 && c->box_count == 2);
    CHECK(c->images[0].id == 1000 && c->images[0].width == 640 && c->images[0].height == 480);
    CHECK_STRING(bit_coco_name(c, c->images[0].file_name), "a/b.jpg");
    CHECK_STRING(bit_coco_name(c, c->categories[0].name), "c\xC3\xA4t\xF0\x9F\x98\x80");
    CHECK(c->boxes[0].id == 9007199254740991 && c->boxes[0].is_crowd && c->boxes[0].image == 1000 && c->boxes[0].category == 17);
    CHECK(c->boxes[0].box[0] == 0.1 && c->boxes[0].box[1] == 10 && c->boxes[0].box[2] == 123456789.123456789);
    CHECK(c->boxes[0].area == c->boxes[0].box[2] * c->boxes[0].box[3] && c->areas_missing == 1);
    CHECK(c->boxes[1].id == -4 && c->boxes[1].area == 5.25 && !c->boxes[1].is_crowd);
    bit_coco_destroy(c);
}

static void refuses(void)
{
#define IMAGE "{\"id\":1}"
    static const struct { const char *text, *says; } cases[] = {
        {"", "line 1, byte 0: expected a value, found the end of the file"},
        {"[]", "expected an object with images, annotations and categories, or an object with file_name and boxes a line, found an array"},
        {"{\"images\":[],\"categories\":[]}", "the object has no \"annotations\""},
        {"{\"images\":[],\"images\":[]}", "the key \"images\" stands there twice"},
        {"{\"images\":{}}", "images: expected an array of objects, found an object"},
        {PARTS("1", "", ""), "images[0]: expected an object, found 1"},
        {PARTS(IMAGE ",{}", "", ""), "images[1]: the key \"id\" is missing"},
        {PARTS("{\"id\":\"1\"}", "", ""), "images[0].id: expected a whole number from -9007199254740991 to 9007199254740991, found a text"},
        {PARTS("{\"id\":1.5}", "", ""), "found 1.5"},
        {PARTS("{\"id\":9007199254740992}", "", ""), "found 9007199254740992"},
        {PARTS("{\"id\":1e400}", "", ""), "found inf"},
        {PARTS("{\"id\":1,\"id\":1}", "", ""), "images[0]: the key \"id\" stands there twice"},
        {PARTS("{\"id\":1,\"width\":-1}", "", ""), "images[0].width: expected a whole number from 0 to 4294967295, found -1"},
        {PARTS("{\"id\":1,\"file_name\":7}", "", ""), "images[0].file_name: expected a text, found 7"},
        {PARTS("{\"id\":1,\"file_name\":\"a\\u0000\"}", "", ""), "a zero byte"},
        {PARTS("{\"id\":1,\"file_name\":\"\xFF\"}", "", ""), "a text that is not UTF-8"},
        {PARTS("{\"id\":1,\"file_name\":\"\\ud800x\"}", "", ""), "without its second half"},
        {PARTS("{\"id\":1,\"file_name\":\"\\udc00\"}", "", ""), "without its first half"},
        {PARTS("", "{\"id\":1,\"image_id\":1,\"category_id\":1}", ""), "annotations[0]: the key \"bbox\" is missing"},
        {PARTS("", "{\"id\":1,\"bbox\":[1,2,3]}", ""), "annotations[0].bbox: expected [x, y, width, height], four finite numbers, found the end of an array"},
        {PARTS("", "{\"id\":1,\"bbox\":[1,2,3,4,5]}", ""), "no fifth, found 5"},
        {PARTS("", "{\"id\":1,\"bbox\":[1,2,NaN,4]}", ""), "four finite numbers, found nan"},
        {PARTS("", "{\"id\":1,\"area\":Infinity}", ""), "annotations[0].area: expected a finite number, found inf"},
        {PARTS("", "{\"id\":1,\"iscrowd\":2}", ""), "annotations[0].iscrowd: expected 0 or 1, found 2"},
        {PARTS("", "", "{\"name\":\"x\"}"), "categories[0]: the key \"id\" is missing"},
        {PARTS("", "", "") "x", "expected nothing behind the value, found 'x'"},
        {"{\"images\":[],\n\"x\":[1 2]}", "line 2, byte 21: expected ',' or ']', found '2'"},
        {"{\"x\":tru}", "expected a value, found 't'"},
        {"{\"x\":01}", "expected ',' or '}', found '1'"},
        {"{\"x\":1.}", "expected a digit, found '}'"},
        {"{\"x\":-}", "expected a digit, found '}'"},
        {"{\"x\":[1,]}", "expected a value, found ']'"},
        {"{\"x\":1,}", "expected a key, found '}'"},
        {"{\"x\" 1}", "expected ':' behind a key, found '1'"},
        {"{\"x\":\"\n\"}", "expected no control character in a text, found byte 0x0A"},
        {"{\"x\":\"\\q\"}", "expected one of \"\\/bfnrtu behind a backslash, found 'q'"},
        {"{\"x\":\"\\u12g4\"}", "expected four hexadecimal digits"},
        {"{\"x\":\"abc", "expected the quote that ends a text, found the end of the file"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bit_error error = {0};
        struct bit_coco *c = read_text(cases[i].text, &error);
        CHECK(c == NULL && error.code == BIT_EDATA);
        CHECK(strstr(error.text, path) == error.text);
        if (!strstr(error.text, cases[i].says)) {
            fprintf(stderr, "\n%s\n  says:     %s\n  expected: %s\n", cases[i].text, error.text, cases[i].says);
            CHECK(0);
        }
        bit_coco_destroy(c);
    }
    struct bit_error error = {0};
    CHECK(!bit_coco_read("no/such/file", &error) && error.code == BIT_ENOINPUT);
    bit_error_clear(&error);
    CHECK(!bit_coco_read("/", &error) && error.code == BIT_ENOINPUT && strstr(error.text, "folder"));
}

/* Whatever length a file is cut to, it is refused. */
static void cut(void)
{
    char text[sizeof whole];
    for (size_t size = 0; size + 2 < sizeof whole; size++) {
        struct bit_error error = {0};
        memcpy(text, whole, size);
        text[size] = 0;
        struct bit_coco *c = read_text(text, &error);
        CHECK(!c && error.code == BIT_EDATA);
        bit_coco_destroy(c);
    }
}

static void lack_of_memory(void)
{
    for (size_t n = 1; n < 100; n++) {
        struct bit_error error = {0};
        bit_memory_fail_at(n);
        struct bit_coco *c = read_text(whole, &error);
        bit_memory_fail_at(0);
        if (c) {
            bit_coco_destroy(c);
            CHECK(n > 5);
            return;
        }
        CHECK(error.code == BIT_EENVIRONMENT);
    }
    CHECK(0);
}

static void results(void)
{
    struct bit_coco_results r;
    struct bit_error error = {0};
    static const char good[] = "[{\"image_id\":1,\"category_id\":2,\"bbox\":[1,2,3,4],\"score\":0.5,\"id\":7},\n"
                               "{\"score\":-1e-3,\"bbox\":[0,0,0,0],\"category_id\":-1,\"image_id\":0}]";
    CHECK(!bit_file_write_cache(path, good, strlen(good), NULL) && !bit_coco_results_read(path, &r, &error));
    REQUIRE(r.count == 2);
    CHECK(r.results[0].image == 1 && r.results[0].category == 2 && r.results[0].box[3] == 4 && r.results[0].score == 0.5);
    CHECK(r.results[1].score == -1e-3);
    bit_coco_results_free(&r);
    static const struct { const char *text, *says; } bad[] = {
        {"{}", "results: expected an array of objects, found an object"},
        {"[{\"image_id\":1,\"category_id\":2,\"bbox\":[1,2,3,4]}]", "results[0]: the key \"score\" is missing"},
        {"[{\"score\":NaN}]", "results[0].score: expected a finite number, found nan"},
        {"[{\"bbox\":[]}]", "results[0].bbox: expected [x, y, width, height]"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        bit_error_clear(&error);
        CHECK(!bit_file_write_cache(path, bad[i].text, strlen(bad[i].text), NULL));
        CHECK(bit_coco_results_read(path, &r, &error) == -1 && error.code == BIT_EDATA && strstr(error.text, bad[i].says) && !r.results);
    }
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {{"reads", reads}, {"refuses", refuses}, {"cut", cut}, {"lack_of_memory", lack_of_memory},
                                             {"results", results}};
    snprintf(path, sizeof path, "coco-read-%d.json", (int)getpid());
    int failed = unit_main("coco_read", tests, sizeof tests / sizeof *tests, argc, argv);
    unlink(path);
    return failed;
}
