/* invalid/NAME.json must give exactly the lines of NAME.expect; valid/NAME.json a job of which NAME.expect holds lines:
 * a fragment of the canonical form, or "images N", then "steps N", "peak RATE", "decay STEP" of the schedule.
 * NAME.set holds overrides. */
#include <math.h>

#include "tests/job/files.h"

static const char *const *overrides_of(const char *base, char **text, const char **lines, size_t *count)
{
    size_t size;
    *text = read_beside(base, ".set", &size);
    *count = split_lines(*text, lines, 64);
    return lines;
}

static void check_invalid(const char *base)
{
    size_t size, sets, expect_size;
    char *set_text, *text = read_beside(base, ".json", &size), *expect = read_beside(base, ".expect", &expect_size);
    const char *lines[64];
    struct bit_problems problems = {0};
    struct bit_error error = {0};
    struct bit_text got = {0};
    REQUIRE(text && expect);
    overrides_of(base, &set_text, lines, &sets);
    const struct bit_job *job = bit_job_parse(text, size, "job", lines, sets, &problems, &error);
    for (size_t i = 0; i < problems.count; i++) {
        char line[1024];
        bit_problem_text(&problems.items[i], "", line, sizeof line);
        bit_text_add(&got, "%s\n", line);
    }
    int same = got.data && !strcmp(got.data, expect);
    if (!same)
        fprintf(stderr, "\n%s: expected\n%sfound\n%s", base, expect, got.data ? got.data : "nothing\n");
    CHECK(same);
    CHECK(job == NULL);
    if (error.code != BIT_EUSAGE)
        fprintf(stderr, "\n%s: %d %s\n", base, error.code, error.text);
    CHECK(error.code == BIT_EUSAGE);
    bit_job_destroy(job);
    bit_problems_free(&problems);
    bit_text_free(&got);
    bit_free(set_text);
    bit_free(text);
    bit_free(expect);
}

static int line_holds(const struct bit_job *job, const char *line, struct bit_schedule *s)
{
    double value;
    if (sscanf(line, "images %lf", &value) == 1)
        return bit_schedule_create(job, (uint64_t)value, s, NULL) == 0;
    if (sscanf(line, "steps %lf", &value) == 1)
        return (double)s->steps == value;
    if (sscanf(line, "peak %lf", &value) == 1)
        return fabs(s->peak_rate - value) <= 1e-12 * value;
    if (sscanf(line, "decay %lf", &value) == 1) {
        for (int i = 0; i < s->decays; i++)
            if ((double)s->decay_steps[i] == value)
                return 1;
        return 0;
    }
    return strstr(job->canonical, line) != NULL;
}

/* The canonical form read again is the same job. */
static void check_again(const struct bit_job *job)
{
    struct bit_problems problems = {0};
    struct bit_error error = {0};
    const struct bit_job *again = bit_job_parse(job->canonical, strlen(job->canonical), "other", NULL, 0, &problems, &error);
    CHECK(again != NULL);
    if (again) {
        CHECK(!strcmp(again->canonical, job->canonical));
        CHECK(!strcmp(again->canonical_model, job->canonical_model));
    }
    bit_job_destroy(again);
    bit_problems_free(&problems);
}

static void check_valid(const char *base)
{
    size_t size, sets, expect_size;
    char *set_text, *text = read_beside(base, ".json", &size), *expect = read_beside(base, ".expect", &expect_size);
    const char *lines[64], *wanted[64];
    struct bit_problems problems = {0};
    struct bit_error error = {0};
    struct bit_schedule schedule = {0};
    REQUIRE(text && expect);
    overrides_of(base, &set_text, lines, &sets);
    const struct bit_job *job = bit_job_parse(text, size, "job", lines, sets, &problems, &error);
    if (!job)
        fprintf(stderr, "\n%s: %s\n", base, error.text);
    CHECK(job != NULL);
    CHECK(problems.count == 0);
    size_t count = split_lines(expect, wanted, 64);
    CHECK(count > 0);
    for (size_t i = 0; i < count && job; i++) {
        int holds = line_holds(job, wanted[i], &schedule);
        if (!holds)
            fprintf(stderr, "\n%s: expected %s in %s\n", base, wanted[i], job->canonical);
        CHECK(holds);
    }
    if (job)
        check_again(job);
    bit_job_destroy(job);
    bit_problems_free(&problems);
    bit_free(set_text);
    bit_free(text);
    bit_free(expect);
}

static void test_invalid(void)
{
    CHECK(each_file("tests/job/invalid", check_invalid) >= 40);
}

static void test_valid(void)
{
    CHECK(each_file("tests/job/valid", check_valid) >= 10);
}

static const struct unit_test tests[] = {{"invalid files", test_invalid}, {"valid files", test_valid}};

int main(int argc, char **argv)
{
    return unit_main("job files", tests, sizeof tests / sizeof *tests, argc, argv);
}
