/* The schedule against the published recipe's numbers and those of an independent implementation's golden cases. */
#include <math.h>
#include <stdio.h>

#include "bit/job.h"
#include "tests/unit.h"

static const struct bit_job *job_with(const char *schedule)
{
    char text[512];
    struct bit_problems problems = {0};
    struct bit_error error = {0};
    int size = snprintf(text, sizeof text, "{\"data\":{\"train\":\"x\"},\"schedule\":{%s}}", schedule);
    const struct bit_job *job = bit_job_parse(text, (size_t)size, "test", NULL, 0, &problems, &error);
    if (!job)
        fprintf(stderr, "%s\n", error.text);
    bit_problems_free(&problems);
    return job;
}

static int near(double a, double b)
{
    return fabs(a - b) <= 1e-12 * fabs(b);
}

/* base rate 0.03, warm-up over 4 steps, decay at step 8: the rates of every golden case. */
static void test_golden(void)
{
    static const double rates[] = {0.0075, 0.015, 0.0225, 0.03, 0.03, 0.03, 0.03, 0.03, 0.003, 0.003};
    struct bit_schedule s;
    const struct bit_job *job = job_with("\"steps\":10,\"batch\":256,\"warmup_steps\":4,\"decay_steps\":[8]");
    REQUIRE(job != NULL);
    REQUIRE(bit_schedule_create(job, 1000, &s, NULL) == 0);
    CHECK(s.steps == 10);
    for (uint64_t i = 0; i < 10; i++)
        CHECK(near(bit_schedule_rate(&s, i), rates[i]));
    bit_job_destroy(job);
}

/* The published fine-tuning code: rate 0.003 x step / 100 below 100, a tenth from the step after each of 200, 300, 400. */
static void test_from_zero(void)
{
    struct bit_schedule s;
    const struct bit_job *job = job_with("\"steps\":500,\"batch\":512,\"base_rate\":0.003,\"base_batch\":512,\"warmup_steps\":100,"
                                         "\"warmup_from\":\"zero\",\"decay_steps\":[201,301,401]");
    REQUIRE(job != NULL);
    REQUIRE(bit_schedule_create(job, 800, &s, NULL) == 0);
    for (uint64_t step = 0; step < 500; step++) {
        int passed = (200 < step) + (300 < step) + (400 < step);
        double rate = step < 100 ? 0.003 * (double)step / 100 : 0.003 / pow(10, passed);
        CHECK(near(bit_schedule_rate(&s, step), rate));
    }
    bit_job_destroy(job);
}

/* Half a cosine from the end of the warm-up to 0 after the last step. */
static void test_cosine(void)
{
    struct bit_schedule s;
    const struct bit_job *job = job_with("\"steps\":110,\"batch\":256,\"base_rate\":0.01,\"warmup_steps\":10,\"shape\":\"cosine\",\"decay_steps\":[]");
    REQUIRE(job != NULL);
    REQUIRE(bit_schedule_create(job, 1000, &s, NULL) == 0);
    CHECK(near(bit_schedule_rate(&s, 4), 0.005) && near(bit_schedule_rate(&s, 10), 0.01) && near(bit_schedule_rate(&s, 60), 0.005));
    CHECK(near(bit_schedule_rate(&s, 35), 0.01 * (1 + sqrt(0.5)) / 2) && bit_schedule_rate(&s, 109) > 0 && bit_schedule_rate(&s, 110) < 1e-12);
    bit_job_destroy(job);
}

/* BiT-S: 90 epochs of 1,281,167 images at 4096 are 28,150.6 steps; the peak rate is 0.03 * 4096 / 256. */
static void test_paper(void)
{
    struct bit_schedule s;
    const struct bit_job *job = job_with("");
    REQUIRE(job != NULL);
    REQUIRE(bit_schedule_create(job, 1281167, &s, NULL) == 0);
    CHECK(s.steps == 28151);
    CHECK(near(bit_schedule_epoch(&s, 28151), 28151 * 4096.0 / 1281167) && bit_schedule_epoch(&s, 0) == 0);
    CHECK(bit_schedule_epoch(&(struct bit_schedule){.batch = 8}, 3) == 0);
    CHECK(s.warmup_steps == 5000);
    CHECK(near(s.peak_rate, 0.48));
    CHECK(s.decays == 3);
    CHECK(s.decay_steps[0] == 9384); /* 30 * 1281167 / 4096 = 9383.55 */
    CHECK(s.decay_steps[1] == 18768);
    CHECK(s.decay_steps[2] == 25023);
    CHECK(near(bit_schedule_rate(&s, 0), 0.48 / 5000));
    CHECK(near(bit_schedule_rate(&s, 4998), 0.48 * 4999 / 5000));
    CHECK(near(bit_schedule_rate(&s, 4999), 0.48));
    CHECK(near(bit_schedule_rate(&s, 9383), 0.48));
    CHECK(near(bit_schedule_rate(&s, 9384), 0.048));
    CHECK(near(bit_schedule_rate(&s, 18767), 0.048));
    CHECK(near(bit_schedule_rate(&s, 18768), 0.0048));
    CHECK(near(bit_schedule_rate(&s, 28150), 0.00048));
    bit_job_destroy(job);
}

static void test_rounding(void)
{
    struct bit_schedule s;
    const struct bit_job *job = job_with("\"epochs\":0.1,\"batch\":8,\"decay_epochs\":[],\"warmup_steps\":0");
    REQUIRE(job != NULL);
    CHECK(bit_schedule_create(job, 80, &s, NULL) == 0 && s.steps == 1 && s.decays == 0); /* 0.1 * 80 / 8 is 1 */
    CHECK(bit_schedule_create(job, 2400, &s, NULL) == 0 && s.steps == 30);                /* 0.1 * 300 is not 31 */
    CHECK(bit_schedule_create(job, 81, &s, NULL) == 0 && s.steps == 2);
    CHECK(near(bit_schedule_rate(&s, 0), s.peak_rate));
    struct bit_error error = {0};
    CHECK(bit_schedule_create(job, 0, &s, &error) == -1 && error.code == BIT_EUSAGE);
    bit_job_destroy(job);
}

static const struct unit_test tests[] = {
    {"golden rates", test_golden}, {"from zero", test_from_zero}, {"cosine", test_cosine}, {"paper's BiT-S", test_paper}, {"rounding", test_rounding},
};

int main(int argc, char **argv)
{
    return unit_main("schedule", tests, sizeof tests / sizeof *tests, argc, argv);
}
