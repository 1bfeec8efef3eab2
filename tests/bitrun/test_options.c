/* bitrun's command line. */
#include "run/options.h"
#include "../unit.h"

enum { WORDS = 16 };

/* Parses "bitrun" and the words given (ended by NULL). */
static int parse(struct options *o, struct bit_error *error, char **words)
{
    char *argv[WORDS] = {"bitrun"};
    int argc = 1;
    while (words[argc - 1] && argc < WORDS - 1) {
        argv[argc] = words[argc - 1];
        argc++;
    }
    *error = (struct bit_error){0};
    return options_parse(o, argc, argv, error);
}
#define PARSE(...) parse(&o, &error, (char *[]){__VA_ARGS__, NULL})

static void test_good(void)
{
    struct options o;
    struct bit_error error;
    REQUIRE(PARSE("a.json", "--out", "x", "--set", "schedule.batch=8", "--set=seed=3", "--threads", "2", "--steps-limit=9",
                  "--fresh", "--force", "--quiet") == 0);
    CHECK(!strcmp(o.job, "a.json") && !strcmp(o.out, "x"));
    CHECK(o.overrides.count == 3);
    CHECK(!strcmp(o.overrides.value[0], "schedule.batch=8") && !strcmp(o.overrides.value[1], "seed=3"));
    CHECK(!strcmp(o.overrides.value[2], "threads=2"));
    CHECK(o.steps_limit == 9 && o.fresh && o.force && o.quiet && !o.evaluate);
    CHECK(PARSE("--help") == 0 && o.help);
    REQUIRE(PARSE("a.json") == 0);
    CHECK(o.steps_limit == UINT64_MAX && !o.out && o.overrides.count == 0);
}

static void test_bad(void)
{
    struct options o;
    struct bit_error error;
    CHECK(PARSE(NULL) == -1 && error.code == BIT_EUSAGE);
    CHECK(PARSE("a.json", "b.json") == -1 && strstr(error.text, "b.json"));
    CHECK(PARSE("a.json", "--evaluat") == -1 && strstr(error.text, "--evaluate?"));
    CHECK(PARSE("a.json", "--out") == -1 && strstr(error.text, "needs a value"));
    CHECK(PARSE("a.json", "--fresh=1") == -1 && strstr(error.text, "takes no value"));
    CHECK(PARSE("a.json", "--set", "batch") == -1 && strstr(error.text, "KEY=VALUE"));
    CHECK(PARSE("a.json", "--steps-limit", "-3") == -1 && strstr(error.text, "whole number"));
    CHECK(PARSE("a.json", "--steps-limit", "99999999999999999999") == -1);
    CHECK(PARSE("a.json", "-x") == -1 && error.code == BIT_EUSAGE);
    CHECK(PARSE("a.json", "--fresh", "--evaluate") == -1);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {{"good", test_good}, {"bad", test_bad}};
    return unit_main("options", tests, sizeof tests / sizeof *tests, argc, argv);
}
