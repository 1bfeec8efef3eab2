#include "bench/reduce_ranks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bit/comm.h"
#include "bit/machine.h"

struct wanted { unsigned long long elements, bucket, rounds, threads, milliseconds, json; const char *fit; };

static int read_wanted(const char *how, struct wanted *w, struct bit_error *error)
{
    const struct { const char *name; unsigned long long *value; } keys[] = {
        {"elements=", &w->elements}, {"bucket=", &w->bucket}, {"rounds=", &w->rounds}, {"threads=", &w->threads},
        {"milliseconds=", &w->milliseconds}, {"json=", &w->json}};
    const char *at = how;
    while (*at) {
        if (!strncmp(at, "fit=", 4) && at[4]) { /* the last one: a name may hold anything */
            w->fit = at + 4;
            break;
        }
        size_t k = 0, count = sizeof keys / sizeof *keys;
        while (k < count && strncmp(at, keys[k].name, strlen(keys[k].name)))
            k++;
        const char *digits = k < count ? at + strlen(keys[k].name) : "";
        char *end;
        unsigned long long value = strtoull(digits, &end, 10);
        if (*digits < '0' || *digits > '9' || (*end && *end != ',') || value > 1000000000000)
            return bit_fail(error, BIT_EUSAGE, "--bench-reduce %s: expected elements, bucket, rounds, threads, milliseconds, "
                            "json or fit, = and a whole number at '%s'; bit bench reduce puts this together", how, at);
        *keys[k].value = value;
        at = *end ? end + 1 : end;
    }
    return 0;
}

/* Where several ranks share each of several hosts, one rate cannot be told from the other. Collective. */
static int check_hosts(struct bit_group *world, struct bit_error *error)
{
    if (world->node_size > 1 && world->node_size < world->size)
        bit_fail(error, BIT_EUSAGE, "--fit: %d of %d ranks are on one host; expected all, to measure the machine, or one rank a "
                 "host, to measure the network: --host a,b,...", world->node_size, world->size);
    return bit_group_agree(world, error);
}

static int write_fit(const char *path, const struct bit_bench_reduce *r, struct bit_error *error)
{
    struct bit_machine machine;
    if (bit_machine_read(path, true, &machine, error))
        return -1;
    *(r->node_ranks < r->ranks ? &machine.network : &machine.node) = (struct bit_machine_network){
        .ranks = r->ranks, .latency = r->latency, .bandwidth = r->bandwidth,
        .reduce = r->bytes / 2 / r->reduce_seconds, .gather = r->bytes / 2 / r->gather_seconds, .cpu = r->cpu_seconds / (r->bytes / 2)};
    return bit_machine_write(path, &machine, error);
}

int bench_reduce_ranks(struct bit_group *world, const char *how, struct bit_error *error)
{
    struct wanted w = {.elements = 25557032, .rounds = 5, .threads = 1, .milliseconds = 1000};
    struct bit_bench_reduce result;
    if (read_wanted(how, &w, error) || (w.fit && check_hosts(world, error)))
        return -1;
    const struct bit_bench_reduce_options options = {
        .elements = w.elements, .bucket_elements = w.bucket, .rounds = w.rounds < 1001 ? (int)w.rounds : 1001,
        .threads = w.threads < 4096 ? (int)w.threads : 4096, .compute_seconds = 1e-3 * (double)w.milliseconds};
    if (bit_bench_reduce(world, &options, &result, error))
        return -1;
    if (world->rank == 0)
        (w.json ? bit_bench_reduce_print_json : bit_bench_reduce_print)(&result, stdout);
    if (w.fit && world->rank == 0 && write_fit(w.fit, &result, error))
        return -1;
    return fflush(stdout) ? bit_fail_errno(error, BIT_EENVIRONMENT, "cannot write the output") : 0;
}
