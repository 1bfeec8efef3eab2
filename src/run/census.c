#include "run/census.h"

#include "run/run.h"

int census_bad(struct run *run)
{
    struct bit_stream_counts counts;
    bit_stream_count(run->stream, &counts);
    double bad = (double)counts.bad;
    if (bit_group_sum(run->world, &bad, 1, &run->error))
        return -1;
    run->loop.bad = (uint64_t)bad - run->loop.bad_undone;
    return 0;
}

int census_hash(struct run *run)
{
    if (run->loop.hashed == run->standing.step)
        return 0;
    struct bit_error harm;
    if (bit_trainer_check_replicas(run->trainer, &run->loop.hash, &harm, &run->error))
        return -1;
    if (harm.code)
        return setback_harm(run, &harm);
    run->loop.hashed = run->standing.step;
    return 0;
}
