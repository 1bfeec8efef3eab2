/* Limits of this process that sites set: address space and data (ulimit -v, -d), processes and threads (ulimit -u, pids.max). Libraries that
 * run into one crash, hang or exit; so what is needed is asked for here first. */
#ifndef BIT_LIMITS_H
#define BIT_LIMITS_H

#include <stdint.h>

#include "bit/error.h"

/* Bytes of address space that libraries may take while they work, beside what is asked of them. */
enum { BIT_LIMITS_SLACK = 64 << 20 };
/* OpenBLAS's buffer for each thread that multiplies: for one that it cannot have it waits for ever. */
enum { BIT_LIMITS_BLAS = 129 << 20 };
/* What MPI and the first threads take when they start: address space, threads, open files. */
enum { BIT_LIMITS_START = 112 << 20, BIT_LIMITS_START_THREADS = 8, BIT_LIMITS_FILES = 64 };

/* Whether address space or data are limited at all. Local. */
int bit_limits_set(void);
/* 0 when `more` bytes beside those in use keep within the limits of address space and of data; else -1 with `error` (environment), which
 * names `what`, the figure that it takes, and the limit. Local. */
int bit_limits_room(uint64_t more, const char *what, struct bit_error *error);
/* Address space that `threads` further threads take: a stack each. */
uint64_t bit_limits_stacks(int threads);
/* Starts `count` threads, waits until all are there, and ends them; -1 with `error` (environment) when not all can be had, which names the
 * limits. OpenMP would end the program instead. Local. */
int bit_limits_threads(int count, struct bit_error *error);
/* Raises this process's limit of open files to `count` if it is lower; -1 with `error` (environment) when it may not. Local. */
int bit_limits_files(unsigned count, struct bit_error *error);
/* Before MPI starts: address space, data, threads and files that this takes, which MPI and what it starts may crash or hang without. -1 with
 * `error` (environment). Local. */
int bit_limits_start(struct bit_error *error);

#endif
