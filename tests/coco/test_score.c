/* Average precision: the stored cases, random sets beside plain loops, what must be refused, and results that are written and read. */
#include "bit/coco.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "bit/file.h"
#include "bit/json.h"
#include "bit/memory.h"
#include "bit/random.h"
#include "../unit.h"
#include "plain.h"

static const double tolerance = 1e-9;

static bool near(double a, double b)
{
    return fabs(a - b) <= tolerance;
}

/* ---- stored cases ---- */

/* Writes the value of a member of the case to a file, byte for byte: printing it again would round. `next`: the member behind it. */
static void write_member(const char *path, const char *text, const char *key, const char *next)
{
    const char *from = strstr(text, key), *to = from ? strstr(from, next) : NULL;
    REQUIRE(from && to);
    from += strlen(key);
    CHECK(bit_file_write_cache(path, from, (size_t)(to - from), NULL) == 0);
}

static void check_case(const char *path)
{
    char truth_path[64], results_path[64];
    struct bit_error error = {0};
    struct bit_coco_results results = {0};
    struct bit_coco_scores s = {0};
    char *text;
    size_t size;
    REQUIRE(bit_file_read(path, 1 << 20, &text, &size, &error) == 0);
    cJSON *json = bit_json_parse(text, size, &error), *expected = cJSON_GetObjectItem(json, "expected"), *stats, *by_category;
    REQUIRE(json && (stats = cJSON_GetObjectItem(expected, "stats")) && (by_category = cJSON_GetObjectItem(expected, "by_category")));
    snprintf(truth_path, sizeof truth_path, "coco-truth-%d.json", (int)getpid());
    snprintf(results_path, sizeof results_path, "coco-results-%d.json", (int)getpid());
    write_member(truth_path, text, "\"ground_truth\":", ",\"results\":");
    write_member(results_path, text, "\"results\":", ",\"expected\":");
    bit_free(text);
    struct bit_coco *truth = bit_coco_read(truth_path, &error);
    REQUIRE(truth && !bit_coco_results_read(results_path, &results, &error) && !bit_coco_score(truth, &results, false, &s, &error));
    for (int n = 0; n < BIT_COCO_NUMBERS; n++)
        CHECK(near(s.numbers[n], bit_json_number(stats, bit_coco_number_names[n], NAN)));
    CHECK((int)s.category_count == cJSON_GetArraySize(by_category));
    for (size_t i = 0; i < s.category_count; i++) {
        char id[32];
        snprintf(id, sizeof id, "%lld", (long long)s.categories[i].id);
        const cJSON *row = cJSON_GetObjectItem(by_category, id);
        CHECK(near(s.categories[i].ap, bit_json_number(row, "AP", NAN)));
        CHECK(near(s.categories[i].ap50, bit_json_number(row, "AP50", NAN)));
        CHECK(near(s.categories[i].ar100, bit_json_number(row, "AR100", NAN)));
    }
    CHECK(fabs(s.precision_sum - bit_json_number(expected, "precision_sum", NAN)) < 1e-7);
    CHECK(fabs(s.recall_sum - bit_json_number(expected, "recall_sum", NAN)) < 1e-7);
    bit_coco_scores_free(&s);
    bit_coco_results_free(&results);
    bit_coco_destroy(truth);
    cJSON_Delete(json);
    unlink(truth_path);
    unlink(results_path);
}

static void cases(void)
{
    char folder[512], path[1024];
    const char *source = getenv("top_srcdir");
    int count = 0;
    snprintf(folder, sizeof folder, "%s/tests/coco/cases", source ? source : "..");
    DIR *d = opendir(folder);
    REQUIRE(d != NULL);
    for (struct dirent *entry; (entry = readdir(d));) {
        if (*entry->d_name == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        check_case(path);
        count++;
    }
    closedir(d);
    CHECK(count == 17);
}

/* ---- random sets ---- */

static uint64_t state;
static double uniform(double low, double high)
{
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return low + (high - low) * (double)(state >> 11) * 0x1p-53;
}
static int whole(int most)
{
    return (int)uniform(0, most + 1);
}

enum { IMAGES = 12, CATEGORIES = 5, BOXES = 400, RESULTS = 1200 };
struct set {
    struct bit_coco_image images[IMAGES];
    struct bit_coco_category categories[CATEGORIES];
    struct bit_coco_box boxes[BOXES];
    struct bit_coco_result results[RESULTS];
    struct bit_coco truth;
    struct bit_coco_results found;
};

static void random_box(double box[4], int digits)
{
    static const double sides[3][2] = {{4, 40}, {20, 120}, {80, 400}};
    int size = whole(2);
    double scale = pow(10, digits);
    for (int i = 0; i < 4; i++)
        box[i] = round((i < 2 ? uniform(0, 400) : uniform(sides[size][0], sides[size][1])) * scale) / scale;
}

static void add_result(struct set *s, int64_t image, int64_t category, const double box[4], double shift, double scale)
{
    if (s->found.count == RESULTS)
        return;
    struct bit_coco_result *r = &s->results[s->found.count++];
    *r = (struct bit_coco_result){.image = image, .category = category, .score = round(uniform(0, 1) * scale) / scale};
    for (int i = 0; i < 4; i++)
        r->box[i] = box[i] + uniform(-shift, shift) * box[2 + i % 2];
}

/* Sizes, shares of crowds, ties of scores and numbers of results differ from one set to the next. */
static void make_set(struct set *s, int number)
{
    static const int64_t ids[CATEGORIES] = {90, 1, 7, 3, 2};
    state = (uint64_t)number * 7919 + 1;
    int images = 1 + whole(IMAGES - 1), most = whole(8), digits = whole(3), many = number % 10 == 0 ? 130 : whole(4);
    double crowds = whole(2) * 0.2, scale = number % 3 == 0 ? 10 : number % 3 == 1 ? 1e4 : 0x1p40;
    s->truth = (struct bit_coco){.images = s->images, .categories = s->categories, .boxes = s->boxes, .category_count = CATEGORIES,
                                 .names = (char[1]){0}, .names_size = 1};
    s->found = (struct bit_coco_results){.results = s->results};
    for (int k = 0; k < CATEGORIES; k++)
        s->categories[k] = (struct bit_coco_category){.id = ids[k]};
    for (int i = 0; i < images; i++) {
        s->images[s->truth.image_count++] = (struct bit_coco_image){.id = (i * 7 + 3) % 17 + (number % 2 ? 100000 : 0)};
        for (int n = whole(2 * most); n > 0 && s->truth.box_count < BOXES; n--) {
            struct bit_coco_box *b = &s->boxes[s->truth.box_count];
            *b = (struct bit_coco_box){.id = (int64_t)++s->truth.box_count - (number % 7 == 0), .image = s->images[i].id,
                                       .category = ids[whole(3)], .is_crowd = uniform(0, 1) < crowds};
            random_box(b->box, digits);
            b->area = b->box[2] * b->box[3] * (number % 4 ? uniform(0.4, 1) : 1);
            for (int r = whole(3); r > 0; r--)
                add_result(s, b->image, uniform(0, 1) < 0.85 ? b->category : ids[whole(4)], b->box, whole(3) * 0.07, scale);
        }
        for (int n = many; n > 0; n--) {
            double box[4];
            random_box(box, digits);
            add_result(s, s->images[i].id, n > 4 ? 1 : ids[whole(4)], box, 0, scale);
        }
    }
}

static void random_sets(void)
{
    static struct set s;
    double worst = 0, numbers[12], categories[CATEGORIES][3];
    for (int number = 0; number < 150; number++) {
        struct bit_coco_scores found = {0};
        make_set(&s, number);
        plain_score(&s.truth, &s.found, numbers, categories);
        REQUIRE(bit_coco_score(&s.truth, &s.found, false, &found, NULL) == 0 && found.category_count == CATEGORIES);
        for (int n = 0; n < 12; n++)
            worst = fmax(worst, fabs(numbers[n] - found.numbers[n]));
        for (int k = 0; k < CATEGORIES; k++) {
            worst = fmax(worst, fabs(categories[k][0] - found.categories[k].ap));
            worst = fmax(worst, fabs(categories[k][1] - found.categories[k].ap50));
            worst = fmax(worst, fabs(categories[k][2] - found.categories[k].ar100));
        }
        bit_coco_scores_free(&found);
    }
    printf(" worst difference %.1e", worst);
    CHECK(worst < tolerance);
}

/* Without categories it is as if every id were 1. */
static void class_agnostic(void)
{
    static struct set s;
    for (int number = 0; number < 20; number++) {
        struct bit_coco_scores one = {0}, all = {0};
        make_set(&s, number);
        REQUIRE(bit_coco_score(&s.truth, &s.found, true, &all, NULL) == 0 && all.category_count == 1);
        for (size_t i = 0; i < s.truth.box_count; i++)
            s.boxes[i].category = 1;
        for (size_t i = 0; i < s.found.count; i++)
            s.results[i].category = 1;
        s.truth.category_count = 1;
        s.categories[0].id = 1;
        REQUIRE(bit_coco_score(&s.truth, &s.found, false, &one, NULL) == 0);
        CHECK(!memcmp(one.numbers, all.numbers, sizeof one.numbers));
        CHECK(all.categories[0].id == 1);
        bit_coco_scores_free(&one);
        bit_coco_scores_free(&all);
    }
}

/* ---- what is refused, and what is odd ---- */

static void refusals(void)
{
    static struct set s;
    struct bit_error error = {0};
    struct bit_coco_scores scores;
    make_set(&s, 3);
    s.results[0].image = 555;
    CHECK(bit_coco_score(&s.truth, &s.found, false, &scores, &error) == -1 && error.code == BIT_EDATA);
    CHECK_STRING(error.text, "results[0]: image_id 555 is not among the images of the annotations");
    make_set(&s, 3);
    bit_error_clear(&error);
    s.images[0].id = s.images[1].id;
    CHECK(bit_coco_score(&s.truth, &s.found, false, &scores, &error) == -1 && strstr(error.text, "images[0] and images[1] have the same id"));
    make_set(&s, 3);
    bit_error_clear(&error);
    s.truth.category_count = 0;
    CHECK(bit_coco_score(&s.truth, &s.found, false, &scores, &error) == -1 && error.code == BIT_EDATA);
}

/* Every allocation may fail: an error of the environment, and nothing is left behind (the sanitizers look). */
static void lack_of_memory(void)
{
    static struct set s;
    make_set(&s, 10);
    for (size_t n = 1; n < 400; n++) {
        struct bit_error error = {0};
        struct bit_coco_scores scores;
        bit_memory_fail_at(n);
        int failed = bit_coco_score(&s.truth, &s.found, false, &scores, &error);
        bit_memory_fail_at(0);
        if (!failed) {
            bit_coco_scores_free(&scores);
            CHECK(n > 10);
            return;
        }
        CHECK(error.code == BIT_EENVIRONMENT);
    }
    CHECK(0);
}

/* What is written evaluates as what is in memory. */
static void written(void)
{
    static struct set s;
    struct bit_text text = {0};
    struct bit_coco_results back = {0};
    struct bit_coco_scores a = {0}, b = {0};
    char path[64];
    snprintf(path, sizeof path, "coco-written-%d.json", (int)getpid());
    make_set(&s, 5);
    bit_text_add(&text, "[");
    for (size_t i = 0; i < s.found.count; i++) {
        bit_text_add(&text, i ? ",\n" : "");
        bit_coco_result_add(&text, &s.results[i]);
    }
    bit_text_add(&text, "]");
    REQUIRE(!text.failed && !bit_file_write_cache(path, text.data, text.size, NULL));
    REQUIRE(!bit_coco_results_read(path, &back, NULL) && back.count == s.found.count && back.count > 0);
    for (size_t i = 0; i < back.count; i++)
        CHECK(!memcmp(back.results[i].box, s.results[i].box, sizeof back.results[i].box) && back.results[i].score == s.results[i].score);
    CHECK(!bit_coco_score(&s.truth, &back, false, &a, NULL) && !bit_coco_score(&s.truth, &s.found, false, &b, NULL));
    CHECK(!memcmp(a.numbers, b.numbers, sizeof a.numbers));
    bit_coco_scores_free(&a);
    bit_coco_scores_free(&b);
    bit_coco_results_free(&back);
    bit_text_free(&text);
    unlink(path);
}

/* ---- comparing ---- */

enum { COPIES = 100 };
static void *grown(size_t count, size_t size)
{
    void *space = calloc(count, size);
    CHECK(space != NULL);
    return space;
}

/* What a draw means: files in which every image stands as often as it was drawn, as images of their own. */
static double judge_copies(const struct set *s, const struct bit_coco_results *found, const uint32_t times[IMAGES], const size_t order[IMAGES],
                           enum bit_coco_number number)
{
    struct bit_coco truth = s->truth;
    struct bit_coco_results results = {0};
    struct bit_coco_scores scores;
    const size_t n = s->truth.image_count;
    truth.images = grown(n, sizeof *truth.images);
    truth.boxes = grown(n * s->truth.box_count + 1, sizeof *truth.boxes);
    results.results = grown(n * found->count + 1, sizeof *results.results);
    truth.image_count = truth.box_count = 0;
    for (size_t i = 0; i < n; i++)
        for (uint32_t copy = 0; copy < times[i]; copy++) {
            const int64_t old = s->images[order[i]].id, id = old * COPIES + copy;
            truth.images[truth.image_count++].id = id;
            for (size_t b = 0; b < s->truth.box_count; b++)
                if (s->boxes[b].image == old) {
                    truth.boxes[truth.box_count] = s->boxes[b];
                    truth.boxes[truth.box_count].image = id;
                    truth.boxes[truth.box_count].id = (int64_t)truth.box_count + 1;
                    truth.box_count++;
                }
            for (size_t r = 0; r < found->count; r++)
                if (found->results[r].image == old) {
                    results.results[results.count] = found->results[r];
                    results.results[results.count++].image = id;
                }
        }
    const bool judged = bit_coco_score(&truth, &results, false, &scores, NULL) == 0;
    const double value = judged ? scores.numbers[number] : NAN;
    CHECK(judged);
    bit_coco_scores_free(&scores);
    free(truth.images);
    free(truth.boxes);
    free(results.results);
    return value;
}

/* The numbers of the images by ascending id */
static void order_images(const struct set *s, size_t order[IMAGES])
{
    for (size_t i = 0; i < s->truth.image_count; i++) {
        size_t at = i;
        for (; at && s->images[order[at - 1]].id > s->images[i].id; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
}

static void comparing(void)
{
    static struct set s;
    double worst = 0;
    int compared = 0;
    for (int number = 1; number < 40; number++) {
        struct bit_coco_difference d[BIT_COCO_DIFFERENCES];
        size_t order[IMAGES];
        make_set(&s, number);
        if (number % 7 == 0) /* an id of 0 is a quirk that copies do not have */
            continue;
        order_images(&s, order);
        const struct bit_coco_results fewer = {s.results, s.found.count / 2}, *const sides[2] = {&fewer, &s.found};
        if (bit_coco_compare(&s.truth, sides, (size_t[2]){1, 1}, false, 1, (uint64_t)number, d, NULL))
            continue; /* no objects */
        struct bit_random random;
        uint32_t times[IMAGES] = {0};
        bit_random_init(&random, (uint64_t)number, BIT_PURPOSE_BOOTSTRAP, 0, 0);
        for (size_t i = 0; i < s.truth.image_count; i++)
            times[bit_random_below(&random, s.truth.image_count)]++;
        for (int n = 0; n < BIT_COCO_DIFFERENCES; n++) {
            const double first = judge_copies(&s, &fewer, times, order, d[n].number), second = judge_copies(&s, &s.found, times, order, d[n].number);
            worst = fmax(worst, fabs(d[n].least - (second - first)));
            CHECK(d[n].least == d[n].most && d[n].above == (d[n].least > 0));
        }
        compared++;
    }
    printf(" %d sets, worst difference %.1e", compared, worst);
    CHECK(compared > 20 && worst < tolerance);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {{"cases", cases}, {"random_sets", random_sets}, {"class_agnostic", class_agnostic},
                                             {"refusals", refusals}, {"lack_of_memory", lack_of_memory}, {"written", written}, {"comparing", comparing}};
    return unit_main("coco_score", tests, sizeof tests / sizeof *tests, argc, argv);
}
