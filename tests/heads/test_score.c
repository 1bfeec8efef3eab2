/* The place of an image's labels among its logits. */
#include <math.h>
#include <stdint.h>

#include "heads/score.h"
#include "../unit.h"

static int place(const float *logits, int classes, int32_t label)
{
    return score_place(logits, classes, &label, 1);
}

static void test_order(void)
{
    const float logits[] = {0.5f, -1.0f, 3.0f, 2.0f};
    CHECK(place(logits, 4, 2) == 0);
    CHECK(place(logits, 4, 3) == 1);
    CHECK(place(logits, 4, 0) == 2);
    CHECK(place(logits, 4, 1) == 3);
}

static void test_ties(void)
{
    const float logits[] = {1.0f, 1.0f, 1.0f, 1.0f, 1.0f, 1.0f};
    for (int label = 0; label < 6; label++)
        CHECK(place(logits, 6, label) == label);
}

static void test_several_labels(void)
{
    const float logits[] = {0.0f, 9.0f, 4.0f, 5.0f};
    const int32_t labels[] = {0, 2, 3};
    CHECK(score_place(logits, 4, labels, 3) == 1);
    CHECK(score_place(logits, 4, labels, 0) == 4);
}

static void test_not_a_number(void)
{
    const float all[] = {NAN, NAN, NAN};
    const float one[] = {1.0f, NAN, 0.0f};
    CHECK(place(all, 3, 0) == 3);
    CHECK(place(one, 3, 1) == 3);
    CHECK(place(one, 3, 0) == 1);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"order", test_order},
        {"ties", test_ties},
        {"several_labels", test_several_labels},
        {"not_a_number", test_not_a_number},
    };
    return unit_main("score", tests, sizeof tests / sizeof *tests, argc, argv);
}
