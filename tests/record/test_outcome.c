/* outcome.json and back; what is not one. */
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bit/file.h"
#include "bit/memory.h"
#include "bit/record.h"
#include "../unit.h"

static char folder[] = "/tmp/bit-outcome-XXXXXX";

static void put(const char *text)
{
    char path[PATH_MAX];
    struct bit_error error = {0};
    bit_path_join(path, sizeof path, folder, BIT_RECORD_OUTCOME, &error);
    CHECK(bit_file_write_cache(path, text, strlen(text), &error) == 0);
}

static char *get(void)
{
    char path[PATH_MAX], *data = NULL;
    size_t size;
    struct bit_error error = {0};
    bit_path_join(path, sizeof path, folder, BIT_RECORD_OUTCOME, &error);
    CHECK(bit_file_read(path, 1 << 20, &data, &size, &error) == 0);
    return data;
}

static void fill(struct bit_outcome *o)
{
    bit_outcome_init(o);
    o->state = BIT_RUN_STOPPED;
    o->code = BIT_EAGAIN;
    strcpy(o->message, "stopped \"on\" request\n\xc3\xa4");
    strcpy(o->signal, "TERM");
    strcpy(o->job, "demo");
    strcpy(o->started, "2026-11-28T00:00:00Z");
    strcpy(o->written, "2026-11-28T00:00:01Z");
    o->progress = (struct bit_outcome_progress){.step = 7, .steps = 12, .checkpoint_step = 6, .resumes = 2, .epoch = 1.0 / 3,
                                                .seconds = 12.5, .invocation_seconds = 2, .weights_hash = "00112233445566778899aabbccddeeff"};
    o->evaluation.metrics = (struct bit_metrics){.count = 2, .item = {
        {.name = "accuracy", .title = "top-1", .form = BIT_METRIC_SHARE, .higher_is_better = true, .value = 0.75, .count = BIT_METRIC_UNCOUNTED},
        {.name = "error", .title = "mean error", .form = BIT_METRIC_NUMBER, .value = 3.5, .count = BIT_METRIC_UNCOUNTED}}};
    o->evaluation.loss = 0.1;
    o->evaluation.images = 100;
    o->evaluation.step = 6;
    o->evaluation.best = 0.8;
    o->evaluation.best_step = 3;
    o->machine.ranks = 4;
    o->machine.process = 4711;
    strcpy(o->machine.host, "node");
}

static void there_and_back(void)
{
    struct bit_outcome a, b;
    struct bit_error error = {0};
    fill(&a);
    REQUIRE(bit_outcome_write(folder, &a, &error) == 0);
    char *first = get();
    REQUIRE(bit_outcome_read(folder, &b, &error) == 0);
    CHECK(b.state == BIT_RUN_STOPPED && b.code == BIT_EAGAIN);
    CHECK_STRING(b.message, a.message);
    CHECK(b.progress.step == 7 && b.progress.checkpoint_step == 6 && b.progress.epoch == 0.333333333);
    CHECK(b.evaluation.metrics.count == 2 && b.evaluation.best == 0.8 && b.evaluation.loss == 0.1);
    const struct bit_metric *m = bit_metrics_find(&b.evaluation.metrics, "error");
    REQUIRE(m != NULL);
    CHECK(m->value == 3.5 && m->form == BIT_METRIC_NUMBER && !m->higher_is_better);
    CHECK_STRING(m->title, "mean error");
    CHECK(b.machine.threads == BIT_RECORD_UNKNOWN && b.late.rank == -1);
    REQUIRE(bit_outcome_write(folder, &b, &error) == 0);
    char *second = get();
    CHECK_STRING(second, first);
    CHECK(strstr(first, "\"accuracy\": 0.75") && strstr(first, "\"best_accuracy\": 0.8") && strstr(first, "\"threads\": null"));
    bit_free(first);
    bit_free(second);
}

/* As it was written before there was a list of metrics. */
static void of_former_versions(void)
{
    struct bit_outcome o;
    struct bit_error error = {0};
    put("{\"state\": \"failed\",\n \"reason\": \"data\", \"message\": null, \"exit_code\": 65, \"step\": 3, \"top1\": 0.5, \"best_top1\": 0.5,\n"
        " \"to_come\": {\"a\": 1}, \"ended\": \"yesterday\"}\n");
    CHECK(bit_outcome_read(folder, &o, &error) == 0);
    CHECK(o.state == BIT_RUN_FAILED && o.code == BIT_EDATA && o.progress.step == 3 && o.progress.steps == BIT_RECORD_UNKNOWN);
    CHECK(o.evaluation.metrics.count == 0 && isnan(o.evaluation.best));
    CHECK_STRING(o.written, "yesterday");
}

static void none(void)
{
    static const char *const bad[] = {
        "", "{", "[]", "{}", "null", "{\"state\": 1}", "{\"state\": \"unknown\"}", "{\"state\": \"asleep\"}",
        "{\"state\": \"running\"} x", "{\"state\": \"running\", \"state\": \"failed\"}", "{\"state\": \"failed\"}",
        "{\"state\": \"failed\", \"exit_code\": 1e9}", "{\"state\": \"running\", \"step\": -1}", "{\"state\": \"running\", \"step\": 0.5}",
        "{\"state\": \"running\", \"step\": \"7\"}", "{\"state\": \"running\", \"epoch\": \"7\"}", "{\"state\": \"running\", \"host\": 7}",
        "{\"state\": \"running\", \"metrics\": [[\"a\"]]}", "{\"state\": \"running\", \"host\": \"\xff\"}",
    };
    struct bit_outcome o;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct bit_error error = {0};
        put(bad[i]);
        int result = bit_outcome_read(folder, &o, &error);
        if (result != -1 || error.code != BIT_EDATA || !strstr(error.text, BIT_RECORD_OUTCOME))
            fprintf(stderr, "\n%s: %d %s\n", bad[i], error.code, error.text);
        CHECK(result == -1 && error.code == BIT_EDATA && strstr(error.text, BIT_RECORD_OUTCOME));
        CHECK(o.state == BIT_RUN_UNKNOWN && o.progress.step == BIT_RECORD_UNKNOWN);
        CHECK(bit_outcome_state(folder) == BIT_RUN_UNKNOWN);
    }
    struct bit_error error = {0};
    char nowhere[256];
    snprintf(nowhere, sizeof nowhere, "%s/nowhere", folder);
    CHECK(bit_outcome_read(nowhere, &o, &error) == -1 && error.code == BIT_ENOINPUT);
}

static void failed_by_a_watchdog(void)
{
    struct bit_outcome o;
    struct bit_error error = {0};
    struct bit_outcome_late late = {.rank = 3, .host = "b", .phase = "step", .process = 12, .seconds = 61};
    fill(&o);
    o.state = BIT_RUN_RUNNING;
    REQUIRE(bit_outcome_write(folder, &o, &error) == 0);
    CHECK(bit_outcome_fail(folder, BIT_ELATE, "rank 3 hangs", &late, 7, &error) == 0);
    CHECK(bit_outcome_read(folder, &o, &error) == 0);
    CHECK(o.state == BIT_RUN_FAILED && o.code == BIT_ELATE && o.late.rank == 3 && o.late.seconds == 61);
    CHECK(o.progress.checkpoint_step == 6 && *o.progress.weights_hash && o.evaluation.metrics.count == 2);
    CHECK(bit_outcome_fail(folder, BIT_ELATE, "rank 3 hangs", &late, 8, &error) == 0);
    CHECK(bit_outcome_read(folder, &o, &error) == 0 && o.progress.step == 8 && !*o.progress.weights_hash);
    put("torn");
    CHECK(bit_outcome_fail(folder, BIT_EENVIRONMENT, "cut off", NULL, 0, &error) == 0);
    CHECK(bit_outcome_read(folder, &o, &error) == 0 && o.code == BIT_EENVIRONMENT && o.progress.step == BIT_RECORD_UNKNOWN);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {{"there and back", there_and_back},
                                             {"of former versions", of_former_versions},
                                             {"none", none},
                                             {"failed by a watchdog", failed_by_a_watchdog}};
    if (!mkdtemp(folder))
        return 2;
    int result = unit_main("outcome", tests, sizeof tests / sizeof *tests, argc, argv);
    struct bit_error error = {0};
    bit_folder_remove(folder, &error);
    return result;
}
