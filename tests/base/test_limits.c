/* Cores, quotas, kills and limits: files of a made-up machine, and real limits in a child. */
#include "bit/limits.h"

#include <limits.h>
#include <math.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bit/cores.h"
#include "bit/file.h"
#include "bit/memory.h"
#include "tests/unit.h"

static void put(const char *root, const char *folder, const char *name, const char *text)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", root, folder);
    REQUIRE(bit_folder_create(path, NULL) == 0);
    snprintf(path, sizeof path, "%s/%s/%s", root, folder, name);
    REQUIRE(bit_file_write_cache(path, text, strlen(text), NULL) == 0);
}

static void quota_of_version_2(void)
{
    char root[] = "/tmp/bit-limits-XXXXXX";
    REQUIRE(mkdtemp(root) != NULL);
    CHECK(isinf(bit_cores_quota(root)));
    put(root, "proc/self", "cgroup", "0::/job/step\n");
    CHECK(isinf(bit_cores_quota(root)));
    put(root, "sys/fs/cgroup/job/step", "cpu.max", "max 100000\n");
    CHECK(isinf(bit_cores_quota(root)));
    put(root, "sys/fs/cgroup/job", "cpu.max", "150000 100000\n");
    CHECK(bit_cores_quota(root) == 1.5);
    put(root, "sys/fs/cgroup/job/step", "cpu.max", "300000 100000\n"); /* more than the one above has */
    CHECK(bit_cores_quota(root) == 1.5);
    put(root, "sys/fs/cgroup/job/step", "cpu.max", "25000 50000\n");
    CHECK(bit_cores_quota(root) == 0.5);
    put(root, "sys/fs/cgroup/job/step", "cpu.max", "nonsense\n");
    CHECK(bit_cores_quota(root) == 1.5);
    CHECK(bit_folder_remove(root, NULL) == 0);
}

static void quota_of_version_1(void)
{
    char root[] = "/tmp/bit-limits-XXXXXX";
    REQUIRE(mkdtemp(root) != NULL);
    put(root, "proc/self", "cgroup", "4:cpuset:/wrong\n3:cpu,cpuacct:/docker/1f\n0::/\n");
    put(root, "sys/fs/cgroup/wrong", "cpu.cfs_quota_us", "1000\n");
    put(root, "sys/fs/cgroup/cpu/docker/1f", "cpu.cfs_quota_us", "-1\n");
    put(root, "sys/fs/cgroup/cpu/docker/1f", "cpu.cfs_period_us", "100000\n");
    CHECK(isinf(bit_cores_quota(root)));
    put(root, "sys/fs/cgroup/cpu/docker", "cpu.cfs_quota_us", "200000\n");
    CHECK(isinf(bit_cores_quota(root))); /* no period */
    put(root, "sys/fs/cgroup/cpu/docker", "cpu.cfs_period_us", "100000\n");
    CHECK(bit_cores_quota(root) == 2);
    CHECK(bit_folder_remove(root, NULL) == 0);
}

/* Mounts elsewhere than usual, and a container whose own group is the top of what it sees. */
static void quota_by_mounts(void)
{
    char root[] = "/tmp/bit-limits-XXXXXX";
    REQUIRE(mkdtemp(root) != NULL);
    put(root, "proc/self", "cgroup", "3:cpuacct,cpu:/docker/1f/sub\n0::/unified\n");
    put(root, "proc/self", "mountinfo",
        "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
        "32 31 0:29 /docker/1f /groups/both rw,relatime shared:9 - cgroup cgroup rw,cpuacct,cpu\n"
        "33 31 0:30 / /groups/unified rw,relatime - cgroup2 cgroup2 rw\n");
    put(root, "groups/both", "cpu.cfs_quota_us", "400000\n");
    put(root, "groups/both", "cpu.cfs_period_us", "100000\n");
    CHECK(bit_cores_quota(root) == 4);
    put(root, "groups/both/sub", "cpu.cfs_quota_us", "300000\n");
    put(root, "groups/both/sub", "cpu.cfs_period_us", "100000\n");
    CHECK(bit_cores_quota(root) == 3);
    put(root, "groups/unified/unified", "cpu.max", "250000 100000");
    CHECK(bit_cores_quota(root) == 2.5);
    CHECK(bit_folder_remove(root, NULL) == 0);
}

static void cores_within_a_quota(void)
{
    CHECK(bit_cores_within(8, INFINITY) == 8 && bit_cores_within(8, 8) == 8 && bit_cores_within(8, 20) == 8);
    CHECK(bit_cores_within(8, 1) == 1 && bit_cores_within(8, 0.1) == 1 && bit_cores_within(1, 0.5) == 1);
    CHECK(bit_cores_within(8, 1.2) == 1 && bit_cores_within(8, 1.25) == 2 && bit_cores_within(8, 1.5) == 2);
    CHECK(bit_cores_within(2, 1.9) == 2 && bit_cores_within(2, 1.1) == 1);
    CHECK(bit_cores_usable() >= 1);
}

static void kills(void)
{
    struct bit_memory_kills k;
    char root[] = "/tmp/bit-limits-XXXXXX";
    REQUIRE(mkdtemp(root) != NULL);
    bit_memory_kills(root, &k);
    CHECK(k.group == 0 && k.machine == 0 && k.limit == UINT64_MAX);
    put(root, "proc", "vmstat", "nr_free_pages 7\noom_kill 5\n");
    put(root, "proc/self", "cgroup", "0::/job/step\n");
    put(root, "sys/fs/cgroup/job/step", "memory.events", "low 0\nhigh 0\nmax 17\noom 3\noom_kill 2\noom_group_kill 0\n");
    put(root, "sys/fs/cgroup/job", "memory.events", "oom_kill 4\n");
    put(root, "sys/fs/cgroup/job", "memory.max", "100000\n");
    bit_memory_kills(root, &k);
    CHECK(k.group == 2 && k.machine == 5 && k.limit == 100000);
    put(root, "proc/self", "cgroup", "4:memory:/job\n");
    put(root, "sys/fs/cgroup/memory/job", "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n");
    put(root, "sys/fs/cgroup/memory/job", "memory.limit_in_bytes", "9223372036854771712\n");
    bit_memory_kills(root, &k);
    CHECK(k.group == 1 && k.machine == 5 && k.limit == UINT64_MAX);
    CHECK(bit_folder_remove(root, NULL) == 0);
}

/* Sanitizers need all addresses. */
#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
/* The exit code of a child that does `work` within that limit: the error's; -1: it was killed. */
static int under(int resource, rlim_t limit, int (*work)(struct bit_error *error))
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct bit_error error = {0};
        struct rlimit l = {limit, limit};
        if (setrlimit((__rlimit_resource_t)resource, &l))
            _exit(99);
        work(&error);
        if (error.code)
            fprintf(stderr, "\n%s\n", error.text);
        _exit(error.code);
    }
    int status = 0;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int little(struct bit_error *error) { return bit_limits_room(1 << 20, "a test", error); }
static int much(struct bit_error *error) { return bit_limits_room((uint64_t)8 << 30, "a test", error); }
static int some_files(struct bit_error *error) { return bit_limits_files(64, error); }
static int four_threads(struct bit_error *error) { return bit_limits_threads(4, error); }

static void within_limits(void)
{
    CHECK(under(RLIMIT_AS, (rlim_t)4 << 30, little) == 0);
    CHECK(under(RLIMIT_AS, (rlim_t)4 << 30, much) == BIT_EENVIRONMENT);
    CHECK(under(RLIMIT_DATA, (rlim_t)1 << 30, little) == 0);
    CHECK(under(RLIMIT_DATA, (rlim_t)1 << 30, much) == BIT_EENVIRONMENT);
    CHECK(under(RLIMIT_AS, (rlim_t)4 << 30, four_threads) == 0);
    CHECK(under(RLIMIT_NOFILE, 20, some_files) == BIT_EENVIRONMENT && under(RLIMIT_NOFILE, 100, some_files) == 0);
    if (getuid() != 0) /* root may have any number */
        CHECK(under(RLIMIT_NPROC, 1, four_threads) == BIT_EENVIRONMENT);
    CHECK(under(RLIMIT_AS, (rlim_t)16 << 20, four_threads) == BIT_EENVIRONMENT);
}
#else
static void within_limits(void) { }
#endif

static void room(void)
{
    struct bit_error error = {0};
    CHECK(bit_limits_threads(0, &error) == 0 && bit_limits_threads(3, &error) == 0);
    CHECK(bit_limits_stacks(2) > (uint64_t)2 << 14);
}

int main(int argc, char **argv)
{
    static const struct unit_test tests[] = {
        {"quota_of_version_2", quota_of_version_2}, {"quota_of_version_1", quota_of_version_1}, {"quota_by_mounts", quota_by_mounts},
        {"cores_within_a_quota", cores_within_a_quota}, {"kills", kills}, {"room", room},
        {"within_limits", within_limits},
    };
    return unit_main("limits", tests, sizeof tests / sizeof *tests, argc, argv);
}
