/* metrics.jsonl: lines, and what a resumed run cuts off. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bit/file.h"
#include "bit/memory.h"
#include "bit/metrics_log.h"
#include "../unit.h"

static char path[] = "/tmp/bit-metrics-XXXXXX";

static void put(const char *text)
{
    struct bit_error error = {0};
    REQUIRE(bit_file_write_cache(path, text, strlen(text), &error) == 0);
}

static char *get(void)
{
    struct bit_error error = {0};
    char *data = NULL;
    size_t size;
    if (bit_file_read(path, 1 << 20, &data, &size, &error))
        return NULL;
    return data;
}

static bool holds(const char *expected)
{
    char *data = get();
    bool same = data && !strcmp(data, expected);
    if (!same)
        printf("found:\n%s\nexpected:\n%s\n", data ? data : "(nothing)", expected);
    bit_free(data);
    return same;
}

/* Opens to go on after `step`, and closes at once. */
static void reopen(uint64_t step, bool evaluated)
{
    struct bit_error error = {0};
    struct bit_metrics_log *m = bit_metrics_log_open(path, step, evaluated, false, &error);
    REQUIRE(m != NULL);
    bit_metrics_log_close(m);
}

#define S(n) "{\"kind\":\"step\",\"step\":" #n ",\"epoch\":1}\n"
#define E(n) "{\"kind\":\"evaluation\",\"step\":" #n ",\"epoch\":1}\n"

static void test_cut(void)
{
    put(S(1) S(2) E(2) S(3) S(10) S(11));
    reopen(10, false);
    CHECK(holds(S(1) S(2) E(2) S(3) S(10)));
    reopen(2, true);
    CHECK(holds(S(1) S(2) E(2)));
    reopen(2, false);
    CHECK(holds(S(1) S(2)));
    reopen(0, false);
    CHECK(holds(""));
}

/* A probe of the step at which a run goes on stays when the run knows of it, whatever is so of evaluations. */
static void test_cut_probes(void)
{
    static const char probe[] = "{\"kind\":\"probe\",\"step\":2,\"epoch\":1}\n";
    char before[500], whole[1000];
    snprintf(before, sizeof before, S(1) S(2) E(2));
    snprintf(whole, sizeof whole, "%s%s", before, probe);
    for (int probed = 0; probed < 2; probed++) {
        struct bit_error error = {0};
        put(whole);
        struct bit_metrics_log *m = bit_metrics_log_open(path, 2, true, probed, &error);
        REQUIRE(m != NULL);
        bit_metrics_log_close(m);
        CHECK(holds(probed ? whole : before));
    }
    reopen(1, true);
    CHECK(holds(S(1)));
}

static void test_probe_line(void)
{
    struct bit_error error = {0};
    struct bit_metrics_line line;
    put("");
    struct bit_metrics_log *m = bit_metrics_log_open(path, 0, false, false, &error);
    REQUIRE(m != NULL);
    CHECK(bit_metrics_log_probe(m, 7, 0.5, 2, "\"test_images\": 3, \"probe\": [{\"shots\": 5, \"median\": 0.25}, {\"shots\": -1, \"median\": 1}, {\"shots\": 10}]", &error) == 0);
    bit_metrics_log_close(m);
    CHECK(holds("{\"kind\":\"probe\",\"step\":7,\"epoch\":0.5,\"seconds\":2,"
                "\"test_images\": 3, \"probe\": [{\"shots\": 5, \"median\": 0.25}, {\"shots\": -1, \"median\": 1}, {\"shots\": 10}]}\n"));
    char *data = get();
    REQUIRE(data != NULL);
    bit_metrics_line_parse(data, strlen(data), &line);
    CHECK(line.kind == BIT_METRICS_PROBE && line.step == 7 && line.probe.epoch == 0.5);
    CHECK(line.probe.count == 2 && line.probe.shots[0] == 5 && line.probe.median[0] == 0.25 && line.probe.shots[1] == 10 && isnan(line.probe.median[1]));
    bit_free(data);
}

static void test_torn(void)
{
    put(S(1) S(2) "{\"kind\":\"step\",\"st");
    reopen(5, false);
    CHECK(holds(S(1) S(2)));
    put(S(1) "{\"kind\":\"step\",\"step\":2,\"epoch\":1}"); /* whole but for its end of line */
    reopen(5, false);
    CHECK(holds(S(1)));
}

static void test_lines(void)
{
    struct bit_error error = {0};
    struct bit_step_line line = {.step = 7, .epoch = 0.5, .loss = 0.1, .rate = 0.03, .gradient_norm = INFINITY,
                                .weight_norm = 2, .images_per_second = 123.456, .applied = true,
                                .share = {0.1, 0.2, 0.3, 0.05, 0.01, 0}};
    struct bit_evaluation_line e = {.step = 7, .epoch = 0.5, .images = 10, .loss = 1.5, .metrics = {.count = 2, .item = {
        {.name = "top1", .title = "top-1", .higher_is_better = true, .value = 0.9},
        {.name = "error", .title = "error", .form = BIT_METRIC_NUMBER, .value = 1}}}};
    put("");
    struct bit_metrics_log *m = bit_metrics_log_open(path, 6, false, false, &error);
    REQUIRE(m != NULL);
    CHECK(bit_metrics_log_step(m, &line, &error) == 0);
    char *first = get(); /* written at once: steps have begun */
    CHECK(first != NULL && strstr(first, "\"step\":7") != NULL);
    CHECK(bit_metrics_log_evaluation(m, &e, &error) == 0);
    CHECK(first != NULL && holds(first)); /* gathered from then on, not written line by line */
    bit_free(first);
    CHECK(bit_metrics_log_flush(m, true, &error) == 0);
    CHECK(holds("{\"kind\":\"step\",\"step\":7,\"epoch\":0.5,\"loss\":0.10000000000000001,\"rate\":0.03,"
                "\"gradient_norm\":null,\"weight_norm\":2,\"images_per_second\":123.46,\"share\":{\"data\":0.1,"
                "\"forward\":0.2,\"backward\":0.3,\"reduce\":0.05,\"update\":0.01,\"checkpoint\":0}}\n"
                "{\"kind\":\"evaluation\",\"step\":7,\"epoch\":0.5,\"loss\":1.5,\"top1\":0.9,\"error\":1,\"images\":10,"
                "\"bad\":0,\"seconds\":0,\"metrics\":[[\"top1\",\"top-1\",\"share\",\"higher\"],"
                "[\"error\",\"error\",\"number\",\"lower\"]]}\n"));
    bit_metrics_log_close(m);
    char *data = get(), *second = data ? strchr(data, '\n') : NULL;
    REQUIRE(second != NULL);
    struct bit_metrics_line read;
    *second++ = 0;
    bit_metrics_line_parse(data, strlen(data), &read);
    CHECK(read.kind == BIT_METRICS_STEP && read.step == 7 && read.at.loss == 0.1 && isnan(read.at.gradient_norm) && read.at.share.backward == 0.3);
    bit_metrics_line_parse(second, strlen(second), &read);
    CHECK(read.kind == BIT_METRICS_EVALUATION && read.evaluation.images == 10 && read.evaluation.metrics.count == 2);
    CHECK(read.evaluation.metrics.item[1].value == 1 && !read.evaluation.metrics.item[1].higher_is_better);
    bit_free(data);
}

static enum bit_metrics_kind kind_of(const char *text, struct bit_metrics_line *line)
{
    bit_metrics_line_parse(text, strlen(text), line);
    return line->kind;
}

static void test_read(void)
{
    struct bit_metrics_line line;
    static const char *const bad[] = {"", "{", "[]", "{\"kind\":\"step\"}", "{\"step\":1}", "{\"kind\":\"step\",\"step\":-1}",
        "{\"kind\":\"step\",\"step\":1} x", "{\"kind\":5,\"step\":1}",
        "{\"kind\":\"evaluation\",\"step\":1,\"metrics\":[[\"a\",\"b\"]]}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(kind_of(bad[i], &line) == BIT_METRICS_BAD);
    CHECK(kind_of("{\"kind\":\"slow\",\"step\":4,\"rank\":1}\n", &line) == BIT_METRICS_OTHER && line.step == 4);
    CHECK(kind_of("{\"kind\":\"step\",\"step\":4,\"applied\":false}", &line) == BIT_METRICS_STEP && !line.at.applied && isnan(line.at.loss));
    /* as lines were before they had a list of metrics */
    CHECK(kind_of("{\"kind\":\"evaluation\",\"step\":4,\"loss\":1,\"a\":0.5,\"b\":0.75,\"images\":3}", &line) == BIT_METRICS_EVALUATION);
    CHECK(line.evaluation.metrics.count == 2 && line.evaluation.metrics.item[1].value == 0.75 && line.evaluation.loss == 1);
}

/* No room: told, with the class that stops a run. */
static void test_no_room(void)
{
    struct bit_error error = {0};
    struct bit_step_line line = {.step = 1, .applied = true};
    struct rlimit before, small;
    put("");
    struct bit_metrics_log *m = bit_metrics_log_open(path, 0, false, false, &error);
    REQUIRE(m != NULL);
    REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
    small = before;
    small.rlim_cur = 16;
    signal(SIGXFSZ, SIG_IGN);
    REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
    CHECK(bit_metrics_log_step(m, &line, &error) == -1); /* the first line is written at once */
    CHECK(bit_metrics_log_flush(m, false, &error) == -1);
    CHECK(error.code == BIT_EENVIRONMENT);
    CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
    bit_metrics_log_close(m);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"cut", test_cut}, {"cut_probes", test_cut_probes}, {"probe_line", test_probe_line},
        {"torn", test_torn},
        {"lines", test_lines}, {"read", test_read},
        {"no_room", test_no_room},
    };
    int file = mkstemp(path);
    if (file < 0)
        return 2;
    close(file);
    int failed = unit_main("metrics", tests, sizeof tests / sizeof *tests, argc, argv);
    unlink(path);
    return failed;
}
