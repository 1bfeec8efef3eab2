/* Losses and their gradients, hard and soft targets; the head's table, scores and metrics. */
#include "../unit.h"

#include <math.h>

#include "bit/classify.h"
#include "bit/memory.h"
#include "bit/random.h"

enum { CLASSES = 7, IMAGES = 3 };

static void test_losses(void)
{
    const float logits[6] = {0, 0, 0, 1000, -1000, 0.5f};
    float d[6];
    double losses[2];
    const int32_t one[] = {2, 0}, lists[] = {0, 2, 0, 0}, starts[] = {0, 2, 4}; /* a class named twice counts once */
    struct bit_targets t = {.labels = one}, multi = {.labels = lists, .label_start = starts};
    bit_loss_compute(BIT_SOFTMAX, logits, 2, 3, &t, 0.5, losses, d);
    CHECK(fabs(losses[0] - log(3)) < 1e-12 && losses[1] == 0);
    CHECK(fabsf(d[0] - 1.0f / 6) < 1e-7f && fabsf(d[2] + 1.0f / 3) < 1e-7f && d[3] == 0 && d[4] == 0);
    bit_loss_compute(BIT_SIGMOID, logits, 2, 3, &multi, 1, losses, d);
    CHECK(fabs(losses[0] - 3 * log(2)) < 1e-12 && fabs(losses[1] - log1p(exp(0.5))) < 1e-12);
    CHECK(d[0] == -0.5f && d[1] == 0.5f && d[2] == -0.5f && d[3] == 0 && d[4] == 0);
    bit_loss_compute(BIT_SIGMOID, logits, 2, 3, &multi, 1, losses, NULL);
}

static void fill(float *values, int count)
{
    struct bit_random random;
    bit_random_init(&random, 6, BIT_PURPOSE_TEST, 0, 0);
    for (int i = 0; i < count; i++)
        values[i] = (float)(2 * bit_random_normal(&random));
}

/* Targets of every kind: a share of two classes, three, the same class twice. */
static const int32_t labels[] = {1, 3, 0, 2, 5, 6, 6}, starts[] = {0, 2, 5, 7};
static const float shares[] = {0.3f, 0.7f, 0.5f, 0.25f, 0.25f, 0.125f, 0.5f};
static const struct bit_targets soft = {.labels = labels, .label_start = starts, .weights = shares};

/* Central differences of the loss along every logit. */
static void test_soft_differences(void)
{
    static float whole[sizeof shares / sizeof *shares];
    memcpy(whole, shares, sizeof shares);
    whole[5] = 0.5f; /* softmax wants a sum of 1 */
    const struct bit_targets sums = {.labels = labels, .label_start = starts, .weights = whole};
    for (int loss = BIT_SOFTMAX; loss <= BIT_SIGMOID; loss++)
        for (int same = 0; same < 2; same++) {
            const struct bit_targets *t = loss == BIT_SOFTMAX ? &sums : &soft;
            float x[IMAGES * CLASSES], d[IMAGES * CLASSES];
            double at[IMAGES], up[IMAGES], down[IMAGES];
            fill(x, IMAGES * CLASSES);
            if (same) /* a logit far above the others */
                x[3] = 60;
            bit_loss_compute((enum bit_loss)loss, x, IMAGES, CLASSES, t, 0.5, at, d);
            for (int i = 0; i < IMAGES * CLASSES; i++) {
                float keep = x[i], high = keep + 0.0078125f, low = keep - 0.0078125f;
                x[i] = high;
                bit_loss_compute((enum bit_loss)loss, x, IMAGES, CLASSES, t, 1, up, NULL);
                x[i] = low;
                bit_loss_compute((enum bit_loss)loss, x, IMAGES, CLASSES, t, 1, down, NULL);
                x[i] = keep;
                double slope = 0.5 * (up[i / CLASSES] - down[i / CLASSES]) / ((double)high - (double)low);
                CHECK(fabs(slope - (double)d[i]) < 1e-5);
            }
        }
}

/* A weight of 1 is a hard label, to the bit; so is one beside labels that have no weight. */
static void test_hard_as_soft(void)
{
    const int32_t hard[] = {2, 0, 5}, beside[] = {2, 4, 3, 0, 5, 1}, pairs[] = {0, 2, 4, 6};
    const float ones[] = {1, 1, 1}, parts[] = {1, 0, 0, 1, 1, 0};
    const struct bit_targets plain = {.labels = hard}, weighted = {.labels = hard, .weights = ones},
                             mixed = {.labels = beside, .label_start = pairs, .weights = parts};
    float x[IMAGES * CLASSES], a[IMAGES * CLASSES], b[IMAGES * CLASSES];
    double one[IMAGES], two[IMAGES];
    fill(x, IMAGES * CLASSES);
    for (int loss = BIT_SOFTMAX; loss <= BIT_SIGMOID; loss++) {
        bit_loss_compute((enum bit_loss)loss, x, IMAGES, CLASSES, &plain, 0.25, one, a);
        bit_loss_compute((enum bit_loss)loss, x, IMAGES, CLASSES, &weighted, 0.25, two, b);
        CHECK(!memcmp(one, two, sizeof one) && !memcmp(a, b, sizeof a));
        bit_loss_compute((enum bit_loss)loss, x, IMAGES, CLASSES, &mixed, 0.25, two, b);
        for (int i = 0; i < IMAGES; i++)
            CHECK(fabs(one[i] - two[i]) < 1e-12);
        CHECK(loss == BIT_SIGMOID || (!memcmp(one, two, sizeof one) && !memcmp(a, b, sizeof a)));
    }
}

/* The soft loss is the mean of the hard ones. */
static void test_soft_is_a_mean(void)
{
    const int32_t pair[] = {1, 4}, start[] = {0, 2};
    const float part[] = {0.25f, 0.75f};
    const struct bit_targets t = {.labels = pair, .label_start = start, .weights = part};
    float x[CLASSES];
    double mixed, each[2];
    fill(x, CLASSES);
    for (int loss = BIT_SOFTMAX; loss <= BIT_SIGMOID; loss++) {
        bit_loss_compute((enum bit_loss)loss, x, 1, CLASSES, &t, 1, &mixed, NULL);
        for (int i = 0; i < 2; i++)
            bit_loss_compute((enum bit_loss)loss, x, 1, CLASSES, &(struct bit_targets){.labels = pair + i}, 1, &each[i], NULL);
        CHECK(fabs(mixed - 0.25 * each[0] - 0.75 * each[1]) < 1e-12);
    }
}

static void test_table(void)
{
    const struct bit_head_input input = {.channels = 16};
    struct bit_classify c;
    struct bit_error error = {0};
    for (int loss = BIT_SOFTMAX; loss <= BIT_SIGMOID; loss++) {
        bit_classify_init(&c, CLASSES, (enum bit_loss)loss, NAN);
        struct bit_table *table = bit_table_create(&error);
        REQUIRE(table && c.head.operations->describe(&c.head, &input, table, &error) == 0);
        CHECK(table->count == 2 && table->numbers == 17 * CLASSES && table->items[1].kind == BIT_BIAS);
        float weights[256] = {0};
        c.head.operations->initialise(&c.head, table, 0, 1, weights);
        for (int i = 0; i < CLASSES; i++)
            CHECK(weights[table->items[1].offset + (size_t)i] == (loss == BIT_SIGMOID ? -10.0f : 0.0f) && weights[i] == 0);
        bit_table_destroy(table);
    }
    const struct { int classes; double bias; } bad[] = {{0, 0}, {-1, 0}, {3, INFINITY}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        error = (struct bit_error){0};
        bit_classify_init(&c, bad[i].classes, BIT_SOFTMAX, bad[i].bias);
        struct bit_table *table = bit_table_create(NULL);
        REQUIRE(table != NULL);
        CHECK(c.head.operations->describe(&c.head, &input, table, &error) == -1 && error.code == BIT_EUSAGE);
        bit_table_destroy(table);
    }
}

static void test_scores(void)
{
    float x[2 * CLASSES] = {0, 1, 2, 3, 4, 5, 6, 6, 5, 4, 3, 2, 1, 0};
    const int32_t of[] = {6, 3, 5}, start[] = {0, 1, 3};
    const struct bit_targets t = {.labels = of, .label_start = start};
    const struct bit_head_call call = {.images = 2, .work = x};
    struct bit_classify c;
    struct bit_metrics metrics;
    uint64_t sum[64] = {0}, all[64] = {0};
    bit_classify_init(&c, CLASSES, BIT_SIGMOID, NAN);
    REQUIRE(c.head.operations->score_bytes <= sizeof sum);
    c.head.operations->score(&c.head, &call, &t, 2, sum); /* places 0 and 3 */
    for (int i = 0; i < 3; i++)
        c.head.operations->merge(&c.head, all, sum);
    c.head.operations->report(&c.head, all, 6, &metrics);
    CHECK(metrics.count == 8 && metrics.item[0].count == 3 && metrics.item[1].count == 6);
    CHECK(metrics.item[0].value == 0.5 && metrics.item[1].value == 1 && metrics.item[0].higher_is_better);
    CHECK_STRING(metrics.item[0].name, "top1");
    CHECK_STRING(metrics.item[1].title, "precision-at-5");
    bit_classify_init(&c, CLASSES, BIT_SOFTMAX, NAN);
    c.head.operations->report(&c.head, NULL, 0, &metrics);
    CHECK(metrics.count == 7 && isnan(metrics.item[0].value));
    CHECK_STRING(metrics.item[0].title, "top-1");
}

/* ---- dropout ---- */

enum { FEATURES = 400 };
struct layer { struct bit_table *table; float weights[FEATURES * CLASSES + 64], pooled[IMAGES * FEATURES], d_pooled[IMAGES * FEATURES]; };

/* Runs a training pass, and the loss; returns the call. */
static struct bit_head_call pass(const struct bit_classify *c, struct layer *l, void *work, uint64_t step, uint64_t image, double *losses)
{
    static const int32_t of[] = {1, 3, 5};
    const struct bit_targets t = {.labels = of};
    struct bit_head_call call = {.images = IMAGES, .training = true, .draw = {.seed = 3, .step = step, .image = image},
                                 .input = {.channels = FEATURES}, .pooled = l->pooled, .d_pooled = l->d_pooled, .table = l->table,
                                 .weights = l->weights, .work = work, .backend = bit_backend_find("reference", NULL)};
    CHECK(c->head.operations->forward(&c->head, &call, NULL) == 0);
    c->head.operations->loss(&c->head, &call, &t, IMAGES, 1, losses);
    return call;
}

static float *gradient_of(struct bit_gradient_sink *sink, size_t parameter)
{
    (void)sink;
    static float kernel[FEATURES * CLASSES], bias[CLASSES];
    return parameter ? bias : kernel;
}
static void gradient_done(struct bit_gradient_sink *sink, size_t parameter) { (void)sink, (void)parameter; }

/* With ones as features a logit is the sum of what was kept: about all of it. Draws hang on seed, step and image alone; the gradient of the
 * features is that of the masked pass (central differences), and 0 where they were dropped. */
static void test_dropout(void)
{
    static struct layer l;
    struct bit_error error = {0};
    struct bit_classify c;
    const struct bit_head_input input = {.channels = FEATURES};
    bit_classify_init(&c, CLASSES, BIT_SOFTMAX, 0);
    c.dropout = 0.25;
    REQUIRE((l.table = bit_table_create(&error)) && c.head.operations->describe(&c.head, &input, l.table, &error) == 0);
    size_t bytes = c.head.operations->bytes(&c.head, &input, IMAGES, true);
    void *work = bit_allocate(bytes, 1, "test", &error);
    double losses[IMAGES], up[IMAGES], down[IMAGES];
    REQUIRE(work);
    for (int i = 0; i < FEATURES * CLASSES; i++)
        l.weights[i] = 1.0f / FEATURES;
    for (int i = 0; i < IMAGES * FEATURES; i++)
        l.pooled[i] = 1;
    struct bit_head_call call = pass(&c, &l, work, 0, 0, losses);
    float first = bit_classify_logits(&call)[0], third = bit_classify_logits(&call)[2 * CLASSES];
    CHECK(fabsf(first - 1) < 0.12f && first != third);
    call = pass(&c, &l, work, 0, 2, losses);
    CHECK(bit_classify_logits(&call)[0] == third);
    call = pass(&c, &l, work, 1, 0, losses);
    CHECK(bit_classify_logits(&call)[0] != first);

    fill(l.weights, FEATURES * CLASSES);
    call = pass(&c, &l, work, 4, 0, losses);
    struct bit_gradient_sink sink = {gradient_of, gradient_done};
    CHECK(c.head.operations->backward(&c.head, &call, &sink, &error) == 0);
    static float d[IMAGES * FEATURES];
    memcpy(d, l.d_pooled, sizeof d);
    int dropped = 0;
    for (int i = 0; i < IMAGES * FEATURES; i++) {
        dropped += d[i] == 0;
        if (i % 37)
            continue;
        l.pooled[i] = 1 + 0.0078125f;
        pass(&c, &l, work, 4, 0, up);
        l.pooled[i] = 1 - 0.0078125f;
        pass(&c, &l, work, 4, 0, down);
        l.pooled[i] = 1;
        CHECK(fabs((up[i / FEATURES] - down[i / FEATURES]) / 0.015625 - (double)d[i]) < 2e-3);
    }
    CHECK(abs(dropped - IMAGES * FEATURES / 4) < 5 * 15);

    /* Evaluation drops nothing. */
    call = pass(&c, &l, work, 4, 0, losses);
    call.training = false;
    CHECK(c.head.operations->forward(&c.head, &call, NULL) == 0);
    float all = bit_classify_logits(&call)[0];
    c.dropout = 0;
    CHECK(c.head.operations->forward(&c.head, &call, NULL) == 0 && bit_classify_logits(&call)[0] == all);
    bit_free(work);
    bit_table_destroy(l.table);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"losses", test_losses}, {"soft targets: differences", test_soft_differences},
        {"a weight of 1 is a hard label", test_hard_as_soft}, {"a soft loss is a mean", test_soft_is_a_mean},
        {"table", test_table}, {"scores", test_scores}, {"dropout", test_dropout},
    };
    return unit_main("classify", tests, sizeof tests / sizeof *tests, argc, argv);
}
