#include "comm/launcher.h"

#include <stdlib.h>
#include <string.h>

#include <mpi.h>

/* Who may have started us, and how many of us. One within another's process leaves the outer one's variables. */
static const struct launcher {
    const char *size, *rank, *name;
} launchers[] = {
    {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "Open MPI's mpirun"},
    {"PMI_SIZE", "PMI_RANK", "an mpirun that speaks PMI (MPICH, Intel MPI, MVAPICH) or srun --mpi=pmi2"},
    {"PALS_SIZE", "PALS_RANKID", "PALS (Cray's mpiexec)"},
    {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "srun"},
};
enum { LAUNCHERS = sizeof launchers / sizeof *launchers };

#ifdef OPEN_MPI
#define OWN_SIZE "OMPI_COMM_WORLD_SIZE"
#define LIBRARY "Open MPI"
#define ADVICE "use Open MPI's own mpirun, or srun --mpi=pmix where `srun --mpi=list` has pmix"
#elif defined(MPICH)
#define OWN_SIZE "PMI_SIZE"
#define LIBRARY "MPICH"
#define ADVICE "use MPICH's own mpirun (mpiexec.hydra), or srun --mpi=pmi2 where `srun --mpi=list` has pmi2"
#else
#define OWN_SIZE "PMI_SIZE"
#define LIBRARY "its MPI"
#define ADVICE "use the mpirun of that MPI, or srun with the plugin that it knows (see `srun --mpi=list`)"
#endif

/* A positive number of the environment, or 0. */
static long number_of(const char *name)
{
    const char *text = getenv(name);
    char *end;
    long number = text ? strtol(text, &end, 10) : 0;
    return text && *text && !*end && number > 0 ? number : 0;
}

/* A shell on a terminal is one task, whatever the step was given; what is typed there is not started by srun. */
static int is_shell(const struct launcher *l)
{
    return !strcmp(l->name, "srun") && getenv("SLURM_PTY_PORT");
}

int launcher_check(int size, struct bit_error *error)
{
    const struct launcher *other = NULL;
    if (size != 1 || number_of(OWN_SIZE) == 1) /* its own mpirun started a single process, within whatever others did */
        return 0;
    for (int i = 0; i < LAUNCHERS && !other; i++)
        if (number_of(launchers[i].size) > 1 && !is_shell(&launchers[i]))
            other = &launchers[i];
    if (!other)
        return 0;
    bit_fail(error, BIT_EENVIRONMENT, "%s=%ld, so %s started %ld processes, but to " LIBRARY ", with which bitrun is built, each of them is "
             "alone: the launcher and the library do not belong together. To start this program " ADVICE "; bit-launch does that. When the "
             "variable is left over from something that has ended, unset it", other->size, number_of(other->size), other->name,
             number_of(other->size));
    if (number_of(other->rank) > 0)
        *error->text = '\0';
    return -1;
}
