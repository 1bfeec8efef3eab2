#include "bit/file.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <dirent.h>
#include <unistd.h>

#include "bit/memory.h"
#include "tests/unit.h"

static char scratch[64];

static const char *path(const char *name)
{
    static char buffers[4][PATH_MAX];
    static int next;
    char *buffer = buffers[next++ % 4];
    snprintf(buffer, PATH_MAX, "%s/%s", scratch, name);
    return buffer;
}

static int entries(const char *folder)
{
    int count = 0;
    DIR *d = opendir(folder);
    if (!d)
        return -1;
    for (struct dirent *e; (e = readdir(d));)
        count += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
    closedir(d);
    return count;
}

static void check_contents(const char *name, const char *expected)
{
    struct bit_error e = {0};
    char *data;
    size_t size;
    REQUIRE(bit_file_read(name, 1 << 20, &data, &size, &e) == 0);
    CHECK(size == strlen(expected) && !memcmp(data, expected, size) && data[size] == 0);
    bit_free(data);
}

static void write_then_read(void)
{
    struct bit_error e = {0};
    uint64_t size;
    CHECK(bit_file_write(path("a"), "hello", 5, &e) == 0);
    check_contents(path("a"), "hello");
    CHECK(bit_file_write(path("a"), "longer than before", 18, &e) == 0);
    check_contents(path("a"), "longer than before");
    CHECK(bit_file_size(path("a"), &size, &e) == 0 && size == 18);
    CHECK(bit_file_write_cache(path("a"), "", 0, &e) == 0);
    check_contents(path("a"), "");
    CHECK(bit_file_exists(path("a")) && !bit_file_exists(path("b")));
    CHECK(entries(scratch) == 1); /* no temporary file stays */
    /* A name without a folder: the current one is synced. */
    REQUIRE(chdir(scratch) == 0);
    CHECK(bit_file_write("plain", "x", 1, &e) == 0);
    check_contents("plain", "x");
    REQUIRE(chdir("/") == 0);
    CHECK(e.code == BIT_OK);
}

static void read_refuses(void)
{
    struct bit_error e = {0};
    char *data;
    size_t size;
    CHECK(bit_file_read(path("missing"), 10, &data, &size, &e) == -1 && e.code == BIT_ENOINPUT && !data);
    CHECK(strstr(e.text, "missing") && strstr(e.text, "No such file"));
    bit_error_clear(&e);
    CHECK(bit_file_read(scratch, 1 << 30, &data, &size, &e) == -1 && e.code == BIT_ENOINPUT && !data);
    bit_error_clear(&e);
    REQUIRE(bit_file_write(path("ten"), "0123456789", 10, &e) == 0);
    CHECK(bit_file_read(path("ten"), 9, &data, &size, &e) == -1 && e.code == BIT_EDATA && !data);
    bit_error_clear(&e);
    CHECK(bit_file_read(path("ten"), 10, &data, &size, &e) == 0 && size == 10);
    bit_free(data);
    /* A pipe nobody writes to must not hang. */
    REQUIRE(mkfifo(path("pipe"), 0600) == 0);
    CHECK(bit_file_read(path("pipe"), 10, &data, &size, &e) == -1 && e.code == BIT_ENOINPUT && !data);
    bit_error_clear(&e);
    uint64_t bytes;
    CHECK(bit_file_size(path("missing"), &bytes, &e) == -1 && e.code == BIT_ENOINPUT);
}

static void write_fails_cleanly(void)
{
    struct bit_error e = {0};
    int before;
    REQUIRE(bit_file_write(path("old"), "old", 3, &e) == 0);
    before = entries(scratch);
    CHECK(bit_file_write(path("no/such/folder"), "x", 1, &e) == -1 && e.code == BIT_EENVIRONMENT);
    bit_error_clear(&e);
    CHECK(bit_file_write(path("old/below-a-file"), "x", 1, &e) == -1 && e.code == BIT_EENVIRONMENT);
    bit_error_clear(&e);
    REQUIRE(bit_folder_create(path("folder/inner"), &e) == 0);
    CHECK(bit_file_write(path("folder"), "x", 1, &e) == -1 && e.code == BIT_EENVIRONMENT);
    CHECK(strstr(e.text, "rename"));
    bit_error_clear(&e);
    CHECK(entries(scratch) == before + 1 && entries(path("folder")) == 1);

    static char name[PATH_MAX + 10];
    memset(name, 'n', sizeof name - 1);
    CHECK(bit_file_write(name, "x", 1, &e) == -1 && e.code == BIT_EUSAGE);
    bit_error_clear(&e);

    /* The disk takes 4096 bytes and then no more: the old file stands, nothing stays behind. */
    static char big[65536];
    struct rlimit limit, small;
    memset(big, 'b', sizeof big);
    REQUIRE(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    small = (struct rlimit){4096, limit.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
    CHECK(bit_file_write(path("old"), big, sizeof big, &e) == -1);
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    CHECK(e.code == BIT_EENVIRONMENT && strstr(e.text, "cannot write"));
    CHECK(entries(scratch) == before + 1);
    check_contents(path("old"), "old");
}

static void sync_reports(void)
{
    struct bit_error e = {0};
    CHECK(bit_file_sync(scratch, &e) == 0);
    CHECK(bit_file_sync(path("missing"), &e) == -1 && e.code == BIT_EENVIRONMENT);
}

static void folders(void)
{
    struct bit_error e = {0};
    CHECK(bit_folder_create(path("f/g//h/"), &e) == 0);
    CHECK(bit_folder_create(path("f/g/h"), &e) == 0);
    CHECK(bit_file_write(path("f/g/file"), "x", 1, &e) == 0 && e.code == BIT_OK);
    CHECK(bit_folder_create(path("f/g/file"), &e) == -1 && e.code == BIT_EENVIRONMENT);
    bit_error_clear(&e);
    CHECK(bit_folder_create(path("f/g/file/below"), &e) == -1 && e.code == BIT_EENVIRONMENT);
    bit_error_clear(&e);
    CHECK(bit_folder_create("", &e) == -1 && e.code == BIT_EUSAGE);
    bit_error_clear(&e);

    /* Links are removed, not followed. */
    REQUIRE(bit_folder_create(path("kept"), &e) == 0 && bit_file_write(path("kept/x"), "x", 1, &e) == 0);
    REQUIRE(symlink(path("kept"), path("f/link")) == 0 && symlink("/nowhere", path("f/dangling")) == 0);
    CHECK(bit_folder_remove(path("f"), &e) == 0 && !bit_file_exists(path("f")));
    CHECK(bit_file_exists(path("kept/x")));
    CHECK(bit_folder_remove(path("f"), &e) == 0); /* missing is fine */
    CHECK(bit_folder_remove(path("kept"), &e) == 0);
    CHECK(bit_folder_remove("/proc/self/fd", &e) == -1 && e.code == BIT_EENVIRONMENT);
}

static void sweep(void)
{
    static const char *const names[] = {"s/a.json.tmp.17", "s/b.json.tmp.17", "s/a.json", "s/a.json.tmp.x", "s/a.json.tmp.", "s/.tmp.17"};
    struct bit_error e = {0};
    REQUIRE(bit_folder_create(path("s/c.tmp.17"), &e) == 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        REQUIRE(bit_file_write(path(names[i]), "x", 1, &e) == 0);
    bit_file_sweep(path("nowhere"), NULL, 0);
    bit_file_sweep(path("s"), NULL, 60); /* too young */
    bit_file_sweep(path("s"), "a", 0);
    CHECK(bit_file_exists(path(names[0])));
    bit_file_sweep(path("s"), "a.json", 0);
    CHECK(!bit_file_exists(path(names[0])) && bit_file_exists(path(names[1])));
    bit_file_sweep(path("s"), NULL, 0);
    CHECK(!bit_file_exists(path(names[1])) && bit_file_exists(path("s/c.tmp.17")));
    for (size_t i = 2; i < sizeof names / sizeof *names; i++)
        CHECK(bit_file_exists(path(names[i])));
    CHECK(bit_folder_remove(path("s"), &e) == 0);
}

static void join(void)
{
    struct bit_error e = {0};
    char buffer[8];
    CHECK(bit_path_join(buffer, sizeof buffer, "ab", "cd", &e) == 0 && !strcmp(buffer, "ab/cd"));
    CHECK(bit_path_join(buffer, sizeof buffer, "ab/", "cd", &e) == 0 && !strcmp(buffer, "ab/cd"));
    CHECK(bit_path_join(buffer, sizeof buffer, "", "cd", &e) == 0 && !strcmp(buffer, "cd"));
    CHECK(bit_path_join(buffer, sizeof buffer, "/", "cd", &e) == 0 && !strcmp(buffer, "/cd"));
    CHECK(bit_path_join(buffer, sizeof buffer, "abc", "def", &e) == 0 && !strcmp(buffer, "abc/def"));
    CHECK(bit_path_join(buffer, sizeof buffer, "abc", "defg", &e) == -1 && e.code == BIT_EUSAGE);
}

static void disk_free_of_nearest_parent(void)
{
    struct bit_error e = {0};
    uint64_t here = 0, below = 0, relative = 0;
    CHECK(bit_disk_free(scratch, &here, &e) == 0 && here > 0);
    CHECK(bit_disk_free(path("not/there/yet/"), &below, &e) == 0 && below > 0);
    CHECK(bit_disk_free("not-there-either", &relative, &e) == 0);
    CHECK(bit_disk_free("/not-there-either", &relative, &e) == 0);
    CHECK(bit_disk_free("", &relative, &e) == 0);
    REQUIRE(bit_file_write(path("file"), "x", 1, &e) == 0);
    CHECK(bit_disk_free(path("file/below"), &below, &e) == -1 && e.code == BIT_EENVIRONMENT);
}

static void allocation_failures(void)
{
    struct bit_error e = {0};
    char *data;
    size_t size, used = bit_memory_used();
    REQUIRE(bit_file_write(path("m"), "x", 1, &e) == 0);
    bit_memory_fail_at(1);
    CHECK(bit_file_read(path("m"), 10, &data, &size, &e) == -1 && e.code == BIT_EENVIRONMENT && !data);
    bit_memory_fail_at(0);
    CHECK(bit_memory_used() == used);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"write then read", write_then_read}, {"read refuses", read_refuses},
        {"write fails cleanly", write_fails_cleanly}, {"sync reports", sync_reports},
        {"folders", folders}, {"sweep", sweep}, {"join", join}, {"disk free of the nearest parent", disk_free_of_nearest_parent},
        {"allocation failures", allocation_failures},
    };
    struct bit_error e = {0};
    snprintf(scratch, sizeof scratch, "/tmp/bit-test-file-XXXXXX");
    if (!mkdtemp(scratch))
        return 2;
    int result = unit_main("file", tests, sizeof tests / sizeof *tests, argc, argv);
    return bit_folder_remove(scratch, &e) ? 1 : result;
}
