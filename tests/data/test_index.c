/* The index: what is found in folders and lists, and what is said of it. */
#include "tests/data/index_files.h"

static void test_scan(void)
{
    struct bit_error error = {0};
    begin();
    make_tree();
    struct bit_index *index = open_at("train", NULL, &error);
    REQUIRE(index != NULL);
    check_tree(index);
    bit_index_close(index);
    end();
}

static void test_links(void)
{
    struct bit_error error = {0};
    begin();
    put("train/a/1.jpg", "");
    put("elsewhere/2.jpg", "22");
    CHECK(!symlink("../../elsewhere/2.jpg", at("train/a/2.jpg")));
    CHECK(!symlink("../elsewhere", at("train/b")));
    CHECK(!symlink("..", at("train/a/loop")));
    CHECK(!symlink("nowhere.jpg", at("train/a/3.jpg")));
    struct bit_index *index = open_at("train", NULL, &error);
    REQUIRE(index != NULL);
    CHECK(bit_index_classes(index) == 2 && bit_index_images(index) == 4 && bit_index_bytes(index) == 4);
    bit_index_close(index);
    end();
}

static int fails_with(const char *name, const struct bit_index *classes, enum bit_code code, const char *text)
{
    struct bit_error error = {0};
    struct bit_index *index = open_at(name, classes, &error);
    int good = !index && error.code == code && strstr(error.text, text);
    if (!good)
        printf("    %s: wanted '%s', got %d '%s'\n", name, text, error.code, error.text);
    bit_index_close(index);
    return good;
}

static void test_bad_folders(void)
{
    begin();
    CHECK(fails_with("none", NULL, BIT_ENOINPUT, "cannot open"));
    put("flat/1.jpg", "");
    CHECK(fails_with("flat", NULL, BIT_EDATA, "directly"));
    put("texts/a/1.txt", "");
    CHECK(fails_with("texts", NULL, BIT_EDATA, "class folders"));
    put("latin/a\xE4/1.jpg", "");
    CHECK(fails_with("latin", NULL, BIT_EDATA, "/latin/a\\xE4: a class name must be UTF-8"));
    put("line/a\nb/1.jpg", "");
    CHECK(fails_with("line", NULL, BIT_EDATA, "/line/a\\nb: a class name must be UTF-8 without control"));
    char deep[512] = "deep/c";
    for (int i = 0; i < 40; i++)
        strcat(deep, "/d");
    strcat(deep, "/1.jpg");
    put(deep, "");
    CHECK(fails_with("deep", NULL, BIT_EDATA, "nested"));
    end();
}

static void test_validation_classes(void)
{
    struct bit_error error = {0};
    const int32_t *labels;
    begin();
    put("train/a/1.jpg", ""), put("train/c/1.jpg", ""), put("train/e/1.jpg", "");
    put("val/c/1.jpg", ""), put("val/e/1.jpg", ""), put("other/d/1.jpg", "");
    struct bit_index *train = open_at("train", NULL, &error);
    REQUIRE(train != NULL);
    CHECK(fails_with("other", train, BIT_EDATA, "class 'd'"));
    for (int again = 0; again < 2; again++) { /* the second time from the cache, which keeps its own numbers */
        age("val", 0), age("val/c", 0), age("val/e", 0);
        struct bit_index *val = open_at("val", train, &error);
        REQUIRE(val != NULL);
        CHECK(bit_index_classes(val) == 3 && bit_index_images(val) == 2);
        CHECK(bit_index_labels(val, 0, &labels) == 1 && *labels == 1);
        CHECK(bit_index_labels(val, 1, &labels) == 1 && *labels == 2);
        char a[33], b[33], c[33], d[33];
        bit_index_fingerprint(train, a, b);
        bit_index_fingerprint(val, c, d);
        CHECK(!strcmp(a, c) && strcmp(b, d));
        bit_index_close(val);
    }
    bit_index_close(train);
    end();
}

static int notes_say(const char *name, const char *const *texts)
{
    struct bit_error error = {0};
    int good = 1;
    for (int again = 0; again < 2; again++) { /* the second time from the cache */
        struct bit_index *index = open_at(name, NULL, &error);
        for (int i = 0; index && texts[i]; i++)
            if (!strstr(bit_index_notes(index), texts[i]))
                good = printf("    '%s' is not in: %s\n", texts[i], bit_index_notes(index)) < 0;
        good &= index != NULL;
        bit_index_close(index);
    }
    return good;
}

/* Class names that look like those of training and are others: the difference is shown. */
static void test_unknown_classes(void)
{
    static const struct { const char *folder, *text; } cases[] = {
        {"v1/caf\x65\xCC\x81/1.jpg", "looks like its class 'caf\xC3\xA9', but they differ from byte 4 on: U+0065 and U+00E9"},
        {"v2/dog /1.jpg", "looks like its class 'dog', but they differ from byte 4 on: U+0020 and its end"},
        {"v3/Dog/1.jpg", "looks like its class 'dog', but they differ from byte 1 on: U+0044 and U+0064"},
        {"v4/do\xE2\x80\x8Bg/1.jpg", "class 'do\\xE2\\x80\\x8Bg' is not among the 4 classes of the training data; it looks like its class 'dog'"},
        {"v5/\xE1\x84\x80\xE1\x85\xA1/1.jpg", "looks like its class '\xEA\xB0\x80'"}, {"v6/elefant/1.jpg", "did you mean 'elephant'"},
        {"v7/zebra/1.jpg", "class 'zebra' is not among the 4 classes of the training data"}};
    struct bit_error error = {0};
    char name[64];
    begin();
    put("train/caf\xC3\xA9/1.jpg", "x"), put("train/dog/1.jpg", "x"), put("train/elephant/1.jpg", "x"), put("train/\xEA\xB0\x80/1.jpg", "x");
    struct bit_index *train = open_at("train", NULL, &error);
    REQUIRE(train != NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put(cases[i].folder, "x");
        snprintf(name, sizeof name, "v%zu", i + 1);
        CHECK(fails_with(name, train, BIT_EDATA, cases[i].text));
    }
    put("v7/yak/1.jpg", "x");
    CHECK(fails_with("v7", train, BIT_EDATA, "class 'yak' is not among the 4 classes of the training data; nor are 1 more"));
    bit_index_close(train);
    end();
}

static void test_name_notes(void)
{
    begin();
    put("a/caf\xC3\xA9/1.jpg", "x"), put("a/caf\x65\xCC\x81/1.jpg", "x"), put("a/Dog/1.jpg", "x"), put("a/dog/1.jpg", "x"), put("a/cat/1.jpg", "x");
    CHECK(notes_say("a", (const char *const[]){"!the classes 'cafe\xCC\x81' and 'caf\xC3\xA9' look alike and are two: they differ from byte 4 on: U+0065 and U+00E9",
        "'Dog' and 'dog' look alike", NULL}));
    put("b/train/cat/1.jpg", "x"), put("b/val/cat/1.jpg", "x");
    CHECK(notes_say("b", (const char *const[]){"!the classes are named 'train', 'val', like the parts of a data set: is this one folder too high?", NULL}));
    put("c/Training/cat/1.jpg", "x");
    CHECK(notes_say("c", (const char *const[]){"one folder too high", NULL}));
    put("d/train/1.jpg", "x"), put("d/plane/1.jpg", "x"), put("d/ship/1.jpg", "x");
    CHECK(notes_say("d", (const char *const[]){"", NULL}) && !notes_say("d", (const char *const[]){"too high", NULL}));
    put("list.txt", "1.jpg\tdog\n2.jpg\tDog\n");
    CHECK(notes_say("list.txt", (const char *const[]){"'Dog' and 'dog' look alike", NULL}));
    end();
}

static void test_fingerprint(void)
{
    struct bit_error error = {0};
    char a[4][2][33];
    begin();
    put("one/a/1.jpg", ""), put("one/b/2.jpg", "");
    put("two/a/1.jpg", "other contents"), put("two/b/2.jpg", "");
    put("three/a/1.jpg", ""), put("three/b/3.jpg", "");
    put("four/a/1.jpg", ""), put("four/a/2.jpg", ""), put("four/b/.none", "");
    static const char *const names[] = {"one", "two", "three", "four"};
    for (int i = 0; i < 4; i++) {
        struct bit_index *index = open_at(names[i], NULL, &error);
        REQUIRE(index != NULL);
        bit_index_fingerprint(index, a[i][0], a[i][1]);
        bit_index_close(index);
    }
    CHECK(!strcmp(a[0][0], a[1][0]) && !strcmp(a[0][1], a[1][1]));
    CHECK(!strcmp(a[0][0], a[2][0]) && strcmp(a[0][1], a[2][1]));
    CHECK(!strcmp(a[0][0], a[3][0]) && strcmp(a[0][1], a[3][1]));
    end();
}

/* ---- lists ---- */

static void test_list(void)
{
    struct bit_error error = {0};
    const int32_t *labels;
    char path[PATH_MAX], want[PATH_MAX];
    begin();
    put("data/list.txt", "z/1.jpg\tdog,cat\r\na.jpg\tcat\n\nz/3.jpg\tapple,dog,cat\n");
    struct bit_index *index = open_at("data/list.txt", NULL, &error);
    REQUIRE(index != NULL);
    CHECK(bit_index_images(index) == 3 && bit_index_classes(index) == 3 && bit_index_labels_most(index) == 3);
    CHECK(!strcmp(bit_index_class_name(index, 0), "apple") && !strcmp(bit_index_class_name(index, 2), "dog"));
    CHECK(bit_index_labels(index, 0, &labels) == 2 && labels[0] == 2 && labels[1] == 1);
    CHECK(bit_index_labels(index, 1, &labels) == 1 && labels[0] == 1);
    CHECK(bit_index_labels(index, 2, &labels) == 3 && labels[0] == 0);
    snprintf(want, sizeof want, "%s/data/z/3.jpg", root);
    CHECK(!bit_index_image_path(index, 2, path, sizeof path, &error) && !strcmp(path, want));
    bit_index_close(index);
    end();
}

static void test_bad_lists(void)
{
    static const struct { const char *text, *problem; } lists[] = {
        {"", "no lines"}, {"a.jpg cat\n", ":1: no tab"}, {"a.jpg\tcat\nb.jpg\t\n", ":2: an empty class"},
        {"a.jpg\tcat,\n", ":1: an empty class"}, {"\tcat\n", ":1: no path"}, {"/a.jpg\tcat\n", "absolute"},
        {"a/../../b.jpg\tcat\n", "'..'"}, {"a//b.jpg\tcat\n", "empty"}, {"a/\tcat\n", "ends with"},
        {"a.jpg\tcat,dog,cat\n", "twice"}, {"a.jpg\tc\xE4t\n", "UTF-8"}, {"a.jpg\tcat\tdog\n", "control"},
        {"a.jpg\tcat, dog , cat\n", "twice"}, {"a.jpg\t \n", "an empty class"}, {"  \tcat\n", "no path"},
        {"path\tclass\na.jpg\tcat\n", ":1: a header"}, {"\xEF\xBB\xBF" "Filename\tLABEL\r\na.jpg\tcat\n", ":1: a header"},
        {"# image\tanything\na.jpg\tcat\n", ":1: a header"}, {"a\\1.jpg\tcat\n", "backslashes"}, {"\"a.jpg\"\tcat\n", "quotes"},
        {"a.jpg\t\"cat\"\n", "quotes"}, {"a.jpg,cat\n", "no CSV"}, {"a.jpg;cat\n", "no CSV"}, {"a.jpg\\tcat\n", "two characters"},
        {"a.jpg\rb.jpg\tcat\rc\n", "control"}, {"\xFF\xFE" "a.jpg", "UTF-16"}, {"PK\x03\x04", "no tab"},
        {"\xFF\xD8\xFF\xE0", "is no list"},
    };
    begin();
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        put("list.txt", lists[i].text);
        CHECK(fails_with("list.txt", NULL, BIT_EDATA, lists[i].problem));
    }
    put("list.txt", "a\nb\nc\n"); /* all of them at once */
    CHECK(fails_with("list.txt", NULL, BIT_EDATA, ":3: no tab"));
    put("list.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\n"); /* the first, and how many */
    CHECK(fails_with("list.txt", NULL, BIT_EDATA, ":8: no tab: expected path<TAB>class[,class...]\nand 3 more"));
    CHECK(!fails_with("list.txt", NULL, BIT_EDATA, ":9: no tab"));
    end();
}

/* Bytes with zeros among them, and a line that never ends. */
static void test_raw_lists(void)
{
    static const struct { const char *bytes; size_t size; const char *problem; } lists[] = {
        {"a.jpg\tc\0t\n", 10, ":1: a zero byte"}, {"PK\x03\x04\0\0\0\0", 8, "a ZIP file"}, {"\0\0\0\0\0\0\0\0", 8, "zeros only"},
        {"\xFF\xFE" "a\0.\0", 6, "UTF-16"}, {"\xFE\xFF\0a\0.", 6, "UTF-16"}};
    begin();
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        FILE *file = fopen(at("list.txt"), "w");
        fwrite(lists[i].bytes, 1, lists[i].size, file);
        fclose(file);
        CHECK(fails_with("list.txt", NULL, BIT_EDATA, lists[i].problem));
    }
    FILE *file = fopen(at("list.txt"), "w");
    fputs("a.jpg\tcat\n", file);
    for (int i = 0; i < 3 << 20; i++)
        fputc('x', file);
    fputs("\tcat\n", file);
    fclose(file);
    CHECK(fails_with("list.txt", NULL, BIT_EDATA, ":2: a line of more than 1 MiB"));
    CHECK(!mkfifo(at("pipe.txt"), 0666) && fails_with("pipe.txt", NULL, BIT_ENOINPUT, "neither a folder nor"));
    end();
}

/* What table programs and editors put around lines changes nothing: the same classes, paths and labels. */
static void test_list_dressed(void)
{
    static const char *const lists[] = {
        "a.jpg\tcat\nb/c.jpg\tdog,cat\n", ("\xEF\xBB\xBF" "a.jpg\tcat\nb/c.jpg\tdog,cat\n"), "a.jpg \tcat \r\n\r\n b/c.jpg\t dog, cat  \r\n",
        "a.jpg\tcat\n\n\nb/c.jpg\tdog ,cat"};
    struct bit_error error = {0};
    char first[2][33], other[2][33];
    begin();
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        put("list.txt", lists[i]);
        struct bit_index *index = open_at("list.txt", NULL, &error);
        REQUIRE(index != NULL);
        bit_index_fingerprint(index, i ? other[0] : first[0], i ? other[1] : first[1]);
        CHECK(bit_index_classes(index) == 2 && bit_index_images(index) == 2);
        CHECK(!i || (!strcmp(first[0], other[0]) && !strcmp(first[1], other[1])));
        bit_index_close(index);
    }
    put("a\\1.jpg", "x"), put("image", "x"); /* names that are odd, and there */
    put("list.txt", "image\tclass\na\\1.jpg\tclass\n");
    struct bit_index *index = open_at("list.txt", NULL, &error);
    CHECK(index != NULL && bit_index_images(index) == 2);
    bit_index_close(index);
    end();
}

static void test_look(void)
{
    struct bit_error error = {0};
    struct bit_index_sight sight;
    begin();
    put("data/a/1.jpg", ""), put("data/a/2.jpg", "");
    put("data/list.txt", "a/1.jpg\tcat\n\r\na/3\x1B.jpg\tcat\na/4.jpg\tcat\na/2.jpg\tcat\n");
    struct bit_index *index = open_at("data/list.txt", NULL, &error);
    REQUIRE(index != NULL);
    CHECK(!bit_index_look(index, 100, &sight, &error) && sight.looked == 4 && sight.missing == 2);
    CHECK(strstr(sight.first, "/data/list.txt:3: ") && strstr(sight.first, "/a/3\\x1B.jpg: No such file"));
    CHECK(!bit_index_look(index, 2, &sight, &error) && sight.looked == 2 && sight.missing == 0); /* the first and the last */
    bit_index_close(index);
    put("data/a/list.txt", "a/1.jpg\tcat\na/2.jpg\tdog\n"); /* paths that begin one folder above */
    index = open_at("data/a/list.txt", NULL, &error);
    REQUIRE(index != NULL);
    CHECK(bit_index_look(index, 100, &sight, &error) == -1 && error.code == BIT_ENOINPUT);
    CHECK(strstr(error.text, "list.txt:1: ") && strstr(error.text, "none of the 2 images") && strstr(error.text, "/data: put the list there"));
    bit_index_close(index);
    index = open_at("data", NULL, &error);
    REQUIRE(index != NULL);
    CHECK(!bit_index_look(index, 100, &sight, &error) && sight.looked == 0);
    bit_index_close(index);
    end();
}

static void test_twins(void)
{
    begin();
    put("list.txt", "a.jpg\tcat\nb.jpg\tcat\nb.jpg\tdog\nc.gif\tcat\na.jpg\tcat\n");
    CHECK(notes_say("list.txt", (const char *const[]){"1 image is named again with other classes, e.g. b.jpg in lines 2 and 3",
        "1 image is named again with the same classes, e.g. a.jpg in lines 1 and 5", "e.g. c.gif (GIF)", NULL}));
    put("list.txt", "a.jpg\tcat,dog\nb.jpg\tcat\na.jpg\tdog,cat\n");
    CHECK(notes_say("list.txt", (const char *const[]){"!1 image is named again with the same classes", NULL}));
    end();
}

/* Every name that says JPEG or PNG is taken; all else is counted. */
static void test_left_out(void)
{
    static const char *const taken[] = {"1.jpg", "2.JPG", "3.Jpg", "4.jpeg", "5.Jpeg", "6.JPEG", "7.jpe", "8.JPE", "9.jfif", "10.JFIF", "11.png", "12.Png", "x.y.jPg"};
    static const char *const left[] = {"a/1.gif", "a/2.GIF", "a/3.webp", "a/x.zip", "a/notes.txt", "a/Thumbs.db", "a/._1.jpg", "a/.DS_Store",
        "a/jpg", "a/.jpg", "a/1.jpg.part", "b/@eaDir/0.jpg/SYNOPHOTO_THUMB_M.jpg", "b/.AppleDouble/1.jpg", "__MACOSX/a/1.jpg", "lost+found/1.jpg",
        "#recycle/1.jpg", ".snapshot/1.jpg", ".ipynb_checkpoints/1.jpg", "stray.jpeg"};
    struct bit_error error = {0};
    char name[PATH_MAX];
    begin();
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        snprintf(name, sizeof name, "train/a/%s", taken[i]), put(name, "x");
    for (size_t i = 0; i < sizeof left / sizeof *left; i++)
        snprintf(name, sizeof name, "train/%s", left[i]), put(name, "x");
    put("train/b/folder.jpg/1.jpg", "x"), put("train/b/empty.jpg", "");
    CHECK(!mkfifo(at("train/a/pipe.jpg"), 0666) && !symlink("nowhere", at("train/c")) && !symlink("..", at("train/b/circle")));
    CHECK(!symlink("nowhere.jpg", at("train/a/gone.jpg")));
    struct bit_index *index = open_at("train", NULL, &error);
    REQUIRE(index != NULL);
    CHECK(bit_index_images(index) == sizeof taken / sizeof *taken + 3 && bit_index_classes(index) == 2);
    bit_index_close(index);
    CHECK(notes_say("train", (const char *const[]){"!22 other files left out, e.g. a/1.gif (3 pictures of kinds",
        "JPEG; this one: GIF), a/x.zip (zip, an archive",
        "stray.jpeg (an image in no class", "a/pipe.jpg (no regular file)", "c (a link that leads nowhere)", "a/1.jpg.part (4 no images by", "a/.DS_Store (3 hidden files",
        "#recycle (7 folders that a system", "b/circle (a link that leads back", "1 image cannot be looked at, e.g. a/gone.jpg",
        "1 image of 0 bytes, e.g. b/empty.jpg", NULL}));
    put("junk/a/1.jpg", "x"), put("junk/a/.DS_Store", ""), put("junk/a/new\nline\xFF.txt", "");
    CHECK(notes_say("junk", (const char *const[]){" 2 other files left out, e.g. a/new\\nline\\xFF.txt (no image by its name), a/.DS_Store (a hidden", NULL}));
    put("gifs/a/1.gif", "x");
    CHECK(fails_with("gifs", NULL, BIT_EDATA, "found none; 1 other file left out, e.g. a/1.gif (GIF, a picture of a kind that is not read yet"));
    put("clean/a/1.jpg", "x");
    CHECK(!notes_say("clean", (const char *const[]){"left out", NULL}) && notes_say("clean", (const char *const[]){"", NULL}));
    end();
}

static void test_long_list(void)
{
    struct bit_error error = {0};
    enum { LINES = 20000, CLASSES = 3000 };
    int good = 1;
    begin();
    FILE *file = fopen(at("list.txt"), "w");
    for (int i = 0; i < LINES; i++)
        fprintf(file, "f/%d.jpg\tc%05d\n", i, i * 7 % CLASSES);
    fclose(file);
    struct bit_index *index = open_at("list.txt", NULL, &error);
    REQUIRE(index != NULL);
    CHECK(bit_index_images(index) == LINES && bit_index_classes(index) == CLASSES);
    for (int i = 0; i < LINES; i++) {
        const int32_t *labels;
        good &= bit_index_labels(index, (uint64_t)i, &labels) == 1 && *labels == i * 7 % CLASSES;
    }
    CHECK(good);
    bit_index_close(index);
    end();
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"scan", test_scan},
        {"links", test_links},
        {"bad folders", test_bad_folders},
        {"validation classes", test_validation_classes},
        {"unknown classes", test_unknown_classes},
        {"name notes", test_name_notes},
        {"fingerprint", test_fingerprint},
        {"list", test_list},
        {"bad lists", test_bad_lists},
        {"raw lists", test_raw_lists},
        {"list dressed", test_list_dressed},
        {"look", test_look},
        {"twins", test_twins},
        {"left out", test_left_out},
        {"long list", test_long_list},
    };
    bit_log_init("test_index", BIT_LOG_ERROR);
    return unit_main("data/index", tests, sizeof tests / sizeof *tests, argc, argv);
}
