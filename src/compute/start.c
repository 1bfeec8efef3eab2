/* What libraries read from the environment once, when they are loaded, and what this program wants them to read. By the time `main`
 * runs OpenBLAS has started its threads and OpenMP has decided how long a thread waits. So the dynamic linker runs `early` before it runs
 * any library's constructor (.preinit_array), and the program restarts itself there, once, with the variables set. */
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "bit/limits.h"
#include "compute/openblas.h"
#include "compute/start.h"

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SANITIZED 1
#elif defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

enum { MOST_VARIABLES = 4096, SPIN_MICROSECONDS = 60, PROBE = 1000 };

/* A thread that has no work spins that long before it sleeps. Less costs time on a quiet machine, where the next work comes within that time;
 * more takes the core from the one that is waited for, when something else runs on another core: docs/PERFORMANCE.md, "Busy neighbours".
 * OpenMP counts turns of a loop, whose length differs by ten between processors: measured here. */
static int spin_turns(void)
{
    struct timespec from, to;
    volatile int flag = 0;
    double best = 1;
    for (int k = 0; k < 3; k++) { /* the shortest: a probe may be interrupted */
        clock_gettime(CLOCK_MONOTONIC, &from);
        for (int i = 0; i < PROBE && !flag; i++) {
#ifdef __x86_64__
            __builtin_ia32_pause();
#elif defined __aarch64__
            __asm__ volatile("yield");
#endif
        }
        clock_gettime(CLOCK_MONOTONIC, &to);
        double seconds = (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
        best = seconds < best ? seconds : best;
    }
    double turns = SPIN_MICROSECONDS * 1e-6 * PROBE / (best > 1e-9 ? best : 1e-9);
    return turns < 100 ? 100 : turns > 100000 ? 100000 : (int)turns;
}

/* "NAME=" begins the entry: its value; else NULL. */
static const char *value_in(char *const *environment, const char *name)
{
    size_t length = strlen(name);
    for (; environment && *environment; environment++)
        if (!strncmp(*environment, name, length) && (*environment)[length] == '=')
            return *environment + length + 1;
    return NULL;
}

static bool space_is_limited(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

int bit_start_settings(char *const *environment, char settings[BIT_START_SETTINGS][BIT_START_LENGTH])
{
    const char *threads = value_in(environment, "OPENBLAS_NUM_THREADS");
    int count = 0;
    if (!threads || strcmp(threads, "1"))
        strcpy(settings[count++], "OPENBLAS_NUM_THREADS=1");
    /* Each thread would reserve 64 MB of addresses for what it allocates. */
    if (space_is_limited() && !value_in(environment, "MALLOC_ARENA_MAX"))
        strcpy(settings[count++], "MALLOC_ARENA_MAX=1");
    if (value_in(environment, "OMP_WAIT_POLICY") || value_in(environment, "GOMP_SPINCOUNT") || value_in(environment, "KMP_BLOCKTIME"))
        return count;
    snprintf(settings[count++], BIT_START_LENGTH, "GOMP_SPINCOUNT=%d", spin_turns()); /* gcc's OpenMP */
    strcpy(settings[count++], "KMP_BLOCKTIME=0");                                    /* clang's, which counts milliseconds */
    return count;
}

void bit_start_again(char **argv, char *const *environment)
{
    char path[4096];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length > 0) { /* by its own name: ps and pgrep show the last part of what was started */
        path[length] = 0;
        execve(path, argv, environment);
    }
    execve("/proc/self/exe", argv, environment);
}

/* valgrind would lose the program. */
bool bit_start_traced(char *const *environment)
{
    const char *preload = value_in(environment, "LD_PRELOAD");
    return preload && strstr(preload, "vgpreload");
}

/* Restarts the program with the settings that `environment` lacks; returns where none is lacking, or where that cannot be done: the program
 * works without, if not as well. */
static void restart(char **argv, char *const *environment)
{
    static char settings[BIT_START_SETTINGS][BIT_START_LENGTH];
    static char *with[MOST_VARIABLES + BIT_START_SETTINGS + 1];
    int count = bit_start_settings(environment, settings), used = 0;
    if (!count || bit_start_traced(environment))
        return;
    for (int i = 0; environment[i]; i++) {
        size_t name = strcspn(environment[i], "=") + 1;
        bool replaced = false;
        for (int k = 0; k < count; k++)
            replaced |= !strncmp(environment[i], settings[k], name);
        if (used == MOST_VARIABLES)
            return;
        if (!replaced)
            with[used++] = environment[i];
    }
    for (int k = 0; k < count; k++)
        with[used++] = settings[k];
    with[used] = NULL;
    bit_start_again(argv, with);
}

#ifndef SANITIZED
/* Newer OpenBLAS takes the buffer of its first thread in its constructor, and where the limits do not allow that it tries again for ever (0.3.21
 * does not, 0.3.29 does): such a limit is told before that constructor runs. Its version can be asked for without it. */
static void refuse_small_limits(const char *program)
{
    char *(*configuration)(void) = (char *(*)(void))dlsym(RTLD_DEFAULT, "openblas_get_config");
    struct bit_error error = {0};
    int major = 0, minor = 0, patch = 0;
    if (!bit_limits_set() || !configuration || sscanf(configuration(), "OpenBLAS %d.%d.%d", &major, &minor, &patch) != 3 ||
        major * 10000 + minor * 100 + patch <= 321 || bit_limits_room(BIT_LIMITS_BLAS, "the buffer of OpenBLAS", &error) == 0)
        return;
    dprintf(STDERR_FILENO, "%s: %s\n", program, error.text);
    _exit(error.code);
}

static void early(int argc, char **argv, char **environment)
{
    if (argc <= 0 || !environment)
        return;
    restart(argv, environment);
    const char *slash = strrchr(argv[0], '/');
    refuse_small_limits(slash ? slash + 1 : argv[0]);
}
__attribute__((section(".preinit_array"), used)) static void (*const before_constructors)(int, char **, char **) = early;
#endif

void bit_compute_start(char **argv)
{
#ifdef SANITIZED
    /* A sanitizer is not there yet before the constructors: here, a moment later, OpenBLAS's threads end with the program's old image. */
    restart(argv, environ);
#endif
    bit_openblas_choose(argv);
}
