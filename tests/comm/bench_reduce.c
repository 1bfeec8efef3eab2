/* mpirun -n N bench_reduce [elements [bucket [rounds [seconds]]]]: the reduction benchmark alone. */
#include <stdlib.h>

#include "bit/comm.h"

int main(int argc, char **argv)
{
    struct bit_error error = {0};
    struct bit_bench_reduce result;
    if (bit_comm_init(&argc, &argv, &error)) {
        fprintf(stderr, "%s\n", error.text);
        return error.code;
    }
    struct bit_bench_reduce_options options = {
        .elements = argc > 1 ? strtoul(argv[1], NULL, 10) : 25557032,
        .bucket_elements = argc > 2 ? strtoul(argv[2], NULL, 10) : 0,
        .rounds = argc > 3 ? atoi(argv[3]) : 5,
        .compute_seconds = argc > 4 ? atof(argv[4]) : 1,
    };
    struct bit_group *world = bit_comm_world();
    int rank = world->rank;
    if (bit_bench_reduce(world, &options, &result, &error)) {
        if (rank == 0)
            fprintf(stderr, "%s\n", error.text);
    } else if (rank == 0) {
        bit_bench_reduce_print(&result, stdout);
    }
    bit_comm_fini();
    return error.code;
}
