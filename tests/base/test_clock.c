#include "bit/clock.h"

#include <math.h>
#include <stdio.h>

#include "bit/bfloat16.h"
#include "tests/unit.h"

static void check_duration(double seconds, const char *expected)
{
    char text[32];
    bit_clock_duration(seconds, text, sizeof text);
    CHECK_STRING(text, expected);
}

static void durations(void)
{
    check_duration(0, "0.0 s");
    check_duration(4.24, "4.2 s");
    check_duration(59.94, "59.9 s");
    check_duration(59.96, "0:01:00");
    check_duration(61, "0:01:01");
    check_duration(3723, "1:02:03");
    check_duration(3599.6, "1:00:00");
    check_duration(86400 + 3723, "1d 1:02:03");
    check_duration(-1, "?");
    check_duration(NAN, "?");
    check_duration(INFINITY, "?");
}

static void time_goes_on(void)
{
    double a = bit_clock_seconds(), b = bit_clock_seconds();
    char stamp[32], tiny[4] = "xyz";
    int year, month, day, hour, minute, second;
    char z;
    CHECK(b >= a);
    bit_clock_stamp(stamp, sizeof stamp);
    CHECK(sscanf(stamp, "%d-%d-%dT%d:%d:%d%c", &year, &month, &day, &hour, &minute, &second, &z) == 7);
    CHECK(strlen(stamp) == 20 && z == 'Z' && year >= 2020 && month <= 12 && day <= 31 && hour < 24);
    bit_clock_stamp(tiny, sizeof tiny);
    CHECK(tiny[0] == 0);
}

/* bfloat16 against its definition: of the two neighbours the nearer, ties to the even one. */
static void bfloat16_rounds(void)
{
    CHECK(bit_bfloat16_to_float(bit_bfloat16_from_float(1.0f)) == 1.0f);
    CHECK(bit_bfloat16_to_float(bit_bfloat16_from_float(-0.0f)) == 0 && bit_bfloat16_from_float(-0.0f) == 0x8000);
    CHECK(isnan(bit_bfloat16_to_float(bit_bfloat16_from_float(NAN))));
    CHECK(isinf(bit_bfloat16_to_float(bit_bfloat16_from_float(INFINITY))));
    CHECK(isinf(bit_bfloat16_to_float(bit_bfloat16_from_float(3.4e38f)))); /* rounds up past the largest */
    for (uint32_t upper = 0; upper < 0x7F80; upper++) { /* every finite positive bfloat16 */
        bit_bfloat16 low = (bit_bfloat16)upper, high = (bit_bfloat16)(upper + 1);
        float x = bit_bfloat16_to_float(low);
        CHECK(bit_bfloat16_from_float(x) == low);
        uint32_t bits = upper << 16, ties = bits | 0x8000u, below = ties - 1, above = ties + 1;
        memcpy(&x, &ties, sizeof x);
        CHECK(bit_bfloat16_from_float(x) == (upper & 1 ? high : low));
        memcpy(&x, &below, sizeof x);
        CHECK(bit_bfloat16_from_float(x) == low);
        memcpy(&x, &above, sizeof x);
        CHECK(bit_bfloat16_from_float(x) == high);
    }
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"durations", durations}, {"time goes on", time_goes_on}, {"bfloat16 rounds", bfloat16_rounds},
    };
    return unit_main("clock", tests, sizeof tests / sizeof *tests, argc, argv);
}
