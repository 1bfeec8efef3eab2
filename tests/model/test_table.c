/* Tables and estimates of the paper's models. */
#include "unit.h"

#include "bit/memory.h"
#include "bit/classify.h"
#include "bit/model.h"

static struct bit_classify head;

static struct bit_model_options options(int depth, int width, int classes)
{
    bit_classify_init(&head, classes, BIT_SOFTMAX, 0);
    return (struct bit_model_options){.depth = depth, .width = width, .head = &head.head, .norm = BIT_GROUP_NORM,
                                      .weight_standardization = true, .image_size = 224, .micro_batch = 8,
                                      .micro_batches = 1, .training = true,
                                      .backend = bit_backend_find("openblas", NULL)};
}

/* Numbers of parameters: those of the published weights, and of the golden cases. */
static void test_numbers(void)
{
    const struct { int depth, width, classes; size_t numbers; } cases[] = {
        {50, 1, 1000, 25549352}, {101, 1, 1000, 44541480}, {50, 3, 1000, 217319080}, {14, 1, 10, 8028746}, {8, 1, 10, 467530},
        {152, 4, 21843, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bit_model_options o = options(cases[i].depth, cases[i].width, cases[i].classes);
        struct bit_error error = {0};
        struct bit_table *t = bit_model_make_table(&o, &error);
        REQUIRE(t != NULL);
        if (cases[i].numbers)
            CHECK(t->numbers == cases[i].numbers);
        else
            CHECK(t->numbers > 1000000000 || (t->numbers > 900000000 && t->numbers < 1000000000));
        bit_table_destroy(t);
    }
}

static void test_names(void)
{
    struct bit_model_options o = options(26, 1, 10);
    struct bit_error error = {0};
    struct bit_table *t = bit_model_make_table(&o, &error);
    REQUIRE(t != NULL);
    const char *first[] = {
        "resnet/root_block/standardized_conv2d/kernel", "resnet/block1/unit01/a/group_norm/gamma",
        "resnet/block1/unit01/a/group_norm/beta", "resnet/block1/unit01/a/standardized_conv2d/kernel",
        "resnet/block1/unit01/a/proj/standardized_conv2d/kernel", "resnet/block1/unit01/b/group_norm/gamma",
        "resnet/block1/unit01/b/group_norm/beta", "resnet/block1/unit01/b/standardized_conv2d/kernel",
        "resnet/block1/unit01/c/group_norm/gamma", "resnet/block1/unit01/c/group_norm/beta",
        "resnet/block1/unit01/c/standardized_conv2d/kernel", "resnet/block1/unit02/a/group_norm/gamma"};
    for (size_t i = 0; i < sizeof first / sizeof *first; i++)
        CHECK(!strcmp(t->items[i].name, first[i]));
    CHECK(!strcmp(t->items[t->count - 1].name, "resnet/head/conv2d/bias"));
    CHECK(!strcmp(t->items[t->count - 2].name, "resnet/head/conv2d/kernel"));
    CHECK(!strcmp(t->items[t->count - 3].name, "resnet/group_norm/beta"));
    CHECK(bit_table_find(t, "resnet/block2/unit02/a/proj/standardized_conv2d/kernel") < 0);
    int strided = bit_table_find(t, "resnet/block4/unit01/b/standardized_conv2d/kernel");
    REQUIRE(strided >= 0);
    CHECK(t->items[strided].shape[0] == 3 && t->items[strided].shape[2] == 512 && t->items[strided].block == 4);
    bit_table_destroy(t);
}

static void test_bad_options(void)
{
    struct bit_model_options bad[4];
    for (size_t i = 0; i < 4; i++)
        bad[i] = options(14, 1, 10);
    bad[0].depth = 18, bad[1].width = 0, bad[2].image_size = 0, bad[3].micro_batch = 0;
    for (size_t i = 0; i < 4; i++) {
        struct bit_error error = {0};
        CHECK(bit_model_make_table(&bad[i], &error) == NULL && error.code == BIT_EUSAGE && *error.text);
    }
}

/* Without a head the table is the backbone's; roles follow the rule. */
static void test_roles(void)
{
    struct bit_model_options o = options(14, 1, 10), bare = o;
    struct bit_error error = {0};
    bare.head = NULL;
    o.roles = (struct bit_roles_rule){.decay_kernels_only = true, .frozen = {true, true, true, true, true}};
    for (int part = 0; part < BIT_PART_HEAD; part++)
        bare.roles.rate[part] = 0.25f;
    struct bit_table *whole = bit_model_make_table(&o, &error), *backbone = bit_model_make_table(&bare, &error);
    REQUIRE(whole && backbone);
    CHECK(backbone->count + 2 == whole->count && !strcmp(backbone->items[backbone->count - 1].name, "resnet/group_norm/beta"));
    for (size_t i = 0; i < whole->count; i++) {
        const struct bit_parameter *p = &whole->items[i];
        CHECK(p->head == (i >= backbone->count) && p->trains == p->head && p->decays == (p->kind == BIT_KERNEL) && p->rate == 1);
        if (i < backbone->count)
            CHECK(!strcmp(p->name, backbone->items[i].name) && backbone->items[i].trains && backbone->items[i].decays &&
                  backbone->items[i].rate == 0.25f);
    }
    bit_table_destroy(whole);
    bit_table_destroy(backbone);
}

/* The estimate is the plan: what creation takes differs only by small objects of the backend. */
static void test_estimate(void)
{
    struct bit_model_options o = options(14, 1, 10);
    o.image_size = 64;
    for (int precision = 0; precision < 2; precision++)
        for (int training = 0; training < 2; training++) {
            struct bit_error error = {0};
            struct bit_model_memory memory;
            o.precision = precision ? BIT_BFLOAT16 : BIT_FLOAT32;
            o.training = training;
            REQUIRE(bit_model_estimate(&o, &memory, &error) == 0);
            size_t before = bit_memory_used();
            struct bit_model *model = bit_model_create(&o, &error);
            REQUIRE(model != NULL);
            double used = (double)(bit_memory_used() - before);
            double estimate = (double)(memory.packed_weights + memory.activations + memory.scratch + memory.other);
            CHECK(used > 1e6 && estimate > 0.9 * used && estimate < 1.1 * used);
            bit_model_destroy(model);
            CHECK(bit_memory_used() == before);
        }
}

/* 4.1 G multiply-adds: what is known of a ResNet-50 with the stride in the 3x3 convolution. */
static void test_flops(void)
{
    struct bit_model_options o = options(50, 1, 1000);
    double flops = bit_model_flops(&o);
    CHECK(flops > 8.1e9 && flops < 8.4e9);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"numbers", test_numbers}, {"names", test_names},   {"bad options", test_bad_options},
        {"estimate", test_estimate}, {"flops", test_flops}, {"roles", test_roles},
    };
    return unit_main("model table", tests, sizeof tests / sizeof *tests, argc, argv);
}
