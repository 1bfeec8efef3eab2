/* The rule of fine-tuning: what it chooses for tasks of every size, to the step; what the job gives stays. */
#include <math.h>
#include <stdio.h>

#include "bit/memory.h"
#include "bit/recipe.h"
#include "tests/unit.h"

static const struct bit_job *job_of(const char *const *sets, size_t count)
{
    static const char text[] = "{\"task\":\"finetune\",\"data\":{\"train\":\"x\"},\"model\":{\"start\":\"weights.npz\"}}";
    struct bit_problems problems = {0};
    struct bit_error error = {0};
    const struct bit_job *job = bit_job_parse(text, sizeof text - 1, "test", sets, count, &problems, &error);
    if (!job)
        fprintf(stderr, "%s\n", error.text);
    bit_problems_free(&problems);
    return job;
}

static const struct bit_job *settle(const char *const *sets, size_t count, uint64_t examples, uint64_t pixels, int width, struct bit_choices *choices)
{
    const struct bit_rule_facts facts = {.examples = examples, .pixels = pixels, .depth = 50, .width = width, .weight_standardization = true};
    struct bit_error error = {0};
    const struct bit_job *job = job_of(sets, count), *settled = job ? bit_recipe_settle(job, &facts, choices, &error) : NULL;
    if (!settled)
        fprintf(stderr, "%s\n", error.text);
    bit_job_destroy(job);
    return settled;
}

struct row {
    const char *rule;
    uint64_t examples, pixels;
    int width, resize, size, batch;
    double rate;
    uint64_t steps, warmup, decay[3];
    double mixup;
};

/* By the paper, by the code published with it, by its successor. */
static const struct row rows[] = {
    {"paper", 100, 9215, 1, 160, 128, 512, 0.003, 500, 100, {150, 300, 450}, 0},
    {"paper", 19999, 9216, 1, 448, 384, 512, 0.003, 500, 100, {150, 300, 450}, 0},
    {"paper", 20000, 50176, 3, 448, 384, 512, 0.003, 10000, 500, {3000, 6000, 9000}, 0.1},
    {"paper", 499999, 1024, 4, 160, 128, 512, 0.003, 10000, 500, {3000, 6000, 9000}, 0.1},
    {"paper", 500000, 50176, 4, 512, 480, 512, 0.003, 20000, 500, {6000, 12000, 18000}, 0.1},
    {"published-code", 100, 1024, 1, 160, 128, 512, 0.003, 500, 100, {201, 301, 401}, 0},
    {"published-code", 20000, 50176, 1, 512, 480, 512, 0.003, 10000, 500, {3001, 6001, 9001}, 0.1},
    {"published-code", 500000, 50176, 1, 512, 480, 512, 0.003, 20000, 500, {6001, 12001, 18001}, 0.1},
    {"light", 19999, 9216, 1, 512, 480, 128, 0.001, 500, 100, {201, 301, 401}, 0},
    {"big_vision", 20000, 50176, 1, 448, 384, 512, 0.01, 10000, 500, {0}, 0},
};

static void test_rows(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *r = &rows[i];
        char rule[64];
        const char *const sets[] = {rule};
        struct bit_choices choices;
        struct bit_schedule s;
        snprintf(rule, sizeof rule, "finetune.rule=%s", r->rule);
        const struct bit_job *job = settle(sets, 1, r->examples, r->pixels, r->width, &choices);
        REQUIRE(job && !bit_job_is_open(job, NULL) && bit_schedule_create(job, r->examples, &s, NULL) == 0);
        const bool cosine = !strcmp(r->rule, "big_vision");
        CHECK(job->model.depth == 50 && job->model.width == r->width && job->model.weight_standardization && !strcmp(job->model.norm, "group"));
        CHECK(job->data.resize == r->resize && job->data.size == r->size && job->data.mixup == r->mixup);
        CHECK(!strcmp(job->data.crop, cosine ? "random" : "squash") && !strcmp(job->data.evaluation_crop, cosine ? "central" : "squash"));
        CHECK(s.batch == r->batch && s.peak_rate == r->rate && s.steps == r->steps && s.warmup_steps == r->warmup && s.cosine == cosine);
        CHECK(job->schedule.weight_decay == 0 && job->optimizer.clip_norm == (cosine ? 1 : 0) && job->evaluation.every_epochs == 0);
        CHECK(s.decays == (cosine ? 0 : 3));
        for (int d = 0; d < s.decays; d++)
            CHECK(s.decay_steps[d] == r->decay[d]);
        CHECK(choices.count >= 20);
        for (size_t c = 0; c < choices.count; c++)
            CHECK(*choices.item[c].reason && *choices.item[c].value);
        bit_job_destroy(job);
    }
}

static bool chose(const struct bit_choices *choices, const char *key)
{
    for (size_t i = 0; i < choices->count; i++)
        if (!strcmp(choices->item[i].key, key))
            return true;
    return false;
}

/* What is given stays, and the rest goes with it. */
static void test_given(void)
{
    static const char *const sets[] = {"schedule.steps=1000", "schedule.batch=64", "data.size=96", "model.depth=14", "schedule.weight_decay=0.01",
                                       "data.crop=inception", "evaluation.every_epochs=2"};
    struct bit_choices choices;
    const struct bit_job *job = settle(sets, sizeof sets / sizeof *sets, 100, 50000, 1, &choices);
    REQUIRE(job != NULL);
    CHECK(job->schedule.steps == 1000 && job->schedule.batch == 64 && job->data.size == 96 && job->model.depth == 14);
    CHECK(job->schedule.weight_decay == 0.01 && !strcmp(job->data.crop, "inception") && job->evaluation.every_epochs == 2);
    CHECK(job->schedule.decays == 3 && job->schedule.decay_steps[0] == 300 && job->schedule.decay_steps[2] == 900 && job->schedule.warmup_steps == 100);
    CHECK(job->data.resize == 112); /* 96 x 448 / 384 */
    CHECK(job->schedule.base_rate * job->schedule.batch / job->schedule.base_batch == 0.003);
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        char key[64];
        snprintf(key, sizeof key, "%.*s", (int)strcspn(sets[i], "="), sets[i]);
        CHECK(!chose(&choices, key));
    }
    CHECK(chose(&choices, "schedule.decay_steps") && chose(&choices, "model.width"));
    bit_job_destroy(job);
    static const char *const epochs[] = {"schedule.epochs=4", "schedule.batch=50", "micro_batch=10"};
    job = settle(epochs, 3, 100, 50000, 1, &choices); /* 8 steps */
    REQUIRE(job != NULL);
    CHECK(job->schedule.epochs == 4 && !job->schedule.steps && job->schedule.decay_steps[1] == 5 && job->schedule.warmup_steps == 2);
    bit_job_destroy(job);
}

/* A settled job is settled: read again, and settled again, it is the same text. */
static void test_again(void)
{
    struct bit_choices choices;
    struct bit_error error = {0};
    struct bit_problems problems = {0};
    const struct bit_rule_facts other = {.examples = 900000, .pixels = 1, .depth = 101, .width = 3};
    const struct bit_job *job = settle(NULL, 0, 100, 50000, 1, &choices);
    REQUIRE(job != NULL);
    const struct bit_job *read = bit_job_parse(job->canonical, strlen(job->canonical), "again", NULL, 0, &problems, &error);
    REQUIRE(read != NULL);
    CHECK_STRING(read->canonical, job->canonical);
    const struct bit_job *again = bit_recipe_settle(read, &other, &choices, &error);
    REQUIRE(again != NULL);
    CHECK_STRING(again->canonical, job->canonical);
    CHECK(choices.count == 0);
    bit_job_destroy(again);
    bit_job_destroy(read);
    bit_job_destroy(job);
    bit_problems_free(&problems);
}

/* An open job says so, writes null, and makes no recipe. */
static void test_open(void)
{
    struct bit_error error = {0};
    const struct bit_recipe_place place = {.ranks = 1, .classes = 10, .train_images = 100};
    const struct bit_job *job = job_of(NULL, 0);
    REQUIRE(job != NULL);
    CHECK(bit_job_is_open(job, NULL) && bit_job_is_open(job, "schedule.steps") && bit_job_is_open(job, "schedule.epochs"));
    CHECK(!bit_job_is_open(job, "optimizer.momentum") && strstr(job->canonical, "\"depth\":null") && strstr(job->canonical, "\"size\":null"));
    CHECK(!bit_recipe_create(job, &place, &error) && error.code == BIT_EINTERNAL);
    const struct bit_rule_facts nothing = {.examples = 0};
    struct bit_choices choices;
    error = (struct bit_error){0};
    CHECK(!bit_recipe_settle(job, &nothing, &choices, &error) && error.code == BIT_EUSAGE);
    bit_job_destroy(job);
    /* A choice that does not go with what is given: the batch of 512 is no multiple of 3. */
    static const char *const sets[] = {"micro_batch=3"};
    const struct bit_rule_facts facts = {.examples = 100, .pixels = 50000, .depth = 50, .width = 1};
    job = job_of(sets, 1);
    REQUIRE(job != NULL);
    error = (struct bit_error){0};
    CHECK(!bit_recipe_settle(job, &facts, &choices, &error) && error.code == BIT_EUSAGE && strstr(error.text, "512"));
    bit_job_destroy(job);
}

static void test_allocations(void)
{
    const struct bit_rule_facts facts = {.examples = 100, .pixels = 50000, .depth = 50, .width = 1};
    const struct bit_job *job = job_of(NULL, 0);
    struct bit_choices choices;
    size_t used = bit_memory_used();
    REQUIRE(job != NULL);
    for (size_t n = 1;; n++) {
        struct bit_error error = {0};
        bit_memory_fail_at(n);
        const struct bit_job *settled = bit_recipe_settle(job, &facts, &choices, &error);
        bit_memory_fail_at(0);
        bit_job_destroy(settled);
        CHECK(bit_memory_used() == used);
        if (settled)
            break;
        CHECK(error.code == BIT_EENVIRONMENT);
        REQUIRE(n < 100000);
    }
    bit_job_destroy(job);
}

static const struct unit_test tests[] = {
    {"tasks of every size", test_rows}, {"what is given stays", test_given}, {"settled once", test_again}, {"open jobs", test_open},
    {"allocation failures", test_allocations},
};

int main(int argc, char **argv)
{
    return unit_main("rule", tests, sizeof tests / sizeof *tests, argc, argv);
}
