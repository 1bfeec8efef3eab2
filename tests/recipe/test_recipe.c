/* The recipe: every word of a job and what becomes of it, sharing of the batch, derived options. The plan: numbers of parameters from golden
 * cases, memory that adds up. Failing allocations of both. */
#include <math.h>
#include <stdio.h>

#include "bit/memory.h"
#include "bit/recipe.h"
#include "bit/tree.h"
#include "tests/unit.h"

static const struct bit_job *job_of(const char *const *sets, size_t count)
{
    static const char text[] = "{\"data\":{\"train\":\"x\",\"size\":32},\"model\":{\"depth\":14},"
                               "\"schedule\":{\"batch\":64,\"epochs\":10,\"warmup_steps\":10}}";
    struct bit_problems problems = {0};
    struct bit_error error = {0};
    const struct bit_job *job = bit_job_parse(text, sizeof text - 1, "test", sets, count, &problems, &error);
    if (!job)
        fprintf(stderr, "%s\n", error.text);
    bit_problems_free(&problems);
    return job;
}

/* A recipe and its plan; NULL with `error`. */
static const struct bit_recipe *plan_of(const struct bit_job *job, int ranks, int classes, uint64_t train_images, uint64_t val_images,
                                        struct bit_plan *plan, struct bit_error *error)
{
    const struct bit_recipe_place place = {.ranks = ranks, .classes = classes, .train_images = train_images, .val_images = val_images};
    const struct bit_recipe *recipe = bit_recipe_create(job, &place, error);
    if (recipe && bit_plan_create(recipe, plan, error)) {
        bit_recipe_destroy(recipe);
        return NULL;
    }
    return recipe;
}

static void forget(struct bit_plan *plan)
{
    const struct bit_recipe *recipe = plan->recipe;
    bit_plan_free(plan);
    bit_recipe_destroy(recipe);
}

static uint64_t parameters(const char *depth, const char *width, int classes)
{
    const char *const sets[] = {depth, width};
    const struct bit_job *job = job_of(sets, 2);
    struct bit_plan plan;
    uint64_t numbers = 0;
    if (job && plan_of(job, 1, classes, 1000, 0, &plan, NULL)) {
        numbers = plan.numbers;
        forget(&plan);
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
    const struct bit_job *job = job_of(NULL, 0);
    struct bit_plan plan;
    REQUIRE(job != NULL);
    for (int ranks = 0; ranks <= 20; ranks++) {
        struct bit_error error = {0};
        int fits = ranks == 1 || ranks == 2 || ranks == 4 || ranks == 8;
        const struct bit_recipe *recipe = plan_of(job, ranks, 10, 1000, 0, &plan, &error);
        CHECK((recipe != NULL) == fits);
        CHECK(error.code == (fits ? BIT_OK : BIT_EUSAGE));
        if (recipe) {
            CHECK(recipe->micro_batches * ranks == 8 && recipe->training_stream.ranks == ranks);
            forget(&plan);
        }
    }
    struct bit_error error = {0};
    CHECK(!plan_of(job, 1, 0, 1000, 0, &plan, &error) && error.code == BIT_EUSAGE);
    CHECK(!plan_of(job, 1, 10, 0, 0, &plan, NULL));
    bit_job_destroy(job);
}

static void test_memory(void)
{
    const struct bit_job *job = job_of(NULL, 0);
    struct bit_plan one, four;
    REQUIRE(job != NULL);
    REQUIRE(plan_of(job, 1, 10, 1000, 0, &one, NULL) != NULL);
    REQUIRE(plan_of(job, 4, 10, 1000, 0, &four, NULL) != NULL);
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
    REQUIRE(plan_of(job, 1, 10, 1001000, 0, &large, NULL) != NULL);
    CHECK(large.memory.total - one.memory.total == 40 * 1000000);
    forget(&large);
    CHECK(one.flops_an_image > 0 && one.flops_an_image == four.flops_an_image);
    forget(&one);
    forget(&four);
    bit_job_destroy(job);
    static const char *const still[] = {"checkpoint.background=false"};
    job = job_of(still, 1);
    REQUIRE(job != NULL);
    REQUIRE(plan_of(job, 1, 10, 1000, 0, &one, NULL) != NULL);
    CHECK(one.memory.snapshot == 0);
    forget(&one);
    bit_job_destroy(job);
}

static void test_options(void)
{
    static const char *const sets[] = {"model.norm=batch", "model.batch_norm_scope=rank", "loss=sigmoid",
                                       "precision=bfloat16", "model.weight_standardization=false", "backend=openblas"};
    const struct bit_job *job = job_of(sets, 6);
    struct bit_model_options o;
    union bit_any_head head;
    REQUIRE(job != NULL);
    bit_recipe_model(job, 7, 2, true, &head, &o);
    CHECK(o.depth == 14 && o.width == 1 && o.head == &head.head && head.classify.classes == 7 && o.image_size == 32 && o.micro_batch == 8);
    CHECK(o.norm == BIT_BATCH_NORM && !o.batch_norm_global && head.classify.loss == BIT_SIGMOID && head.classify.bias == -10 && o.precision == BIT_BFLOAT16);
    CHECK(!o.weight_standardization && o.training && o.micro_batches == 4 && o.group == NULL);
    CHECK(o.backend && !strcmp(bit_backend_name(o.backend), "openblas"));
    bit_recipe_model(job, 7, 2, false, &head, &o);
    CHECK(!o.training && o.micro_batches == 1);
    bit_job_destroy(job);
    job = job_of(NULL, 0);
    REQUIRE(job != NULL);
    bit_recipe_model(job, 7, 2, true, &head, &o);
    CHECK(o.norm == BIT_GROUP_NORM && o.weight_standardization && head.classify.loss == BIT_SOFTMAX && o.precision == BIT_FLOAT32);
    CHECK(o.micro_batches == 1 && o.backend);
    bit_job_destroy(job);
}

/* The recipe of the test's job with one key set; `place` settles it. */
static const struct bit_recipe *recipe_with(const char *set, const struct bit_recipe_place *place, const struct bit_job **job)
{
    *job = job_of(&set, 1);
    return *job ? bit_recipe_create(*job, place, NULL) : NULL;
}

static const struct bit_recipe_place two_ranks = {.ranks = 2, .threads = 40, .classes = 10, .train_images = 1000, .val_images = 10};

/* Every word that a policy can be, in each place where it can stand. */
static void test_policies(void)
{
    static const struct { const char *set; enum bit_policy nonfinite, spike, memory; bool guarded; } rows[] = {
        {"seed=1", BIT_POLICY_STOP, BIT_POLICY_LOG, BIT_POLICY_ROLLBACK, true},
        {"checks.nonfinite=stop", BIT_POLICY_STOP, BIT_POLICY_LOG, BIT_POLICY_ROLLBACK, true},
        {"checks.nonfinite=skip", BIT_POLICY_SKIP, BIT_POLICY_LOG, BIT_POLICY_ROLLBACK, true},
        {"checks.nonfinite=rollback", BIT_POLICY_ROLLBACK, BIT_POLICY_LOG, BIT_POLICY_ROLLBACK, true},
        {"checks.nonfinite=log", BIT_POLICY_LOG, BIT_POLICY_LOG, BIT_POLICY_ROLLBACK, true},
        {"checks.loss_spike_policy=log", BIT_POLICY_STOP, BIT_POLICY_LOG, BIT_POLICY_ROLLBACK, true},
        {"checks.loss_spike_policy=skip", BIT_POLICY_STOP, BIT_POLICY_SKIP, BIT_POLICY_ROLLBACK, true},
        {"checks.loss_spike_policy=rollback", BIT_POLICY_STOP, BIT_POLICY_ROLLBACK, BIT_POLICY_ROLLBACK, true},
        {"checks.loss_spike_policy=stop", BIT_POLICY_STOP, BIT_POLICY_STOP, BIT_POLICY_ROLLBACK, true},
        {"checks.memory=rollback", BIT_POLICY_STOP, BIT_POLICY_LOG, BIT_POLICY_ROLLBACK, true},
        {"checks.memory=stop", BIT_POLICY_STOP, BIT_POLICY_LOG, BIT_POLICY_STOP, true},
        {"checks.memory=off", BIT_POLICY_STOP, BIT_POLICY_LOG, BIT_POLICY_OFF, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct bit_job *job;
        const struct bit_recipe *r = recipe_with(rows[i].set, &two_ranks, &job);
        REQUIRE(r != NULL);
        CHECK(r->checks.nonfinite == rows[i].nonfinite && r->checks.spike == rows[i].spike && r->checks.memory == rows[i].memory);
        CHECK(r->step.guarded == rows[i].guarded);
        bit_recipe_destroy(r);
        bit_job_destroy(job);
    }
}

static void test_initialisation(void)
{
    static const struct { const char *set; enum bit_initialisation how; bool kernels_only; } rows[] = {
        {"seed=1", BIT_LECUN_NORMAL, false}, {"model.initialization=he_fan_out", BIT_HE_FAN_OUT, false},
        {"model.initialization=lecun_normal", BIT_LECUN_NORMAL, false}, {"schedule.weight_decay_on=kernels", BIT_LECUN_NORMAL, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct bit_job *job;
        const struct bit_recipe *r = recipe_with(rows[i].set, &two_ranks, &job);
        REQUIRE(r != NULL);
        CHECK(r->initialisation == rows[i].how && r->training_model.roles.decay_kernels_only == rows[i].kernels_only);
        bit_recipe_destroy(r);
        bit_job_destroy(job);
    }
}

static void test_filters(void)
{
    static const struct { const char *set; enum bit_filter filter; } rows[] = {
        {"seed=1", BIT_FILTER_REDUCED}, {"data.filter=reduced", BIT_FILTER_REDUCED}, {"data.filter=bilinear", BIT_FILTER_BILINEAR},
        {"data.filter=antialias", BIT_FILTER_ANTIALIAS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct bit_job *job;
        const struct bit_recipe *r = recipe_with(rows[i].set, &two_ranks, &job);
        REQUIRE(r != NULL);
        CHECK(r->training_stream.filter == rows[i].filter && r->evaluation_stream.filter == rows[i].filter);
        CHECK(!r->training_stream.exif_orientation && r->training_stream.background[1] == 0);
        bit_recipe_destroy(r);
        bit_job_destroy(job);
    }
}

/* What is asked for is taken; of threads alone a quarter, at most 8. Both streams and the plan's memory count with the same number. */
static void test_loaders(void)
{
    static const struct { const char *set; int threads, loaders; } rows[] = {
        {"seed=1", 1, 1}, {"seed=1", 4, 1}, {"seed=1", 5, 2}, {"seed=1", 32, 8}, {"seed=1", 200, 8}, {"data.loaders=12", 1, 12},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bit_recipe_place place = two_ranks;
        const struct bit_job *job;
        place.threads = rows[i].threads;
        const struct bit_recipe *r = recipe_with(rows[i].set, &place, &job);
        REQUIRE(r != NULL);
        CHECK(r->threads == rows[i].threads && job->threads == 0);
        CHECK(r->training_stream.loaders == rows[i].loaders && r->evaluation_stream.loaders == rows[i].loaders);
        bit_recipe_destroy(r);
        bit_job_destroy(job);
    }
    const struct bit_job *few_job, *many_job;
    struct bit_plan few, many;
    const struct bit_recipe *r = recipe_with("data.loaders=8", &two_ranks, &few_job), *s = recipe_with("seed=1", &two_ranks, &many_job);
    REQUIRE(r && s && !bit_plan_create(r, &few, NULL) && !bit_plan_create(s, &many, NULL));
    CHECK(few.memory.stream == many.memory.stream); /* 40 threads: 8 loaders, not 10 */
    forget(&few);
    forget(&many);
    bit_job_destroy(few_job);
    bit_job_destroy(many_job);
}

/* The job's own number of threads comes before what is there; and its numbers arrive. */
static void test_settings(void)
{
    static const char *const sets[] = {"threads=3", "data.resize=40", "data.max_file_mib=2", "data.max_megapixels=5", "data.mirror=false",
                                       "optimizer.momentum=0.8", "schedule.weight_decay=0.001", "checks.loss_spike=7",
                                       "checks.rollback_limit=5", "checks.nonfinite_limit=6", "checks.replicas_every_steps=11",
                                       "watchdog.data_seconds=20", "watchdog.step_seconds=null", "data.background=#0aFf07",
                                       "data.exif_orientation=true", "data.filter=antialias"};
    const struct bit_job *job = job_of(sets, sizeof sets / sizeof *sets);
    REQUIRE(job != NULL);
    const struct bit_recipe *r = bit_recipe_create(job, &two_ranks, NULL);
    REQUIRE(r != NULL);
    CHECK(r->threads == 3 && r->schedule.images == 1000 && r->schedule.batch == 64 && r->val_images == 10);
    CHECK(r->training_stream.training && !r->evaluation_stream.training && r->evaluation_stream.resize == 40);
    CHECK(r->training_stream.image_size == 32 && r->training_stream.batch == 64 && r->training_stream.micro_batch == 8);
    CHECK(r->training_stream.file_limit == 2 << 20 && r->training_stream.pixel_limit == 5000000 && !r->training_stream.mirror);
    CHECK(r->training_stream.exif_orientation && r->evaluation_stream.exif_orientation);
    CHECK(r->training_stream.filter == BIT_FILTER_ANTIALIAS && r->evaluation_stream.filter == BIT_FILTER_ANTIALIAS);
    CHECK(r->training_stream.patience == 10 && !memcmp(r->training_stream.background, "\x0a\xff\x07", 3));
    CHECK(r->step.batch == 64 && r->step.micro_batch == 8 && r->step.image_size == 32 && r->step.precision == BIT_FLOAT32);
    CHECK(r->step.momentum == 0.8 && r->step.weight_decay == 0.001);
    CHECK(r->checks.spike_factor == 7 && r->checks.rollback_limit == 5 && r->checks.skip_limit == 6 && r->checks.replicas_every_steps == 11);
    CHECK(r->training_model.head == &r->head.head && r->evaluation_model.head == &r->head.head && !r->evaluation_model.training);
    struct bit_watch_limits limits = bit_recipe_watch_limits(job);
    CHECK(limits.data == 20 && limits.step == -1);
    bit_recipe_destroy(r);
    bit_job_destroy(job);
}

static void test_allocations(void)
{
    static const char *const sets[] = {"schedule.warmup_steps=1000"};
    const struct bit_job *job = job_of(sets, 1);
    size_t used = bit_memory_used();
    REQUIRE(job != NULL);
    for (size_t n = 1;; n++) {
        struct bit_plan plan;
        struct bit_error error = {0};
        bit_memory_fail_at(n);
        bool made = plan_of(job, 2, 10, 1000, 10, &plan, &error) != NULL;
        bit_memory_fail_at(0);
        if (made) {
            CHECK(plan.warnings.count > 0 && n > 3);
            forget(&plan);
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
    {"model options", test_options}, {"policies", test_policies}, {"initialisation and decay", test_initialisation},
    {"filters", test_filters}, {"loaders", test_loaders}, {"settings", test_settings}, {"allocation failures", test_allocations},
};

int main(int argc, char **argv)
{
    return unit_main("recipe", tests, sizeof tests / sizeof *tests, argc, argv);
}
