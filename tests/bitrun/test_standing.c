/* What a generation says about where the run stands. */
#include "run/standing.h"

#include <math.h>

#include "../unit.h"

/* A share and a number, as a head names them. */
static const struct bit_metrics known = {.count = 2, .item = {
    {.name = "share", .title = "share", .higher_is_better = true, .value = NAN},
    {.name = "number", .title = "number", .form = BIT_METRIC_NUMBER, .value = NAN, .count = BIT_METRIC_UNCOUNTED}}};

static void test_round_trip(void)
{
    struct standing a, b;
    struct bit_error error = {0};
    struct bit_text text = {0};
    struct bit_evaluation e = {.images = 3, .loss = 0.1, .bad = 1, .seconds = 0.25, .metrics = known};
    e.metrics.item[0].value = 2.0 / 3, e.metrics.item[0].count = 2;
    e.metrics.item[1].value = 12.5;
    standing_init(&a);
    a.step = 40;
    a.resumes = 2;
    a.rollbacks = 4;
    a.skipped = 3;
    for (int i = 0; i < 100; i++)
        bit_losses_add(&a.losses, 1.0 / (i + 3));
    standing_evaluated(&a, &e);
    a.step = 50;
    standing_write(&a, 7, 1.0 / 3, &text);
    standing_init(&b);
    REQUIRE(standing_read(&b, text.data, 50, &known, &error) == 0);
    CHECK(b.step == 50 && b.evaluated == 40 && b.best_step == 40 && b.resumes == 2 && b.bad == 7);
    CHECK(b.seconds == 1.0 / 3 && b.best == 2.0 / 3);
    CHECK(b.newest.loss == 0.1 && b.newest.metrics.item[0].value == 2.0 / 3 && b.newest.metrics.item[0].count == 2 &&
          b.newest.metrics.item[1].value == 12.5 && b.newest.images == 3);
    CHECK(b.rollbacks == 4 && b.skipped == 3 && b.losses.count == BIT_LOSSES_KEPT);
    CHECK(!memcmp(b.losses.recent, a.losses.recent, sizeof a.losses.recent));
    bit_text_free(&text);
}

/* What generations of 1.0 said: nobody who reads them may be sent away. */
static void test_old_words(void)
{
    static const struct bit_metrics two = {.count = 2, .item = {{.name = "top1", .higher_is_better = true, .value = NAN},
                                                                {.name = "top5", .higher_is_better = true, .value = NAN}}};
    const char *text = "{\"best_step\":10,\"best_top1\":0.75,\"evaluation\":{\"step\":10,\"images\":4,\"top1_count\":3,"
                       "\"top5_count\":4,\"bad\":0,\"loss\":0.5,\"seconds\":1}}";
    struct standing s;
    struct bit_error error = {0};
    struct bit_text again = {0};
    standing_init(&s);
    REQUIRE(standing_read(&s, text, 10, &two, &error) == 0);
    CHECK(s.best == 0.75 && s.best_step == 10 && s.newest.metrics.item[0].value == 0.75 && s.newest.metrics.item[1].count == 4);
    standing_write(&s, 0, 0, &again);
    CHECK(again.data && strstr(again.data, strstr(text, "\"evaluation\"")) && strstr(again.data, "\"best_top1\":0.75"));
    bit_text_free(&again);
}

static void test_level(void)
{
    struct bit_losses l = {0};
    for (int i = 0; i < BIT_LOSSES_LEAST; i++) {
        CHECK(isinf(bit_losses_median(&l)));
        bit_losses_add(&l, i % 2 ? 1.0 + i : 1.0);
    }
    CHECK(bit_losses_median(&l) == 1.5); /* 1 1 1 1 2 4 6 8 */
    for (int i = 0; i < 1000; i++)
        bit_losses_add(&l, 1000 - i);
    CHECK(l.count == BIT_LOSSES_KEPT && bit_losses_median(&l) == (32 + 33) / 2.0);
}

static void test_nothing(void)
{
    struct standing s;
    struct bit_error error = {0};
    struct bit_text text = {0};
    standing_init(&s);
    standing_write(&s, 0, 0, &text);
    REQUIRE(standing_read(&s, text.data, 3, &known, &error) == 0);
    CHECK(s.step == 3 && s.evaluated == UINT64_MAX && isnan(s.best));
    s.resumes = 5;
    REQUIRE(standing_read(&s, NULL, 4, &known, &error) == 0);
    CHECK(s.step == 4 && s.resumes == 5);
    CHECK(standing_read(&s, "[1]", 4, &known, &error) == -1 && error.code == BIT_EDATA);
    bit_text_free(&text);
}

static void test_best(void)
{
    struct standing s;
    standing_init(&s);
    for (uint64_t step = 1; step <= 3; step++) {
        struct bit_evaluation e = {.images = 10, .metrics = known};
        e.metrics.item[0].value = step == 2 ? 0.9 : 0.5;
        s.step = step;
        standing_evaluated(&s, &e);
    }
    CHECK(s.best == 0.9 && s.best_step == 2 && s.evaluated == 3);
    struct bit_evaluation low = {.images = 10, .metrics = known}; /* where less is better */
    standing_init(&s);
    for (uint64_t step = 1; step <= 3; step++) {
        low.metrics.item[0].higher_is_better = false;
        low.metrics.item[0].value = step == 2 ? 0.1 : 0.5;
        s.step = step;
        standing_evaluated(&s, &low);
    }
    CHECK(s.best == 0.1 && s.best_step == 2 && s.evaluated == 3);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {{"round_trip", test_round_trip}, {"nothing", test_nothing}, {"what 1.0 said", test_old_words}, {"best", test_best},
                                             {"level", test_level}};
    return unit_main("standing", tests, sizeof tests / sizeof *tests, argc, argv);
}
