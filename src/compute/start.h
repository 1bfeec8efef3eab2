/* The start of a program: the environment that libraries are to find when they are loaded. */
#ifndef BIT_COMPUTE_START_H
#define BIT_COMPUTE_START_H

#include <stdbool.h>

enum { BIT_START_SETTINGS = 4, BIT_START_LENGTH = 64 };

/* Texts "NAME=VALUE" that `environment` lacks; how many there are is returned. A user's own word about waiting (OMP_WAIT_POLICY,
 * GOMP_SPINCOUNT, KMP_BLOCKTIME) stands. Allocates nothing. */
int bit_start_settings(char *const *environment, char settings[BIT_START_SETTINGS][BIT_START_LENGTH]);
/* Replaces the program by itself, with that environment. Returns when that fails. */
void bit_start_again(char **argv, char *const *environment);
/* Whether the program runs under a tool that must not be restarted. */
bool bit_start_traced(char *const *environment);

#endif
