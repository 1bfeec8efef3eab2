/* Strict reading. */
#include "bit/json.h"

#include <cjson/cJSON.h>
#include <math.h>

#include "bit/memory.h"
#include "../unit.h"

static void documents(void)
{
    static const struct { const char *text; bool good; } cases[] = {
        {"{}", true}, {" [1, 2]\n", true}, {"7", true}, {"{} x", false}, {"{}{}", false}, {"", false}, {"{\"a\":}", false},
        {"\"\xff\"", false}, {"\"\xc3\xa4\"", true}, {"[1,]", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bit_error error = {0};
        cJSON *json = bit_json_parse(cases[i].text, strlen(cases[i].text), &error);
        CHECK((json != NULL) == cases[i].good);
        CHECK(cases[i].good || error.code == BIT_EDATA);
        cJSON_Delete(json);
    }
    struct bit_error error = {0};
    CHECK(bit_json_parse("{}\0{}", 5, &error) == NULL && error.code == BIT_EDATA);
}

static void objects(void)
{
    struct bit_error error = {0};
    struct bit_json_object o;
    uint64_t n;
    char text[4], *copy = NULL;
    struct bit_hash hash;
    bool known = true;
    cJSON *json = cJSON_Parse("{\"n\": 5, \"t\": \"abc\", \"h\": null, \"x\": 1}");
    REQUIRE(bit_json_start(&o, json, "here", &error) == 0);
    CHECK(bit_json_take_whole(&o, "n", 5, &n) == 0 && n == 5);
    CHECK(bit_json_take_short(&o, "t", text, sizeof text) == 0 && !strcmp(text, "abc"));
    CHECK(bit_json_take_hash(&o, "h", &hash, &known) == 0 && !known);
    CHECK(bit_json_end(&o) == -1 && error.code == BIT_EDATA);
    CHECK_STRING(error.text, "here: an unknown key");
    bit_error_clear(&error);
    CHECK(bit_json_take_copy(&o, "y", &copy) == -1 && strstr(error.text, "\"y\" is missing"));
    bit_error_clear(&error);
    CHECK(bit_json_take_whole(&o, "n", 4, &n) == -1 && strstr(error.text, "from 0 to 4"));
    bit_error_clear(&error);
    CHECK(bit_json_take_short(&o, "t", text, 3) == -1 && strstr(error.text, "too long"));
    bit_error_clear(&error);
    CHECK(bit_json_take_string(&o, "n") == NULL && strstr(error.text, "not a text"));
    cJSON_Delete(json);
    bit_error_clear(&error);
    json = cJSON_Parse("{\"a\": 1, \"a\": 2}");
    CHECK(bit_json_start(&o, json, "here", &error) == -1 && strstr(error.text, "twice"));
    cJSON_Delete(json);
    bit_error_clear(&error);
    CHECK(bit_json_start(&o, NULL, "here", &error) == -1 && strstr(error.text, "object was expected"));
}

static void values(void)
{
    cJSON *json = cJSON_Parse("{\"n\": 5, \"half\": 0.5, \"minus\": -1, \"huge\": 9007199254740992, \"t\": \"abc\"}");
    CHECK(bit_json_whole(json, "n", 9) == 5 && bit_json_whole(json, "half", 9) == 9 && bit_json_whole(json, "minus", 9) == 9);
    CHECK(bit_json_whole(json, "huge", 9) == 9 && bit_json_whole(json, "t", 9) == 9 && bit_json_whole(json, "N", 9) == 9);
    CHECK(bit_json_number(json, "half", 1) == 0.5 && isnan(bit_json_number(json, "t", NAN)));
    CHECK_STRING(bit_json_string(json, "t", "no"), "abc");
    CHECK_STRING(bit_json_string(json, "n", "no"), "no");
    CHECK(bit_json_whole(NULL, "n", 9) == 9);
    cJSON_Delete(json);
}

static void numbers(void)
{
    struct bit_text t = {0};
    bit_json_add_number(&t, 1.0 / 3, 17);
    bit_json_add_member(&t, "a", 2, 4);
    bit_json_add_member(&t, "b", NAN, 4);
    bit_json_add_member(&t, "c", -INFINITY, 4);
    CHECK_STRING(t.data, "0.33333333333333331,\"a\":2,\"b\":null,\"c\":null");
    bit_text_free(&t);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {{"documents", documents}, {"objects", objects}, {"values", values}, {"numbers", numbers}};
    return unit_main("json", tests, sizeof tests / sizeof *tests, argc, argv);
}
