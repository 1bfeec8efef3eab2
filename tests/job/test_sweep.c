/* Sweeps: what is drawn, which jobs come of it, and where a fault is said to stand. */
#include <math.h>

#include "bit/sweep.h"
#include "tests/unit.h"

#define JOB(more) "{\n  \"data\": {\"train\": \"/t\", \"val\": \"/v\"},\n  " more "\n}\n"

/* What is wrong with a text, a line each, as bit check says it; "" when nothing is. */
static struct bit_sweep *read_sweep(const char *text, char *said, size_t size)
{
    struct bit_problems problems = {0};
    struct bit_error error = {0};
    struct bit_sweep *sweep = bit_sweep_parse(text, strlen(text), "folder/sweep.json", &problems, &error);
    if (sweep && bit_sweep_check(sweep, &problems, &error)) {
        bit_sweep_destroy(sweep);
        sweep = NULL;
    }
    *said = 0;
    for (size_t i = 0; i < problems.count; i++) {
        size_t used = strlen(said);
        bit_problem_text(&problems.items[i], "", said + used, size - used);
        used = strlen(said);
        snprintf(said + used, size - used, "|");
    }
    bit_problems_free(&problems);
    return sweep;
}

static struct bit_sweep *good(const char *text)
{
    char said[2048];
    struct bit_sweep *sweep = read_sweep(text, said, sizeof said);
    CHECK_STRING(said, "");
    return sweep;
}

static double drawn(const struct bit_sweep *s, int trial, int key)
{
    char value[BIT_SWEEP_VALUE];
    bit_sweep_value(s, trial, key, value);
    return atof(value);
}

/* Numbers for all time: a rebuilt bit draws the same. */
static void test_draws(void)
{
    struct bit_sweep *s = good(JOB("\"sweep\": {\"trials\": 500, \"seed\": 3}, \"model\": {\"dropout\": {\"random\": \"uniform\", \"from\": 0, \"to\": 0.7}},"
                                   "\"schedule\": {\"base_rate\": {\"random\": \"log-uniform\", \"from\": 1e-4, \"to\": 0.1}}, "
                                   "\"seed\": {\"random\": \"whole\", \"from\": 1, \"to\": 3}, \"precision\": {\"random\": \"choice\", \"of\": [\"float32\", \"bfloat16\"]}"));
    REQUIRE(s != NULL);
    CHECK(s->trials == 500 && s->keys == 4);
    CHECK(drawn(s, 0, 0) == 0.0503487 && drawn(s, 3, 0) == 0.0598179 && drawn(s, 0, 1) == 0.0780539 && drawn(s, 3, 1) == 0.0136933);
    double sum = 0, logs = 0;
    int counts[4] = {0}, floats = 0;
    for (int t = 0; t < s->trials; t++) {
        char value[BIT_SWEEP_VALUE];
        double dropout = drawn(s, t, 0), rate = drawn(s, t, 1), seed = drawn(s, t, 2);
        CHECK(dropout >= 0 && dropout <= 0.7 && rate >= 1e-4 && rate <= 0.1 && (seed == 1 || seed == 2 || seed == 3));
        sum += dropout;
        logs += log10(rate);
        counts[(int)seed]++;
        bit_sweep_value(s, t, 3, value);
        floats += !strcmp(value, "\"float32\"");
    }
    CHECK(fabs(sum / 500 - 0.35) < 0.03 && fabs(logs / 500 + 2.5) < 0.12);
    CHECK(counts[1] > 120 && counts[2] > 120 && counts[3] > 120 && floats > 200 && floats < 300);
    bit_sweep_destroy(s);
}

/* A key more, another order, another number of trials: the others keep their values. Another seed: other values. */
static void test_independence(void)
{
    static const char one[] = "\"model\": {\"dropout\": {\"random\": \"uniform\", \"from\": 0, \"to\": 0.7}}";
    char text[2][512];
    snprintf(text[0], sizeof text[0], JOB("\"sweep\": {\"trials\": 5}, %s"), one);
    snprintf(text[1], sizeof text[1], JOB("\"sweep\": {\"trials\": 9}, \"seed\": {\"random\": \"whole\", \"from\": 0, \"to\": 1000}, %s"), one);
    struct bit_sweep *a = good(text[0]), *b = good(text[1]), *c = good(JOB("\"sweep\": {\"trials\": 5, \"seed\": 1}, "
        "\"model\": {\"dropout\": {\"random\": \"uniform\", \"from\": 0, \"to\": 0.7}}"));
    REQUIRE(a && b && c);
    CHECK(drawn(a, 0, 0) == drawn(b, 0, 1) && drawn(a, 4, 0) == drawn(b, 4, 1));
    CHECK(drawn(a, 0, 0) != drawn(a, 1, 0) && drawn(a, 0, 0) != drawn(c, 0, 0));
    bit_sweep_destroy(a);
    bit_sweep_destroy(b);
    bit_sweep_destroy(c);
}

static void test_grids(void)
{
    struct bit_sweep *s = good(JOB("\"sweep\": {\"trials\": 2}, \"schedule\": {\"epochs\": {\"grid\": [1, 2, 3]}, \"decay_epochs\": {\"grid\": [[], [0.5]]}, "
                                   "\"base_rate\": {\"random\": \"uniform\", \"from\": 0.1, \"to\": 1}}"));
    char value[BIT_SWEEP_VALUE];
    REQUIRE(s != NULL);
    CHECK(s->trials == 12 && s->combinations == 6);
    for (int t = 0; t < 12; t++) {
        CHECK(drawn(s, t, 0) == t / 4 + 1);
        bit_sweep_value(s, t, 1, value);
        CHECK_STRING(value, t / 2 % 2 ? "[0.5]" : "[]");
        for (int u = 0; u < t; u++)
            CHECK(drawn(s, t, 2) != drawn(s, u, 2));
    }
    bit_sweep_destroy(s);
}

/* A trial is the job that has the values in their places; the last one has its own changes on top, which take the place of their rivals. */
static void test_jobs(void)
{
    struct bit_sweep *s = good(JOB("\"schedule\": {\"epochs\": {\"grid\": [1, 2]}, \"batch\": 64}, "
                                   "\"sweep\": {\"metric\": \"nll\", \"last\": {\"data\": {\"train\": \"/all\"}, \"schedule.steps\": 7}}"));
    struct bit_problems problems = {0};
    struct bit_error error = {0};
    REQUIRE(s != NULL);
    const struct bit_job *job = bit_sweep_job(s, 1, &problems, &error), *last = bit_sweep_last(s, 1, &problems, &error);
    const struct bit_job *plain = bit_job_parse(JOB("\"name\": \"sweep-01\", \"schedule\": {\"epochs\": 2, \"batch\": 64}"),
        sizeof JOB("\"name\": \"sweep-01\", \"schedule\": {\"epochs\": 2, \"batch\": 64}") - 1, "x", NULL, 0, &problems, &error);
    REQUIRE(job && last && plain);
    CHECK_STRING(job->canonical, plain->canonical);
    CHECK_STRING(last->name, "sweep-best");
    CHECK_STRING(last->data.train, "/all");
    CHECK(last->schedule.steps == 7 && last->schedule.epochs == 0 && last->schedule.batch == 64);
    bit_job_destroy(job);
    bit_job_destroy(last);
    bit_job_destroy(plain);
    bit_problems_free(&problems);
    bit_sweep_destroy(s);
}

static void test_faults(void)
{
    static const struct { const char *text, *said; } rows[] = {
        {JOB("\"sweep\": {\"trials\": 4}"), "3:12: sweep: no value of the job is drawn"},
        {JOB("\"seed\": {\"random\": \"whole\", \"from\": 0, \"to\": 9}"), "1:1: how many are to be drawn?"},
        {JOB("\"seed\": {\"grid\": [1]}, \"sweep\": {\"trials\": 4}"), "3:35: sweep: trials counts draws"},
        {JOB("\"sweep\": {\"trails\": 4}, \"seed\": {\"grid\": [1]}"), "3:23: sweep.trails: unknown key of a sweep"},
        {JOB("\"sweep\": {\"trials\": 0.5}, \"seed\": {\"grid\": [1]}"), "3:23: sweep.trials: expected a whole number from 1 to 500"},
        {JOB("\"sweep\": {\"metric\": \"Top 1\"}, \"seed\": {\"grid\": [1]}"), "3:23: sweep.metric: expected the name of a metric"},
        {JOB("\"sweep\": {\"last\": {\"data\": {\"tain\": \"x\"}}}, \"seed\": {\"grid\": [1]}"), "3:39: sweep.last.data.tain: unknown key of the job; did you mean data.train?"},
        {JOB("\"sweep\": {\"last\": {\"seed\": -1}}, \"seed\": {\"grid\": [1]}"), "seed: expected a whole number from 0 to 9007199254740991, found -1 (from sweep.last) (the last job)"},
        {JOB("\"seed\": {\"grid\": []}"), "3:20: seed.grid: expected at least one value"},
        {JOB("\"seed\": {\"grid\": 3}"), "3:20: seed.grid: expected a list of values"},
        {JOB("\"seed\": {\"grid\": [1], \"random\": \"whole\"}"), "3:20: seed.grid: stands beside random"},
        {JOB("\"seed\": {\"random\": \"hole\"}"), "3:22: seed.random: expected one of \"uniform\""},
        {JOB("\"seed\": {\"random\": \"whole\", \"from\": 3, \"to\": 1}"), "3:48: seed.to: is less than from"},
        {JOB("\"seed\": {\"random\": \"log-uniform\", \"from\": 0, \"to\": 1}"), "3:45: seed.from: expected a number above 0"},
        {JOB("\"seed\": {\"random\": \"choice\", \"from\": 0}"), "3:40: seed.from: has no meaning for \"choice\""},
        {JOB("\"seed\": {\"random\": \"uniform\", \"form\": 0}"), "3:41: seed.form: unknown here"},
        {JOB("\"seed\": {\"grid\": [1, 2], \"seed\": 1}"), "3:36: seed.seed: unknown here"},
        {JOB("\"schedule\": {\"epochs\": {\"grid\": [1,\n 2]}, \"batch\": {\"grid\": [8, 9]}, \"btch\": 3}"), "4:42: schedule.btch: unknown key; did you mean schedule.batch? (trial 0 of 4)"},
        {JOB("\"schedule\": {\"epochs\": {\"grid\": [1,\n\n -2]}, \"batch\": 8}"), "3:26: schedule.epochs: expected a number above 0, at most 1000000, or null, found -2 (trial 1 of 2)"},
        {"{\"data\": {\"train\": \"/t\"}, \"seed\": {\"grid\": [1]}}", "data.val: is empty: without validation images no trial"},
        {JOB("\"seed\": {\"grid\": [1]}, \"sweep\": {\"metric\": \"nll\"}, \"evaluation\": {\"metrics\": \"top1, top5\"}"), "sweep.metric: nll is not among evaluation.metrics"},
        {JOB("\"seed\": {\"grid\": [1,2,3,4,5,6,7,8,9,10]}, \"sweep\": {\"trials\": 51}, \"model\": {\"dropout\": {\"random\": \"uniform\", \"from\": 0, \"to\": 0.1}}"),
         "3:54: sweep: 510 trials, at most 500 were expected"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char said[2048];
        struct bit_sweep *s = read_sweep(rows[i].text, said, sizeof said);
        CHECK(s == NULL);
        CHECK(!strncmp(said, rows[i].said, strlen(rows[i].said)));
        if (strncmp(said, rows[i].said, strlen(rows[i].said)) != 0)
            fprintf(stderr, "\n%s\nsaid:     %s\nexpected: %s\n", rows[i].text, said, rows[i].said);
        bit_sweep_destroy(s);
    }
}

/* A sweep where a job is expected is called one, and nothing else of it is judged. */
static void test_not_a_job(void)
{
    static const char text[] = JOB("\"sweep\": {\"trials\": 3}, \"seed\": {\"random\": \"whole\", \"from\": 0, \"to\": 9}");
    struct bit_problems problems = {0};
    struct bit_error error = {0};
    CHECK(bit_sweep_is(text, sizeof text - 1));
    CHECK(!bit_sweep_is(JOB("\"seed\": 1"), sizeof JOB("\"seed\": 1") - 1));
    CHECK(bit_job_parse(text, sizeof text - 1, "x", NULL, 0, &problems, &error) == NULL);
    CHECK(problems.count == 1 && error.code == BIT_EUSAGE && strstr(error.text, "this is a sweep") != NULL);
    bit_problems_free(&problems);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"draws", test_draws}, {"independence", test_independence}, {"grids", test_grids}, {"jobs", test_jobs}, {"faults", test_faults},
        {"not a job", test_not_a_job}};
    return unit_main("sweep", tests, sizeof tests / sizeof *tests, argc, argv);
}
