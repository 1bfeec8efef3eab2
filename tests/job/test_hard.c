/* What no honest user writes: every allocation fails once, texts are cut and damaged, files are huge or deep. */
#include <cjson/cJSON.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bit/random.h"
#include "tests/job/files.h"

static void *hook_allocate(size_t size)
{
    return bit_allocate(size, 1, "cJSON", NULL);
}

static const char full[] =
    "{\"name\":\"n\",\"loss\":\"sigmoid\",\"model\":{\"depth\":26,\"head_bias\":-3.5,\"mystery\":1},"
    "\"data\":{\"train\":\"a\",\"val\":\"b\"},\"schedule\":{\"steps\":7,\"decay_steps\":[1,2,3],\"epochs\":3}}";
static const char good[] = "{\"data\":{\"train\":\"a\",\"val\":\"b\"},\"schedule\":{\"steps\":7,\"decay_steps\":[1,2]}}";

static void sweep(const char *text, int want_job)
{
    static const char *const sets[] = {"model.norm=batch", "seed=12"};
    struct bit_error error = {0};
    size_t used = bit_memory_used(), n = 1;
    for (;; n++) {
        struct bit_problems problems = {0};
        bit_error_clear(&error);
        bit_memory_fail_at(n);
        const struct bit_job *job = bit_job_parse(text, strlen(text), "test", sets, 2, &problems, &error);
        int finished = job != NULL || error.code == BIT_EUSAGE;
        bit_memory_fail_at(0);
        if (!finished)
            CHECK(error.code == BIT_EENVIRONMENT && strstr(error.text, "out of memory"));
        bit_job_destroy(job);
        bit_problems_free(&problems);
        CHECK(bit_memory_used() == used);
        if (finished) {
            CHECK((job != NULL) == want_job);
            break;
        }
        REQUIRE(n < 100000);
    }
    CHECK(n > 50);
}

static void test_allocations(void)
{
    cJSON_Hooks hooks = {hook_allocate, bit_free};
    cJSON_InitHooks(&hooks);
    sweep(good, 1);
    sweep(full, 0);
    cJSON_InitHooks(NULL);
}

static void parse_any(const char *text, size_t size)
{
    struct bit_problems problems = {0};
    struct bit_error error = {0};
    char *exact = malloc(size ? size : 1); /* no byte behind it, so that valgrind and ASan see an overrun */
    REQUIRE(exact != NULL);
    memcpy(exact, text, size);
    const struct bit_job *job = bit_job_parse(exact, size, "test", NULL, 0, &problems, &error);
    CHECK(error.code == (job ? BIT_OK : BIT_EUSAGE));
    CHECK((job != NULL) == (problems.count == 0));
    for (size_t i = 0; i < problems.count; i++)
        CHECK(bit_text_is_utf8(problems.items[i].text, strlen(problems.items[i].text)) &&
              bit_text_is_utf8(problems.items[i].key, strlen(problems.items[i].key)));
    bit_job_destroy(job);
    bit_problems_free(&problems);
    free(exact);
}

static void test_cut(void)
{
    for (size_t size = 0; size < sizeof full; size++)
        parse_any(full, size);
}

static void damage(const char *base)
{
    size_t size;
    char *text = read_beside(base, ".json", &size);
    struct bit_random random;
    REQUIRE(text != NULL);
    bit_random_init(&random, 1, BIT_PURPOSE_TEST, 0, size);
    for (int round = 0; round < 60 && size; round++) {
        size_t at = bit_random_below(&random, size);
        char kept = text[at];
        text[at] = (char)bit_random_below(&random, 256);
        parse_any(text, size);
        if (round % 3 == 0)
            text[at] = kept;
    }
    bit_free(text);
}

static void test_damaged(void)
{
    each_file("tests/job/invalid", damage);
    each_file("tests/job/valid", damage);
}

static int has(const char *text, size_t size, const char *what)
{
    struct bit_problems problems = {0};
    struct bit_error error = {0};
    int found = 0;
    const struct bit_job *job = bit_job_parse(text, size, "test", NULL, 0, &problems, &error);
    for (size_t i = 0; i < problems.count; i++)
        found |= strstr(problems.items[i].text, what) != NULL;
    bit_job_destroy(job);
    bit_problems_free(&problems);
    return found;
}

static void test_deep(void)
{
    struct bit_text t = {0};
    bit_text_add(&t, "{\"data\":{\"train\":\"x\"},\"a\":");
    for (int i = 0; i < 100000; i++)
        bit_text_add(&t, "[");
    REQUIRE(!t.failed);
    CHECK(has(t.data, t.size, "nested deeper than 16 levels"));
    bit_text_free(&t);
    bit_text_add(&t, "{\"a\":[0");
    for (int i = 0; i < 100000; i++)
        bit_text_add(&t, ",0");
    bit_text_add(&t, "]}");
    CHECK(has(t.data, t.size, "more than 4096 values"));
    bit_text_free(&t);
    CHECK(has("{\"name\":\"a\0b\"}", 14, "control character"));
    CHECK(has("{\"name\":\"a\"}\0", 13, "expected nothing after the object"));
}

static void test_reading(void)
{
    char folder[] = "/tmp/bit-test-XXXXXX", path[64];
    struct bit_problems problems = {0};
    struct bit_error error = {0};
    REQUIRE(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/large.json", folder);
    char *large = calloc(1, BIT_JOB_FILE_LIMIT + 1);
    REQUIRE(large != NULL);
    memset(large, ' ', BIT_JOB_FILE_LIMIT + 1);
    CHECK(bit_file_write(path, large, BIT_JOB_FILE_LIMIT + 1, NULL) == 0);
    CHECK(bit_job_read(path, NULL, 0, &problems, &error) == NULL);
    CHECK(error.code == BIT_EUSAGE && strstr(error.text, "too large"));
    unlink(path);
    bit_error_clear(&error);
    CHECK(bit_job_read(path, NULL, 0, &problems, &error) == NULL && error.code == BIT_ENOINPUT);
    bit_error_clear(&error);
    CHECK(bit_job_read(folder, NULL, 0, &problems, &error) == NULL && error.code == BIT_ENOINPUT);
    free(large);
    /* Paths of the file stand against its folder, wherever the program runs; those of --set do not. */
    static const char *const sets[] = {"data.val=here"};
    char wanted[64], val[PATH_MAX], here[PATH_MAX + 8];
    REQUIRE(getcwd(val, sizeof val) != NULL);
    snprintf(here, sizeof here, "%s/here", val);
    bit_error_clear(&error);
    snprintf(path, sizeof path, "%s/small.json", folder);
    snprintf(wanted, sizeof wanted, "%s/images", folder);
    const char *text = "{\"data\":{\"train\":\"images\",\"val\":\"v\"}}";
    CHECK(bit_file_write(path, text, strlen(text), NULL) == 0);
    const struct bit_job *job = bit_job_read(path, sets, 1, &problems, &error);
    CHECK(job && !strcmp(job->data.train, wanted) && !strcmp(job->data.val, here) && !strcmp(job->name, "small"));
    bit_job_destroy(job);
    unlink(path);
    rmdir(folder);
    bit_problems_free(&problems);
}

static const struct unit_test tests[] = {
    {"allocation failures", test_allocations}, {"cut texts", test_cut}, {"damaged texts", test_damaged},
    {"deep and wide texts", test_deep}, {"reading files", test_reading},
};

int main(int argc, char **argv)
{
    return unit_main("hard job files", tests, sizeof tests / sizeof *tests, argc, argv);
}
