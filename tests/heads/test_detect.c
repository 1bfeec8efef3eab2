/* The parts of detection that are plain functions, against golden numbers of an independent implementation in float64: losses, matches,
 * boxes; and what those numbers do not show. */
#include "unit.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <sys/mman.h>

#include "bit/detect.h"
#include "bit/json.h"
#include "bit/memory.h"
#include "golden/golden_stream.h"

static const double usual_ratios[] = {0.5, 1, 2};

static cJSON *read_golden(const char *name)
{
    const char *source = getenv("top_srcdir");
    struct bit_error error = {0};
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/golden/detection/%s.json", source ? source : "..", name);
    return bit_json_read(path, 1 << 20, &error);
}

static const cJSON *item(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

static double number(const cJSON *object, const char *key)
{
    const cJSON *found = item(object, key);
    return found ? found->valuedouble : NAN;
}

static double number_at(const cJSON *list, int i)
{
    const cJSON *found = cJSON_GetArrayItem(list, i);
    return found ? found->valuedouble : NAN;
}

static bool near(double found, double expected, double relative)
{
    const bool good = fabs(found - expected) <= relative * fabs(expected) + 1e-300;
    if (!good)
        printf("\n  found %.17g, expected %.17g", found, expected);
    return good;
}

/* ---- losses ---- */

static void check_focal(const cJSON *logits, const cJSON *row, bool target)
{
    const struct bit_focal_options options = {number(row, "alpha"), number(row, "gamma")};
    const cJSON *losses = item(row, target ? "loss1" : "loss0"), *gradients = item(row, target ? "gradient1" : "gradient0");
    for (int i = 0; i < cJSON_GetArraySize(logits); i++) {
        const double x = number_at(logits, i);
        float logit = (float)x, gradient;
        const double loss = bit_focal(&options, target, &logit, 1, 1, &gradient);
        /* float32 cannot hold the logit 4.59511985 nor gradients below 1e-45 */
        const double rounding = fabs((double)logit - x) * (1 + fabs(options.gamma));
        CHECK(near(loss, number_at(losses, i), 1e-12 + rounding));
        CHECK(fabs(number_at(gradients, i)) < 1e-37 || near((double)gradient, number_at(gradients, i), 1.2e-7 + rounding));
        CHECK(bit_focal(&options, target, &logit, 1, 1, NULL) == loss);
    }
}

static void test_focal(void)
{
    cJSON *golden = read_golden("retinanet-loss");
    REQUIRE(golden);
    const cJSON *row;
    int rows = 0;
    cJSON_ArrayForEach(row, item(golden, "focal")) {
        check_focal(item(golden, "logits"), row, false);
        check_focal(item(golden, "logits"), row, true);
        rows++;
    }
    CHECK(rows == 3);
    cJSON_Delete(golden);
}

/* A run of logits is the sum of each; their gradients may take their place. */
static void test_focal_runs(void)
{
    const struct bit_focal_options options = {0.25, 2};
    float logits[100], gradient[100], alone, bad = NAN;
    double sum = 0;
    fill("focal run", 100, -3, 4, logits);
    for (int i = 0; i < 100; i++)
        sum += bit_focal(&options, false, &logits[i], 1, 1, NULL);
    CHECK(near(bit_focal(&options, false, logits, 100, 0.5, gradient), sum, 1e-14));
    for (int i = 0; i < 100; i++) {
        bit_focal(&options, false, &logits[i], 1, 0.5, &alone);
        CHECK(alone == gradient[i]);
    }
    bit_focal(&options, false, logits, 100, 0.5, logits);
    CHECK(!memcmp(logits, gradient, sizeof logits));
    CHECK(isnan(bit_focal(&options, true, &bad, 1, 1, &alone)) && isnan(alone));
    const float largest = 3e38f;
    CHECK(isfinite(bit_focal(&options, false, &largest, 1, 1, &alone)) && isfinite(alone));
    CHECK(bit_focal(&options, true, &largest, 1, 1, &alone) == 0 && alone == 0);
}

static void test_smooth_l1(void)
{
    cJSON *golden = read_golden("retinanet-loss");
    REQUIRE(golden);
    const cJSON *row, *differences = item(golden, "differences");
    int rows = 0;
    cJSON_ArrayForEach(row, item(golden, "smooth_l1")) {
        for (int i = 0; i < cJSON_GetArraySize(differences); i++) {
            double slope;
            CHECK(near(bit_smooth_l1(number_at(differences, i), number(row, "beta"), &slope), number_at(item(row, "loss"), i), 1e-14));
            CHECK(near(slope, number_at(item(row, "gradient"), i), 1e-14));
        }
        rows++;
    }
    CHECK(rows == 3);
    cJSON_Delete(golden);
}

/* ---- anchors and matches ---- */

static struct bit_anchors anchors_of(int size, double scale)
{
    struct bit_anchors anchors;
    int cells[BIT_PYRAMID_LEVELS];
    for (int l = 0; l < BIT_PYRAMID_LEVELS; l++)
        cells[l] = (size + (8 << l) - 1) / (8 << l);
    bit_anchors_init(&anchors, cells, cells, scale, 3, usual_ratios, 3);
    return anchors;
}

static void check_anchor(const struct bit_anchors *anchors, int number, const cJSON *expected)
{
    const struct bit_box box = bit_anchor_box(anchors, number);
    CHECK(near(box.x1, number_at(expected, 0), 1e-13) && near(box.y1, number_at(expected, 1), 1e-13));
    CHECK(near(box.x2, number_at(expected, 2), 1e-13) && near(box.y2, number_at(expected, 3), 1e-13));
}

static void check_anchors(const char *name)
{
    cJSON *golden = read_golden(name);
    REQUIRE(golden);
    const cJSON *config = item(golden, "config"), *expected = item(golden, "anchors");
    const struct bit_anchors anchors = anchors_of((int)number(config, "size"), number(config, "anchor_scale"));
    const int count = anchors.first[BIT_PYRAMID_LEVELS];
    CHECK(count == (int)number(expected, "count"));
    double sum[4] = {0};
    for (int i = 0; i < 9; i++) {
        check_anchor(&anchors, i, cJSON_GetArrayItem(item(expected, "first9"), i));
        check_anchor(&anchors, count - 9 + i, cJSON_GetArrayItem(item(expected, "last9"), i));
    }
    for (int i = 0; i < count; i++) {
        const struct bit_box box = bit_anchor_box(&anchors, i);
        sum[0] += box.x1, sum[1] += box.y1, sum[2] += box.x2, sum[3] += box.y2;
    }
    for (int i = 0; i < 4; i++)
        CHECK(fabs(sum[i] - number_at(item(expected, "sum"), i)) < 1e-6);
    cJSON_Delete(golden);
}

static void test_anchors(void)
{
    check_anchors("retinanet-r14x1-activation-gn");
    check_anchors("retinanet-r14x1-sum-plain");
    check_anchors("retinanet-r14x1-hard-gn");
    CHECK(anchors_of(1024, 4).first[BIT_PYRAMID_LEVELS] == 196416);
    CHECK(anchors_of(640, 4).first[BIT_PYRAMID_LEVELS] == 76725);
}

static void check_matches(const struct bit_anchors *anchors, const struct bit_box *boxes, int count, const cJSON *expected)
{
    const struct bit_match_options options = {number(expected, "positive"), number(expected, "negative")};
    const int all = anchors->first[BIT_PYRAMID_LEVELS];
    const cJSON *pairs = item(expected, "pairs");
    int32_t *match = bit_allocate((size_t)all, sizeof *match, "matches", NULL);
    double *best = bit_allocate((size_t)all, sizeof *best, "overlaps", NULL), ignored_sum = 0;
    REQUIRE(match && best);
    bit_match(anchors, &options, boxes, count, match, best);
    int positives = 0, ignored = 0;
    for (int a = 0; a < all; a++) {
        if (match[a] >= 0) {
            const cJSON *pair = cJSON_GetArrayItem(pairs, positives++);
            CHECK(a == (int)number_at(pair, 0) && match[a] == (int)number_at(pair, 1));
        } else if (match[a] == BIT_MATCH_IGNORED) {
            ignored++;
            ignored_sum += a;
        }
    }
    CHECK(positives == cJSON_GetArraySize(pairs));
    CHECK(ignored == (int)number(expected, "ignored") && near(ignored_sum, number(expected, "ignored_sum"), 0));
    bit_free(match), bit_free(best);
}

static void test_match(void)
{
    cJSON *golden = read_golden("retinanet-match");
    REQUIRE(golden);
    const cJSON *image, *row;
    int rows = 0;
    cJSON_ArrayForEach(image, item(golden, "images")) {
        const struct bit_anchors anchors = anchors_of((int)number(image, "size"), number(golden, "anchor_scale"));
        struct bit_box boxes[64];
        int count = 0;
        CHECK(anchors.first[BIT_PYRAMID_LEVELS] == (int)number(image, "anchors"));
        cJSON_ArrayForEach(row, item(image, "boxes")) {
            REQUIRE(count < 64);
            boxes[count++] = (struct bit_box){number_at(row, 0), number_at(row, 1), number_at(row, 2), number_at(row, 3)};
        }
        cJSON_ArrayForEach(row, item(image, "matches")) {
            check_matches(&anchors, boxes, count, row);
            rows++;
        }
    }
    CHECK(rows == 10);
    cJSON_Delete(golden);
}

/* Every box is found by an anchor, however small, thin or far outside; two in one place share none. */
static void test_forced_matches(void)
{
    const struct bit_anchors anchors = anchors_of(128, 4);
    const struct bit_match_options options = {0.5, 0.4};
    const struct bit_box boxes[] = {{60, 60, 61, 61}, {0, 64, 128, 64.5}, {-5, -5, 2, 2}, {126, 120, 300, 500}, {60, 60, 61, 61},
                                    {5000, 5000, 5001, 5001}};
    enum { BOXES = sizeof boxes / sizeof *boxes };
    static int32_t match[4000];
    static double best[4000];
    int found[BOXES] = {0};
    REQUIRE(anchors.first[BIT_PYRAMID_LEVELS] <= 4000);
    bit_match(&anchors, &options, boxes, BOXES, match, best);
    for (int a = 0; a < anchors.first[BIT_PYRAMID_LEVELS]; a++)
        if (match[a] >= 0)
            found[match[a]]++;
    CHECK(found[0] == 1 && found[1] >= 1 && found[2] >= 1 && found[3] >= 1);
    CHECK(found[4] == 0 && found[5] == 0);
}

static void test_box_coding(void)
{
    const struct bit_box anchor = {10, 20, 42, 36}, box = {12.5, 18, 30, 60};
    double delta[4];
    bit_box_encode(&anchor, &box, delta);
    CHECK(near(delta[0], (21.25 - 26) / 32, 1e-14) && near(delta[1], (39.0 - 28) / 16, 1e-14));
    CHECK(near(delta[2], log(17.5 / 32), 1e-14) && near(delta[3], log(42.0 / 16), 1e-14));
    const struct bit_box again = bit_box_decode(&anchor, delta);
    CHECK(near(again.x1, box.x1, 1e-13) && near(again.y1, box.y1, 1e-13) && near(again.x2, box.x2, 1e-13) && near(again.y2, box.y2, 1e-13));
    const struct bit_box huge = bit_box_decode(&anchor, (const double[4]){0, 0, 1000, 4.2});
    CHECK(near(huge.x2 - huge.x1, 32 * 62.5, 1e-13) && near(huge.y2 - huge.y1, 16 * 62.5, 1e-13));
}

/* ---- detections ---- */

static void check_detections(const struct bit_anchors *anchors, const float *logits, const float *deltas, const cJSON *expected)
{
    const struct bit_detection_options options = {0.05, 1000, 0.5, 100};
    const float *by_level[BIT_PYRAMID_LEVELS], *deltas_by_level[BIT_PYRAMID_LEVELS];
    const cJSON *rows = item(expected, "detections");
    struct bit_detection found[100];
    struct bit_error error = {0};
    int candidates = 0;
    for (int l = 0; l < BIT_PYRAMID_LEVELS; l++) {
        by_level[l] = logits + 4 * (size_t)anchors->first[l];
        deltas_by_level[l] = deltas + 4 * (size_t)anchors->first[l];
    }
    const int count = bit_detections(anchors, &options, 4, by_level, deltas_by_level, 128, 128, found, &candidates, &error);
    CHECK(candidates == (int)number(expected, "candidates"));
    REQUIRE(count == cJSON_GetArraySize(rows));
    for (int i = 0; i < count; i++) {
        const cJSON *row = cJSON_GetArrayItem(rows, i);
        CHECK(found[i].label == (int)number_at(row, 0));
        CHECK(near(found[i].score, number_at(row, 1), 1e-12));
        CHECK(fabs(found[i].box.x1 - number_at(row, 2)) < 1e-9 && fabs(found[i].box.y1 - number_at(row, 3)) < 1e-9);
        CHECK(fabs(found[i].box.x2 - number_at(row, 4)) < 1e-9 && fabs(found[i].box.y2 - number_at(row, 5)) < 1e-9);
    }
}

static void test_detections(void)
{
    cJSON *golden = read_golden("retinanet-detect");
    REQUIRE(golden);
    const struct bit_anchors anchors = anchors_of(128, 4);
    const size_t count = (size_t)anchors.first[BIT_PYRAMID_LEVELS] * 4;
    float *logits = bit_allocate(2 * count, sizeof *logits, "logits", NULL), *deltas = bit_allocate(2 * count, sizeof *deltas, "deltas", NULL);
    const uint64_t key = fnv1a64("detect/deltas");
    REQUIRE(logits && deltas && anchors.first[BIT_PYRAMID_LEVELS] == (int)number(golden, "anchors"));
    fill("detect/logits", 2 * count, -3, 3, logits);
    for (size_t i = count; i < 2 * count; i++)
        logits[i] = rintf(logits[i] * 4) / 4;
    for (size_t i = 0; i < 2 * count; i++) {
        deltas[i] = (float)(signed_at(key, i) * (i % 4 < 2 ? 0.5 : 1));
        if (i % 4 == 3 && i % count / 4 % 50 == 0)
            deltas[i] = (float)((double)deltas[i] + 6);
    }
    for (int i = 0; i < 2; i++)
        check_detections(&anchors, logits + (size_t)i * count, deltas + (size_t)i * count, cJSON_GetArrayItem(item(golden, "images"), i));
    bit_free(logits), bit_free(deltas);
    cJSON_Delete(golden);
}

/* A level gives its best pairs only; no pair, or pairs that are NaN, give no box or one within the image. */
static void test_candidates(void)
{
    const struct bit_anchors anchors = anchors_of(128, 4);
    const struct bit_detection_options options = {0.5, 7, 0.5, 100};
    const size_t count = (size_t)anchors.first[BIT_PYRAMID_LEVELS];
    float *logits = bit_allocate(count, sizeof *logits, "logits", NULL), *deltas = bit_allocate(4 * count, sizeof *deltas, "deltas", NULL);
    const float *by_level[BIT_PYRAMID_LEVELS], *deltas_by_level[BIT_PYRAMID_LEVELS];
    struct bit_detection found[100];
    struct bit_error error = {0};
    int candidates;
    REQUIRE(logits && deltas);
    for (int l = 0; l < BIT_PYRAMID_LEVELS; l++) {
        by_level[l] = logits + anchors.first[l];
        deltas_by_level[l] = deltas + 4 * (size_t)anchors.first[l];
    }
    for (size_t i = 0; i < count; i++)
        logits[i] = 0; /* a score of the limit itself */
    CHECK(bit_detections(&anchors, &options, 1, by_level, deltas_by_level, 128, 128, found, &candidates, &error) == 0 && candidates == 0);
    for (int i = 0; i < anchors.first[1]; i++)
        logits[i] = (float)(i * 7919 % 1000) / 100;
    const int boxes = bit_detections(&anchors, &options, 1, by_level, deltas_by_level, 128, 128, found, &candidates, &error);
    CHECK(candidates == 7 && boxes >= 1 && found[0].logit == 9.99f);
    for (size_t i = 0; i < count; i++)
        logits[i] = i ? NAN : 1;
    for (size_t i = 0; i < 4 * count; i++)
        deltas[i] = NAN;
    CHECK(bit_detections(&anchors, &options, 1, by_level, deltas_by_level, 128, 100, found, &candidates, &error) == 1 && candidates == 1);
    CHECK(found[0].box.x1 == 0 && found[0].box.y2 == 0);
    bit_free(logits), bit_free(deltas);
}

/* Pairs of anchor and class beyond 2^32: pages that are read only are all one, so that 20 GiB of zeros take next to no memory. */
static void test_many_pairs(void)
{
    enum { CLASSES = 1 << 30, ANCHOR = 4, CLASS = 12345 };
    const int height[BIT_PYRAMID_LEVELS] = {1}, width[BIT_PYRAMID_LEVELS] = {ANCHOR + 1};
    const struct bit_detection_options options = {0.9, 7, 0.5, 100};
    const size_t size = (size_t)(ANCHOR + 1) * CLASSES * sizeof(float);
    const float deltas[4 * (ANCHOR + 1)] = {0}, *by_level[BIT_PYRAMID_LEVELS], *deltas_by_level[BIT_PYRAMID_LEVELS];
    struct bit_anchors anchors;
    struct bit_detection found[100];
    struct bit_error error = {0};
    float *logits = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (logits == MAP_FAILED) {
        printf("no address space of 20 GiB: pairs beyond 2^32 are not tried\n");
        return;
    }
    bit_anchors_init(&anchors, height, width, 1, 1, usual_ratios, 1);
    for (int l = 0; l < BIT_PYRAMID_LEVELS; l++) {
        by_level[l] = logits;
        deltas_by_level[l] = deltas;
    }
    logits[(size_t)ANCHOR * CLASSES + CLASS] = 3;
    CHECK(bit_detections(&anchors, &options, CLASSES, by_level, deltas_by_level, 128, 128, found, NULL, &error) == 1);
    const struct bit_box box = bit_anchor_box(&anchors, ANCHOR);
    CHECK(found[0].label == CLASS && found[0].box.x2 == box.x2);
    munmap(logits, size);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"focal loss", test_focal}, {"focal loss of runs", test_focal_runs}, {"smooth L1", test_smooth_l1}, {"anchors", test_anchors},
        {"matches", test_match}, {"forced matches", test_forced_matches}, {"box coding", test_box_coding},
        {"detections", test_detections}, {"candidates", test_candidates}, {"pairs beyond 2^32", test_many_pairs},
    };
    return unit_main("detect", tests, sizeof tests / sizeof *tests, argc, argv);
}
