/* The stream of tokens: numbers to the last bit, blocks that end anywhere, depth, skipping, files of many values. */
#include "bit/json_stream.h"

#include <math.h>
#include <unistd.h>

#include "bit/file.h"
#include "bit/memory.h"
#include "bit/text.h"
#include "../unit.h"

static char path[64];

static struct bit_json_stream *open_bytes(const char *bytes, size_t size, bool many)
{
    return bit_file_write_cache(path, bytes, size, NULL) ? NULL : bit_json_stream_open(path, many, NULL);
}

static struct bit_json_stream *open_text(const char *text, bool many)
{
    return open_bytes(text, strlen(text), many);
}

static void numbers(void)
{
    static const char *const texts[] = {"0", "-0", "1", "-17.25", "473.07", "1e3", "1E+3", "1e-3", "0.1", "0.30000000000000004", "123456789012345678",
        "9007199254740993", "1e22", "1e23", "123456789e-20", "4.9e-324", "1.7976931348623157e308", "2.2250738585072011e-308", "1e999", "-1e999", "1e-999",
        "0.000000000000000000000000000000123", "100000000000000000000000000000", "3.14159265358979323846264338327950288", "0.0", "0e5", "-0.0e-7",
        "18446744073709551616", "9999999999999999999", "0.99999999999999999999"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct bit_json_stream *s = open_text(texts[i], false);
        REQUIRE(s != NULL);
        CHECK(bit_json_stream_next(s, NULL) == BIT_JSON_NUMBER);
        double found = bit_json_stream_number(s), expected = strtod(texts[i], NULL);
        if (memcmp(&found, &expected, sizeof found))
            fprintf(stderr, "\n%s: %.17g\n", texts[i], found);
        CHECK(!memcmp(&found, &expected, sizeof found));
        CHECK(bit_json_stream_next(s, NULL) == BIT_JSON_END && bit_json_stream_next(s, NULL) == BIT_JSON_END);
        bit_json_stream_close(s);
    }
}

/* The same document with more and more blanks in front, so that the first block ends at each of its bytes. */
static void blocks(void)
{
    static const char document[] = "{\"k\\u00e9y\": [-12.5e+1, \"\\ud83d\\ude00 \xC3\xA4\\n\", true, null, -Infinity], \"b\": {}}";
    size_t size = strlen(document), block = 1 << 18;
    char *bytes = bit_allocate(block + size + 1, 1, "a test", NULL);
    REQUIRE(bytes != NULL);
    memset(bytes, ' ', block);
    for (size_t shift = 0; shift <= size; shift++) {
        memcpy(bytes + block - shift, document, size);
        struct bit_json_stream *s = open_bytes(bytes, block - shift + size, false);
        REQUIRE(s != NULL);
        CHECK(bit_json_stream_next(s, NULL) == BIT_JSON_OBJECT && bit_json_stream_next(s, NULL) == BIT_JSON_KEY);
        CHECK_STRING(bit_json_stream_text(s), "k\xC3\xA9y");
        CHECK(bit_json_stream_next(s, NULL) == BIT_JSON_ARRAY && bit_json_stream_next(s, NULL) == BIT_JSON_NUMBER);
        CHECK(bit_json_stream_number(s) == -125);
        CHECK(bit_json_stream_next(s, NULL) == BIT_JSON_TEXT);
        CHECK_STRING(bit_json_stream_text(s), "\xF0\x9F\x98\x80 \xC3\xA4\n");
        CHECK(bit_json_stream_next(s, NULL) == BIT_JSON_TRUE && bit_json_stream_next(s, NULL) == BIT_JSON_NULL);
        CHECK(bit_json_stream_next(s, NULL) == BIT_JSON_NUMBER && bit_json_stream_number(s) == -INFINITY);
        CHECK(bit_json_stream_next(s, NULL) == BIT_JSON_ARRAY_END && bit_json_stream_next(s, NULL) == BIT_JSON_KEY);
        CHECK(bit_json_stream_next(s, NULL) == BIT_JSON_OBJECT && bit_json_stream_next(s, NULL) == BIT_JSON_OBJECT_END);
        CHECK(bit_json_stream_next(s, NULL) == BIT_JSON_OBJECT_END && bit_json_stream_next(s, NULL) == BIT_JSON_END);
        bit_json_stream_close(s);
    }
    bit_free(bytes);
}

static void skipping(void)
{
    struct bit_json_stream *s = open_text("{\"a\": {\"x\": [1, {\"y\": \"\\u0000\\ud800\"}]}, \"b\": 7, \"c\": [[], 3], \"d\": 4}", false);
    REQUIRE(s != NULL);
    CHECK(bit_json_stream_next(s, NULL) == BIT_JSON_OBJECT && bit_json_stream_next(s, NULL) == BIT_JSON_KEY);
    CHECK(bit_json_stream_skip(s, BIT_JSON_KEY, NULL) == 0 && bit_json_stream_next(s, NULL) == BIT_JSON_KEY);
    CHECK_STRING(bit_json_stream_text(s), "b");
    CHECK(bit_json_stream_next(s, NULL) == BIT_JSON_NUMBER && bit_json_stream_skip(s, BIT_JSON_NUMBER, NULL) == 0);
    CHECK(bit_json_stream_next(s, NULL) == BIT_JSON_KEY && bit_json_stream_next(s, NULL) == BIT_JSON_ARRAY);
    CHECK(bit_json_stream_skip(s, BIT_JSON_ARRAY, NULL) == 0 && bit_json_stream_next(s, NULL) == BIT_JSON_KEY);
    CHECK_STRING(bit_json_stream_text(s), "d");
    CHECK(bit_json_stream_next(s, NULL) == BIT_JSON_NUMBER && bit_json_stream_number(s) == 4);
    bit_json_stream_close(s);
}

static enum bit_json_token last_of(struct bit_json_stream *s, struct bit_error *error)
{
    enum bit_json_token token = BIT_JSON_NULL;
    while (token > BIT_JSON_END)
        token = bit_json_stream_next(s, error);
    return token;
}

static void limits(void)
{
    char *text = bit_allocate(BIT_JSON_TEXT_MOST + 16, 1, "a test", NULL);
    REQUIRE(text != NULL);
    static const struct { int depth; bool good; } depths[] = {{BIT_JSON_DEEPEST, true}, {BIT_JSON_DEEPEST + 1, false}, {60000, false}};
    for (size_t i = 0; i < 3; i++) {
        struct bit_error error = {0};
        memset(text, '[', (size_t)depths[i].depth);
        size_t size = (size_t)depths[i].depth;
        if (depths[i].good)
            memset(text + size, ']', size), size *= 2;
        struct bit_json_stream *s = open_bytes(text, size, false);
        CHECK(last_of(s, &error) == (depths[i].good ? BIT_JSON_END : BIT_JSON_BROKEN));
        CHECK(depths[i].good || strstr(error.text, "objects and arrays more than 256 deep"));
        bit_json_stream_close(s);
    }
    for (int more = 0; more < 2; more++) { /* texts, of their longest and a byte more */
        struct bit_error error = {0};
        memset(text, 'x', BIT_JSON_TEXT_MOST + 3);
        text[0] = '"';
        text[BIT_JSON_TEXT_MOST + more + 1] = '"';
        struct bit_json_stream *s = open_bytes(text, (size_t)BIT_JSON_TEXT_MOST + 2 + (size_t)more, false);
        CHECK(bit_json_stream_next(s, &error) == (more ? BIT_JSON_BROKEN : BIT_JSON_TEXT));
        CHECK(!more || strstr(error.text, "a text of more than 65535 bytes"));
        bit_json_stream_close(s);
    }
    memset(text, '1', 2000);
    struct bit_error error = {0};
    struct bit_json_stream *s = open_bytes(text, 2000, false);
    CHECK(bit_json_stream_next(s, &error) == BIT_JSON_BROKEN && strstr(error.text, "a number of more than 1023 characters"));
    bit_json_stream_close(s);
    bit_free(text);
}

static void many(void)
{
    struct bit_error error = {0};
    struct bit_json_stream *s = open_text("{\"a\":1}\n\n{\"a\":2}\n", true);
    for (int line = 0; line < 2; line++) {
        CHECK(bit_json_stream_next(s, &error) == BIT_JSON_OBJECT && bit_json_stream_line(s) == (line ? 3 : 1));
        CHECK(bit_json_stream_next(s, &error) == BIT_JSON_KEY && bit_json_stream_next(s, &error) == BIT_JSON_NUMBER);
        CHECK(bit_json_stream_number(s) == line + 1 && bit_json_stream_next(s, &error) == BIT_JSON_OBJECT_END);
    }
    CHECK(bit_json_stream_next(s, &error) == BIT_JSON_END && error.code == BIT_OK);
    bit_json_stream_close(s);
    s = open_text("1 2", false);
    CHECK(bit_json_stream_next(s, &error) == BIT_JSON_NUMBER && bit_json_stream_next(s, &error) == BIT_JSON_BROKEN);
    CHECK(error.code == BIT_EDATA && strstr(error.text, "line 1, byte 2: expected nothing behind the value, found '2'"));
    bit_json_stream_close(s);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {{"numbers", numbers}, {"blocks", blocks}, {"skipping", skipping}, {"limits", limits}, {"many", many}};
    snprintf(path, sizeof path, "json-stream-%d.json", (int)getpid());
    int failed = unit_main("json_stream", tests, sizeof tests / sizeof *tests, argc, argv);
    unlink(path);
    return failed;
}
