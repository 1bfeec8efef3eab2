/* The plan: numbers of parameters from golden cases, sharing of the batch, memory that adds up, failing allocations. */
#include <math.h>
#include <stdio.h>

#include "bit/memory.h"
#include "bit/recipe.h"
#include "bit/tree.h"
#include "tests/unit.h"

static struct bit_job *job_of(const char *const *sets, size_t count)
{
    static const char text[] = "{\"data\":{\"train\":\"x\",\"size\":32},\"model\":{\"depth\":14},"
                               "\"schedule\":{\"batch\":64,\"epochs\":10,\"warmup_steps\":10}}";
    struct bit_problems problems = {0};
    struct bit_error error = {0};
    struct bit_job *job = bit_job_parse(text, sizeof text - 1, "test", sets, count, &problems, &error);
    if (!job)
        fprintf(stderr, "%s\n", error.text);
    bit_problems_free(&problems);
    return job;
}

static uint64_t parameters(const char *depth, const char *width, int classes)
{
    const char *const sets[] = {depth, width};
    struct bit_job *job = job_of(sets, 2);
    struct bit_plan plan;
    uint64_t numbers = 0;
    if (job && bit_plan_create(job, 1, classes, 1000, 0, &plan, NULL) == 0) {
        numbers = plan.numbers;
        bit_plan_free(&plan);
    }
    bit_job_destroy(job);
    return numbers;
}

/* As an independent implementation counts them. */
static void test_parameters(void)
{
    CHECK(parameters("model.depth=14", "model.width=1", 10) == 8028746);
    CHECK(parameters("model.depth=14", "model.width=2", 10) == 32031882);
    CHECK(parameters("model.depth=50", "model.width=1", 1000) == 25549352);
}

static void test_sharing(void)
{
    struct bit_job *job = job_of(NULL, 0);
    struct bit_plan plan;
    REQUIRE(job != NULL);
    for (int ranks = 0; ranks <= 20; ranks++) {
        struct bit_error error = {0};
        int fits = ranks == 1 || ranks == 2 || ranks == 4 || ranks == 8;
        int result = bit_plan_create(job, ranks, 10, 1000, 0, &plan, &error);
        CHECK((result == 0) == fits);
        CHECK(error.code == (fits ? BIT_OK : BIT_EUSAGE));
        if (result == 0) {
            CHECK(plan.micro_batches * ranks == 8);
            bit_plan_free(&plan);
        }
    }
    struct bit_error error = {0};
    CHECK(bit_plan_create(job, 1, 0, 1000, 0, &plan, &error) == -1 && error.code == BIT_EUSAGE);
    CHECK(bit_plan_create(job, 1, 10, 0, 0, &plan, NULL) == -1);
    bit_job_destroy(job);
}

static void test_memory(void)
{
    struct bit_job *job = job_of(NULL, 0);
    struct bit_plan one, four;
    REQUIRE(job != NULL);
    REQUIRE(bit_plan_create(job, 1, 10, 1000, 0, &one, NULL) == 0);
    REQUIRE(bit_plan_create(job, 4, 10, 1000, 0, &four, NULL) == 0);
    CHECK(one.memory.total == one.memory.weights + one.memory.gradients + one.memory.momentum + one.memory.packed +
                                  one.memory.activations + one.memory.scratch + one.memory.stream + one.memory.snapshot +
                                  one.memory.other);
    CHECK(one.memory.weights >= 4 * 8028746 && one.memory.weights < 4.01 * 8028746);
    CHECK(four.memory.weights == one.memory.weights && four.memory.activations == one.memory.activations);
    CHECK(four.memory.momentum * 4 == one.memory.momentum);
    /* 8 micro-batches need three accumulators, 2 need one; and room for the largest parameter. */
    CHECK(one.memory.gradients - four.memory.gradients == 2 * one.memory.weights);
    CHECK(bit_tree_blocks(8) == 3 && bit_tree_blocks(2) == 1);
    CHECK(one.checkpoint_bytes >= 2 * one.memory.weights && one.checkpoint_bytes < 2.1 * one.memory.weights);
    /* Written beside training: a rank's part, copied; momentum of several ranks is collected in any case. */
    CHECK(one.memory.snapshot == 2 * one.memory.weights && four.memory.snapshot * 4 == one.memory.weights);
    struct bit_plan full = one;
    bit_plan_fit(&full, 1 << 20);
    CHECK(full.memory.snapshot == 0 && full.memory.total == one.memory.total - one.memory.snapshot);
    /* Every rank has the index: names, and where they are. */
    struct bit_plan large;
    REQUIRE(bit_plan_create(job, 1, 10, 1001000, 0, &large, NULL) == 0);
    CHECK(large.memory.total - one.memory.total == 40 * 1000000);
    bit_plan_free(&large);
    CHECK(one.flops_an_image > 0 && one.flops_an_image == four.flops_an_image);
    bit_plan_free(&one);
    bit_plan_free(&four);
    bit_job_destroy(job);
    static const char *const still[] = {"checkpoint.background=false"};
    job = job_of(still, 1);
    REQUIRE(job != NULL);
    REQUIRE(bit_plan_create(job, 1, 10, 1000, 0, &one, NULL) == 0);
    CHECK(one.memory.snapshot == 0);
    bit_plan_free(&one);
    bit_job_destroy(job);
}

static void test_options(void)
{
    static const char *const sets[] = {"model.norm=batch", "model.batch_norm_scope=rank", "loss=sigmoid",
                                       "precision=bfloat16", "model.weight_standardization=false", "backend=openblas"};
    struct bit_job *job = job_of(sets, 6);
    struct bit_model_options o;
    union bit_any_head head;
    REQUIRE(job != NULL);
    bit_plan_model_options(job, 7, 2, true, &head, &o);
    CHECK(o.depth == 14 && o.width == 1 && o.head == &head.head && head.classify.classes == 7 && o.image_size == 32 && o.micro_batch == 8);
    CHECK(o.norm == BIT_BATCH_NORM && !o.batch_norm_global && head.classify.loss == BIT_SIGMOID && head.classify.bias == -10 && o.precision == BIT_BFLOAT16);
    CHECK(!o.weight_standardization && o.training && o.micro_batches == 4 && o.group == NULL);
    CHECK(o.backend && !strcmp(bit_backend_name(o.backend), "openblas"));
    bit_plan_model_options(job, 7, 2, false, &head, &o);
    CHECK(!o.training && o.micro_batches == 1);
    bit_job_destroy(job);
    job = job_of(NULL, 0);
    REQUIRE(job != NULL);
    bit_plan_model_options(job, 7, 2, true, &head, &o);
    CHECK(o.norm == BIT_GROUP_NORM && o.weight_standardization && head.classify.loss == BIT_SOFTMAX && o.precision == BIT_FLOAT32);
    CHECK(o.micro_batches == 1 && o.backend);
    bit_job_destroy(job);
}

static void test_allocations(void)
{
    static const char *const sets[] = {"schedule.warmup_steps=1000"};
    struct bit_job *job = job_of(sets, 1);
    size_t used = bit_memory_used();
    REQUIRE(job != NULL);
    for (size_t n = 1;; n++) {
        struct bit_plan plan;
        struct bit_error error = {0};
        bit_memory_fail_at(n);
        int result = bit_plan_create(job, 2, 10, 1000, 10, &plan, &error);
        bit_memory_fail_at(0);
        if (result == 0) {
            CHECK(plan.warnings.count > 0 && n > 2);
            bit_plan_free(&plan);
            CHECK(bit_memory_used() == used);
            break;
        }
        CHECK(error.code == BIT_EENVIRONMENT);
        CHECK(bit_memory_used() == used);
        REQUIRE(n < 10000);
    }
    bit_job_destroy(job);
}

static const struct unit_test tests[] = {
    {"parameters", test_parameters}, {"sharing the batch", test_sharing}, {"memory", test_memory},
    {"model options", test_options}, {"allocation failures", test_allocations},
};

int main(int argc, char **argv)
{
    return unit_main("recipe", tests, sizeof tests / sizeof *tests, argc, argv);
}
