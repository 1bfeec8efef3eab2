/* Every key of the table with every kind of bad value, with its limits, and left out. */
#include <math.h>
#include <stdio.h>

#include "job/keys.h"
#include "tests/unit.h"

/* A job whose only remarkable key is `key`: {"data":{"train":"x"},"section":{"key":value}}; NULL value: without it. */
static void write_job(const struct key *key, const char *value, char *text, size_t size)
{
    size_t section = job_key_section_length(key->path);
    const char *name = key->path + section + (section > 0);
    const char *train = "\"data\":{\"train\":\"x\"}";
    if (!value)
        snprintf(text, size, "{%s}", key->value ? train : "");
    else if (!section)
        snprintf(text, size, "{%s,\"%s\":%s}", train, name, value);
    else if (!key->value)
        snprintf(text, size, "{\"data\":{\"%s\":%s}}", name, value);
    else if (section == 4 && !strncmp(key->path, "data", 4))
        snprintf(text, size, "{\"data\":{\"train\":\"x\",\"%s\":%s}}", name, value);
    else
        snprintf(text, size, "{%s,\"%.*s\":{\"%s\":%s}}", train, (int)section, key->path, name, value);
}

/* The number of problems that name the key; *others counts the rest. */
static size_t problems_of(const struct key *key, const char *value, size_t *others, const struct bit_job **job)
{
    char text[4096], wanted[200];
    struct bit_problems problems = {0};
    struct bit_error error = {0};
    size_t count = 0;
    write_job(key, value, text, sizeof text);
    *job = bit_job_parse(text, strlen(text), "test", NULL, 0, &problems, &error);
    snprintf(wanted, sizeof wanted, "%s", key->path);
    *others = 0;
    for (size_t i = 0; i < problems.count; i++) {
        if (strcmp(problems.items[i].key, wanted)) {
            ++*others;
            continue;
        }
        count++;
        if (value) { /* the place is the value's */
            CHECK(problems.items[i].line == 1);
            CHECK(strstr(text, value) - text == problems.items[i].column - 1 || strlen(value) < 3);
        }
    }
    CHECK((*job == NULL) == (problems.count > 0));
    CHECK((error.code == BIT_EUSAGE) == (problems.count > 0));
    bit_problems_free(&problems);
    return count;
}

static void reject(const struct key *key, const char *value)
{
    size_t others;
    const struct bit_job *job;
    size_t count = problems_of(key, value, &others, &job);
    if (count != 1 || job)
        fprintf(stderr, "\n%s: %s gave %zu problems\n", key->path, value, count);
    CHECK(count == 1);
    bit_job_destroy(job);
}

/* The value itself is fine; that it does not go with other keys' defaults is another matter. */
static void accept(const struct key *key, const char *value)
{
    char text[4096];
    struct bit_problems problems = {0};
    struct bit_error error = {0};
    write_job(key, value, text, sizeof text);
    const struct bit_job *job = bit_job_parse(text, strlen(text), "test", NULL, 0, &problems, &error);
    for (size_t i = 0; i < problems.count; i++) {
        int complains = strstr(problems.items[i].text, "expected") != NULL && strcmp(key->path, "name");
        if (complains)
            fprintf(stderr, "\n%s: %s gave %s\n", key->path, value, problems.items[i].text);
        CHECK(!complains);
    }
    bit_job_destroy(job);
    bit_problems_free(&problems);
}

static int is_number(const struct key *key)
{
    return key->type == KEY_INTEGER || key->type == KEY_COUNT || key->type == KEY_REAL;
}

static int is_list(const struct key *key)
{
    return key->type == KEY_REALS || key->type == KEY_COUNTS;
}

static void test_wrong_types(void)
{
    for (size_t i = 0; i < job_key_count; i++) {
        const struct key *key = &job_keys[i];
        reject(key, "{\"a\":1}");
        if (!key->nullable)
            reject(key, "null");
        if (key->type != KEY_FLAG)
            reject(key, "false");
        if (key->type != KEY_TEXT && key->type != KEY_PATH)
            reject(key, "\"word\"");
        if (!is_list(key))
            reject(key, "[1]");
        if (!is_number(key))
            reject(key, "17");
        if (key->choices)
            reject(key, "\"no such choice\"");
    }
}

static void test_numbers(void)
{
    char low[40], high[40], below[64], above[64];
    for (size_t i = 0; i < job_key_count; i++) {
        const struct key *key = &job_keys[i];
        if (!is_number(key) && !is_list(key))
            continue;
        const char *open = is_list(key) ? "[" : "", *close = is_list(key) ? "]" : "";
        reject(key, is_list(key) ? "[-1e300]" : "-1e300");
        reject(key, is_list(key) ? "[1e300]" : "1e300");
        reject(key, is_list(key) ? "[9007199254740992]" : "9007199254740992");
        if (key->type != KEY_REAL && key->type != KEY_REALS)
            reject(key, is_list(key) ? "[1.5]" : "1.5");
        if (key->choices)
            continue;
        job_number_text(key->minimum, low);
        job_number_text(key->maximum, high);
        snprintf(below, sizeof below, "%s%.17g%s", open, key->above ? key->minimum : key->minimum - 1, close);
        snprintf(above, sizeof above, "%s%.17g%s", open, key->maximum >= 9e15 ? key->maximum + 2 : key->maximum + 1, close);
        reject(key, below);
        reject(key, above);
        snprintf(above, sizeof above, "%s%s%s", open, high, close);
        accept(key, above);
        snprintf(below, sizeof below, "%s%s%s", open, key->above ? "0.5" : low, close);
        accept(key, below);
    }
}

static void test_not_finite(void)
{
    static const char *const values[] = {"NaN", "Infinity", "-Infinity", "nan", "1e999", "-1e999", "0x10", "+1", "01",
                                         ".5", "1.", "1e", "--1"};
    for (size_t i = 0; i < job_key_count; i++)
        for (size_t j = 0; j < sizeof values / sizeof *values; j++)
            reject(&job_keys[i], values[j]);
}

static void test_texts(void)
{
    char huge[3000];
    memset(huge, 'a', sizeof huge);
    huge[0] = huge[sizeof huge - 2] = '"';
    huge[sizeof huge - 1] = 0;
    for (size_t i = 0; i < job_key_count; i++) {
        const struct key *key = &job_keys[i];
        if (key->type == KEY_PATH)
            accept(key, huge);
        else
            reject(key, huge);
    }
}

static void test_missing(void)
{
    for (size_t i = 0; i < job_key_count; i++) {
        size_t others;
        const struct bit_job *job, *spelt;
        size_t count = problems_of(&job_keys[i], NULL, &others, &job);
        CHECK(count == (job_keys[i].value == NULL));
        CHECK(others == 0);
        if (job) { /* the default, written out, is the same job */
            CHECK(problems_of(&job_keys[i], job_keys[i].value, &others, &spelt) == 0);
            CHECK(spelt && !strcmp(spelt->canonical, job->canonical));
            bit_job_destroy(spelt);
        }
        bit_job_destroy(job);
    }
}

/* Table and struct agree: defaults are the paper's. */
static void test_defaults(void)
{
    const char *text = "{\"data\":{\"train\":\"x\"}}";
    struct bit_problems problems = {0};
    const struct bit_job *job = bit_job_parse(text, strlen(text), "some/folder/first.json", NULL, 0, &problems, NULL);
    REQUIRE(job != NULL);
    CHECK(!strcmp(job->name, "first"));
    CHECK(job->model.depth == 50 && job->model.width == 1 && job->model.weight_standardization);
    CHECK(!strcmp(job->model.norm, "group") && isnan(job->model.head_bias));
    CHECK(job->schedule.epochs == 90 && job->schedule.steps == 0 && job->schedule.batch == 4096);
    CHECK(job->schedule.base_rate == 0.03 && job->schedule.base_batch == 256 && job->schedule.warmup_steps == 5000);
    CHECK(job->schedule.decays == 3 && !job->schedule.decays_in_steps && job->schedule.decay_epochs[2] == 80);
    CHECK(job->schedule.decay_factor == 0.1 && job->schedule.weight_decay == 1e-4);
    CHECK(job->optimizer.momentum == 0.9 && job->micro_batch == 8);
    CHECK(job->data.size == 224 && job->data.resize == 256 && job->data.mirror && job->data.crop_attempts == 100);
    CHECK(job->data.area_min == 0.05 && job->data.area_max == 1);
    CHECK(job->data.aspect_min == 0.75 && fabs(job->data.aspect_max - 4.0 / 3) < 1e-15);
    bit_job_destroy(job);
    bit_problems_free(&problems);
}

static const struct unit_test tests[] = {
    {"wrong types", test_wrong_types}, {"numbers and limits", test_numbers}, {"not finite", test_not_finite},
    {"long texts", test_texts}, {"missing", test_missing}, {"defaults", test_defaults},
};

int main(int argc, char **argv)
{
    return unit_main("keys", tests, sizeof tests / sizeof *tests, argc, argv);
}
