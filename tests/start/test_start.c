/* Taking over weights: the backbone as it is, the head class by class; and opening what holds none. The formats themselves: tests/exchange,
 * tests/store and tests/430-finetune.sh. */
#include <stdio.h>
#include <unistd.h>

#include "bit/classify.h"
#include "bit/detect.h"
#include "bit/memory.h"
#include "bit/model.h"
#include "bit/start.h"
#include "tests/unit.h"

static struct bit_table *table_of(int depth, int width, int classes)
{
    struct bit_error error = {0};
    struct bit_classify head;
    bit_classify_init(&head, classes, BIT_SOFTMAX, 0);
    const struct bit_model_options options = {.depth = depth, .width = width, .head = &head.head, .weight_standardization = true, .image_size = 64,
                                              .micro_batch = 1, .micro_batches = 1};
    struct bit_table *table = bit_model_make_table(&options, &error);
    if (!table)
        fprintf(stderr, "%s\n", error.text);
    return table;
}

/* Element i of parameter p is 1000 p + i / 1000, so that each number says where it comes from. */
static float *numbered(const struct bit_table *table)
{
    float *block = bit_allocate(table->elements, sizeof *block, "test", NULL);
    for (size_t p = 0; p < table->count; p++)
        for (size_t i = 0; i < table->items[p].count; i++)
            block[table->items[p].offset + i] = (float)p + (float)(i % 4096) / 8192;
    return block;
}

static const char three[] = "ant\nbee\ncat\n", four[] = "bee\ncow\nant\ncat and dog\n";

static void check_backbone(const struct bit_table *onto, const float *to, const float *from)
{
    for (size_t p = 0; p < onto->count; p++)
        if (!onto->items[p].head)
            CHECK(!memcmp(to + onto->items[p].offset, from + onto->items[p].offset, onto->items[p].count * sizeof *to));
}

static void check_take(enum bit_start_head how, int classes, const char *names, const long *place, size_t expected)
{
    struct bit_table *table = table_of(8, 1, 3), *onto = table_of(8, 1, classes);
    struct bit_error error = {0};
    size_t taken = 99;
    REQUIRE(table && onto);
    float *from = numbered(table), *to = bit_allocate(onto->elements, sizeof *to, "test", NULL);
    CHECK(bit_start_take(table, from, three, how, onto, to, names, &taken, &error) == 0 && taken == expected);
    check_backbone(onto, to, from); /* the backbone's offsets are the same in both */
    for (size_t p = 0; p < onto->count; p++) {
        const struct bit_parameter *a = &table->items[p], *b = &onto->items[p];
        for (size_t i = 0; b->head && i < b->count; i++) {
            size_t row = i / (size_t)classes, column = i % (size_t)classes;
            CHECK(to[b->offset + i] == (place[column] < 0 ? 0 : from[a->offset + row * 3 + (size_t)place[column]]));
        }
    }
    bit_free(from), bit_free(to);
    bit_table_destroy(table), bit_table_destroy(onto);
}

static void test_take(void)
{
    static const long same[] = {0, 1, 2}, none[] = {-1, -1, -1, -1}, by_name[] = {1, -1, 0, -1};
    check_take(BIT_START_SAME, 3, "x\ny\nz\n", same, 3);
    check_take(BIT_START_ZERO, 4, four, none, 0);
    check_take(BIT_START_NAMES, 4, four, by_name, 2); /* a name that only begins alike is another one */
    check_take(BIT_START_NAMES, 3, three, same, 3);
}

static struct bit_table *detection_table(int classes, int layers)
{
    struct bit_error error = {0};
    struct bit_detect head;
    bit_detect_init(&head, classes);
    head.channels = 32;
    head.layers = layers;
    const struct bit_model_options options = {.depth = 14, .width = 1, .head = &head.head, .weight_standardization = true, .image_size = 64,
                                              .micro_batch = 1, .micro_batches = 1};
    return bit_model_make_table(&options, &error);
}

/* From one detection to another: the pyramid and the nets as they are; logits of a cell are [9 anchors][classes]. */
static void test_detection(void)
{
    struct bit_table *table = detection_table(3, 1), *onto = detection_table(4, 1), *deeper = detection_table(3, 2), *classes = table_of(14, 1, 3);
    static const long place[] = {1, -1, 0, -1};
    struct bit_error error = {0};
    size_t taken;
    float *from = numbered(table), *to = bit_allocate(onto->elements, sizeof *to, "test", NULL);
    CHECK(bit_start_take(table, from, three, BIT_START_NAMES, onto, to, four, &taken, &error) == 0 && taken == 2);
    for (size_t p = 0; p < onto->count; p++) {
        const struct bit_parameter *a = &table->items[p], *b = &onto->items[p];
        const bool counts = strstr(b->name, "class_net/predict") != NULL;
        CHECK(!strcmp(a->name, b->name) && b->per_class == (counts ? 9 : 0));
        for (size_t i = 0; i < b->count; i++)
            CHECK(to[b->offset + i] == (!counts ? from[a->offset + i] : place[i % 4] < 0 ? 0 : from[a->offset + i / 4 * 3 + (size_t)place[i % 4]]));
    }
    CHECK(!bit_start_misfit(table, onto));
    CHECK(!strcmp(bit_start_misfit(table, deeper), "class_net/conv1/kernel"));
    CHECK(!strcmp(bit_start_misfit(classes, onto), "fpn/lateral3/kernel") && !strcmp(bit_start_misfit(table, classes), "resnet/head/conv2d/kernel"));
    CHECK(bit_start_take(table, from, three, BIT_START_SAME, deeper, to, three, &taken, &error) == -1 && strstr(error.text, "no head of this kind"));
    bit_free(from), bit_free(to);
    bit_table_destroy(table), bit_table_destroy(onto), bit_table_destroy(deeper), bit_table_destroy(classes);
}

static void test_refusals(void)
{
    static const struct { int depth, width, classes; enum bit_start_head how; const char *says; } rows[] = {
        {14, 1, 3, BIT_START_ZERO, "have no"}, {8, 2, 3, BIT_START_ZERO, "another shape"}, {8, 1, 4, BIT_START_SAME, "3 classes, this run 4"},
    };
    struct bit_table *table = table_of(8, 1, 3);
    float *from = numbered(table);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bit_table *onto = table_of(rows[i].depth, rows[i].width, rows[i].classes);
        struct bit_error error = {0};
        size_t taken;
        float *to = bit_allocate(onto->elements, sizeof *to, "test", NULL);
        CHECK(bit_start_take(table, from, three, rows[i].how, onto, to, three, &taken, &error) == -1);
        CHECK(error.code == BIT_EUSAGE && strstr(error.text, rows[i].says));
        bit_free(to);
        bit_table_destroy(onto);
    }
    bit_free(from);
    bit_table_destroy(table);
}

static void test_nothing_there(void)
{
    struct bit_error error = {0};
    CHECK(!bit_start_open("/nowhere/at/all", &error) && error.code == BIT_ENOINPUT);
    char folder[] = "/tmp/bit-start-XXXXXX";
    REQUIRE(mkdtemp(folder));
    error = (struct bit_error){0};
    CHECK(!bit_start_open(folder, &error) && error.code == BIT_ENOINPUT && strstr(error.text, "holds no checkpoint"));
    error = (struct bit_error){0};
    CHECK(!bit_start_open("/dev/null", &error) && error.code != BIT_OK);
    rmdir(folder);
}

static void test_allocations(void)
{
    struct bit_table *table = table_of(8, 1, 3), *onto = table_of(8, 1, 4);
    float *from = numbered(table), *to = bit_allocate(onto->elements, sizeof *to, "test", NULL);
    size_t used = bit_memory_used();
    for (size_t n = 1;; n++) {
        struct bit_error error = {0};
        size_t taken;
        bit_memory_fail_at(n);
        int result = bit_start_take(table, from, three, BIT_START_NAMES, onto, to, four, &taken, &error);
        bit_memory_fail_at(0);
        CHECK(bit_memory_used() == used);
        if (!result)
            break;
        CHECK(error.code == BIT_EENVIRONMENT);
        REQUIRE(n < 100);
    }
    bit_free(from), bit_free(to);
    bit_table_destroy(table), bit_table_destroy(onto);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"take", test_take}, {"detection", test_detection}, {"refusals", test_refusals}, {"nothing there", test_nothing_there}, {"allocation failures", test_allocations},
    };
    return unit_main("start", tests, sizeof tests / sizeof *tests, argc, argv);
}
