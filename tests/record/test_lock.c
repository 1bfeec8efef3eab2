/* One run a folder. */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bit/file.h"
#include "bit/record.h"
#include "../unit.h"

static char path[] = "/tmp/bit-lock-XXXXXX";

static void test_alone(void)
{
    struct bit_error error = {0};
    struct bit_lock *lock = bit_lock_take(path, &error);
    REQUIRE(lock != NULL);
    CHECK(bit_file_exists(path));
    bit_lock_release(lock);
    CHECK(!bit_file_exists(path));
}

static void test_held(void)
{
    struct bit_error error = {0};
    char process[32];
    struct bit_lock *lock = bit_lock_take(path, &error);
    REQUIRE(lock != NULL);
    CHECK(bit_lock_take(path, &error) == NULL);
    CHECK(error.code == BIT_EENVIRONMENT);
    snprintf(process, sizeof process, "process %ld ", (long)getpid());
    CHECK(strstr(error.text, process) != NULL);
    CHECK(bit_file_exists(path));
    CHECK(bit_lock_is_held(path, 0));
    bit_lock_release(lock);
    CHECK(!bit_lock_is_held(path, 0));
}

/* A holder that dies without a word leaves the file, but not the lock. */
static void test_killed(void)
{
    struct bit_error error = {0};
    int status;
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        bit_lock_take(path, &error);
        _exit(0);
    }
    waitpid(child, &status, 0);
    CHECK(bit_file_exists(path));
    struct bit_lock *lock = bit_lock_take(path, &error);
    CHECK(lock != NULL);
    bit_lock_release(lock);
}

static void test_nowhere(void)
{
    struct bit_error error = {0};
    char below[64];
    snprintf(below, sizeof below, "%s/lock", path); /* nothing is there when no test holds it */
    CHECK(bit_lock_take(below, &error) == NULL);
    CHECK(error.code == BIT_EENVIRONMENT);
    CHECK(strstr(error.text, below) != NULL);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"alone", test_alone}, {"held", test_held}, {"killed", test_killed}, {"nowhere", test_nowhere}};
    int file = mkstemp(path);
    if (file < 0)
        return 2;
    close(file);
    unlink(path);
    return unit_main("lock", tests, sizeof tests / sizeof *tests, argc, argv);
}
