#include "run/cores.h"

#include <sched.h>
#include <unistd.h>

#include "bit/cores.h"
#include "bit/hash.h"
#include "bit/host.h"
#include "bit/memory.h"

/* Which processors a rank may use, and where. */
struct seat {
    struct bit_hash host;
    cpu_set_t set;
};

static void take_seat(struct seat *seat)
{
    char host[256];
    bit_host_name(host, sizeof host);
    seat->host = bit_hash_bytes(host, sizeof host);
    if (sched_getaffinity(0, sizeof seat->set, &seat->set)) {
        long online = sysconf(_SC_NPROCESSORS_ONLN);
        CPU_ZERO(&seat->set);
        for (int cpu = 0; cpu < online && cpu < CPU_SETSIZE; cpu++)
            CPU_SET(cpu, &seat->set);
    }
}

/* How many ranks share processors with `mine`, itself included. */
static int count_sharers(const struct seat *mine, const struct seat *all, int size)
{
    int sharers = 0;
    for (int r = 0; r < size; r++) {
        cpu_set_t both;
        CPU_AND(&both, &mine->set, &all[r].set);
        sharers += bit_hash_equal(mine->host, all[r].host) && CPU_COUNT(&both) > 0;
    }
    return sharers > 0 ? sharers : 1;
}

/* The processors of all ranks on this host. */
static int count_here(const struct seat *mine, const struct seat *all, int size)
{
    cpu_set_t set = mine->set;
    for (int r = 0; r < size; r++)
        if (bit_hash_equal(mine->host, all[r].host))
            CPU_OR(&set, &set, &all[r].set);
    return bit_cores_count(&set);
}

static int count_on_host(const struct seat *mine, const struct seat *all, int size)
{
    int count = 0;
    for (int r = 0; r < size; r++)
        count += bit_hash_equal(mine->host, all[r].host);
    return count;
}

int cores_share(struct bit_group *world, int *threads, int *here, struct bit_error *error)
{
    struct seat mine = {0}, *all = bit_allocate((size_t)world->size, sizeof *all, "the ranks' processors", error);
    int counts[world->size], result = -1;
    take_seat(&mine);
    if (bit_group_agree(world, error) || bit_group_gather(world, &mine, sizeof mine, all, error))
        goto done;
    double quota = bit_cores_quota("");
    *here = bit_cores_within(count_here(&mine, all, world->size), quota);
    *threads = bit_cores_count(&mine.set) / count_sharers(&mine, all, world->size);
    /* The ranks of a host are taken to be in one control group: mpirun and srun start them so. */
    *threads = bit_cores_within(*threads, quota / count_on_host(&mine, all, world->size));
    *threads = *threads < 1 ? 1 : *threads;
    if (bit_group_gather(world, threads, sizeof *threads, counts, error))
        goto done;
    for (int r = 0; r < world->size; r++)
        *threads = counts[r] < *threads ? counts[r] : *threads;
    result = 0;
done:
    bit_free(all);
    return result;
}
