/* The start of a program: what libraries find in the environment, and what they have not done by then. */
#include <dirent.h>
#include <unistd.h>

#include "bit/compute.h"
#include "compute/start.h"
#include "unit.h"

static void nothing_to_add(void)
{
    char *const environment[] = {"HOME=/", "OMP_WAIT_POLICY=active", "OPENBLAS_NUM_THREADS=1", NULL};
    char settings[BIT_START_SETTINGS][BIT_START_LENGTH];
    CHECK(bit_start_settings(environment, settings) == 0);
}

static void a_users_waiting_stands(void)
{
    static const char *const words[] = {"OMP_WAIT_POLICY=passive", "GOMP_SPINCOUNT=7", "KMP_BLOCKTIME=200"};
    char settings[BIT_START_SETTINGS][BIT_START_LENGTH];
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        char *const environment[] = {(char *)words[i], "OPENBLAS_NUM_THREADS=8", NULL};
        CHECK(bit_start_settings(environment, settings) == 1);
        CHECK_STRING(settings[0], "OPENBLAS_NUM_THREADS=1");
    }
}

static void all_is_added(void)
{
    char *const environment[] = {"GOMP_SPINCOUNTS=7", "XOMP_WAIT_POLICY=active", NULL};
    char settings[BIT_START_SETTINGS][BIT_START_LENGTH];
    CHECK(bit_start_settings(environment, settings) == 3);
    CHECK_STRING(settings[0], "OPENBLAS_NUM_THREADS=1");
    CHECK(!strncmp(settings[1], "GOMP_SPINCOUNT=", 15) && atoi(settings[1] + 15) >= 100);
    CHECK_STRING(settings[2], "KMP_BLOCKTIME=0");
}

static void libraries_found_it(void)
{
    const char *threads = getenv("OPENBLAS_NUM_THREADS");
    if (bit_start_traced(environ))
        return;
    CHECK(threads && !strcmp(threads, "1"));
    CHECK(getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT") || getenv("KMP_BLOCKTIME"));
}

/* OpenBLAS would have started one a core; sanitizers have their own, and so has an emulator of another processor (tests/arm). */
static void no_threads_yet(void)
{
#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
    int threads = 0;
    DIR *folder = opendir("/proc/self/task");
    REQUIRE(folder != NULL);
    for (const struct dirent *entry; (entry = readdir(folder));)
        threads += *entry->d_name != '.';
    closedir(folder);
    CHECK(threads == 1 || bit_start_traced(environ) || getenv("BIT_EMULATOR"));
#endif
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"nothing_to_add", nothing_to_add}, {"a_users_waiting_stands", a_users_waiting_stands}, {"all_is_added", all_is_added},
        {"libraries_found_it", libraries_found_it}, {"no_threads_yet", no_threads_yet},
    };
    bit_compute_start(argv);
    return unit_main("start", tests, sizeof tests / sizeof *tests, argc, argv);
}
