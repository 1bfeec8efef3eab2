/* Each metric of classification: against numbers that tests/heads/metrics.py (numpy, another author's formulas) computes of the same
 * made-up logits, and against plain loops over random ones. */
#include "../unit.h"

#include <math.h>

#include "bit/classify.h"
#include "bit/memory.h"
#include "bit/random.h"

enum { IMAGES = 300, CLASSES = 11, MOST = 4, MICRO = 8 };

struct set { float logits[IMAGES * CLASSES]; int32_t labels[IMAGES * MOST], starts[IMAGES + 1]; };

/* ---- the sets of metrics.py ---- */

static float noise(uint32_t i)
{
    uint32_t h = i * 2654435761u + 12345;
    h = (h ^ h >> 15) * 2246822519u;
    h ^= h >> 13;
    return (float)((h / 4294967296.0 - 0.5) * 8);
}

static void fill_softmax(struct set *s)
{
    for (int i = 0; i < IMAGES; i++) {
        s->labels[i] = (i * 7 + i * i % 5) % (CLASSES - 1);
        s->starts[i] = i;
        for (int k = 0; k < CLASSES; k++)
            s->logits[i * CLASSES + k] = noise((uint32_t)(i * CLASSES + k));
        if (i % 3)
            s->logits[i * CLASSES + s->labels[i]] += 3.0f;
    }
    s->starts[IMAGES] = IMAGES;
}

static bool has(const struct set *s, int i, int k, int end)
{
    for (int j = s->starts[i]; j < end; j++)
        if (s->labels[j] == k)
            return true;
    return false;
}

static void fill_sigmoid(struct set *s)
{
    int at = 0;
    for (int i = 0; i < IMAGES; i++) {
        s->starts[i] = at;
        for (int j = 0; j < i % 4; j++)
            s->labels[at++] = (i * 3 + j * j * 2) % (CLASSES - 1); /* a class named twice counts once */
        for (int k = 0; k < CLASSES; k++) {
            float x = noise((uint32_t)(i * CLASSES + k)) + (has(s, i, k, at) ? 1.5f : 0.0f) - 1.0f;
            s->logits[i * CLASSES + k] = rintf(x * 4) / 4; /* equal scores */
        }
    }
    s->starts[IMAGES] = at;
}

/* ---- what an evaluation does ---- */

/* As an evaluation on `ranks` ranks: micro-batch i is rank i mod ranks's. */
static void evaluate(const struct bit_classify *c, struct set *s, int ranks, struct bit_metrics *metrics)
{
    const struct bit_head_operations *o = c->head.operations;
    const size_t bytes = o->record_bytes(&c->head);
    enum { BATCHES = (IMAGES + MICRO - 1) / MICRO };
    uint64_t *counters = bit_allocate(o->counters(&c->head), sizeof *counters, "counters", NULL), *numbers = bit_allocate(IMAGES, 8, "numbers", NULL);
    char *sums = bit_allocate(BATCHES + 1, o->score_bytes, "sums", NULL), *records = bit_allocate(IMAGES, bytes, "records", NULL);
    for (int rank = ranks - 1; rank >= 0; rank--)
        for (int b = rank; b < BATCHES; b += ranks) {
            int first = b * MICRO, images = IMAGES - first < MICRO ? IMAGES - first : MICRO;
            struct bit_head_call call = {.images = MICRO, .work = s->logits + first * CLASSES};
            struct bit_targets t = {.labels = s->labels, .label_start = s->starts + first};
            o->score(&c->head, &call, &t, images, sums + (size_t)(b + 1) * o->score_bytes);
            o->count(&c->head, &call, &t, images, counters);
            for (int i = 0; i < images; i++) {
                numbers[first + i] = (uint64_t)(first + i);
                o->keep(&c->head, &call, &t, i, records + (size_t)(first + i) * bytes);
            }
        }
    for (int b = 0; b < BATCHES; b++)
        o->merge(&c->head, sums, sums + (size_t)(b + 1) * o->score_bytes);
    const struct bit_records all = {.bytes = bytes, .count = IMAGES, .images = numbers, .data = records};
    o->report(&c->head, sums, IMAGES, metrics);
    CHECK(o->conclude(&c->head, counters, c->keeps_logits ? &all : NULL, metrics, NULL) == 0);
    bit_free(counters);
    bit_free(numbers);
    bit_free(sums);
    bit_free(records);
}

static void compare(const struct bit_metrics *m, const char *const *names, const double *values, int count)
{
    REQUIRE(m->count == count);
    for (int i = 0; i < count; i++) {
        CHECK_STRING(m->item[i].name, names[i]);
        double bound = strcmp(names[i], "temperature") ? 1e-12 : 1e-6; /* metrics.py searches for it, comparing losses */
        if (strstr(names[i], "_calibrated"))
            bound = 1e-7;
        if (!(fabs(m->item[i].value - values[i]) <= bound * fmax(1, fabs(values[i]))))
            fprintf(stderr, "%s: found %.17g, expected %.17g\n", names[i], m->item[i].value, values[i]);
        CHECK(fabs(m->item[i].value - values[i]) <= bound * fmax(1, fabs(values[i])));
    }
}

static struct set set;

static void test_softmax(void)
{
    static const char *const names[] = {"top1", "top5", "recall", "f1", "nll", "brier", "ece", "temperature", "nll_calibrated", "ece_calibrated"};
    static const double expected[] = {0.3466666666666667, 0.6833333333333333, 0.34722222222222227, 0.21934864181496722, 2.6297302489652625,
        0.8324267668464921, 0.21130423188462655, 2.648649897929901, 2.132626153590258, 0.15597122859805226};
    struct bit_classify c;
    struct bit_metrics one, other;
    bit_classify_init(&c, CLASSES, BIT_SOFTMAX, NAN);
    REQUIRE(bit_classify_choose(&c, "all", NULL, NULL) == 0 && c.keeps_logits);
    fill_softmax(&set);
    evaluate(&c, &set, 1, &one);
    compare(&one, names, expected, 10);
    CHECK(one.item[0].count == 104 && one.item[2].count == BIT_METRIC_UNCOUNTED);
    for (int ranks = 2; ranks <= 4; ranks *= 2) {
        evaluate(&c, &set, ranks, &other);
        CHECK(!memcmp(&one, &other, sizeof one));
    }
}

static void test_sigmoid(void)
{
    static const char *const names[] = {"top1", "top5", "map", "cp", "cr", "cf1", "op", "or", "of1"};
    static const double expected[] = {0.37666666666666665, 0.63, 0.37998812226976975, 0.20273230110508175, 0.5816666666666668, 0.3006700076223713,
        0.18705035971223022, 0.5777777777777777, 0.28260869565217395};
    struct bit_classify c;
    struct bit_metrics one, other;
    bit_classify_init(&c, CLASSES, BIT_SIGMOID, NAN);
    REQUIRE(bit_classify_choose(&c, "all", NULL, NULL) == 0 && c.keeps_logits);
    fill_sigmoid(&set);
    evaluate(&c, &set, 1, &one);
    compare(&one, names, expected, 9);
    evaluate(&c, &set, 4, &other);
    CHECK(!memcmp(&one, &other, sizeof one));
}

/* ---- plain loops ---- */

/* Labels that are as right as the first one: what the formulas say of an image whose labels are merged into one class. */
static void test_several_right_labels(void)
{
    struct bit_classify c;
    struct bit_metrics m;
    double nll = 0, brier = 0, first = 0;
    bit_classify_init(&c, CLASSES, BIT_SOFTMAX, NAN);
    fill_softmax(&set);
    for (int i = 0; i < IMAGES; i++) {
        double p[CLASSES], sum = 0, merged = 0, square = 0;
        int best = 0;
        set.starts[i] = 2 * i;
        set.labels[2 * i] = i % 5, set.labels[2 * i + 1] = 5 + i % 6;
        for (int k = 0; k < CLASSES; k++)
            sum += p[k] = exp((double)set.logits[i * CLASSES + k]);
        for (int k = 0; k < CLASSES; k++) {
            bool label = k == i % 5 || k == 5 + i % 6;
            best = p[k] > p[best] ? k : best;
            merged += label ? p[k] / sum : 0;
            square += label ? 0 : p[k] / sum * p[k] / sum;
        }
        nll -= log(merged) / IMAGES;
        brier += (square + (1 - merged) * (1 - merged)) / IMAGES;
        first += best == i % 5 || best == 5 + i % 6;
    }
    set.starts[IMAGES] = 2 * IMAGES;
    evaluate(&c, &set, 2, &m);
    REQUIRE(m.count == 7);
    CHECK(fabs(m.item[4].value - nll) < 1e-12 && fabs(m.item[5].value - brier) < 1e-12 && (double)m.item[0].count == first);
}

/* Groups of classes, each by its best logit: against sorting nothing, counting pairs. */
static void test_groups(void)
{
    static const int32_t start[] = {0, 2, 3, 6}, member[] = {7, 1, 4, 0, 9, 3}; /* 2, 5, 6, 8, 10 are in none */
    const struct bit_class_groups groups = {3, start, member};
    struct bit_classify c;
    struct bit_metrics m;
    uint64_t right = 0;
    bit_classify_init(&c, CLASSES, BIT_SOFTMAX, NAN);
    REQUIRE(bit_classify_choose(&c, "auto", &groups, NULL) == 0 && c.metric_count == 9);
    fill_softmax(&set);
    for (int i = 0; i < IMAGES; i++) {
        double best[3] = {-1e9, -1e9, -1e9};
        int mine = i % 4;
        set.labels[i] = mine < 3 ? member[start[mine]] : 2; /* every fourth image is of no group */
        for (int g = 0; g < 3; g++)
            for (int k = start[g]; k < start[g + 1]; k++)
                best[g] = fmax(best[g], (double)set.logits[i * CLASSES + member[k]]);
        right += mine < 3 && best[mine] >= best[0] && best[mine] >= best[1] && best[mine] >= best[2];
    }
    evaluate(&c, &set, 1, &m);
    REQUIRE(m.count == 9);
    CHECK_STRING(m.item[7].name, "top1_labelled");
    CHECK(m.item[7].count == right && right > 0 && m.item[8].count == IMAGES / 4 * 3);
}

static void test_records(void)
{
    float x[6] = {1, 3, 3, NAN, -1, 2};
    const struct bit_head_call call = {.images = 1, .work = x};
    const int32_t labels[] = {5, 4}, starts[] = {0, 2};
    const struct bit_targets t = {.labels = labels, .label_start = starts};
    struct bit_classify c;
    struct bit_classify_record r = {0};
    bit_classify_init(&c, 6, BIT_SIGMOID, NAN);
    c.head.operations->keep(&c.head, &call, &t, 0, &r);
    CHECK(r.top_count == 5 && r.top[0] == 3 && r.top[1] == 1 && r.top[2] == 2 && r.top[3] == 5 && r.top[4] == 0);
    CHECK(r.label == 5 && r.place == 3 && fabs((double)r.probability - 1 / (1 + exp(-2))) < 1e-7);
    x[3] = -2;
    c.loss = BIT_SOFTMAX;
    c.classes = 4; /* fewer than five */
    r = (struct bit_classify_record){0};
    c.head.operations->keep(&c.head, &call, &(struct bit_targets){.labels = labels + 1}, 0, &r);
    CHECK(r.top_count == 4 && r.top[0] == 1 && r.top[3] == 3);
}

static void test_choice(void)
{
    static const struct { const char *names; enum bit_loss loss; int count; } cases[] = {
        {"auto", BIT_SOFTMAX, 7}, {"all", BIT_SOFTMAX, 10}, {"auto", BIT_SIGMOID, 8}, {"all", BIT_SIGMOID, 9}, {"recall, top1", BIT_SOFTMAX, 2},
        {"temperature", BIT_SOFTMAX, 3}, {"map,cf1", BIT_SIGMOID, 2}, {"map", BIT_SOFTMAX, -1}, {"brier", BIT_SIGMOID, -1}, {"top1,top1", BIT_SOFTMAX, -1},
        {"", BIT_SOFTMAX, -1}, {"top", BIT_SOFTMAX, -1}, {"nll_calibrated", BIT_SOFTMAX, -1}, {"auto,f1", BIT_SOFTMAX, -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bit_classify c;
        struct bit_error error = {0};
        bit_classify_init(&c, CLASSES, cases[i].loss, NAN);
        int result = bit_classify_choose(&c, cases[i].names, NULL, &error);
        CHECK(cases[i].count < 0 ? result == -1 && error.code == BIT_EUSAGE : result == 0 && c.metric_count == cases[i].count);
    }
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"softmax", test_softmax}, {"sigmoid", test_sigmoid}, {"several right labels", test_several_right_labels}, {"groups", test_groups},
        {"records", test_records}, {"choice", test_choice},
    };
    return unit_main("metrics", tests, sizeof tests / sizeof *tests, argc, argv);
}
