/* Spans: none when off, in order when on, the lost ones counted, rows of ended threads used again. */
#include "tests/unit.h"

#include <pthread.h>
#include <string.h>

#include "bit/memory.h"
#include "bit/trace.h"

static int occurrences(const char *text, const char *what)
{
    int n = 0;
    for (const char *at = text; at && (at = strstr(at, what)); at++)
        n++;
    return n;
}

static void test_off(void)
{
    struct bit_text text = {0};
    size_t before = bit_memory_used();
    CHECK(bit_trace_start() == 0);
    bit_trace_end("nothing", 1, 0);
    bit_trace_drain(0, 0, &text);
    CHECK(text.size == 0 && bit_memory_used() == before);
    bit_text_free(&text);
}

static void test_spans(void)
{
    struct bit_text text = {0};
    atomic_store(&bit_trace_on, true);
    double outer = bit_trace_start(), inner = bit_trace_start();
    bit_trace_end("inner", 7, inner);
    bit_trace_end("outer", -1, outer);
    bit_trace_drain(3, outer, &text);
    REQUIRE(text.data != NULL);
    CHECK(occurrences(text.data, "\"name\":\"main\"") == 1 && occurrences(text.data, "\"pid\":3") == 3);
    CHECK(strstr(text.data, "inner") < strstr(text.data, "outer") && strstr(text.data, "{\"number\":7}") != NULL);
    CHECK(strstr(text.data, "\"ts\":0.000,") != NULL);
    bit_trace_drain(3, outer, &text);
    CHECK(occurrences(text.data, "\"pid\":3") == 3);
    bit_text_free(&text);
    bit_trace_clear();
    CHECK(bit_trace_start() == 0);
}

static void test_full(void)
{
    struct bit_text text = {0};
    atomic_store(&bit_trace_on, true);
    for (int i = 0; i < 5000; i++)
        bit_trace_end("many", i, bit_trace_start());
    bit_trace_drain(0, 0, &text);
    CHECK(occurrences(text.data, "\"many\"") == 4096);
    CHECK(strstr(text.data, "\"spans lost\"") != NULL && strstr(text.data, "{\"number\":904}") != NULL);
    bit_text_free(&text);
    bit_trace_clear();
}

static void *work(void *argument)
{
    bit_trace_thread("worker", *(int *)argument);
    bit_trace_end("work", -1, bit_trace_start());
    return NULL;
}

static void test_threads(void)
{
    struct bit_text text = {0};
    size_t before = bit_memory_used();
    atomic_store(&bit_trace_on, true);
    for (int round = 0; round < 3; round++)
        for (int n = 0; n < 2; n++) {
            pthread_t thread;
            REQUIRE(pthread_create(&thread, NULL, work, &n) == 0);
            pthread_join(thread, NULL);
        }
    bit_trace_drain(0, 0, &text);
    CHECK(occurrences(text.data, "\"work\"") == 6 && occurrences(text.data, "thread_name") == 2);
    CHECK(occurrences(text.data, "\"worker 1\"") == 1);
    bit_text_free(&text);
    bit_trace_clear();
    CHECK(bit_memory_used() == before);
}

int main(int argc, char **argv)
{
    const struct unit_test tests[] = {
        {"off", test_off},
        {"spans", test_spans},
        {"full", test_full},
        {"threads", test_threads},
    };
    return unit_main("trace", tests, sizeof tests / sizeof *tests, argc, argv);
}
