/* The linear probe, neighbours and draws against numpy's numbers (tests/golden/probe.json, made by tests/features/reference.py). */
#include <cjson/cJSON.h>
#include <math.h>

#include "bit/compute.h"
#include "bit/data.h"
#include "bit/file.h"
#include "bit/json.h"
#include "bit/memory.h"
#include "bit/probe.h"
#include "../unit.h"

static void test_generator(void)
{
    static const struct { uint64_t seed, raw[3], permuted[10]; } numpy[] = {
        {0, {11749869230777074271u, 4976686463289251617u, 755828109848996024u}, {4, 6, 2, 7, 3, 5, 9, 0, 8, 1}},
        {12345678901, {15424019608117653474u, 5842158649703263007u, 1196571772974914250u}, {5, 8, 3, 1, 4, 7, 0, 9, 6, 2}},
        {UINT64_MAX, {12544278110101001871u, 15593249672699323225u, 136562751618339402u}, {8, 7, 3, 0, 4, 6, 1, 2, 5, 9}},
    };
    for (size_t n = 0; n < sizeof numpy / sizeof *numpy; n++) {
        struct bit_numpy_random random;
        uint64_t items[10];
        bit_numpy_seed(&random, numpy[n].seed);
        for (int i = 0; i < 3; i++)
            CHECK(bit_numpy_u64(&random) == numpy[n].raw[i]);
        bit_numpy_seed(&random, numpy[n].seed);
        for (uint64_t i = 0; i < 10; i++)
            items[i] = i;
        bit_numpy_permute(&random, items, 10);
        CHECK(!memcmp(items, numpy[n].permuted, sizeof items));
    }
}

/* Half of a draw of 64 bits is left for the next permutation; one of 1 item draws nothing. */
static void test_several_permutations(void)
{
    static const uint64_t numpy[] = {102, 100, 104, 101, 103, 100, 104, 106, 105, 100, 101, 103, 107, 102, 100, 101}, sizes[] = {5, 1, 8, 2};
    uint64_t items[16], *at = items;
    struct bit_numpy_random random;
    bit_numpy_seed(&random, 7);
    for (int n = 0; n < 4; at += sizes[n++]) {
        for (uint64_t i = 0; i < sizes[n]; i++)
            at[i] = 100 + i;
        bit_numpy_permute(&random, at, sizes[n]);
    }
    CHECK(!memcmp(items, numpy, sizeof items));
    /* many: numbers that have to be drawn again */
    uint64_t count = 100000, *many = malloc(count * sizeof *many), sum = 0;
    bit_numpy_seed(&random, 3);
    for (uint64_t i = 0; i < count; i++)
        many[i] = i;
    bit_numpy_permute(&random, many, count);
    for (uint64_t i = 0; i < count; i++)
        sum += i * many[i];
    CHECK(many[0] == 99532 && many[4] == 14687 && sum == 249186927593593u);
    free(many);
}

/* ---- against the stored numbers ---- */

struct made { int classes, channels; uint64_t counts[2]; float *features[2]; int32_t *labels[2]; uint64_t *starts[2]; };
static struct made made;
static cJSON *golden;

static void make_set(struct bit_numpy_random *raw, int which, const uint64_t *centres)
{
    uint64_t count = made.counts[which], channels = (uint64_t)made.channels;
    made.features[which] = malloc(count * channels * sizeof(float));
    made.labels[which] = malloc(count * sizeof(int32_t));
    made.starts[which] = malloc((count + 1) * sizeof(uint64_t));
    for (uint64_t i = 0; i < count; i++)
        made.labels[which][i] = (int32_t)(bit_numpy_u64(raw) % (uint64_t)made.classes);
    for (uint64_t i = 0; i <= count; i++)
        made.starts[which][i] = i;
    for (uint64_t i = 0; i < count; i++)
        for (uint64_t c = 0; c < channels; c++) {
            uint64_t number = bit_numpy_u64(raw) >> 40, centre = centres[(uint64_t)made.labels[which][i] * channels + c];
            made.features[which][i * channels + c] = (float)((5 * number + 3 * centre) >> 3) / 4194304.0f;
        }
}

static int make_sets(void)
{
    struct bit_error error = {0};
    struct bit_numpy_random raw;
    char path[4096];
    uint64_t centres[4096];
    snprintf(path, sizeof path, "%s/tests/golden/probe.json", getenv("top_srcdir") ? getenv("top_srcdir") : "..");
    golden = bit_json_read(path, 1 << 24, &error);
    if (!golden) {
        fprintf(stderr, "%s\n", error.text);
        return -1;
    }
    made.classes = (int)bit_json_whole(golden, "classes", 0);
    made.channels = (int)bit_json_whole(golden, "channels", 0);
    made.counts[0] = bit_json_whole(golden, "train", 0);
    made.counts[1] = bit_json_whole(golden, "test", 0);
    bit_numpy_seed(&raw, 20191224);
    for (int i = 0; i < made.classes * made.channels; i++)
        centres[i] = bit_numpy_u64(&raw) >> 40;
    make_set(&raw, 0, centres);
    make_set(&raw, 1, centres);
    return 0;
}

static void free_sets(void)
{
    for (int i = 0; i < 2; i++) {
        free(made.features[i]);
        free(made.labels[i]);
        free(made.starts[i]);
    }
    cJSON_Delete(golden);
}

static struct bit_feature_set set(int which)
{
    return (struct bit_feature_set){.count = made.counts[which], .channels = made.channels, .classes = made.classes,
                                    .features = made.features[which], .labels = made.labels[which], .label_start = made.starts[which]};
}

static int draw(const cJSON *item, struct bit_draw *d)
{
    struct bit_error error = {0};
    return bit_draw_few(made.counts[0], made.classes, made.starts[0], made.labels[0], (int)bit_json_whole(item, "shots", 0),
                        bit_json_whole(item, "seed", 0), d, &error);
}

static void test_draws(void)
{
    const cJSON *item, *image;
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(golden, "draws")) {
        struct bit_draw d;
        uint64_t at = 0;
        REQUIRE(draw(item, &d) == 0);
        CHECK(d.count == (uint64_t)cJSON_GetArraySize(cJSON_GetObjectItem(item, "images")));
        cJSON_ArrayForEach(image, cJSON_GetObjectItem(item, "images"))
            CHECK(d.images[at++] == (uint64_t)image->valuedouble);
        bit_free(d.images);
    }
}

/* Fewer images than unknowns, as many, and more. */
static void test_weights(void)
{
    const cJSON *item, *number;
    struct bit_feature_set train = set(0);
    CHECK(cJSON_GetArraySize(cJSON_GetObjectItem(golden, "weights")) == 3);
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(golden, "weights")) {
        struct bit_error error = {0};
        struct bit_draw d;
        struct bit_ridge ridge;
        double most = 0;
        size_t at = 0;
        REQUIRE(draw(item, &d) == 0);
        REQUIRE(bit_ridge_fit(&train, d.images, d.count, BIT_RIDGE_L2, &ridge, &error) == 0);
        cJSON_ArrayForEach(number, cJSON_GetObjectItem(item, "weights"))
            most = fmax(most, fabs(number->valuedouble - ridge.weights[at++]));
        CHECK(at == (size_t)(made.channels + 1) * (size_t)made.classes);
        CHECK(most < 1e-8);
        bit_ridge_free(&ridge);
        bit_free(d.images);
    }
}

static void check_table(int threads)
{
    struct bit_error error = {0};
    struct bit_feature_set train = set(0), test = set(1);
    struct bit_few_options options;
    struct bit_few_result result;
    const struct bit_few_pool pool = {.count = train.count, .classes = train.classes, .label_start = train.label_start, .labels = train.labels};
    const cJSON *item;
    int at = 0;
    bit_few_init(&options);
    bit_compute_threads(threads);
    REQUIRE(bit_few_measure(&options, &pool, &train, &test, &result, &error) == 0);
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(golden, "draws")) {
        CHECK(result.row[at / 3].right[at % 3] == bit_json_whole(item, "right", 0));
        at++;
    }
    CHECK(at == 12);
    at = 0;
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(golden, "neighbours"))
        CHECK(result.neighbour_right[at++] == bit_json_whole(item, "right", 0));
    CHECK(at == 4);
    for (int i = 0; i < 4; i++)
        CHECK(result.row[i].least <= result.row[i].median && result.row[i].median <= result.row[i].most);
}

static void test_table(void)
{
    check_table(1);
    check_table(3);
}

/* Only the drawn images have features: the same numbers. */
static void test_drawn_alone(void)
{
    struct bit_error error = {0};
    struct bit_feature_set train = set(0), test = set(1), few = train;
    struct bit_few_options options;
    struct bit_few_result all, drawn;
    struct bit_few_pool pool = {.count = train.count, .classes = train.classes, .label_start = train.label_start, .labels = train.labels};
    uint64_t *images, found;
    bit_few_init(&options);
    options.neighbours = 0;
    options.shots = 2;
    REQUIRE(bit_few_measure(&options, &pool, &train, &test, &all, &error) == 0);
    REQUIRE(bit_few_images(&options, &pool, &images, &found, &error) == 0);
    CHECK(found > 5 * 12 && found < 3 * 5 * 12);
    float *features = malloc(found * (size_t)few.channels * sizeof *features);
    int32_t *labels = malloc(found * sizeof *labels);
    for (uint64_t i = 0; i < found; i++) {
        memcpy(features + i * (size_t)few.channels, train.features + images[i] * (size_t)few.channels, (size_t)few.channels * sizeof *features);
        labels[i] = train.labels[images[i]];
    }
    few.count = found;
    few.features = features;
    few.labels = labels;
    pool.rows = images;
    REQUIRE(bit_few_measure(&options, &pool, &few, &test, &drawn, &error) == 0);
    CHECK(!memcmp(&all, &drawn, sizeof all));
    free(features);
    free(labels);
    bit_free(images);
}

static void test_nested(void)
{
    struct bit_error error = {0};
    struct bit_draw few, more;
    REQUIRE(bit_draw_few(made.counts[0], made.classes, made.starts[0], made.labels[0], 5, 1, &few, &error) == 0);
    REQUIRE(bit_draw_few(made.counts[0], made.classes, made.starts[0], made.labels[0], 10, 1, &more, &error) == 0);
    CHECK(few.count == 60 && more.count == 120);
    for (uint64_t i = 0; i < few.count; i++) {
        int found = 0;
        for (uint64_t j = 0; j < more.count; j++)
            found += few.images[i] == more.images[j];
        CHECK(found == 1);
    }
    bit_free(few.images);
    bit_free(more.images);
}

static int class_of(const void *context, uint64_t image)
{
    (void)context;
    return (int)made.labels[0][made.starts[0][image]];
}

/* Drawn as jobs draw: exactly the images of bit_subset_draw, which are other ones than numpy's. */
static void test_drawn_as_jobs_draw(void)
{
    struct bit_error error = {0};
    const struct bit_few_pool pool = {made.counts[0], made.classes, made.starts[0], made.labels[0], NULL};
    const struct bit_classes from = {made.counts[0], made.classes, class_of, NULL};
    struct bit_few_options options = {.shots = 2, .shot = {2, 5}, .seeds = 1, .seed = {9}, .drawing = BIT_FEW_JOB};
    struct bit_subset *subset = bit_subset_draw(&from, 5, 9, &error);
    uint64_t *images, found;
    REQUIRE(subset && bit_few_images(&options, &pool, &images, &found, &error) == 0);
    CHECK(found == 60 && subset->count == found && !memcmp(images, subset->images, found * sizeof *images));
    bit_free(images);
    options.drawing = BIT_FEW_NUMPY;
    REQUIRE(bit_few_images(&options, &pool, &images, &found, &error) == 0);
    CHECK(found == 60 && memcmp(images, subset->images, found * sizeof *images));
    bit_free(images);
    bit_subset_destroy(subset);
}

/* Images without a label are drawn by nobody, one with two counts for its first; classes without images give none. */
static void test_odd_labels(void)
{
    static const uint64_t starts[] = {0, 1, 1, 3, 4};
    static const int32_t labels[] = {3, 0, 3, 3};
    struct bit_error error = {0};
    struct bit_draw d;
    REQUIRE(bit_draw_few(4, 5, starts, labels, 9, 0, &d, &error) == 0);
    CHECK(d.count == 3 && d.images[0] == 2 && d.images[1] + d.images[2] == 3);
    bit_free(d.images);
    static const uint64_t none[] = {0, 0};
    CHECK(bit_draw_few(1, 5, none, labels, 1, 0, &d, &error) == -1 && error.code == BIT_EDATA);
}

/* A feature that never changes says nothing, and divides by nothing. */
static void test_constant_feature(void)
{
    struct bit_error error = {0};
    static const float features[] = {1, 0.1f, 2, 0.1f, 3, 0.1f, 4, 0.1f};
    static const uint64_t starts[] = {0, 1, 2, 3, 4};
    static const int32_t labels[] = {0, 0, 1, 1};
    const struct bit_feature_set few = {.count = 4, .channels = 2, .classes = 2, .features = features, .labels = labels, .label_start = starts};
    struct bit_ridge ridge;
    uint64_t right;
    REQUIRE(bit_ridge_fit(&few, NULL, 4, 1.0, &ridge, &error) == 0);
    CHECK(fabs(ridge.weights[2]) < 1e-9 && fabs(ridge.weights[3]) < 1e-9 && ridge.weights[1] > 0.1);
    CHECK(bit_ridge_score(&ridge, &few, &right, &error) == 0 && right == 4);
    bit_ridge_free(&ridge);
    CHECK(bit_ridge_fit(&few, NULL, 0, 1.0, &ridge, &error) == -1 && error.code == BIT_EDATA);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"generator", test_generator}, {"several_permutations", test_several_permutations}, {"draws", test_draws}, {"weights", test_weights},
        {"table", test_table}, {"drawn_alone", test_drawn_alone}, {"nested", test_nested}, {"drawn_as_jobs_draw", test_drawn_as_jobs_draw}, {"odd_labels", test_odd_labels},
        {"constant_feature", test_constant_feature},
    };
    bit_compute_start(argv);
    if (make_sets())
        return 1;
    int failed = unit_main("probe", tests, sizeof tests / sizeof *tests, argc, argv);
    free_sets();
    return failed;
}
