#include "bit/memory.h"

#include <limits.h>
#include <pthread.h>
#include <stdint.h>

#include "bit/file.h"
#include "tests/unit.h"

static void aligned_zeroed_counted(void)
{
    static const size_t sizes[] = {0, 1, 63, 64, 65, 4096, 100000, (4u << 20) - 1, 4u << 20, (9u << 20) + 3};
    struct bit_error e = {0};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t used = bit_memory_used();
        for (int again = 0; again < 2; again++) { /* freed memory comes back dirty */
            unsigned char *p = bit_allocate(sizes[i], 1, "test", &e);
            REQUIRE(p != NULL);
            CHECK((uintptr_t)p % BIT_ALIGNMENT == 0 && bit_memory_used() == used + sizes[i]);
            CHECK(bit_memory_peak() >= used + sizes[i]);
            unsigned char any = 0;
            for (size_t j = 0; j < sizes[i]; j++)
                any |= p[j];
            CHECK(any == 0);
            memset(p, 0xa5, sizes[i]);
            bit_free(p);
        }
        CHECK(bit_memory_used() == used);
    }
    bit_free(NULL);
    CHECK(bit_memory_resident_peak() > 1 << 20);
}

static void refusals(void)
{
    struct bit_error e = {0};
    CHECK(!bit_allocate(SIZE_MAX / 2, 3, "overflow", &e) && e.code == BIT_EENVIRONMENT && strstr(e.text, "overflow"));
    bit_error_clear(&e);
    CHECK(!bit_allocate(SIZE_MAX - 10, 1, "far too much", &e) && e.code == BIT_EENVIRONMENT);
    bit_error_clear(&e);
    CHECK(!bit_allocate(1000000, (size_t)1 << 40, "too much", &e) && strstr(e.text, "too much"));
    CHECK(!bit_allocate(SIZE_MAX, SIZE_MAX, "no error object", NULL));
}

static void the_nth_fails_once(void)
{
    struct bit_error e = {0};
    bit_memory_fail_at(3);
    for (int i = 1; i <= 5; i++) {
        void *p = bit_allocate(1, 1, "test", &e);
        CHECK((p == NULL) == (i == 3));
        bit_free(p);
    }
    bit_memory_fail_at(1);
    bit_error_clear(&e);
    CHECK(!bit_copy_text("text", &e) && e.code == BIT_EENVIRONMENT);
    bit_memory_fail_at(0);
    char *copy = bit_copy_text("text", &e);
    CHECK(copy && !strcmp(copy, "text"));
    bit_free(copy);
}

static void *allocate_many(void *failures)
{
    for (int i = 0; i < 20000; i++) {
        void *p = bit_allocate(1, 8, "test", NULL);
        *(int *)failures += p == NULL;
        bit_free(p);
    }
    return NULL;
}

/* With several threads exactly one allocation fails, and the counts come out even. */
static void threads(void)
{
    enum { THREADS = 4 };
    pthread_t ids[THREADS];
    int failures[THREADS] = {0}, sum = 0;
    size_t used = bit_memory_used();
    setenv("BIT_TEST_FAIL_ALLOCATION", "1", 1); /* read at the first allocation only, never again */
    bit_memory_fail_at(5000);
    for (int i = 0; i < THREADS; i++)
        REQUIRE(pthread_create(&ids[i], NULL, allocate_many, &failures[i]) == 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(ids[i], NULL);
        sum += failures[i];
    }
    bit_memory_fail_at(0);
    CHECK(sum == 1 && bit_memory_used() == used);
}

static void put(const char *root, const char *folder, const char *name, const char *text)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", root, folder);
    REQUIRE(bit_folder_create(path, NULL) == 0);
    snprintf(path, sizeof path, "%s/%s/%s", root, folder, name);
    REQUIRE(bit_file_write_cache(path, text, strlen(text), NULL) == 0);
}

/* A machine's files, made up: what is left is the least of the machine's and of every group's above this process. */
static void available(void)
{
    char root[] = "/tmp/bit-memory-XXXXXX";
    REQUIRE(mkdtemp(root) != NULL);
    CHECK(bit_memory_available(root) == UINT64_MAX);
    put(root, "proc", "meminfo", "MemTotal:  9000 kB\nMemFree:  10 kB\nMemAvailable:    4000 kB\n");
    CHECK(bit_memory_available(root) == 4096000);
    put(root, "proc/self", "cgroup", "12:cpu:/elsewhere\n0::/job/step\n");
    CHECK(bit_memory_available(root) == 4096000);
    put(root, "sys/fs/cgroup/elsewhere", "memory.max", "1\n");
    put(root, "sys/fs/cgroup/job/step", "memory.max", "max\n");
    put(root, "sys/fs/cgroup/job/step", "memory.current", "5000\n");
    CHECK(bit_memory_available(root) == 4096000);
    put(root, "sys/fs/cgroup/job", "memory.max", "100000\n");
    put(root, "sys/fs/cgroup/job", "memory.current", "30000\n");
    put(root, "sys/fs/cgroup/job", "memory.stat", "anon 20000\ninactive_anon 1\ninactive_file 9000\n");
    CHECK(bit_memory_available(root) == 79000);
    put(root, "sys/fs/cgroup/job/step", "memory.max", "50000\n");
    CHECK(bit_memory_available(root) == 45000);
    put(root, "sys/fs/cgroup/job/step", "memory.current", "60000\n");
    CHECK(bit_memory_available(root) == 0);
    /* Version 1, whose path is not to be seen in a container: the mount is the container's own. */
    put(root, "proc/self", "cgroup", "4:hugetlb,memory:/docker/1f\n2:cpu:/\n");
    put(root, "sys/fs/cgroup/memory", "memory.limit_in_bytes", "9223372036854771712\n");
    put(root, "sys/fs/cgroup/memory", "memory.usage_in_bytes", "700\n");
    CHECK(bit_memory_available(root) == 4096000);
    put(root, "sys/fs/cgroup/memory", "memory.limit_in_bytes", "2000\n");
    put(root, "sys/fs/cgroup/memory", "memory.stat", "inactive_file 1\ntotal_inactive_file 200\n");
    CHECK(bit_memory_available(root) == 1500);
    CHECK(bit_folder_remove(root, NULL) == 0);
    CHECK(bit_memory_available("") > 1 << 20);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"aligned, zeroed, counted", aligned_zeroed_counted}, {"refusals", refusals},
        {"the n-th fails, once", the_nth_fails_once}, {"threads", threads}, {"available", available},
    };
    return unit_main("memory", tests, sizeof tests / sizeof *tests, argc, argv);
}
