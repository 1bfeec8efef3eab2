/* Command lines from a table. */
#include "bit/options.h"

#include <unistd.h>

#include "../unit.h"

struct options { const char *out; struct bit_option_list sets; uint64_t images; int ranks, kind; double seconds; bool json, images_given; };

#define AT(member) .at = offsetof(struct options, member)
static const char *const kinds[] = {"small", "large", NULL};
static const char *take_own(void *options, const char *value)
{
    ((struct options *)options)->ranks = 77;
    return strcmp(value, "good") ? "good" : NULL;
}
static const struct bit_option known[] = {
    {"--out", "DIR", "where", BIT_OPTION_FILE, AT(out)},
    {"--set", "KEY=VALUE", "a key\nand more", BIT_OPTION_LIST, AT(sets)},
    {"--images", "N", "images", BIT_OPTION_COUNT, AT(images), 0, 1e12, .given_at = offsetof(struct options, images_given)},
    {"-n", "RANKS", "ranks", BIT_OPTION_INT, AT(ranks), 1, 100},
    {"--kind", "KIND", "small or large", BIT_OPTION_CHOICE, AT(kind), .choices = kinds},
    {"--seconds", "S", "time", BIT_OPTION_REAL, AT(seconds), 0.5, 60},
    {"--own", "X", "own", BIT_OPTION_OWN, .take = take_own},
    {"--json", NULL, "as JSON", BIT_OPTION_FLAG, AT(json)},
    {"--hidden", NULL, NULL, BIT_OPTION_FLAG, AT(json)},
};
static const struct bit_usage usage = {"bit try", "FILE", "Tries.", known, sizeof known / sizeof *known, .least = 1, .most = 2};
static const struct bit_usage with_rest = {"bit rest", "", "Rests.", known, sizeof known / sizeof *known, .has_rest = true};

static const struct bit_usage with_numbers = {"bit count", "N", "Counts.", known, sizeof known / sizeof *known, .least = 1, .most = 2, .takes_negative = true};

static int parse(const struct bit_usage *u, struct options *o, struct bit_operands *operands, struct bit_error *error, char **words)
{
    char *argv[32] = {"try"};
    int argc = 1;
    bool help;
    while (words[argc - 1])
        argv[argc] = words[argc - 1], argc++;
    *o = (struct options){.ranks = 1};
    *error = (struct bit_error){0};
    return bit_options_parse_quietly(u, argc, argv, o, operands, &help, error) ? -1 : help;
}
#define PARSE(...) parse(&usage, &o, &operands, &error, (char *[]){__VA_ARGS__, NULL})

static void good(void)
{
    struct options o;
    struct bit_operands operands;
    struct bit_error error;
    REQUIRE(PARSE("a", "--out", "x", "--set", "k=1", "--set=l=2", "--images=0", "-n", "4", "--kind", "large", "--seconds", "1.5", "--json") == 0);
    CHECK(operands.count == 1 && !strcmp(operands.word[0], "a") && !strcmp(o.out, "x") && o.sets.count == 2);
    CHECK(!strcmp(o.sets.value[1], "l=2") && o.images == 0 && o.images_given && o.ranks == 4 && o.kind == 1 && o.seconds == 1.5 && o.json);
    CHECK(PARSE("a", "b", "--own=good") == 0 && operands.count == 2 && o.ranks == 77 && !o.images_given);
    CHECK(PARSE("--", "-n") == 0 && operands.count == 1 && !strcmp(operands.word[0], "-n"));
    CHECK(PARSE("-") == 0); /* a lone dash is a word */
    CHECK(PARSE("a", "--help", "--nonsense") == 1);
    CHECK(parse(&with_numbers, &o, &operands, &error, (char *[]){"12", "-3", "--json", NULL}) == 0 && operands.count == 2 && !strcmp(operands.word[1], "-3"));
    CHECK(parse(&with_numbers, &o, &operands, &error, (char *[]){"12", "-x", NULL}) == -1);
    CHECK(parse(&with_rest, &o, &operands, &error, (char *[]){"--json", "--", "--host", "a", NULL}) == 0);
    CHECK(operands.count == 0 && operands.rest_count == 2 && !strcmp(operands.rest[1], "a"));
}

static void bad(void)
{
    static const struct { char *words[4]; const char *says; } rows[] = {
        {{NULL}, "FILE is missing"}, {{"a", "b", "c"}, "unexpected argument c"}, {{"a", "--ouut", "x"}, "did you mean --out?"},
        {{"a", "--out"}, "--out needs a value: DIR"}, {{"a", "--out", "--json"}, "the option --json follows it"},
        {{"a", "--out="}, "--out '': expected DIR"}, {{"a", "--json=1"}, "takes no value"},
        {{"a", "--images", "-1"}, "whole number from 0 to 1000000000000"}, {{"a", "--images", "1e3"}, "whole number"},
        {{"a", "--images", "2000000000000"}, "whole number"}, {{"a", "-n", "0"}, "from 1 to 100"}, {{"a", "-n", "1.0"}, "whole number"},
        {{"a", "-n4"}, "unknown option -n4"}, {{"a", "--kind", "huge"}, "expected small or large"}, {{"a", "--seconds", "nan"}, "from 0.5 to 60"},
        {{"a", "--seconds", "1x"}, "a number"}, {{"a", "--own", "evil"}, "--own evil: expected good"},
    };
    struct options o;
    struct bit_operands operands;
    struct bit_error error;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *words[5];
        memcpy(words, rows[i].words, sizeof rows[i].words);
        words[4] = NULL;
        int result = parse(&usage, &o, &operands, &error, words);
        if (result != -1 || !strstr(error.text, rows[i].says))
            fprintf(stderr, "\nrow %zu: %d '%s', expected '%s'\n", i, result, error.text, rows[i].says);
        CHECK(result == -1 && error.code == BIT_EUSAGE && strstr(error.text, rows[i].says));
    }
}

static void many(void)
{
    struct options o = {0};
    struct bit_operands operands;
    struct bit_error error = {0};
    static char *argv[2 + 2 * BIT_OPTION_VALUES + 2] = {"try", "a"};
    bool help;
    for (int i = 0; i <= BIT_OPTION_VALUES; i++)
        argv[2 + i] = "--set=k=1";
    CHECK(bit_options_parse_quietly(&usage, 2 + BIT_OPTION_VALUES, argv, &o, &operands, &help, &error) == 0 && o.sets.count == 256);
    o.sets.count = 0;
    CHECK(bit_options_parse_quietly(&usage, 3 + BIT_OPTION_VALUES, argv, &o, &operands, &help, &error) == -1);
}

static char *printed(void (*print)(const struct bit_usage *, FILE *))
{
    static char text[4096];
    FILE *file = tmpfile();
    print(&usage, file);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    return text;
}

static void help_and_completion(void)
{
    const char *help = printed(bit_usage_print);
    CHECK(!strncmp(help, "usage: bit try FILE [OPTION]...\n  Tries.\n", 41));
    CHECK(strstr(help, "--set KEY=VALUE") && strstr(help, "\n                            and more\n") && !strstr(help, "--hidden"));
    const char *completion = printed(bit_usage_complete);
    CHECK(strstr(completion, "--kind small|large\n") && strstr(completion, "--out file\n") && strstr(completion, "--json flag\n"));
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {{"good", good}, {"bad", bad}, {"many", many}, {"help and completion", help_and_completion}};
    return unit_main("options", tests, sizeof tests / sizeof *tests, argc, argv);
}
