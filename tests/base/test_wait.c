#include "bit/wait.h"

#include <math.h>

#include "bit/clock.h"
#include "bit/host.h"
#include "tests/unit.h"

/* It looks at once, sleeps in between, and looks once more at the end. */
static void until_the_limit(void)
{
    struct bit_wait w = bit_wait_for(0.25, 0.1);
    int looks = 1;
    while (bit_wait_more(&w))
        looks++;
    CHECK(bit_wait_waited(&w) >= 0.25);
    CHECK(looks >= 2 && looks <= 4); /* 4 looks, fewer where the machine is busy */
}

static void without_a_limit(void)
{
    struct bit_wait none = bit_wait_for(0, 0.1), ever = bit_wait_for(INFINITY, 1e-6);
    double start = bit_clock_seconds();
    CHECK(!bit_wait_more(&none));
    CHECK(bit_clock_seconds() - start < 0.1);
    for (int i = 0; i < 20; i++)
        CHECK(bit_wait_more(&ever));
}

/* Yields first, then twice as long each time up to the longest; from the start again after something happened. */
static void longer_and_longer(void)
{
    struct bit_wait w = {.limit = INFINITY, .spin = 3600, .shortest = 1, .longest = 3};
    bit_wait_restart(&w);
    CHECK(bit_wait_pause(&w) == 0);
    w.spin = 0;
    CHECK(bit_wait_pause(&w) == 1 && bit_wait_pause(&w) == 2 && bit_wait_pause(&w) == 3 && bit_wait_pause(&w) == 3);
    bit_wait_restart(&w);
    CHECK(bit_wait_pause(&w) == 1);
}

static void host(void)
{
    char whole[256], cut[3] = "zz", none = 'z';
    bit_host_name(whole, sizeof whole);
    CHECK(*whole != 0);
    for (size_t i = strlen(whole); i < sizeof whole; i++)
        CHECK(whole[i] == 0);
    bit_host_name(cut, sizeof cut);
    CHECK(strlen(cut) <= 2 && !strncmp(cut, whole, strlen(cut)));
    bit_host_name(&none, 0);
    CHECK(none == 'z');
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"a wait ends at its limit", until_the_limit},
        {"a wait of 0 s and one without end", without_a_limit},
        {"rests get longer", longer_and_longer},
        {"the name of this host", host},
    };
    return unit_main("wait", tests, sizeof tests / sizeof *tests, argc, argv);
}
