/* metrics.jsonl: lines, and what a resumed run cuts off. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bit/file.h"
#include "bit/memory.h"
#include "run/metrics.h"
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
    struct metrics *m = metrics_open(path, step, evaluated, &error);
    REQUIRE(m != NULL);
    metrics_close(m);
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
    struct metrics_step line = {.step = 7, .epoch = 0.5, .loss = 0.1, .rate = 0.03, .gradient_norm = INFINITY,
                                .weight_norm = 2, .images_per_second = 123.456, .applied = true,
                                .share = {0.1, 0.2, 0.3, 0.05, 0.01, 0}};
    struct bit_evaluation e = {.images = 10, .loss = 1.5, .top1 = 0.9, .top5 = 1};
    put("");
    struct metrics *m = metrics_open(path, 6, false, &error);
    REQUIRE(m != NULL);
    CHECK(metrics_add_step(m, &line, &error) == 0);
    CHECK(holds("")); /* gathered, not written line by line */
    CHECK(metrics_add_evaluation(m, 7, 0.5, &e, &error) == 0);
    CHECK(metrics_flush(m, true, &error) == 0);
    CHECK(holds("{\"kind\":\"step\",\"step\":7,\"epoch\":0.5,\"loss\":0.10000000000000001,\"rate\":0.03,"
                "\"gradient_norm\":null,\"weight_norm\":2,\"images_per_second\":123.46,\"share\":{\"data\":0.1,"
                "\"forward\":0.2,\"backward\":0.3,\"reduce\":0.05,\"update\":0.01,\"checkpoint\":0}}\n"
                "{\"kind\":\"evaluation\",\"step\":7,\"epoch\":0.5,\"loss\":1.5,\"top1\":0.9,\"top5\":1,\"images\":10,"
                "\"bad\":0,\"seconds\":0}\n"));
    metrics_close(m);
}

/* No room: told, with the class that stops a run. */
static void test_no_room(void)
{
    struct bit_error error = {0};
    struct metrics_step line = {.step = 1, .applied = true};
    struct rlimit before, small;
    put("");
    struct metrics *m = metrics_open(path, 0, false, &error);
    REQUIRE(m != NULL);
    REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
    small = before;
    small.rlim_cur = 16;
    signal(SIGXFSZ, SIG_IGN);
    REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
    CHECK(metrics_add_step(m, &line, &error) == 0);
    CHECK(metrics_flush(m, false, &error) == -1);
    CHECK(error.code == BIT_EENVIRONMENT);
    CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
    metrics_close(m);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"cut", test_cut},
        {"torn", test_torn},
        {"lines", test_lines},
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
