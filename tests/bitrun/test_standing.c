/* What a generation says about where the run stands. */
#include "run/standing.h"

#include <math.h>

#include "../unit.h"

static void test_round_trip(void)
{
    struct standing a, b;
    struct bit_error error = {0};
    struct bit_text text = {0};
    struct bit_evaluation e = {.images = 3, .loss = 0.1, .top1 = 2.0 / 3, .top5 = 1, .top1_count = 2, .top5_count = 3,
                               .bad = 1, .seconds = 0.25};
    standing_init(&a);
    a.step = 40;
    a.resumes = 2;
    a.rollbacks = 4;
    a.skipped = 3;
    for (int i = 0; i < 100; i++)
        level_add(&a.level, 1.0 / (i + 3));
    standing_evaluated(&a, &e);
    a.step = 50;
    standing_write(&a, 7, 1.0 / 3, &text);
    standing_init(&b);
    REQUIRE(standing_read(&b, text.data, 50, &error) == 0);
    CHECK(b.step == 50 && b.evaluated == 40 && b.best_step == 40 && b.resumes == 2 && b.bad == 7);
    CHECK(b.seconds == 1.0 / 3 && b.best_top1 == 2.0 / 3);
    CHECK(b.newest.loss == 0.1 && b.newest.top1 == 2.0 / 3 && b.newest.top5 == 1 && b.newest.images == 3);
    CHECK(b.rollbacks == 4 && b.skipped == 3 && b.level.count == LEVEL_LOSSES);
    CHECK(!memcmp(b.level.recent, a.level.recent, sizeof a.level.recent));
    bit_text_free(&text);
}

static void test_level(void)
{
    struct level l = {0};
    for (int i = 0; i < LEVEL_LEAST; i++) {
        CHECK(isinf(level_median(&l)));
        level_add(&l, i % 2 ? 1.0 + i : 1.0);
    }
    CHECK(level_median(&l) == 1.5); /* 1 1 1 1 2 4 6 8 */
    for (int i = 0; i < 1000; i++)
        level_add(&l, 1000 - i);
    CHECK(l.count == LEVEL_LOSSES && level_median(&l) == (32 + 33) / 2.0);
}

static void test_nothing(void)
{
    struct standing s;
    struct bit_error error = {0};
    struct bit_text text = {0};
    standing_init(&s);
    standing_write(&s, 0, 0, &text);
    REQUIRE(standing_read(&s, text.data, 3, &error) == 0);
    CHECK(s.step == 3 && s.evaluated == UINT64_MAX && s.best_top1 < 0);
    s.resumes = 5;
    REQUIRE(standing_read(&s, NULL, 4, &error) == 0);
    CHECK(s.step == 4 && s.resumes == 5);
    CHECK(standing_read(&s, "[1]", 4, &error) == -1 && error.code == BIT_EDATA);
    bit_text_free(&text);
}

static void test_best(void)
{
    struct standing s;
    standing_init(&s);
    for (uint64_t step = 1; step <= 3; step++) {
        struct bit_evaluation e = {.images = 10, .top1 = step == 2 ? 0.9 : 0.5};
        s.step = step;
        standing_evaluated(&s, &e);
    }
    CHECK(s.best_top1 == 0.9 && s.best_step == 2 && s.evaluated == 3);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {{"round_trip", test_round_trip}, {"nothing", test_nothing}, {"best", test_best},
                                             {"level", test_level}};
    return unit_main("standing", tests, sizeof tests / sizeof *tests, argc, argv);
}
