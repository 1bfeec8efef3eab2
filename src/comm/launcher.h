/* What the program that started this process (mpirun, srun, ...) says about the size of the job. */
#ifndef COMM_LAUNCHER_H
#define COMM_LAUNCHER_H

#include "bit/error.h"

/* MPI's world has `size` processes. -1 with an error of class environment when that is one and the launcher began several: it is that of
 * another MPI, and each process would train alone, all in the same folder. Only the launcher's first process has a text in
 * `error`, so that the mistake is told once. Local. */
int launcher_check(int size, struct bit_error *error);

#endif
