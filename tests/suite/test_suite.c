/* Reading suites from memory that fails: nothing leaks, and nothing is made. What they do: tests/435-suite.sh. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bit/file.h"
#include "bit/memory.h"
#include "bit/suite.h"
#include "tests/unit.h"

static char folder[64];

static int put(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return bit_file_write_cache(path, text, strlen(text), NULL);
}

static struct bit_suite *open_it(struct bit_error *error)
{
    char file[256], out[256];
    snprintf(file, sizeof file, "%s/suite.json", folder);
    snprintf(out, sizeof out, "%s/out", folder);
    const struct bit_suite_options options = {.file = file, .folder = out};
    return bit_suite_open(&options, error);
}

static void test_allocations(void)
{
    size_t used = bit_memory_used();
    for (size_t n = 1;; n++) {
        struct bit_error error = {0};
        bit_memory_fail_at(n);
        struct bit_suite *suite = open_it(&error);
        int prepared = suite ? bit_suite_prepare(suite, 1, &error) : -1;
        bit_memory_fail_at(0);
        bool all = suite && !prepared;
        CHECK(!all || (suite->run_count == 4 && suite->task_count == 2 && *suite->tasks[0].list[0] && !*suite->tasks[1].list[0]));
        bit_suite_close(suite);
        CHECK(bit_memory_used() == used);
        if (all)
            break;
        CHECK(error.code == BIT_EENVIRONMENT);
        REQUIRE(n < 100000);
    }
}

/* Medians of an even and an odd number of seeds, means of groups, and their deviation, from numbers put in by hand. */
static void test_means(void)
{
    struct bit_error error = {0};
    struct bit_suite *s = open_it(&error);
    struct bit_suite_means means;
    REQUIRE(s);
    bit_suite_look(s); /* no run is there */
    means = bit_suite_mean(s, NULL, 0);
    CHECK(means.mean != means.mean && s->tasks[0].finished == 0 && s->runs[0].state == BIT_RUN_UNKNOWN);
    s->runs[0].value = 0.5, s->runs[1].value = 0.7, s->runs[2].value = 0.1, s->runs[3].value = 0.3;
    s->tasks[0].median = 0.6, s->tasks[1].median = 0.2;
    means = bit_suite_mean(s, NULL, 0);
    CHECK(means.mean > 0.4 - 1e-12 && means.mean < 0.4 + 1e-12);
    CHECK(means.deviation > 0.1414 && means.deviation < 0.1415); /* of 0.3 and 0.5 */
    CHECK(means.probe != means.probe);
    means = bit_suite_mean(s, "b", 0);
    CHECK(means.mean == 0.2);
    bit_suite_close(s);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {{"allocation failures", test_allocations}, {"means", test_means}};
    strcpy(folder, "/tmp/bit-suite-XXXXXX");
    if (!mkdtemp(folder))
        return 2;
    int bad = put("list.txt", "a.jpg 1\nb.jpg 0\n");
    bad |= put("suite.json", "{\"seeds\": [4, 5], \"job\": {\"task\": \"finetune\", \"model\": {\"start\": \"w.npz\"}}, \"tasks\": ["
        "{\"name\": \"one\", \"group\": \"a\", \"job\": {\"data\": {\"train\": \"list.txt\", \"val\": \"list.txt\"}}},"
        "{\"name\": \"two\", \"group\": \"b\", \"job\": {\"data\": {\"train\": \".\", \"val\": \".\"}}}]}");
    if (bad)
        return 2;
    int result = unit_main("suite", tests, sizeof tests / sizeof *tests, argc, argv);
    bit_folder_remove(folder, NULL);
    return result;
}
