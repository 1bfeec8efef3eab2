#include "bit/text.h"

#include "bit/memory.h"
#include "tests/unit.h"

static void grows(void)
{
    struct bit_text t = {0};
    size_t used = bit_memory_used();
    for (int i = 0; i < 2000; i++)
        bit_text_add(&t, "%d,", i % 10);
    CHECK(!t.failed && t.size == 4000 && t.data[4000] == 0 && !strncmp(t.data, "0,1,2,3,4,5,6,7,8,9,0,", 22));
    bit_text_free(&t);
    CHECK(!t.data && !t.size && !t.failed && bit_memory_used() == used);
}

static void failure_is_sticky(void)
{
    struct bit_text t = {0};
    size_t used = bit_memory_used();
    bit_text_add(&t, "kept");
    bit_memory_fail_at(1);
    bit_text_add(&t, "%500d", 1);
    bit_memory_fail_at(0);
    CHECK(t.failed && !strcmp(t.data, "kept"));
    bit_text_add(&t, "more");
    CHECK(t.failed && !strcmp(t.data, "kept"));
    bit_text_free(&t);
    CHECK(bit_memory_used() == used);
}

static void check_json(const char *string, const char *expected)
{
    struct bit_text t = {0};
    bit_text_add_json(&t, string);
    CHECK_STRING(t.data, expected);
    bit_text_free(&t);
}

static void json_quotes(void)
{
    check_json("", "\"\"");
    check_json("a\"b\\c\nd\te\x01", "\"a\\\"b\\\\c\\nd\\u0009e\\u0001\"");
    check_json("gr\xc3\xbc\xc3\x9f 100%", "\"gr\xc3\xbc\xc3\x9f 100%\"");
    /* File names may hold any byte, JSON may not: each wrong byte becomes U+FFFD. */
    check_json("a\xff\xc3(z", "\"a\\ufffd\\ufffd(z\"");
    check_json("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"");
    check_json("\xe2\x82", "\"\\ufffd\\ufffd\"");
}

static void distance(void)
{
    CHECK(bit_text_distance("", "", 3) == 0);
    CHECK(bit_text_distance("", "ab", 3) == 2);
    CHECK(bit_text_distance("epochs", "epochs", 3) == 0);
    CHECK(bit_text_distance("epochs", "epoch", 3) == 1);
    CHECK(bit_text_distance("eopchs", "epochs", 3) == 1); /* neighbours swapped */
    CHECK(bit_text_distance("kitten", "sitting", 3) == 3);
    CHECK(bit_text_distance("sitting", "kitten", 3) == 3);
    CHECK(bit_text_distance("kitten", "sitting", 2) == 3); /* beyond the limit: limit + 1 */
    CHECK(bit_text_distance("a", "abcdefgh", 2) == 3);
    static char big[200];
    memset(big, 'x', sizeof big - 1);
    CHECK(bit_text_distance(big, big, 5) == 6); /* too long to be a key */
}

static void nearest(void)
{
    static const char *const names[] = {"base_rate", "batch", "warmup_steps", "epochs"};
    CHECK_STRING(bit_text_nearest("base_rat", names, 4), "base_rate");
    CHECK_STRING(bit_text_nearest("bacth", names, 4), "batch");
    CHECK_STRING(bit_text_nearest("batch", names, 4), "batch");
    CHECK_STRING(bit_text_nearest("warmup", names, 4), NULL);
    CHECK_STRING(bit_text_nearest("colour", names, 4), NULL);
    CHECK_STRING(bit_text_nearest("", names, 4), NULL);
    CHECK_STRING(bit_text_nearest("batch", names, 0), NULL);
}

static void check_bytes(double bytes, const char *expected)
{
    char text[32];
    bit_text_bytes(bytes, text, sizeof text);
    CHECK_STRING(text, expected);
}

static void bytes_for_people(void)
{
    check_bytes(0, "0 B");
    check_bytes(999, "999 B");
    check_bytes(1000, "1.0 kB");
    check_bytes(1500, "1.5 kB");
    check_bytes(99940, "99.9 kB");
    check_bytes(99960, "100 kB");
    check_bytes(999600, "1.0 MB");
    check_bytes(123456789, "123 MB");
    check_bytes(4.2e9, "4.2 GB");
    check_bytes(7e18, "7000 PB");
}

static void utf8(void)
{
    static const struct { const char *text; size_t size; bool good; } cases[] = {
        {"", 0, true}, {"abc", 3, true}, {"a\0b", 3, true}, {"\xc3\xa4", 2, true}, {"\xe2\x82\xac", 3, true},
        {"\xf0\x9f\x98\x80", 4, true}, {"\xf4\x8f\xbf\xbf", 4, true}, {"\xef\xbf\xbf", 3, true},
        {"\x80", 1, false}, {"\xc0\xaf", 2, false}, {"\xc1\xbf", 2, false}, {"\xc3", 1, false},
        {"\xc3(", 2, false}, {"\xe0\x80\xaf", 3, false}, {"\xe2\x82", 2, false}, {"\xed\xa0\x80", 3, false},
        {"\xf0\x80\x80\xaf", 4, false}, {"\xf4\x90\x80\x80", 4, false}, {"\xf5\x80\x80\x80", 4, false},
        {"\xff", 1, false}, {"\xf0\x9f\x98", 3, false}, {"\xe2\x82\xac", 2, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK(bit_text_is_utf8(cases[i].text, cases[i].size) == cases[i].good);
}

static void escape(void)
{
    static const struct { const char *text, *kept, *shown; } cases[] = {
        {"plain/\xC3\xA4 \xE2\x82\xAC \xF0\x9F\x90\xB1", "", "plain/\xC3\xA4 \xE2\x82\xAC \xF0\x9F\x90\xB1"}, {"a\tb\nc\rd\\", "", "a\\tb\\nc\\rd\\\\"},
        {"a\nb\\\t", "\n\\", "a\nb\\\\t"}, {"\x1B[2J\x07\x7F", "", "\\x1B[2J\\x07\\x7F"}, {"caf\xE9", "", "caf\\xE9"},
        {"\xE2\x80\xAEgpj", "", "\\xE2\\x80\\xAEgpj"}, {"a\xE2\x80\x8B", "", "a\\xE2\\x80\\x8B"}, {"\xC2\x9B", "", "\\xC2\\x9B"},
        {"\xC2\xAD\xEF\xBB\xBF", "", "\\xC2\\xAD\\xEF\\xBB\\xBF"}, {"\xED\xA0\x80\xC3", "", "\\xED\\xA0\\x80\\xC3"}, {"", "", ""}};
    char shown[64];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t size = bit_text_escape(shown, sizeof shown, cases[i].text, cases[i].kept);
        CHECK(!strcmp(shown, cases[i].shown) && size == strlen(shown));
    }
    CHECK(bit_text_escape(shown, 5, "ab\xC3\xA4\xC3\xA4", "") == 4 && !strcmp(shown, "ab\xC3\xA4")); /* whole characters */
    CHECK(bit_text_escape(shown, 5, "ab\x01", "") == 2 && !strcmp(shown, "ab"));
}

static void test_numbers(void)
{
    uint64_t n[3];
    CHECK(bit_text_numbers("7", 1, 9, 3, n) == 1 && n[0] == 7);
    CHECK(bit_text_numbers("1,5,9", 1, 9, 3, n) == 3 && n[0] == 1 && n[1] == 5 && n[2] == 9);
    CHECK(bit_text_numbers("0,18446744073709551615", 0, UINT64_MAX, 3, n) == 2 && n[1] == UINT64_MAX);
    static const char *const bad[] = {"", ",", "1,", ",1", "5,1", "5,5", "0", "10", "1,2,3,4", "1 ,2", "1, 2", "-1", "+1", "1.5", "x",
                                      "18446744073709551616"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(bit_text_numbers(bad[i], 1, 9, 3, n) == 0);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"grows", grows}, {"failure is sticky", failure_is_sticky}, {"JSON quotes", json_quotes},
        {"distance", distance}, {"nearest", nearest}, {"bytes for people", bytes_for_people}, {"UTF-8", utf8}, {"escape", escape},
        {"numbers", test_numbers},
    };
    return unit_main("text", tests, sizeof tests / sizeof *tests, argc, argv);
}
