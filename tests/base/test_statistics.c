/* Wilson's interval and McNemar's test: against the formula and exact fractions in Python. */
#include "../unit.h"

#include <math.h>

#include "bit/statistics.h"

static void test_middle_and_spread(void)
{
    double odd[] = {5, 1, 3}, even[] = {4, 1, 2, 9}, one[] = {7};
    CHECK(bit_median(odd, 3) == 3 && odd[0] == 1 && odd[2] == 5);
    CHECK(bit_median(even, 4) == 3 && bit_median(one, 1) == 7 && isnan(bit_median(one, 0)));
    CHECK(fabs(bit_deviation(odd, 3) - 2) < 1e-15 && isnan(bit_deviation(one, 1)) && isnan(bit_deviation(one, 0)));
}

static void check_interval(uint64_t right, uint64_t count, double low, double high)
{
    double a, b;
    bit_wilson(right, count, &a, &b);
    CHECK(fabs(a - low) < 1e-9 && fabs(b - high) < 1e-9);
}

static void test_wilson(void)
{
    check_interval(50, 100, 0.403831530, 0.596168470);
    check_interval(0, 10, 0, 0.277532799);
    check_interval(10, 10, 0.722467201, 1);
    check_interval(0, 0, 0, 1);
}

/* Sums of binomial coefficients over powers of two, by hand. */
static void test_mcnemar(void)
{
    CHECK(bit_mcnemar(0, 0) == 1 && bit_mcnemar(7, 7) == 1);
    CHECK(fabs(bit_mcnemar(0, 5) - 2 / 32.0) < 1e-15);
    CHECK(fabs(bit_mcnemar(9, 1) - 2 * 11 / 1024.0) < 1e-15 && bit_mcnemar(1, 9) == bit_mcnemar(9, 1));
    CHECK(fabs(bit_mcnemar(3, 9) - 2 * (220 + 66 + 12 + 1) / 4096.0) < 1e-14);
    CHECK(fabs(bit_mcnemar(49000, 51000) / 2.588716038346898e-10 - 1) < 1e-6);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {{"middle and spread", test_middle_and_spread}, {"wilson", test_wilson}, {"mcnemar", test_mcnemar}};
    return unit_main("statistics", tests, sizeof tests / sizeof *tests, argc, argv);
}
