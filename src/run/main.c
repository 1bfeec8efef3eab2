/* bitrun: trains what a job file describes, on all ranks of an MPI job. */
#include <stdio.h>

#include "bit/comm.h"
#include "bit/compute.h"
#include "bit/file.h"
#include "bit/limits.h"
#include "bit/log.h"
#include "bit/phase.h"
#include "bit/watch.h"
#include "bench/reduction.h"
#include "run/embed.h"
#include "run/options.h"
#include "run/run.h"
#include "run/signals.h"
#include "run/states.h"
#ifdef BIT_TEST_POINTS
#include "tests/faults/points.h"
#endif

static int tell(const struct options *options)
{
    if (options->version)
        puts("bitrun (bit) " PACKAGE_VERSION);
    else if (options->completion)
        bit_usage_complete(&options_usage, stdout);
    else
        bit_usage_print(&options_usage, stdout);
    return fflush(stdout) ? BIT_EENVIRONMENT : BIT_OK;
}

static struct run run;

static int start(struct bit_group *world, int argc, char **argv)
{
    static struct options options;
    int code;

    run.options = &options;
    run.world = world;
    if (options_parse(&options, argc, argv, &run.error)) {
        if (world->rank == 0)
            bit_log(BIT_LOG_ERROR, "%s", run.error.text);
        return run.error.code;
    }
    if (options.help || options.version || options.completion)
        return world->rank == 0 ? tell(&options) : BIT_OK;
    bit_log_quiet(options.quiet);
    if (options.bench_reduce) {
        if (reduction_main(world, options.bench_reduce, &run.error) && world->rank == 0)
            bit_log(BIT_LOG_ERROR, "%s", run.error.text);
        return run.error.code;
    }
    if (options.embed)
        return embed(world, &options, &run.error);
    code = run_execute(&run);
    run_clear(&run);
    return code;
}

int main(int argc, char **argv)
{
    struct bit_error error = {0};
    int rank, code;

    bit_file_streams();
    bit_phase_main();
#ifdef BIT_TEST_POINTS
    points_install(&run);
#endif
    bit_phase_enter(BIT_PHASE_START);
    bit_compute_start(argv);
    bit_log_init("bitrun", BIT_LOG_INFO);
    signals_install(); /* at once: mpirun forwards them from the first moment on */
    if (bit_compute_check(&error) || bit_limits_start(&error) || bit_comm_init(&argc, &argv, &error)) {
        if (*error.text)
            bit_log(BIT_LOG_ERROR, "%s", error.text);
        return error.code;
    }
    struct bit_group *world = bit_comm_world();
    rank = world->rank;
    bit_log_rank(rank, world->size);
    code = start(world, argc, argv);
    bit_phase_wait();
    bit_comm_fini();
    bit_phase_go();
    run_leave(&run, rank, code); /* last: leaving, too, can hang */
    bit_log_close();
    return code;
}
