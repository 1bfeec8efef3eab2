/* bitrun --bench-reduce: what `bit bench reduce` starts under mpirun. */
#include <stdio.h>

#include "bench/reduction.h"
#include "bit/machine.h"

/* Where several ranks share each of several hosts, one rate cannot be told from the other. Collective. */
static int check_hosts(struct bit_group *world, struct bit_error *error)
{
    if (world->node_size > 1 && world->node_size < world->size)
        bit_fail(error, BIT_EUSAGE, "--fit: %d of %d ranks are on one host; expected all, to measure the machine, or one rank a "
                 "host, to measure the network: --host a,b,...", world->node_size, world->size);
    return bit_group_agree(world, error);
}

static int write_fit(const char *path, const struct reduction_result *r, struct bit_error *error)
{
    struct bit_machine machine;
    if (bit_machine_read(path, true, &machine, error))
        return -1;
    *(r->node_ranks < r->ranks ? &machine.network : &machine.node) = (struct bit_machine_network){
        .ranks = r->ranks, .latency = r->latency, .bandwidth = r->bandwidth,
        .reduce = r->bytes / 2 / r->reduce_seconds, .gather = r->bytes / 2 / r->gather_seconds, .cpu = r->cpu_seconds / (r->bytes / 2)};
    return bit_machine_write(path, &machine, error);
}

int reduction_main(struct bit_group *world, const char *how, struct bit_error *error)
{
    struct reduction_options options;
    struct reduction_result result;
    if (reduction_options_read(how, &options, error) || (options.fit && check_hosts(world, error)) ||
        reduction_measure(world, &options, &result, error))
        return -1;
    if (world->rank == 0)
        (options.json ? reduction_print_json : reduction_print)(&result, stdout);
    if (options.fit && world->rank == 0 && write_fit(options.fit, &result, error))
        return -1;
    return fflush(stdout) ? bit_fail_errno(error, BIT_EENVIRONMENT, "cannot write the output") : 0;
}
