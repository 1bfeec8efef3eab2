#include "bit/observe.h"
#include "tests/unit.h"

static struct bit_slow_link state;
static double now, before;

/* Windows of steps that wait so long for the network, of half a second; how often there was something to say. */
static int windows(int count, double waited, double imbalance)
{
    const double seconds[2] = {0.2, 0.2 + imbalance};
    int said = 0;
    for (int i = 0; i < count * BIT_LINK_WINDOW; i++)
        said += bit_slow_link_add(&state, waited + imbalance, 0.5, seconds, 2, &now, &before);
    return said;
}

static void test_slow(void)
{
    state = (struct bit_slow_link){0};
    CHECK(windows(3, 0.05, 0) == 0 && !state.told);
    CHECK(windows(1, 0.3, 0) == 0); /* one window may be anything */
    CHECK(windows(1, 0.05, 0) == 0);
    CHECK(windows(2, 0.3, 0) == 1 && state.told);
    CHECK(now > 0.29 && now < 0.31 && before > 0.049 && before < 0.051);
    CHECK(windows(5, 0.3, 0) == 0 && state.told);
    CHECK(windows(1, 0.06, 0) == 1 && !state.told);
}

/* Waiting for another rank is not the network's; nor is what is short. */
static void test_not(void)
{
    state = (struct bit_slow_link){0};
    CHECK(windows(3, 0.05, 0) == 0);
    CHECK(windows(5, 0.05, 0.4) == 0);
    state = (struct bit_slow_link){0};
    CHECK(windows(3, 0.01, 0) == 0 && windows(5, 0.1, 0) == 0);
    const double alone[1] = {0.2};
    for (int i = 0; i < 100; i++)
        CHECK(!bit_slow_link_add(&state, 0.4, 0.5, alone, 1, &now, &before));
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {{"slow", test_slow}, {"not", test_not}};
    return unit_main("network", tests, sizeof tests / sizeof *tests, argc, argv);
}
